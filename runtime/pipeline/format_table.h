/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE format table: every section, key, verb, word, default and sentence of the pipeline format,
 * once.
 *
 * The reader (format_read.c), --set (setpath.c), the JSON Schema (schema_json.c) and the reference
 * page (reference.c) all walk these rows; nothing about a key is known anywhere else except what
 * rows cannot say (format_check.c: rules between keys). A key that this build cannot do is a row
 * like any other with the flag TIDE_KEY_NOT_BUILT, so that it is accepted by the schema and
 * refused by check.
 *
 * The table is constant and read from any thread.
 */
#ifndef TIDE_PIPELINE_FORMAT_TABLE_H
#define TIDE_PIPELINE_FORMAT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys of one section, at most: the reader marks those it has seen in a word of 64 bits. */
#define TIDE_KEYS_MAX 64

/* Sections of the format, at most. */
#define TIDE_SECTIONS_MAX 64

/* What a key's value may be, and what it becomes. */
enum tide_key_type {
    TIDE_KEY_TEXT,      /* const char * */
    TIDE_KEY_NAME,      /* const char *: letters, digits and _, not beginning with a digit */
    TIDE_KEY_PATH,      /* const char *: local; file:///x is /x */
    TIDE_KEY_SHA256,    /* const char *: 64 hexadecimal digits */
    TIDE_KEY_FORMAT,    /* const char *: one of the words, or a plugin's kind */
    TIDE_KEY_VERSION,   /* the number 1; nothing is stored */
    TIDE_KEY_BOOL,      /* bool */
    TIDE_KEY_TRUE,      /* only true; nothing is stored */
    TIDE_KEY_INT,       /* int64_t within [min, max], or a word */
    TIDE_KEY_SIZE,      /* int64_t bytes, likewise */
    TIDE_KEY_DURATION,  /* int64_t nanoseconds, likewise */
    TIDE_KEY_RATE,      /* double a second, or a word */
    TIDE_KEY_FRACTION,  /* double from 0 to 1 */
    TIDE_KEY_ENUM,      /* one of the words, as an enum */
    TIDE_KEY_FLAG,      /* one of the words, as a bool */
    TIDE_KEY_WORD_NAME, /* as ENUM; any other name is the value min */
    TIDE_KEY_SQL,       /* struct tide_item: one expression or query */
    TIDE_KEY_ITEMS,     /* struct tide_items: a list, or one string in SQL commas */
    TIDE_KEY_STRINGS,   /* struct tide_items: a list of texts, taken as they are */
    TIDE_KEY_PAIRS,     /* struct tide_pairs: a map of texts */
    TIDE_KEY_SETTINGS,  /* struct tide_settings: a map of anything; --set: the rest is one key */
    TIDE_KEY_BLOCKS,    /* a map of names to SETTINGS (connections); nothing is stored */
    TIDE_KEY_MAP,       /* the section's struct, embedded at offset */
    TIDE_KEY_NAMED,     /* array and count of the section's struct: a map of names to sections */
    TIDE_KEY_LIST,      /* array and count of the section's struct: a list of sections */
    TIDE_KEY_SCHEMA,    /* struct tide_schema_def: text, or the section */
    TIDE_KEY_FILTER,    /* a step's filter: an expression, or the section (a plugin) */
    TIDE_KEY_CORES,     /* runtime.cores: "2-5", [2, 3] or auto */
    TIDE_KEY_FROM,      /* struct tide_from: resolved by format_check.c */
    TIDE_KEY_FROMS,     /* array and count of struct tide_from */
    TIDE_KEY_ANY,       /* anything; nothing is stored */
};

enum tide_key_flag {
    TIDE_KEY_REQUIRED = 1u << 0,
    TIDE_KEY_NOT_BUILT = 1u << 1,    /* accepted by the schema, refused by check */
    TIDE_KEY_NO_STORE = 1u << 2,     /* checked only */
    TIDE_KEY_ANY_CASE = 1u << 3,     /* words match in any case, as in Spark */
    TIDE_KEY_NONE_IS_NULL = 1u << 4, /* the text "none" is a NULL */
    TIDE_KEY_POWER_OF_TWO = 1u << 5,
    TIDE_KEY_STATEFUL = 1u << 6,   /* a verb that keeps state */
    TIDE_KEY_NOT_EMPTY = 1u << 8,  /* a list or map with at least one entry */
    TIDE_KEY_SQL_VALUES = 1u << 9, /* PAIRS: the values are expressions */
    TIDE_KEY_TEXT_ITEM = 1u << 7,  /* LIST: an item may be a text, which is its first key */
};

