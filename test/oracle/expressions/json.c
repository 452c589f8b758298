/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON tree for tests. Strict enough for files that a JSON library wrote.
 */
#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct json *parse_value(const char **p);

static void *
grow(void *block, size_t n, size_t size)
{
    void *grown = (n & (n - 1)) == 0 ? realloc(block, (n == 0 ? 1 : n * 2) * size) : block;
    if (grown == NULL) {
        abort();
    }
    return grown;
}

static void
blanks_pass(const char **p)
{
    *p += strspn(*p, " \t\r\n");
}

static unsigned
parse_hex(const char *p)
{
    char digits[5] = {0};
    memcpy(digits, p, 4);
    return (unsigned)strtoul(digits, NULL, 16);
}

static char *
put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

static char *
parse_escape(const char **p, char *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *known = strchr(from, **p);
    unsigned code;
    if (**p != 'u') {
        *out++ = known != NULL ? to[known - from] : **p;
        (*p)++;
        return out;
    }
    code = parse_hex(*p + 1);
    *p += 5;
    if (code >= 0xD800 && code < 0xDC00 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        code = 0x10000 + ((code - 0xD800) << 10) + (parse_hex(*p + 2) - 0xDC00);
        *p += 6;
    }
    return put_utf8(out, code);
}

static char *
parse_string(const char **p, size_t *out_len)
{
    char *text = malloc(strlen(*p) + 1), *out = text;
    if (text == NULL) {
        abort();
    }
    for ((*p)++; **p != '"' && **p != '\0';) {
        if (**p == '\\') {
            (*p)++;
            out = parse_escape(p, out);
        } else {
            *out++ = *(*p)++;
        }
    }
    *p += **p == '"';
    *out = '\0';
    *out_len = (size_t)(out - text);
    return text;
}

static bool
parse_members(const char **p, struct json *node, char close)
{
    size_t len;
    for ((*p)++, blanks_pass(p); **p != close;) {
        node->items = grow(node->items, node->n, sizeof(node->items[0]));
        node->keys = grow(node->keys, node->n, sizeof(node->keys[0]));
        node->keys[node->n] = NULL;
        if (close == '}') {
            node->keys[node->n] = parse_string(p, &len);
            blanks_pass(p);
            if (*(*p)++ != ':') {
                return false;
            }
        }
        node->items[node->n] = parse_value(p);
        if (node->items[node->n++] == NULL) {
            return false;
        }
        blanks_pass(p);
        if (**p == ',') {
            (*p)++;
            blanks_pass(p);
        } else if (**p != close) {
            return false;
        }
    }
    (*p)++;
    return true;
}

static struct json *
parse_value(const char **p)
{
    static const char *const words[] = {"null", "true", "false"};
    struct json *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        abort();
    }
    blanks_pass(p);
    for (int i = 0; i < 3; i++) {
        if (strncmp(*p, words[i], strlen(words[i])) == 0) {
            node->kind = (enum json_kind)(JSON_NULL + i);
            *p += strlen(words[i]);
            return node;
        }
    }
    if (**p == '"') {
        node->kind = JSON_STRING;
        node->text = parse_string(p, &node->len);
        return node;
    }
    if (**p == '[' || **p == '{') {
        node->kind = **p == '[' ? JSON_ARRAY : JSON_OBJECT;
        return parse_members(p, node, **p == '[' ? ']' : '}') ? node : NULL;
    }
    node->kind = JSON_NUMBER;
    node->len = strspn(*p, "+-.0123456789eE");
    node->text = strndup(*p, node->len);
    *p += node->len;
    return node->len > 0 ? node : NULL;
}

struct json *
json_parse(const char *text)
{
    return parse_value(&text);
}

void
json_free(struct json *json)
{
    for (size_t i = 0; json != NULL && i < json->n; i++) {
        json_free(json->items[i]);
        if (json->keys != NULL) {
            free(json->keys[i]);
        }
    }
    if (json != NULL) {
        free(json->text);
        free(json->items);
        free(json->keys);
        free(json);
    }
}

const struct json *
json_get(const struct json *object, const char *key)
{
    for (size_t i = 0; i < object->n; i++) {
        if (strcmp(object->keys[i], key) == 0) {
            return object->items[i];
        }
    }
    return NULL;
}

const char *
json_text(const struct json *object, const char *key)
{
    const struct json *member = json_get(object, key);
    return member != NULL ? member->text : NULL;
}
