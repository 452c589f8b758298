# SPDX-License-Identifier: Apache-2.0
# abi_hash.sh HEADER... OUTPUT: writes TIDE_ABI_HASH, the first 16 hex digits of the headers' SHA-256.
set -eu
for out; do :; done
hash=$(while [ $# -gt 1 ]; do cat "$1"; shift; done | sha256sum | cut -c1-16)
cat >"$out" <<END
/* SPDX-License-Identifier: Apache-2.0 */
/* Made by the build from the headers of <tidemark/>. */
#ifndef TIDEMARK_ABI_HASH_H
#define TIDEMARK_ABI_HASH_H
#define TIDE_ABI_HASH "$hash"
#endif
END
