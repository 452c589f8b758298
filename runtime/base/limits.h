/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every maximum of the engine, with its reason and what happens on reaching it.
 *
 * A limit that a user may change has its key in the pipeline format; the value here is its default
 * or its ceiling. Nothing in the engine grows without one of these.
 */
#ifndef TIDE_BASE_LIMITS_H
#define TIDE_BASE_LIMITS_H

/* One record: bounds every buffer that must hold at least one. Larger ones are rejected (dead
 * letter or stop). */
#define TIDE_LIMIT_RECORD_DEFAULT (1u << 20)
#define TIDE_LIMIT_RECORD_CEILING (16u << 20)

/* Rows one step may take together; bounds the time of a duty cycle. The rest waits for the next
 * step. */
#define TIDE_LIMIT_BATCH_ROWS 256u

/* Time one step may take before it must return, and the time after which it is named in the log. */
#define TIDE_LIMIT_STEP_NS 200000u
#define TIDE_LIMIT_STEP_WARN_NS 10000000u

/* Ring of one edge: small enough for the second-level cache. Full: back-pressure. */
#define TIDE_LIMIT_RING_DEFAULT (256u << 10)
#define TIDE_LIMIT_RING_CEILING (64u << 20)
#define TIDE_LIMIT_RING_FLOOR 1024u

/* Bytes that may be read behind a payload or block: parsers with wide registers run over the end.
 */
#define TIDE_LIMIT_READ_BEHIND 64u

/* Epochs between opening and commit. At the limit the coordinator skips epochs; sources never stop
 * for it. */
#define TIDE_LIMIT_EPOCHS_IN_FLIGHT_DEFAULT 8u
#define TIDE_LIMIT_EPOCHS_IN_FLIGHT 64u

/* Key groups: the unit of state and exchange, fixed in the checkpoint. */
#define TIDE_LIMIT_KEY_GROUPS_DEFAULT 256u
#define TIDE_LIMIT_KEY_GROUPS 32768u

/* Columns of a schema: null bits and slots stay small. More: refused by check. */
#define TIDE_LIMIT_COLUMNS 1024u

/* Nesting of types, expressions and documents: parsers recurse. Deeper: refused (pipeline) or
 * rejected (record). */
#define TIDE_LIMIT_TYPE_DEPTH 64u
#define TIDE_LIMIT_EXPR_DEPTH 200u
#define TIDE_LIMIT_JSON_DEPTH 128u
#define TIDE_LIMIT_YAML_DEPTH 64u

/* A pipeline file, its nodes and scalars. Larger: refused. */
#define TIDE_LIMIT_YAML_BYTES (4u << 20)
#define TIDE_LIMIT_YAML_NODES (256u << 10)

/* Keys of one map: they are compared one by one. More: refused. */
#define TIDE_LIMIT_YAML_KEYS 1024u

/* A value read through ${file:...} or ${cred:...}, and a text with its ${...} resolved. Larger:
 * refused. */
#define TIDE_LIMIT_INTERPOLATED_BYTES (1u << 20)

/* Findings kept about one pipeline; nobody reads more. The rest is counted. */
#define TIDE_LIMIT_DIAGS 256u

/* Tasks, workers, splits, edges of a plan: ids fit arrays. More: refused by check or, for splits,
 * an error. */
#define TIDE_LIMIT_TASKS 1024u
#define TIDE_LIMIT_WORKERS 256u
#define TIDE_LIMIT_SPLITS (1u << 20)

/* An offset or token as opaque bytes; longer is a connector's bug. */
#define TIDE_LIMIT_OFFSET_BYTES 60u
#define TIDE_LIMIT_TOKEN_BYTES (64u << 10)

/* A WAL record; larger is refused before it is written and is corruption when read. */
#define TIDE_LIMIT_WAL_RECORD (8u << 20)
#define TIDE_LIMIT_WAL_SEGMENT (1u << 20)

/* A WAL segment grows to this when rolling cannot keep up; bounds what recovery holds in memory. */
#define TIDE_LIMIT_WAL_SEGMENT_CEILING (64u << 20)

/* Records buffered while a WAL write is under way or waits for space. Full: append says NOSPACE,
 * and the coordinator waits. */
#define TIDE_LIMIT_WAL_BUFFER (16u << 20)

/* WAL segments kept at once; retention normally leaves two or three. Rolling stops at half of them,
 * so that restarts still find room. More: LIMIT. */
#define TIDE_LIMIT_WAL_SEGMENTS 1024u

/* Cut tails kept aside in the WAL directory; the oldest goes first. */
#define TIDE_LIMIT_WAL_TORN 16u

/* Writes one storage instance may have under way. More: submit refuses, the caller polls first. */
#define TIDE_LIMIT_IO_DEPTH 64u

/* Repeats of an interrupted write before it counts as failed: a signal storm must end. */
#define TIDE_LIMIT_IO_REPEATS 16u

