/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merged file as YAML (`check --print`): libyaml's emitter over the tree, secrets as ****.
 *
 * What is printed can be loaded again and gives the same pipeline, secrets excepted.
 */
#include <string.h>
#include <yaml.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "pipeline/format.h"

struct printer {
    yaml_emitter_t emitter;
    struct tide_buf out;
    bool failed; /* out of memory */
};

static int
take(void *data, unsigned char *bytes, size_t len)
{
    struct printer *printer = data;
    if (tide_buf_append(&printer->out, bytes, len) != 0) {
        printer->failed = true;
        return 0;
    }
    return 1;
}

/* The emitter takes over what the event owns, also when it fails. */
static void
emit(struct printer *printer, yaml_event_t *event, int made)
{
    if (!made || !yaml_emitter_emit(&printer->emitter, event)) {
        printer->failed = true;
    }
}

static void
print_scalar(struct printer *printer, const struct tide_node *node)
{
    yaml_event_t event;
    bool secret = node->secret;
    const char *text = secret ? "****" : node->text;
    yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
    if (node->block && !secret) {
        style = YAML_LITERAL_SCALAR_STYLE;
    } else if (node->quoted || secret) {
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    }
    int made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                            (int)strlen(text), 1, 1, style);
    emit(printer, &event, made);
}

/* Depth is bounded by TIDE_LIMIT_YAML_DEPTH. */
static void
print_node(struct printer *printer, const struct tide_node *node)
{
    yaml_event_t event;
    bool map = node->kind == TIDE_NODE_MAP;
    int made;
    if (node->kind == TIDE_NODE_SCALAR) {
        print_scalar(printer, node);
        return;
    }
    if (map) {
        made = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
    } else {
        made =
            yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE);
    }
    emit(printer, &event, made);
    for (const struct tide_node *child = node->first; child != NULL && !printer->failed;
         child = child->next) {
        if (map) {
            print_scalar(printer, child->key);
        }
        print_node(printer, child);
    }
    made = map ? yaml_mapping_end_event_initialize(&event)
               : yaml_sequence_end_event_initialize(&event);
    emit(printer, &event, made);
}

static void
print_document(struct printer *printer, const struct tide_node *root)
{
    yaml_event_t event;
    emit(printer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(printer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    print_node(printer, root);
    emit(printer, &event, yaml_document_end_event_initialize(&event, 1));
    emit(printer, &event, yaml_stream_end_event_initialize(&event));
}

char *
tide_pipeline_print(const struct tide_pipeline *pipeline)
{
    struct printer printer = {0};
    char *text = NULL;
    TIDE_ASSERT(pipeline->doc.root != NULL);
    if (!yaml_emitter_initialize(&printer.emitter)) {
        return NULL;
    }
    tide_buf_init(&printer.out, pipeline->seam, 16 * (size_t)TIDE_LIMIT_YAML_BYTES);
    yaml_emitter_set_output(&printer.emitter, take, &printer);
    yaml_emitter_set_unicode(&printer.emitter, 1);
    yaml_emitter_set_width(&printer.emitter, -1);
    print_document(&printer, pipeline->doc.root);
    yaml_emitter_delete(&printer.emitter);
    if (!printer.failed) {
        text = tide_alloc(pipeline->seam, printer.out.len + 1);
    }
    if (text != NULL) {
        memcpy(text, printer.out.data, printer.out.len);
        text[printer.out.len] = '\0';
    }
    tide_buf_fini(&printer.out);
    return text;
}
