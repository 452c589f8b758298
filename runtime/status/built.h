/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of libraries that cannot be asked at run time: those of the headers this was built with.
 */
#ifndef TIDE_STATUS_BUILT_H
#define TIDE_STATUS_BUILT_H

/* "3.0.1" and the like; constant. @thread any */
extern const char tide_built_simdjson[];
extern const char tide_built_liburing[];
extern const char tide_built_isal[];
extern const char tide_built_xxhash[];

#endif
