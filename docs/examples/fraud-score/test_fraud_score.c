/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests fraud_score.so as the engine would use it, with a host of its own.
 *
 *   test_fraud_score fraud_score.so FOLDER
 *
 * FOLDER holds fraud-model.json, transactions.jsonl and expected-scores.txt, which score.py wrote
 * without any of the code tested here. Prints TAP. The host below is the least that the plugin asks
 * for.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <tidemark/plugin.h>

#define ROWS_MAX 400
#define HEAP_MAX (64u << 10)

/* The columns of the stream: not in the order of the plugin's list, and one that it does not know.
 */
enum { EXTRA, EVENT_TIME, TX_ID, AMOUNT, MERCHANT, COUNTRY, CARD_ID, COLUMNS };

static struct tide_field fields[COLUMNS + 1] = {
    [EXTRA] = {"extra", {.id = TIDE_TYPE_LONG}, true},
    [EVENT_TIME] = {"event_time", {.id = TIDE_TYPE_TIMESTAMP}, true},
    [TX_ID] = {"tx_id", {.id = TIDE_TYPE_STRING}, true},
    [AMOUNT] = {"Amount", {.id = TIDE_TYPE_DOUBLE}, true},
    [MERCHANT] = {"merchant", {.id = TIDE_TYPE_STRING}, true},
    [COUNTRY] = {"country", {.id = TIDE_TYPE_STRING}, true},
    [CARD_ID] = {"card_id", {.id = TIDE_TYPE_STRING}, true},
    [COLUMNS] = {"score", {.id = TIDE_TYPE_DOUBLE}, true},
};
static uint32_t places[COLUMNS + 1] = {40, 48, 56, 64, 72, 80, 88, 96};
static struct tide_schema input = {
    .id = 1, .n = COLUMNS, .stride = 96, .fields_at = 40, .fields = fields, .at = places};
static struct tide_schema output = {
    .id = 2, .n = COLUMNS + 1, .stride = 112, .fields_at = 40, .fields = fields, .at = places};

/* ---- TAP ---- */

static int tests, failures;

__attribute__((format(printf, 2, 3))) static void
check(int ok, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%sok %d - ", ok ? "" : "not ", ++tests);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    failures += !ok;
}

/* ---- the host ---- */

static const char *option_model, *option_column;
static enum tide_reject reject_answer;
static uint32_t rejected[ROWS_MAX], n_rejected; /* row numbers */
static char reject_class[64];

static const char *
host_option_str(const struct tide_options *options, const char *name)
{
    (void)options;
    return strcmp(name, "model") == 0 ? option_model : option_column;
}

__attribute__((format(printf, 6, 7))) static int
host_option_error(const struct tide_options *options, const char *name, uint32_t i, int32_t at,
                  struct tide_error *err, const char *format, ...)
{
    va_list args;
    (void)options;
    (void)name;
    (void)i;
    err->code = TIDE_ERR_INVALID;
    err->at = at;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return err->code;
}

static void *
host_alloc(const struct tide_host *host, size_t size)
{
    (void)host;
    return calloc(1, size);
}

static void
host_free(const struct tide_host *host, void *block)
{
    (void)host;
    free(block);
}

static bool
host_row_copy(struct tide_task *task, struct tide_writer *writer, uint8_t *slot,
              const struct tide_batch *in, uint32_t i, uint32_t n)
{
    const uint8_t *row = tide_batch_row(in, i);
    (void)task;
    memcpy(slot, row, places[0]);
    for (uint32_t f = 0; f < n; f++) {
        if (fields[f].type.id != TIDE_TYPE_STRING) {
            memcpy(slot + places[f], row + places[f], 8);
        } else if (!tide_row_is_null(row, f)) {
            const struct tide_bytes bytes = tide_row_bytes(&input, in, row, f);
            if (!tide_writer_set_bytes(writer, slot, f, bytes.p, bytes.n)) {
                return false;
            }
        }
    }
    return true;
}

static enum tide_reject
host_reject(struct tide_task *task, const struct tide_batch *in, uint32_t i,
            const char *error_class, const char *text)
{
    (void)task;
    (void)text;
    rejected[n_rejected++] = (uint32_t)tide_row_hdr(tide_batch_row(in, i))->offset;
    snprintf(reject_class, sizeof(reject_class), "%s", error_class);
    return reject_answer;
}

static const struct tide_host host = {
    .abi = TIDE_ABI_VERSION,
    .size = sizeof(host),
    .version = "test",
    .option_str = host_option_str,
    .option_error = host_option_error,
    .alloc = host_alloc,
    .free = host_free,
    .row_copy = host_row_copy,
    .reject = host_reject,
};

