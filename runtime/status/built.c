/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of libraries: meson finds them and hands them in as macros.
 *
 * Threads: any; constants.
 */
#include "status/built.h"

const char tide_built_simdjson[] = TIDE_BUILT_SIMDJSON;
const char tide_built_liburing[] = TIDE_BUILT_LIBURING;
const char tide_built_isal[] = TIDE_BUILT_ISAL;
const char tide_built_xxhash[] = TIDE_BUILT_XXHASH;