/* Names of one directory in a listing, in bytes: hundreds of thousands of files. More: LIMIT. */
#define TIDE_LIMIT_DIR_BYTES (64u << 20)

/* Timers of one event loop. More: refused. */
#define TIDE_LIMIT_TIMERS 4096u

/* Threads of an offload pool, and its jobs queued or unpolled. More jobs: submit refuses. */
#define TIDE_LIMIT_OFFLOAD_THREADS 64u
#define TIDE_LIMIT_OFFLOAD_JOBS 4096u

/* What two threads write lies this far apart: two 64-byte lines, because processors fetch them in
 * pairs. */
#define TIDE_CACHE_LINE 128

/* Readers of published blocks: every task, every worker and some control threads. */
#define TIDE_LIMIT_READERS 2048u

/* A log line: PIPE_BUF, so that one write to a pipe is atomic. Longer: cut, with truncated=true. */
#define TIDE_LIMIT_LOG_LINE 4096u

/* One value in a log line: a quoted record must not push the other fields out. Longer: cut, with
 * three dots. */
#define TIDE_LIMIT_LOG_VALUE 1024u

/* How often a repeated condition may speak (tide_log_every). */
#define TIDE_LOG_EVERY_NS 5000000000u

/* CPU numbers: the size of the C library's cpu_set_t. Higher ones are not used. */
#define TIDE_LIMIT_CPUS 1024u

/* Names compared to find the nearest: bounds the table on the stack. Longer: only equality counts.
 */
#define TIDE_LIMIT_NEAREST_BYTES 64u

/* Options of one kind: bounds the list of names on the stack. A longer table is a plugin's bug. */
#define TIDE_LIMIT_OPTIONS 256u

/* A plugin's note and the kinds in it: untrusted until accepted. More: the plugin is refused. */
#define TIDE_LIMIT_NOTE_BYTES (64u << 10)
#define TIDE_LIMIT_NOTE_KINDS 256u

/* A shared object that is read for its note and check sum. Larger: refused. */
#define TIDE_LIMIT_PLUGIN_BYTES (1u << 30)

/* A key of keyed state, and a value: one of each must fit a block of a change segment, and a value
 * holds at most one record of the largest size. Larger: the task fails, naming the operator. */
#define TIDE_LIMIT_STATE_KEY (64u << 10)
#define TIDE_LIMIT_STATE_VALUE (16u << 20)

/* States of one operator chain, and operators in it: small arrays are searched. More: refused. */
#define TIDE_LIMIT_STATES 256u

/* What one operator may save outside the keyed store at each marker. Larger: refused, use keyed
 * state. */
#define TIDE_LIMIT_STATE_SAVED (4u << 20)

/* A buffer of a change segment; two a worker. Full: submitted early; both full: the cut waits. */
#define TIDE_LIMIT_STATE_BUFFER (1u << 20)

/* A file of a change segment; bounds what one is kept for. Full: the next one, made ahead. */
#define TIDE_LIMIT_STATE_FILE (16u << 20)

/* Work of one step of a cut or an image: keeps the duty cycle within TIDE_LIMIT_STEP_NS. More: next
 * step. */
#define TIDE_LIMIT_STATE_STEP_ENTRIES 512u
#define TIDE_LIMIT_STATE_STEP_BYTES (128u << 10)

/* A block of a base image before compression; one is filled while another is written. */
#define TIDE_LIMIT_STATE_IMAGE_BLOCK (256u << 10)

/* Parts in one state reference. At half of it a base image starts; at all of it cuts wait for the
 * image. */
#define TIDE_LIMIT_STATE_PARTS 1024u

/* Ids of schemas in a pipeline; a plan makes a few a step. More: the pipeline is refused. */
#define TIDE_LIMIT_SCHEMAS 4096u

/* Height of an expression's tree: "a OR b OR ..." is a chain that nests nowhere, but evaluation
 * recurses. Higher: refused. */
#define TIDE_LIMIT_EXPR_HEIGHT 1000u

/* Scratch memory of one evaluation of a batch. A chunk bounds one value (a larger one: the row is
 * rejected as RECORD_TOO_LARGE); chunks of KEEP and more are freed after the batch that needed
 * them. */
#define TIDE_LIMIT_SCRATCH_CHUNK_MIN (64u << 10)
#define TIDE_LIMIT_SCRATCH_CHUNK_MAX (2 * TIDE_LIMIT_RECORD_CEILING)
#define TIDE_LIMIT_SCRATCH_KEEP (4u << 20)
#define TIDE_LIMIT_SCRATCH (1u << 30)

/* Text of a failed row's error; longer ones are cut. */
#define TIDE_LIMIT_ROW_ERROR 256u

/* Steps of one match of a regular expression, so that no record stalls a task. More: the row is
 * rejected. */
#define TIDE_LIMIT_REGEX_STEPS 1000000u

/* Columns and calls of one program: registers are memory for a whole batch each. More: refused. */
#define TIDE_LIMIT_PROGRAM_NODES 16384u

#endif
