# SPDX-License-Identifier: Apache-2.0
"""The figures that house style speaks of, per part of the tree."""
import re

_ASSERTION = re.compile(r"\b(?:TIDE_ASSERT\w*|static_assert|_Static_assert)\s*\(")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def quantile(values, share):
    """The value below which the share lies, by rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def _measure(tree, files):
    lines = [len(tree.text(f).splitlines()) for f in files]
    functions = [fn.length for f in files for fn in tree.functions(f)]
    comments = sum(len(c.splitlines()) for f in files for c in _COMMENT.findall(tree.text(f)))
    assertions = sum(len(_ASSERTION.findall(tree.code(f))) for f in files)
    return lines, functions, comments, assertions


def print_measures(tree):
    print(f"{'part':12}{'files':>6}{'lines':>8}{'median':>8}{'p90':>6}{'functions':>11}{'median':>8}{'p90':>6}"
          f"{'comments':>10}{'asserts/fn':>12}")
    for part in ("runtime", "operators", "connectors", "bench", "test"):
        files = [f for f in tree.c_files if f.startswith(part + "/")]
        if files:
            lines, functions, comments, assertions = _measure(tree, files)
            print(f"{part:12}{len(files):6}{sum(lines):8}{quantile(lines, .5):8}{quantile(lines, .9):6}"
                  f"{len(functions):11}{quantile(functions, .5):8}{quantile(functions, .9):6}"
                  f"{comments / max(1, sum(lines)):10.0%}{assertions / max(1, len(functions)):12.2f}")
