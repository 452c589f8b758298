/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins: what sources, operators, sinks and functions look like, built in or loaded from a shared
 * object.
 *
 * A built-in is a plugin that happens to be linked in. A shared object exports one symbol,
 * tide_plugin_entry(), which gets the host's table and returns a struct tide_plugin; it links
 * against nothing of Tidemark. Before anything of it runs, the loader reads its metadata (names,
 * option tables, documentation, licence) from the ELF note .note.tidemark, made with
 * TIDE_PLUGIN_NOTE.
 *
 * Every struct that travels by pointer begins with `abi` and `size` and only grows at the end; the
 * value structs of row.h are fixed. TIDE_ABI_VERSION 0 means: not frozen, and host and plugin
 * compare TIDE_ABI_HASH, a hash of these headers.
 *
 * Threads: calls marked @c come on a control thread and may block. Calls marked @w come on the
 * worker that owns the task: they never block, return within 200 us, and take what there is rather
 * than wait for more. A task's calls never overlap. In a simulation both are the same thread.
 *
 * Steps: a call that returns enum tide_step is called again as its answer says. Rows not consumed
 * are presented again.
 */
#ifndef TIDEMARK_PLUGIN_H
#define TIDEMARK_PLUGIN_H

#include <tidemark/error.h>
#include <tidemark/expr.h>
#include <tidemark/row.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIDE_ABI_VERSION 0

enum tide_step {
    TIDE_STEP_IDLE,    /* drained to empty; the worker may park until something is new */
    TIDE_STEP_MORE,    /* made progress or has more; call again */
    TIDE_STEP_BLOCKED, /* output full; call again when there is room */
    TIDE_STEP_PENDING, /* asynchronous rows or acknowledgements are not back; the epoch deadline
                          runs */
    TIDE_STEP_WAITING, /* on the outside; host->waiting() said for what; the deadline stands still
                        */
    TIDE_STEP_DONE,    /* of a source: a bounded input ended. Of on_marker, flush: finished */
    TIDE_STEP_FAILED   /* host->fail() said why; the incarnation ends */
};

enum tide_kind_type { TIDE_KIND_SOURCE, TIDE_KIND_OPERATOR, TIDE_KIND_SINK, TIDE_KIND_COUNT };

enum tide_commit_class {
    TIDE_COMMIT_PLAIN,   /* durable is visible */
    TIDE_COMMIT_PUBLISH, /* staged durably before S, published idempotently after S */
    TIDE_COMMIT_DECIDER  /* transactional; commits between S and C */
};

enum tide_output_mode {
    TIDE_OUTPUT_APPEND = 1u << 0,
    TIDE_OUTPUT_UPDATE = 1u << 1,
    TIDE_OUTPUT_COMPLETE = 1u << 2
};

/* An epoch's name outside: tested for equality, never ordered. */
struct tide_seal {
    uint64_t incarnation, epoch;
};

struct tide_host;
struct tide_task;    /* the host's side of one task: what @w host calls take */
struct tide_options; /* validated options of one step, source or sink; see the host's option_* calls
                      */
struct tide_state;   /* one keyed state of one operator in one task */

/* ---- options: one table per plugin, from which parsing, check, help and reference come ---- */

enum tide_option_type {
    TIDE_OPTION_STRING,
    TIDE_OPTION_INT,
    TIDE_OPTION_DOUBLE,
    TIDE_OPTION_BOOL,
    TIDE_OPTION_SIZE,     /* bytes */
    TIDE_OPTION_DURATION, /* nanoseconds */
    TIDE_OPTION_RATE,     /* events a second */
    TIDE_OPTION_ENUM,     /* `choices`, separated by | */
    TIDE_OPTION_LIST,     /* of strings */
    TIDE_OPTION_FILE,  /* a path: relative to the working directory, else to the plugin's folder */
    TIDE_OPTION_PREFIX /* every key that begins with `name`, such as kafka. */
};

enum tide_option_flag {
    TIDE_OPTION_REQUIRED = 1u << 0,
    TIDE_OPTION_SECRET = 1u << 1 /* never printed */
};

struct tide_option {
    const char *name; /* matched without case */
    uint32_t type, flags;
    const char *fallback; /* the default as text, NULL: none */
    const char *choices;  /* ENUM */
    int64_t min, max;     /* INT, SIZE, DURATION; both 0: any */
    const char *doc;      /* one sentence */
};

