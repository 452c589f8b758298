# SPDX-License-Identifier: Apache-2.0
"""Writes the bytes that test_block.c expects, from docs/reference/state-format.md alone."""
import struct


def crc32c(seed, data):
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def entry(group, key, value):
    length = 0 if value is None else len(value) + 1
    return varint(group) + varint(len(key)) + varint(length) + key + (value or b"")


assert crc32c(0, b"123456789") == 0xE3069283
# change segment 5 of worker 3 in incarnation 7
head = b"TIDESTAT" + struct.pack("<IIQII", 1, 1, 7, 3, 5) + bytes(28)
seed = crc32c(0, head)
head += struct.pack("<I", seed)
# a block at offset 64: version 4 of state n of operator count, epoch 42
payload = entry(200, b"key", b"vv") + entry(1, b"k", None) + entry(2, b"", b"")
op, name = b"count", b"n"
rest = struct.pack("<IIBBBBIIIQHH", 64 + len(op) + len(name) + len(payload), len(payload),
                   1, 0, 0, 0, 4, 0, 3, 42, len(op), len(name)) + bytes(20) + op + name + payload
block = b"TBLK" + struct.pack("<I", crc32c(crc32c(seed, struct.pack("<Q", 64)), rest)) + rest
for what in (head, block):
    text = what.hex()
    print("\n".join('"%s"' % text[i:i + 80] for i in range(0, len(text), 80)) + "\n")
