#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what no compiler checks: layers, banned calls, formatting, sizes, words, stale references.

tidy.py --root DIR [--program PATH] [--measures]

Prints one line per finding, "file:line: message", and at the end "N passed, N failed": each rule counts as
one. A rule is a function over the tree in rules.py; this file finds the files and reports. With --measures
it also prints what docs and reviews quote: lengths, comment share, assertions per function.
"""
import argparse
import pathlib
import sys

from measures import print_measures
from rules import RULES
from tree import Tree


def main():
    parser = argparse.ArgumentParser(description="checks the source tree")
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, help="the built tidemark, for the stale references")
    parser.add_argument("--measures", action="store_true")
    options = parser.parse_args()
    tree = Tree(options.root.resolve(), options.program)
    passed = failed = 0
    for _name, rule in RULES:
        findings = sorted(set(rule(tree)))
        for path, line, message in findings:
            print(f"{path}:{line}: {message}")
        passed, failed = passed + (not findings), failed + bool(findings)
    if options.measures:
        print_measures(tree)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