/* ---- binding: types and options at `check` time ---- */

#define TIDE_PORTS_MAX 8u

struct tide_bind {
    uint32_t abi, size;
    const struct tide_host *host;
    const struct tide_options *options;
    uint32_t n_inputs;                       /* 0 for a source */
    const struct tide_schema *const *inputs; /* visible columns */
    const struct tide_expr_options *expr;    /* session settings for host->expr_compile */
    const char *id;                          /* operator id: stable across restarts */
    uint64_t id_hash;                        /* of it, for `derived` */
    uint32_t output_mode;                    /* enum tide_output_mode of the sinks downstream */
    uint32_t max_record;                     /* runtime.maxRecordSize */
    bool keep_original; /* a source: dead letters want the whole original record, see n_original */
    const struct tide_schema *declared; /* a source's `schema:`, or NULL */
};

/* What the planner learns from bind. Filled by the plugin; the arrays stay the plugin's. */
struct tide_traits {
    uint32_t abi, size;
    uint32_t n_outputs; /* 1, or more for named outputs; 0 for a sink */
    const struct tide_field *fields[TIDE_PORTS_MAX]; /* columns of each output */
    uint32_t n_fields[TIDE_PORTS_MAX];
    const char *output_names[TIDE_PORTS_MAX]; /* [0] is the main output and may be NULL */
    bool stateful, keyed, aligned, deterministic, keeps_order, may_reject, async;
    uint32_t output_modes;  /* enum tide_output_mode bits it supports; 0: all */
    uint32_t commit_class;  /* sinks */
    uint32_t max_parallel;  /* 0: any */
    uint32_t state_version; /* of save/load and keyed state */
    uint32_t n_key_exprs; /* keyed: SQL items over input 0 that the exchange hashes; 0: by split */
    const char *const *key_exprs;
    /* A source asked to keep_original: so many fields of output 0 behind its columns that nobody
     * sees but the dead letters, such as `headers` when they are no column. It writes them under
     * the name "__headers". */
    uint32_t n_original;
};

struct tide_task_info {
    uint32_t abi, size;
    struct tide_task *task;
    uint32_t index, count;             /* this task among the stage's */
    uint32_t group_first, group_count; /* its key groups, out of key_groups */
    uint32_t key_groups;
    uint32_t state_version; /* of the state being restored, 0: none */
    bool exactly_once;
};

/* Head of every kind. */
struct tide_kind {
    uint32_t abi, size;
    uint32_t type;                     /* enum tide_kind_type */
    const char *name;                  /* as in `format:` or `plugin:` */
    const char *doc;                   /* one sentence */
    const struct tide_option *options; /* ends with a NULL name */

    /* @c Checks schema and options; touches nothing outside. `*out_bound` is handed to open and
     * freed by unbind. */
    int (*bind)(const struct tide_bind *in, void **out_bound, struct tide_traits *out_traits,
                struct tide_error *err);
    void (*unbind)(void *bound); /* @c */
    /* @c Once per pipeline and incarnation: clients, models. Must not wait for the outside: a peer
     * that is away is found out by the steps (WAITING). */
    int (*open)(const struct tide_host *host, void *bound, void **out_shared,
                struct tide_error *err);
    void (*close)(void *shared); /* @c after every task_close */
    /* @c Per task, before it runs. */
    int (*task_open)(void *shared, const struct tide_task_info *info, void **out_self,
                     struct tide_error *err);
    void (*task_close)(void *self); /* @c after its last step */
    /* @c `check --connect`: opens what run would, reports, leaves no trace. NULL: nothing to check.
     */
    int (*probe)(const struct tide_host *host, void *bound, struct tide_error *err);
};

/* ---- sources ---- */

/* A split as discover() reports it. */
struct tide_split_info {
    uint32_t abi, size;
    const char
        *name;     /* stable and unique in the source: "topic-3"; for messages: topic, partition */
    bool appeared; /* found after C(0): starts at its earliest offset */
};

struct tide_split_sink; /* the host's collector of splits */

struct tide_source {
    struct tide_kind k;
    bool replayable; /* assign() can go back to any offset it reported */
    bool can_plan;   /* latest() and plan() work: micro-batch */

