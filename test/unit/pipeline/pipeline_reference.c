/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what is written from the format table: the reference page, or with --schema the JSON
 * Schema. Used to write docs/reference/pipeline.md anew, and by the test of the schema.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/reference.h"
#include "pipeline/schema_json.h"

int
main(int argc, char **argv)
{
    struct tide_buf out;
    bool schema = argc > 1 && strcmp(argv[1], "--schema") == 0;
    tide_buf_init(&out, tide_seam_real(), 4 << 20);
    int rc = schema ? tide_schema_json_write(&out) : tide_reference_write(&out);
    if (rc == 0 && fwrite(out.data, 1, out.len, stdout) != out.len) {
        rc = 1;
    }
    tide_buf_fini(&out);
    return rc == 0 ? 0 : 1;
}
