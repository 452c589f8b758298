/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchange: rows and markers onto edges.
 *
 * With one edge a batch goes into the ring as it is. With several, each row is copied into the
 * buffer of its edge, chosen by key group or by split, and buffers are sent at the end of the step:
 * nothing waits for one to fill. A key's group is XXH3 of its canonical bytes modulo G, its task
 * group * N / G; state uses the same two lines, so that a key's rows and its state always meet
 * (task_group, task_of_group).
 *
 * Thread: the task's worker.
 */
#include "task/task_private.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"

#define HEAP_INITIAL (16u << 10)
#define KEY_MAX 4096u

struct marker_frame {
    uint64_t incarnation, first, last;
};

static uint32_t
task_of_group(uint32_t group, uint32_t n, uint32_t key_groups)
{
    return (uint32_t)((uint64_t)group * n / key_groups);
}

int
task_output_open(struct tide_task *task, struct output *output,
                 const struct tide_output_config *config, struct tide_error *err)
{
    const struct tide_seam *seam = task->config.seam;
    int rc = 0;
    *output = (struct output){.config = config};
    output->marked = tide_alloc(seam, (config->n_rings + 1u) * sizeof(*output->marked));
    if (output->marked == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the edges of %s",
                              task->config.name);
    }
    if (config->n_rings <= 1) {
        return 0; /* none: a named output that nobody reads */
    }
    output->bufs = tide_alloc(seam, config->n_rings * sizeof(*output->bufs));
    if (output->bufs == NULL) {
        return tide_error_set(err, TIDE_ERR_NOMEM, "no memory for the edges of %s",
                              task->config.name);
    }
    for (uint32_t i = 0; i < config->n_rings && rc == 0; i++) {
        rc = tide_batchbuf_init(&output->bufs[i], seam, config->schema, task->config.batch_max,
                                task_heap_initial(task, HEAP_INITIAL), 2 * task->config.record_max,
                                err);
    }
    if (rc == 0 && config->exchange == TIDE_EXCHANGE_KEY) {
        rc =
            task->config.host->eval_create(config->key, task->config.batch_max, &output->eval, err);
    }
    return rc;
}

void
task_output_close(struct tide_task *task, struct output *output)
{
    if (output->config == NULL) {
        return;
    }
    for (uint32_t i = 0; output->bufs != NULL && i < output->config->n_rings; i++) {
        tide_batchbuf_fini(&output->bufs[i]);
    }
    task->config.host->eval_destroy(output->eval);
    tide_free(task->config.seam, output->bufs);
    tide_free(task->config.seam, output->marked);
    *output = (struct output){0};
}

static bool
send_large(struct tide_task *task, struct tide_ring *ring, const struct tide_batch *batch,
           uint32_t size)
{
    struct tide_block *block = tide_block_create(task->config.budget, size);
    if (block == NULL) {
        return false;
    }
    tide_batch_write(batch, tide_block_data(block));
    if (tide_ring_put_large(ring, block, 0, 0) != TIDE_RING_OK) {
        tide_block_unref(block);
        return false;
    }
    tide_counters_add(task->config.counters, TIDE_COUNTER_LARGE_FRAMES, 1);
    return true;
}

bool
task_send(struct tide_task *task, struct tide_ring *ring, const struct tide_batch *batch)
{
    uint32_t size = tide_batch_size(batch);
    void *room;
    if (size > tide_ring_payload_max(ring)) {
        if (!send_large(task, ring, batch, size)) {
            return false;
        }
    } else if (tide_ring_claim(ring, size, &room) == TIDE_RING_OK) {
        tide_batch_write(batch, room);
        tide_ring_commit(ring, TIDE_FRAME_BATCH, 0, 0, size);
    } else {
        return false;
    }
    tide_ring_publish(ring);
    tide_counters_add(task->config.counters, TIDE_COUNTER_BATCHES, 1);
    return true;
}

static bool
flush_ring(struct tide_task *task, struct output *output, uint32_t i)
{
    struct tide_batchbuf *buf = &output->bufs[i];
    if (buf->writer.n == 0) {
        return true;
    }
    struct tide_batch rows = tide_batchbuf_view(buf);
    if (!task_send(task, output->config->rings[i], &rows)) {
        return false;
    }
    tide_batchbuf_reset(buf);
    return true;
}