    /* @c The splits there are now: calls host->split_add(sink, info) for each. Repeated every few
     * seconds. TIDE_ERR_UNREACHABLE or TIDE_ERR_NOTFOUND: asked again later, the pipeline WAITING.
     */
    int (*discover)(void *shared, struct tide_split_sink *sink, struct tide_error *err);
    /* @c Start options -> a real numeric offset, for C(0). `first` false: the split appeared later
     * and starts at its earliest. `*out_n` is the room in @out on entry. TIDE_ERR_UNREACHABLE:
     * asked again. */
    int (*start)(void *shared, const char *split, bool first, void *out, uint32_t *out_n,
                 struct tide_error *err);
    /* @c End offsets of the splits now, for plans and lag. */
    int (*latest)(void *shared, const char *const *splits, uint32_t n, struct tide_bytes *out,
                  struct tide_error *err);
    /* @c Offsets that a commit made durable; follows the WAL for display; may fail harmlessly. */
    int (*committed)(void *shared, struct tide_seal seal, const char *const *splits,
                     const struct tide_bytes *offsets, uint32_t n, struct tide_error *err);

    /* @w Starts reading @split at offset @from, up to @end if not NULL. Rows carry @id in their
     * header. */
    int (*assign)(void *self, uint32_t id, const char *split, struct tide_bytes from,
                  const struct tide_bytes *end);
    int (*unassign)(void *self, uint32_t id); /* @w */
    /* @w Puts rows that are there now into @out. IDLE only when drained to empty. */
    enum tide_step (*poll)(void *self, struct tide_writer *out);
    /* @w The next offset of @id: every earlier record of the split has been put out. */
    int (*position)(void *self, uint32_t id, void *out, uint32_t *out_n, bool *out_reached);
    /* @c The offset in human form, for `wal show` and progress; NULL: hexadecimal. */
    int (*offset_text)(struct tide_bytes offset, char *out, uint32_t out_max);
};

/* ---- operators ---- */

struct tide_save; /* the host's writer of small state outside the keyed store */
struct tide_load; /* the host's reader of the same */

struct tide_operator {
    struct tide_kind k;
    /* @w Works on in's rows from the first; *out_consumed says how many are done with. BLOCKED when
     * an output is full, with what was finished consumed. @out has one writer an output. */
    enum tide_step (*process)(void *self, uint32_t port, const struct tide_batch *in,
                              uint32_t *out_consumed, struct tide_writer *const *out);
    /* @w NULL: the watermark passes through. */
    enum tide_step (*on_watermark)(void *self, uint32_t port, int64_t watermark_us,
                                   struct tide_writer *const *out);
    /* @w A timer of the keyed state fired. */
    enum tide_step (*on_timer)(void *self, struct tide_bytes key, int64_t at, uint32_t domain,
                               struct tide_writer *const *out);
    /* @w Marker of epochs first..seal.epoch: emit what must leave in them; DONE when all did. NULL:
     * nothing. */
    enum tide_step (*on_marker)(void *self, uint64_t first, struct tide_seal seal,
                                struct tide_writer *const *out);
    /* @w Completions of offloads, timers, watched descriptors, pending rows. NULL: never called. */
    enum tide_step (*advance)(void *self, struct tide_writer *const *out);
    /* @w Small state outside the keyed store, taken at each marker; NULL: none. */
    int (*save)(void *self, struct tide_save *save);
    /* @c Before the first step of a restored task. */
    int (*load)(void *self, struct tide_load *load, uint32_t version, struct tide_error *err);
};

/* ---- sinks ---- */

enum tide_marker_flag {
    TIDE_MARKER_TABLE_END = 1u << 0 /* the rows since the last marker are one complete table */
};