/* A word that a value may be. */
struct tide_word {
    const char *name; /* NULL ends a list */
    int value;
    bool not_built;
};

struct tide_section;

/* A key. */
struct tide_key {
    const char *name;
    enum tide_key_type type;
    uint32_t flags;
    int32_t verb;      /* of a step's verb: enum tide_verb; of a trigger: its kind + 1; else 0 */
    const char *alias; /* another spelling; of NAMED: the shorthand for a single entry */
    uint32_t offset;   /* of the value in the section's struct */
    uint32_t
        place; /* 1 + offset of a const struct tide_node *: where it was written; 0: not kept */
    const struct tide_word *words;
    const struct tide_section *section;
    const char *fallback; /* the default, as it would be written; NULL: none */
    int64_t min, max;
    const char *doc;
    const char *example;
};

enum tide_section_rule {
    TIDE_SECTION_ANY_KEYS,
    TIDE_SECTION_ONE_KEY,  /* exactly one of its keys */
    TIDE_SECTION_ONE_VERB, /* exactly one of its verbs, and any other keys */
};

struct tide_section {
    const char *name; /* for messages and the reference: "source", "epoch" */
    const char *doc;
    const struct tide_key *keys;
    uint32_t count;
    enum tide_section_rule rule;
    uint32_t size; /* of its struct */
    bool has_name; /* NAMED: the struct begins with node and name */
};

extern const struct tide_section tide_section_pipeline; /* the root */
extern const struct tide_section tide_section_conf;
extern const struct tide_section tide_section_source; /* format_flow.c */
extern const struct tide_section tide_section_table;
extern const struct tide_section tide_section_stream;
extern const struct tide_section tide_section_sink;
extern const struct tide_section tide_section_dead_letter;
extern const struct tide_section tide_section_step; /* format_verbs.c */
extern const struct tide_section tide_section_watermark;
extern const struct tide_section tide_section_trigger; /* format_run.c */
extern const struct tide_section tide_section_epoch;
extern const struct tide_section tide_section_state;
extern const struct tide_section tide_section_latency;
extern const struct tide_section tide_section_runtime;
extern const struct tide_section tide_section_restart;
extern const struct tide_section tide_section_log;
extern const struct tide_section tide_section_progress;
extern const struct tide_section tide_section_http;

/* Spark settings that have a key of their own here. */
struct tide_conf_replaced {
    const char *name; /* NULL ends the list */
    const char *key;
};

extern const struct tide_conf_replaced tide_conf_replaced[];

/* Lists every section once, the root first, the others as they are met. Returns their number.
 * @thread any */
uint32_t tide_sections_collect(const struct tide_section *out_sections[TIDE_SECTIONS_MAX]);

/* The row of @section called @name (or whose alias it is), or NULL. @thread any */
const struct tide_key *tide_key_find(const struct tide_section *section, const char *name);

/*
 * The name nearest to @name among the keys of @section, or NULL. @thread any
 */
const char *tide_key_nearest(const struct tide_section *section, const char *name);

/* The row's word called @name, or NULL. @thread any */
const struct tide_word *tide_word_find(const struct tide_key *row, const char *name);

/* Writes "a, b or c": all words of the row. Returns @buffer. @thread any */
const char *tide_words_list(const struct tide_key *row, char *buffer, size_t size);

/* Writes a number of the row's type as people write it ("64MiB", "100 ms", "7"). Returns @buffer.
 * @thread any */
const char *tide_key_number(const struct tide_key *row, int64_t value, char *buffer, size_t size);

/* What the row's value must be, in words: "a duration (10 seconds, 10s)". @thread any */
const char *tide_key_wants(const struct tide_key *row);

/* True for keys that are ignored: x-*. @thread any */
bool tide_key_ignored(const char *name);

#endif