bool
task_output_flush(struct tide_task *task, struct output *output)
{
    bool all = true;
    for (uint32_t i = 0; output->bufs != NULL && i < output->config->n_rings; i++) {
        all = flush_ring(task, output, i) && all;
    }
    return all;
}

/* The edge of each row of @batch. */
static void
route(struct tide_task *task, struct output *output, const struct tide_batch *batch,
      uint16_t *out_ring)
{
    const struct tide_output_config *config = output->config;
    const struct tide_vec *columns;
    const struct tide_row_error *errors;
    const struct tide_vec *keys[TIDE_PORTS_MAX * 8];
    uint8_t key[KEY_MAX];
    uint32_t n_errors;
    if (config->exchange == TIDE_EXCHANGE_SPLIT) {
        for (uint32_t i = 0; i < batch->n; i++) {
            out_ring[i] =
                (uint16_t)(tide_row_hdr(tide_batch_row(batch, i))->split % config->n_rings);
        }
        return;
    }
    const struct tide_field *fields;
    uint32_t n = task->config.host->expr_fields(config->key, &fields);
    TIDE_ASSERT(n <= TIDE_PORTS_MAX * 8);
    task->config.host->eval_run(output->eval, batch, 0, batch->n, &columns, &errors, &n_errors);
    for (uint32_t k = 0; k < n; k++) {
        keys[k] = &columns[k];
    }
    for (uint32_t i = 0; i < batch->n; i++) {
        uint32_t len = task->config.host->key_bytes(keys, n, i, key, KEY_MAX);
        uint32_t group = (uint32_t)(tide_hash64(key, len < KEY_MAX ? len : KEY_MAX, 0) %
                                    task->config.key_groups);
        out_ring[i] = (uint16_t)task_of_group(group, config->n_rings, task->config.key_groups);
    }
}

static uint32_t
write_routed(struct tide_task *task, struct output *output, const struct tide_batch *batch)
{
    uint16_t rings[TIDE_LIMIT_BATCH_ROWS];
    TIDE_ASSERT(batch->n <= TIDE_LIMIT_BATCH_ROWS);
    route(task, output, batch, rings);
    for (uint32_t i = 0; i < batch->n; i++) {
        struct tide_batchbuf *buf = &output->bufs[rings[i]];
        while (tide_batch_copy(&buf->writer, output->config->schema, batch, i, 1) == 0) {
            TIDE_ASSERT(buf->writer.n > 0);
            if (!flush_ring(task, output, rings[i])) {
                return i;
            }
        }
    }
    return batch->n;
}

uint32_t
task_output_write(struct tide_task *task, struct output *output, const struct tide_batch *batch)
{
    if (output->bufs != NULL) {
        uint32_t n = write_routed(task, output, batch);
        task_output_flush(task, output);
        return n;
    }
    if (output->config->n_rings == 0) {
        return batch->n;
    }
    return task_send(task, output->config->rings[0], batch) ? batch->n : 0;
}

bool
task_send_marker(struct tide_ring *ring, uint64_t incarnation, uint64_t first, uint64_t last)
{
    struct marker_frame marker = {incarnation, first, last};
    if (tide_ring_put(ring, TIDE_FRAME_MARKER, 0, last, &marker, sizeof(marker)) != TIDE_RING_OK) {
        return false;
    }
    tide_ring_publish(ring);
    return true;
}

bool
task_output_mark(struct tide_task *task, struct output *output, uint64_t first, uint64_t last)
{
    if (!task_output_flush(task, output)) {
        return false;
    }
    bool all = true;
    for (uint32_t i = 0; i < output->config->n_rings; i++) {
        if (output->marked[i] == last) {
            continue;
        }
        TIDE_ASSERT(output->marked[i] < last);
        if (task_send_marker(output->config->rings[i], task->config.orders->incarnation, first,
                             last)) {
            output->marked[i] = last;
            task->progress = true;
        } else {
            all = false;
        }
    }
    return all;
}

bool
task_output_has_space(struct output *output)
{
    for (uint32_t i = 0; i < output->config->n_rings; i++) {
        if (tide_ring_has_space(output->config->rings[i])) {
            return true;
        }
    }
    return false;
}