/* ---- rows ---- */

static uint8_t slots[ROWS_MAX * 96] __attribute__((aligned(16)));
static uint8_t heap[HEAP_MAX + TIDE_HEAP_PAD];
static struct tide_batch batch = {.schema = 1, .stride = 96, .slots = slots, .heap = heap};
static double expected[ROWS_MAX]; /* NaN: no amount */

static bool
no_grow(struct tide_writer *writer, uint32_t more)
{
    (void)writer;
    (void)more;
    return false;
}

/* Microseconds of "2024-02-29T12:34:56.789Z". */
static int64_t
time_us(const char *text)
{
    struct tm when = {0};
    char fraction[8] = "000000";
    sscanf(text, "%d-%d-%dT%d:%d:%d", &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour,
           &when.tm_min, &when.tm_sec);
    when.tm_year -= 1900;
    when.tm_mon -= 1;
    if (text[19] == '.') {
        memcpy(fraction, text + 20, strspn(text + 20, "0123456789"));
    }
    return (int64_t)timegm(&when) * 1000000 + atol(fraction);
}

static void
text_put(struct tide_writer *writer, uint8_t *slot, uint32_t field, const json_t *value)
{
    if (json_is_string(value)) {
        tide_writer_set_bytes(writer, slot, field, json_string_value(value),
                              (uint32_t)json_string_length(value));
    } else {
        tide_slot_set_null(slot, field);
    }
}

static void
row_put(struct tide_writer *writer, const json_t *tx)
{
    const json_t *amount = json_object_get(tx, "amount"), *time = json_object_get(tx, "event_time");
    struct tide_rowhdr hdr = {.offset = writer->n};
    uint8_t *slot = tide_writer_row(writer);
    memcpy(slot, &hdr, sizeof(hdr));
    tide_slot_set_null(slot, EXTRA);
    text_put(writer, slot, TX_ID, json_object_get(tx, "tx_id"));
    text_put(writer, slot, CARD_ID, json_object_get(tx, "card_id"));
    text_put(writer, slot, COUNTRY, json_object_get(tx, "country"));
    text_put(writer, slot, MERCHANT, json_object_get(tx, "merchant"));
    if (json_is_number(amount)) {
        tide_slot_set_f64(&input, slot, AMOUNT, json_number_value(amount));
    } else {
        tide_slot_set_null(slot, AMOUNT);
    }
    if (json_is_string(time)) {
        tide_slot_set_i64(&input, slot, EVENT_TIME, time_us(json_string_value(time)));
    } else {
        tide_slot_set_null(slot, EVENT_TIME);
    }
    tide_writer_commit(writer);
}

