#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the records of a whole log, from docs/reference/wal-format.md alone: no code is shared with the engine.

One line a record: LSN, type, incarnation, durable LSN, segment, offset, payload in hexadecimal.
Anything that is not as the format says ends in an assertion.
"""
import pathlib
import struct
import sys

BLOCK, HEAD, LAST, COPY = 4096, 32, 1, 2
TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
    TABLE.append(i)


def crc32c(seed, data):
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def image(data, at, seed, copy):
    """The records of one image, up to the one flagged LAST, and where it ends."""
    records, flags = [], 0
    while not flags & LAST:
        size, crc, lsn, durable, incarnation, kind, flags, zero = struct.unpack_from("<IIQQIBBH", data, at)
        end = at + HEAD + size
        assert crc == crc32c(crc32c(seed, data[at : at + 4]), data[at + 8 : end]), f"check sum at {at}"
        assert zero == 0 and bool(flags & COPY) == copy
        records.append((lsn, kind, incarnation, durable, at, data[at + HEAD : end]))
        at = (end + 7) // 8 * 8
    return records, at


def blocks(at):
    return (at + BLOCK - 1) // BLOCK * BLOCK


def segment(path, expect, prev_crc):
    data = path.read_bytes()
    magic, version, crc, ident, number, first, incarnation, size, prev = struct.unpack_from("<8sII16sQQQQI", data)
    assert magic == b"TIDEWAL\0" and version == 1 and size == len(data)
    assert path.name == f"wal-{number:016}.log"
    assert crc == crc32c(0, data[:12] + bytes(4) + data[16:BLOCK])
    assert expect in (None, first) and prev_crc in (None, prev)
    seed = crc32c(0, ident + struct.pack("<Q", number))
    records, end = image(data, BLOCK, seed, False)
    assert len(records) == 1 and records[0][0] == first and records[0][1] == 8
    at = blocks(end)
    while any(data[at:]):
        group, end = image(data, at, seed, False)
        copy, end_copy = image(data, blocks(end), seed, True)
        assert [r[:4] + r[5:] for r in group] == [r[:4] + r[5:] for r in copy]
        records += group
        at = blocks(end_copy)
    for lsn, kind, inc, durable, offset, payload in records:
        assert inc == incarnation
        print(lsn, kind, inc, durable, number, offset, payload.hex())
    last = records[-1][4]
    return records[-1][0] + 1, struct.unpack_from("<I", data, last + 4)[0]


if __name__ == "__main__":
    following, chain = None, None
    for file in sorted(pathlib.Path(sys.argv[1]).glob("wal-*.log")):
        following, chain = segment(file, following, chain)