struct tide_sink {
    struct tide_kind k;
    /* @w Hands rows to the client and never waits. BLOCKED: its queue is full. */
    enum tide_step (*write)(void *self, const struct tide_batch *in, uint32_t *out_consumed);
    /* @w End of first..seal.epoch. Once every earlier row is durable, now or in a later advance(),
     * the sink calls host->durable(task, seal, token). */
    enum tide_step (*on_marker)(void *self, uint64_t first, struct tide_seal seal, uint32_t flags);
    /* @w Acknowledgements. IDLE when none is outstanding, PENDING when some are. */
    enum tide_step (*advance)(void *self);
    /* @c Publish or decide; idempotent, also at recovery. plain: NULL. */
    int (*commit)(void *shared, struct tide_seal seal, const struct tide_bytes *tokens, uint32_t n,
                  struct tide_error *err);
    /* @c decider: is the seal in? */
    int (*resolve)(void *shared, struct tide_seal seal, const struct tide_bytes *tokens, uint32_t n,
                   bool *out_committed, struct tide_error *err);
    int (*abort)(void *shared, struct tide_seal seal, const struct tide_bytes *tokens, uint32_t n,
                 struct tide_error *err); /* @c */
    /* @c At recovery, first: no older writer has any effect from here on. */
    int (*fence)(void *shared, struct tide_seal last, struct tide_error *err);
    int (*clean)(void *shared, struct tide_seal last,
                 struct tide_error *err); /* @c at recovery, last */
};

/* ---- a plugin ---- */

struct tide_plugin {
    uint32_t abi, size;
    const char *name, *version, *license;
    uint32_t n_kinds;
    const struct tide_kind *const
        *kinds; /* struct tide_source, tide_operator or tide_sink by type */
};

/* What a shared object exports under the name TIDE_PLUGIN_ENTRY. NULL: it refuses the host. @c */
typedef const struct tide_plugin *tide_plugin_entry_fn(const struct tide_host *host);
#define TIDE_PLUGIN_ENTRY "tide_plugin_entry"

/*
 * The metadata note: text that the loader reads without running the plugin. One line a fact:
 *   abi N HASH / plugin NAME VERSION LICENSE / operator|source|sink NAME: one sentence
 * Written once per shared object at file scope:
 *   TIDE_PLUGIN_NOTE("plugin fraud_score 1.0 Apache-2.0\n" "operator fraud_score: scores card
 * transactions\n");
 */
#define TIDE_STRINGIZE_(x) #x
#define TIDE_STRINGIZE(x) TIDE_STRINGIZE_(x)
#define TIDE_PLUGIN_NOTE(text)                                                         \
    __attribute__((section(".note.tidemark"), used, aligned(4))) static const struct { \
        uint32_t namesz, descsz, type;                                                 \
        char name[12];                                                                 \
        char desc[(sizeof(TIDE_NOTE_HEAD_ text) + 3) & ~(size_t)3];                    \
    } tide_plugin_note = {9, sizeof(TIDE_NOTE_HEAD_ text), 1, "Tidemark", TIDE_NOTE_HEAD_ text}
#define TIDE_NOTE_HEAD_ "abi " TIDE_STRINGIZE(TIDE_ABI_VERSION) " " TIDE_ABI_HASH "\n"

#include <tidemark/abi_hash.h> /* TIDE_ABI_HASH, made by the build from these headers */

/* ---- the host ---- */

enum tide_log_severity {
    TIDE_SEVERITY_ERROR,
    TIDE_SEVERITY_WARN,
    TIDE_SEVERITY_INFO,
    TIDE_SEVERITY_DEBUG
};

/* What becomes of a record that was rejected. */
enum tide_reject {
    TIDE_REJECT_SKIP, /* it went to the dead letters or is dropped, counted: go on with the next */
    TIDE_REJECT_SETNULL, /* onError: setNull: go on with NULLs in its place */
    TIDE_REJECT_BLOCKED, /* the way to the dead letters is full: return BLOCKED and reject again */
    TIDE_REJECT_FAIL     /* onError: fail: return FAILED */
};

struct tide_kept; /* a row's provenance and original record, kept until its acknowledgement */

typedef int tide_offload_fn(void *arg); /* @c */

enum tide_timer_domain {
    TIDE_TIMER_PROCESSING, /* nanoseconds of host->now_mono */
    TIDE_TIMER_EVENT       /* microseconds of event time, fired by the watermark */
};

/* Keyed state. Keys and values are bytes; the host snapshots, logs, restores and rescales them.
 * Every call is @w, on the task the state was declared for. Pointers handed out are good until the
 * next call. */
