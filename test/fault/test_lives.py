#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The judge of the fault tests finds what was planted, and leaves alone what is right. Needs no broker."""
import os
import sys
import types
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

from harness import Failure
from lives import Checkpoint, Ledger

SPLIT = "t-0"
KEYS = (b"a", b"b", b"c")


def start(offset):
    checkpoint = Checkpoint()
    checkpoint.started, checkpoint.names, checkpoint.next = True, [SPLIT], [offset]
    return checkpoint


def row(life, offset, shown=None):
    """What a life emits for a record of the source; shown: the number that it shows instead."""
    return (life, KEYS[offset % 3], b"%d" % (offset if shown is None else shown), SPLIT, offset)


class Judged(unittest.TestCase):
    """A source of records 0 to 99. Life 0 reads from 0 and is killed, life 1 reads from 20 and stops at 40."""

    def judge(self, records, starts=(0, 20, 40)):
        source = types.SimpleNamespace(topic="t", partitions=1, begin=[0], keys=[[KEYS[i % 3] for i in range(100)]],
                                       values=[[b"%d" % i for i in range(100)]])
        output = types.SimpleNamespace(records=[records], count=len(records))
        lives = types.SimpleNamespace(zero=None, clean={len(starts) - 2}, starts=[start(offset) for offset in starts], count=len(starts) - 1,
                                      output=output)
        return Ledger(lives, source).judge()

    def refused(self, records, what, starts=(0, 20, 40)):
        with self.assertRaisesRegex(Failure, what):
            self.judge(records, starts)

    right = [row(0, i) for i in range(30)] + [row(1, i) for i in range(20, 40)]

    def test_repeats_of_what_was_not_committed_are_right(self):
        self.assertEqual(self.judge(self.right).repeats, [0, 10])

    def test_loss_before_a_commit(self):
        self.refused(self.right[:19] + self.right[20:30] + self.right[30:], "instead of|lost")
        self.refused([row(0, i) for i in range(19)] + [row(1, i) for i in range(20, 40)], "lost: t-0/19")

    def test_loss_at_the_end(self):
        self.refused(self.right[:-1], "lost: t-0/39")

    def test_a_start_before_the_commit(self):
        self.refused(self.right[:30] + [row(1, 19)] + self.right[30:], "instead of")

    def test_a_repeat_within_a_life(self):
        self.refused(self.right[:6] + [row(0, 5)] + self.right[6:], "instead of")

    def test_disorder_of_a_key(self):
        turned = list(self.right)
        turned[3], turned[6] = turned[6], turned[3]
        self.refused(turned, "instead of")

    def test_disorder_over_keys_is_nobodys_business(self):
        turned = list(self.right)
        turned[3], turned[4] = turned[4], turned[3]
        self.judge(turned)

    def test_an_id_of_another_record(self):
        self.refused(self.right[:5] + [row(0, 5, shown=8)] + self.right[6:], "record t-0/5")

    def test_more_than_the_clean_stop_committed(self):
        self.refused(self.right + [row(1, 40)], "the next start repeats")

    def test_offsets_that_go_back(self):
        self.refused(self.right + [row(2, i) for i in range(10, 40)], "before 20", starts=(0, 20, 10, 40))

    def test_the_fold_of_a_log(self):
        lines = """{"type": "SEGMENT_HEAD", "payload": {"b": 0, "c": [0, 0], "p": []}}
{"type": "SPLIT", "payload": {"i": 0, "s": "source", "p": "t-0", "o": "0x0500000000000000"}}
{"type": "C", "payload": {"n": 1, "e": 0}}
{"type": "SC", "payload": {"n": 1, "f": 1, "e": 1, "o": [[0, "0x0001000000000000"]]}}
{"torn": {"segment": 1}}
"""
        checkpoint = Checkpoint(lines)
        self.assertEqual((checkpoint.started, checkpoint.epoch), (True, 1))
        self.assertEqual((checkpoint.zero, checkpoint.offsets()), ({"t-0": 5}, {"t-0": 256}))


if __name__ == "__main__":
    unittest.main()