static FILE *
file_open(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void
rows_read(const char *folder)
{
    FILE *lines = file_open(folder, "transactions.jsonl"),
         *scores = file_open(folder, "expected-scores.txt");
    struct tide_writer writer = {.schema = &input,
                                 .slots = slots,
                                 .heap = heap,
                                 .n_max = ROWS_MAX,
                                 .heap_max = HEAP_MAX,
                                 .grow = no_grow};
    json_t *tx;
    char text[64];
    while ((tx = json_loadf(lines, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
        row_put(&writer, tx);
        json_decref(tx);
        if (fscanf(scores, "%63s", text) != 1) {
            exit(1);
        }
        expected[writer.n - 1] = strcmp(text, "-") == 0 ? NAN : strtod(text, NULL);
    }
    batch.n = writer.n;
    fclose(lines);
    fclose(scores);
}

/* ---- the plugin under test ---- */

static const struct tide_operator *op;
static int bind_is_right; /* what the last bind said of its output */

static int
bind(void **out_bound, struct tide_error *err)
{
    const struct tide_schema *inputs[] = {&input};
    const struct tide_bind in = {.abi = TIDE_ABI_VERSION,
                                 .size = sizeof(in),
                                 .host = &host,
                                 .n_inputs = 1,
                                 .inputs = inputs};
    struct tide_traits traits = {.abi = TIDE_ABI_VERSION, .size = sizeof(traits)};
    int rc = op->k.bind(&in, out_bound, &traits, err);
    if (rc == 0) {
        const struct tide_field *last = &traits.fields[0][traits.n_fields[0] - 1];
        bind_is_right = traits.n_outputs == 1 && traits.n_fields[0] == COLUMNS + 1 &&
                        strcmp(last->name, option_column) == 0 &&
                        last->type.id == TIDE_TYPE_DOUBLE && traits.deterministic &&
                        traits.keeps_order && traits.may_reject;
    }
    return rc;
}

static void
bind_refuses(const char *what, const char *says)
{
    struct tide_error err = {0};
    void *bound = NULL;
    int rc = bind(&bound, &err);
    check(rc == TIDE_ERR_INVALID && strstr(err.text, says) != NULL, "refuses %s: %s", what,
          err.text);
}

static void
test_bind(void)
{
    fields[MERCHANT].name = "shop";
    bind_refuses("a missing column", "'merchant' is missing");
    fields[MERCHANT].name = "merchant";
    fields[AMOUNT].type.id = TIDE_TYPE_STRING;
    bind_refuses("another type", "column 'amount' must be DOUBLE");
    fields[AMOUNT].type.id = TIDE_TYPE_DOUBLE;
    option_column = "EXTRA";
    bind_refuses("a name that is taken", "has a column 'EXTRA' already");
    option_column = "risk";
    struct tide_error err = {0};
    void *bound = NULL;
    check(bind(&bound, &err) == 0 && bind_is_right, "puts out all columns and the score");
    op->k.unbind(bound);
    option_column = "score";
}

static void
model_refuses(const char *json, const char *says)
{
    char path[] = "/tmp/fraud-model-XXXXXX";
    struct tide_error err = {0};
    void *bound = NULL, *shared = NULL;
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(json, file);
    fclose(file);
    option_model = path;
    bind(&bound, &err);
    int rc = op->k.open(&host, bound, &shared, &err);
    check(rc == TIDE_ERR_INVALID && strstr(err.text, says) != NULL &&
              strstr(err.text, path) != NULL,
          "refuses a model: %s", err.text);
    check(op->k.probe(&host, bound, &err) == TIDE_ERR_INVALID, "and the probe too");
    op->k.unbind(bound);
    remove(path);
}

#define MODEL(trees)                \
    "{\"format\":\"tidemark-trees/" \
    "1\",\"base\":0,\"features\":[{\"kind\":\"amount\"}],\"trees\":" trees "}"

static void
test_models(void)
{
    model_refuses("{", "line 1");
    model_refuses("[]", "\"format\" is missing");
    model_refuses("{\"format\":\"x\"}", "\"format\" is x");
    model_refuses(
        "{\"format\":\"tidemark-trees/1\",\"base\":0,\"features\":[{\"kind\":\"country_hash\"}]}",
        "feature 0");
    model_refuses(MODEL("[]"), "\"trees\" must be");
    model_refuses(MODEL("[[]]"), "tree 0");
    model_refuses(MODEL("[[{\"value\":\"x\"}]]"), "\"value\" must be a number");
    model_refuses(MODEL("[[{\"feature\":1,\"threshold\":1,\"left\":1,\"right\":1,\"missing\":"
                        "\"left\"},{\"value\":1}]]"),
                  "\"feature\"");
    model_refuses(MODEL("[[{\"feature\":0,\"threshold\":1,\"left\":0,\"right\":1,\"missing\":"
                        "\"left\"},{\"value\":1}]]"),
                  "later nodes");
    model_refuses(MODEL("[[{\"feature\":0,\"threshold\":1,\"left\":1,\"right\":2,\"missing\":"
                        "\"left\"},{\"value\":1}]]"),
                  "later nodes");
    model_refuses(MODEL("[[{\"value\":1}],[{\"feature\":0,\"threshold\":1,\"left\":1,\"right\":1},{"
                        "\"value\":1}]]"),
                  "tree 1, node 0: \"missing\"");
}

/* What came out. */
static double scores[ROWS_MAX]; /* NaN: NULL */
static uint64_t origins[ROWS_MAX];
static uint32_t n_scores;

static void
output_take(struct tide_writer *writer)
{
    const struct tide_batch out = {
        .slots = writer->slots, .heap = writer->heap, .stride = output.stride};
    for (uint32_t i = 0; i < writer->n; i++) {
        const uint8_t *row = tide_batch_row(&out, i);
        origins[n_scores] = tide_row_hdr(row)->offset;
        scores[n_scores++] =
            tide_row_is_null(row, COLUMNS) ? NAN : tide_row_f64(&output, row, COLUMNS);
    }
    writer->n = writer->heap_len = writer->heap_mark = 0;
}

/* Presents all rows with room for @room rows at a time. Returns the last answer that is not
 * BLOCKED. */
static enum tide_step
rows_process(void *self, uint32_t room)
{
    static uint8_t out_slots[ROWS_MAX * 112] __attribute__((aligned(16))), out_heap[HEAP_MAX];
    struct tide_writer writer = {.schema = &output,
                                 .slots = out_slots,
                                 .heap = out_heap,
                                 .n_max = room,
                                 .heap_max = HEAP_MAX,
                                 .grow = no_grow};
    struct tide_writer *const out[] = {&writer};
    struct tide_batch rest = batch;
    enum tide_step step = TIDE_STEP_IDLE;
    n_scores = n_rejected = 0;
    for (uint32_t turns = 0; rest.n > 0 && turns < 2 * ROWS_MAX; turns++) {
        uint32_t consumed = 0;
        step = op->process(self, 0, &rest, &consumed, out);
        rest.slots += (size_t)consumed * rest.stride;
        rest.n -= consumed;
        output_take(&writer);
        if (step == TIDE_STEP_FAILED ||
            (step == TIDE_STEP_BLOCKED && consumed == 0 && reject_answer == TIDE_REJECT_BLOCKED)) {
            break;
        }
    }
    return step;
}

static void
test_scores(void *self)
{
    uint32_t wrong = 0, at = 0, missing = 0, misplaced = 0;
    static double first[ROWS_MAX];
    reject_answer = TIDE_REJECT_SKIP;
    check(rows_process(self, 7) == TIDE_STEP_IDLE, "all %u rows are done with, seven at a time",
          batch.n);
    for (uint32_t i = 0; i < batch.n; i++) {
        if (isnan(expected[i])) {
            misplaced += missing >= n_rejected || rejected[missing] != i;
            missing++;
            continue;
        }
        /* The same libm gives the same bits; another may round the last one otherwise. */
        wrong += fabs(scores[at] - expected[i]) > 1e-12;
        misplaced += origins[at++] != i;
    }
    check(batch.n > 300 && at == n_scores && wrong == 0,
          "%u scores are those of score.py, %u are not", at - wrong, wrong);
    check(missing > 0 && missing == n_rejected && misplaced == 0,
          "%u rows without an amount are rejected, in order", missing);
    check(strcmp(reject_class, "FRAUD_MISSING_FIELD") == 0, "by the class %s", reject_class);
    memcpy(first, scores, sizeof(first));
    rows_process(self, 100);
    check(memcmp(first, scores, at * sizeof(*first)) == 0, "the same bits again, in other batches");
}

static void
test_answers(void *self)
{
    uint32_t nulls = 0, missing = n_rejected;
    reject_answer = TIDE_REJECT_SETNULL;
    rows_process(self, 1);
    for (uint32_t i = 0; i < n_scores; i++) {
        nulls += isnan(scores[i]) && isnan(expected[i]) && origins[i] == i;
    }
    check(n_scores == batch.n && nulls == missing && n_rejected == missing,
          "setNull: %u rows with a NULL score, each rejected once (%u)", nulls, n_rejected);
    reject_answer = TIDE_REJECT_BLOCKED;
    check(rows_process(self, 100) == TIDE_STEP_BLOCKED && n_rejected > 0,
          "the way to the dead letters is full");
    reject_answer = TIDE_REJECT_FAIL;
    check(rows_process(self, 100) == TIDE_STEP_FAILED, "onError: fail");
}

int
main(int argc, char **argv)
{
    char path[1024];
    tide_plugin_entry_fn *entry = NULL;
    struct tide_error err = {0};
    void *bound = NULL, *shared = NULL, *self = NULL;
    void *object = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (object == NULL) {
        fprintf(stderr, "%s\n",
                argc == 3 ? dlerror() : "usage: test_fraud_score fraud_score.so FOLDER");
        return 2;
    }
    void *symbol = dlsym(object, TIDE_PLUGIN_ENTRY);
    memcpy(&entry, &symbol, sizeof(entry));
    const struct tide_plugin *plugin = entry(&host);
    op = (const struct tide_operator *)(const void *)plugin->kinds[0];
    option_column = "score";
    rows_read(argv[2]);
    test_bind();
    test_models();
    snprintf(path, sizeof(path), "%s/fraud-model.json", argv[2]);
    option_model = path;
    const struct tide_task_info info = {.abi = TIDE_ABI_VERSION, .size = sizeof(info), .count = 1};
    check(bind(&bound, &err) == 0 && op->k.probe(&host, bound, &err) == 0 &&
              op->k.open(&host, bound, &shared, &err) == 0 &&
              op->k.task_open(shared, &info, &self, &err) == 0,
          "opens %s %s", path, err.text);
    test_scores(self);
    test_answers(self);
    op->k.task_close(self);
    op->k.close(shared);
    op->k.unbind(bound);
    dlclose(object);
    printf("1..%d\n", tests);
    return failures > 0;
}