struct tide_state_api {
    uint32_t abi, size;
    /* @c In task_open. @name is unique in the operator. */
    int (*declare)(struct tide_task *task, const char *name, uint32_t version,
                   struct tide_state **out, struct tide_error *err);
    /* The value of @key, or p == NULL. */
    struct tide_bytes (*get)(struct tide_state *state, struct tide_bytes key);
    /* For each key its value; prefetches, so it beats get() in a loop. */
    void (*get_many)(struct tide_state *state, const struct tide_bytes *keys, uint32_t n,
                     struct tide_bytes *out);
    /* Room for a value of @n bytes for @key, made if absent: its old bytes are kept up to the
     * shorter length, new ones are zero; marks the key changed. NULL: state.memory is full
     * (host->fail was called). */
    void *(*put)(struct tide_state *state, struct tide_bytes key, uint32_t n);
    void (*del)(struct tide_state *state, struct tide_bytes key);
    /* Resumable walk over all keys; *cursor starts at 0; false at the end. */
    bool (*scan)(struct tide_state *state, uint64_t *cursor, struct tide_bytes *out_key,
                 struct tide_bytes *out_value);
    void (*timer_set)(struct tide_state *state, struct tide_bytes key, int64_t at, uint32_t domain);
    void (*timer_clear)(struct tide_state *state, struct tide_bytes key, uint32_t domain);
    uint64_t (*used_bytes)(struct tide_state *state);
};

/* The table of functions a plugin gets. Append-only. */
struct tide_host {
    uint32_t abi, size;
    const char *version;

    /* Options of bind(): parsed and range-checked against the table. */
    bool (*option_set)(const struct tide_options *options,
                       const char *name); /* given by the user */
    const char *(*option_str)(const struct tide_options *options,
                              const char *name); /* NULL: absent */
    int64_t (*option_int)(const struct tide_options *options,
                          const char *name); /* also bool, size, ns */
    double (*option_f64)(const struct tide_options *options, const char *name);
    uint32_t (*option_list_len)(const struct tide_options *options, const char *name);
    const char *(*option_list_at)(const struct tide_options *options, const char *name, uint32_t i);
    /* Walks the keys of a PREFIX option in file order; *cursor starts at 0; false at the end. */
    bool (*option_next)(const struct tide_options *options, const char *prefix, uint32_t *cursor,
                        const char **out_key, const char **out_value);
    /* Sets @err to an error at the option's place in the file (item @i of a list, byte @at of its
     * text). */
    int (*option_error)(const struct tide_options *options, const char *name, uint32_t i,
                        int32_t at, struct tide_error *err, const char *format, ...)
        __attribute__((format(printf, 6, 7)));

    /* Schemas. */
    const struct tide_schema *(*schema)(const struct tide_host *host, uint32_t id);
    int (*schema_parse)(const struct tide_host *host, const char *ddl,
                        const struct tide_schema **out, struct tide_error *err);

    /* @c In discover(): one split. Errors: LIMIT, NOMEM; pass them on. */
    int (*split_add)(struct tide_split_sink *sink, const struct tide_split_info *info);

