#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ./dev test adds up: nothing that failed, was skipped or said nothing counts as passed."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".ci"))
import counts  # noqa: E402


class Counting(unittest.TestCase):
    def setUp(self):
        counts.complain = lambda name, output: None
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = pathlib.Path(folder.name) / "log"

    def meson(self, *records, result=0):
        rows = [dict({"name": "a", "stdout": "", "stderr": "", "result": "OK"}, **r) for r in records]
        self.log.write_text("".join(json.dumps(r) + "\n" for r in rows))
        return counts.count_meson(self.log, result)

    def text(self, text, result=0):
        self.log.write_text(text)
        return counts.count_text(self.log, result)

    def test_each_tap_line_is_a_test(self):
        self.assertEqual(self.meson({"stdout": "1..3\nok - a::b  (0.0s)\nnot ok - a::c\nok 3\n", "result": "FAIL"}), (2, 1))

    def test_a_program_without_tap_is_one(self):
        self.assertEqual(self.meson({}, {"result": "TIMEOUT"}), (1, 1))

    def test_a_program_with_its_own_tally(self):
        self.assertEqual(self.meson({"stdout": "x\n7 passed, 0 failed\n"}), (7, 0))

    def test_skipped_is_failed(self):
        self.assertEqual(self.meson({"result": "SKIP"}, {"stdout": "ok 1 # SKIP no broker\n"}), (0, 2))

    def test_a_crash_after_good_tests_is_a_failure(self):
        self.assertEqual(self.meson({"stdout": "ok 1\n", "result": "ERROR"}), (1, 1))
        self.assertEqual(self.meson({"stdout": "ok 1\n"}, result=1), (1, 1))

    def test_no_log_is_a_failure(self):
        self.assertEqual(counts.count_meson(self.log.parent / "none", 0), (0, 1))

    def test_a_suite_counts_by_its_last_line(self):
        self.assertEqual(self.text("1 passed, 0 failed\nmore\n5 passed, 2 failed\n", 1), (5, 2))
        self.assertEqual(self.text("5 passed, 0 failed\n", 1), (5, 1))
        self.assertEqual(self.text("killed in the middle\n"), (0, 1))

    def test_rooms(self):
        tests = [{"name": "ring/ring"}, {"name": "ringer/x"}, {"name": "tidy/self"}]
        self.assertEqual(counts.rooms_tests(["ring", "tidy/self"], tests), ["ring/ring", "tidy/self"])


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=0).result
    bad = len(outcome.failures) + len(outcome.errors) + len(outcome.skipped)
    print(f"{outcome.testsRun - bad} passed, {bad} failed")
    sys.exit(0 if bad == 0 else 1)