    /* Seams; any thread. */
    uint64_t (*now_mono)(const struct tide_host *host); /* ns, for decisions */
    uint64_t (*now_wall)(const struct tide_host *host); /* ns since the epoch, for labels */
    uint64_t (*random)(const struct tide_host *host);
    void *(*alloc)(const struct tide_host *host,
                   size_t size); /* zeroed, accounted; NULL when full */
    void (*free)(const struct tide_host *host, void *block);
    void (*log)(const struct tide_host *host, uint32_t severity, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

    /* @w The running task. */
    void (*fail)(struct tide_task *task, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
    void (*waiting)(struct tide_task *task, const char *reason); /* NULL: not any more */
    void (*count)(struct tide_task *task, const char *counter, uint64_t n);
    void (*wake)(struct tide_task *task); /* any thread: have it stepped soon */
    void (*split_idle)(struct tide_task *task, uint32_t split);
    const char *(*split_name)(struct tide_task *task, uint32_t split); /* "topic-3" */

    /* @w Rows. Copies the header and hidden columns of row @i of @in into the slot begun in
     * @writer; @ordinal 0 keeps `derived`, another makes the row a child of its parent. False:
     * writer full. */
    bool (*row_inherit)(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
                        const struct tide_batch *in, uint32_t i, uint32_t ordinal);
    /* The same and all visible columns that the two schemas share by position 0..n-1. */
    bool (*row_copy)(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
                     const struct tide_batch *in, uint32_t i, uint32_t n);
    /* Deep-copies one value. */
    bool (*value_copy)(struct tide_writer *writer, uint8_t *slot, uint32_t field,
                       const struct tide_vec *vec, uint32_t i);

    /* @w Rejections: counted, dead-lettered with provenance before the epoch commits, or fatal. */
    enum tide_reject (*reject)(struct tide_task *task, const struct tide_batch *in, uint32_t i,
                               const char *error_class, const char *text);
    struct tide_kept *(*keep)(struct tide_task *task, const struct tide_batch *in, uint32_t i);
    enum tide_reject (*reject_kept)(struct tide_task *task, struct tide_kept *kept,
                                    const char *error_class, const char *text); /* and drops it */
    void (*drop_kept)(struct tide_task *task, struct tide_kept *kept);

    /* @w Sinks: every row before the marker of @seal is durable. */
    void (*durable)(struct tide_task *task, struct tide_seal seal, struct tide_bytes token);
    /* The record id of a row as text: source, split, offset, derived. Returns its length. */
    uint32_t (*record_id)(struct tide_task *task, const struct tide_rowhdr *hdr, char *out,
                          uint32_t out_max);

    /* @w Waiting without blocking; each ends in a step (advance, poll) of the same task. */
    int (*watch_fd)(struct tide_task *task, int fd, uint32_t epoll_events);
    int (*unwatch_fd)(struct tide_task *task, int fd);
    void (*timer_at)(struct tide_task *task,
                     uint64_t mono_ns); /* the earliest of those asked for */
    int (*offload)(struct tide_task *task, tide_offload_fn *fn, void *arg, uint64_t id);
    bool (*offload_done)(struct tide_task *task, uint64_t *out_id, int *out_result);

    /* Expressions: compile @c, evaluate @w. */
    int (*expr_compile)(const struct tide_host *host, const struct tide_expr_options *options,
                        const struct tide_expr_item *items, uint32_t n,
                        const struct tide_schema *in, struct tide_program **out,
                        uint32_t *out_bad_item, struct tide_error *err);
    void (*expr_free)(struct tide_program *program);
    uint32_t (*expr_fields)(const struct tide_program *program, const struct tide_field **out);
    /* True when every item is a plain column, a star or deterministic without errors at run time.
     */
    bool (*expr_may_fail)(const struct tide_program *program);
    int (*eval_create)(const struct tide_program *program, uint32_t rows_max,
                       struct tide_eval **out, struct tide_error *err);
    void (*eval_destroy)(struct tide_eval *eval);
    /* Evaluates all items over rows first..first+n-1; one vec an output column, valid until the
     * next run or the end of the step. Failed rows are in @out_errors, ordered; their values are
     * NULL. */
    void (*eval_run)(struct tide_eval *eval, const struct tide_batch *in, uint32_t first,
                     uint32_t n, const struct tide_vec **out_columns,
                     const struct tide_row_error **out_errors, uint32_t *out_n_errors);
    /* Text of a value as CAST(x AS STRING); returns the length needed. */
    uint32_t (*value_text)(const struct tide_vec *vec, uint32_t i, char *out, uint32_t out_max);
    /* Canonical bytes of the values at @i of @vecs, for keys: equal values, equal bytes. Returns
     * the length needed. */
    uint32_t (*key_bytes)(const struct tide_vec *const *vecs, uint32_t n, uint32_t i, void *out,
                          uint32_t out_max);
    /* The reverse: writes the key's columns into a slot. */
    bool (*key_restore)(struct tide_writer *writer, uint8_t *slot, const uint32_t *fields,
                        uint32_t n, struct tide_bytes key);

    const struct tide_state_api *state;

    /* @w Checkpointed bytes of a source: seen files and the like. */
    struct tide_bytes (*source_state_get)(struct tide_task *task, const char *key);
    int (*source_state_put)(struct tide_task *task, const char *key, struct tide_bytes value);

    /* Small state. save() appends bytes; load() walks what each of the earlier tasks saved: *cursor
     * starts at 0; false at the end. */
    int (*save_write)(struct tide_save *save, const void *bytes, uint32_t n);
    bool (*load_next)(struct tide_load *load, uint32_t *cursor, struct tide_bytes *out);

    /* An optional table by name ("tide.arrow/1"), or NULL. */
    const void *(*extension)(const struct tide_host *host, const char *name);
    const void *self; /* the host's */
};

#ifdef __cplusplus
}
#endif

#endif
