# SPDX-License-Identifier: Apache-2.0
"""Counts test outcomes for ./dev test.

counts.py meson TESTLOG RESULT   meson's testlog.json: each TAP line is a test, else each program is one
counts.py text LOG RESULT        a suite's own output: its last line "N passed, N failed"
counts.py rooms ROOM...          stdin: meson introspect --tests; prints the names of the rooms' tests

Prints "PASSED FAILED"; the failures go to stderr with what they said. RESULT is the exit code of the runner:
one that is not 0 is never counted as a success. A skipped test is a failed one.
"""
import json
import re
import sys

TAP = re.compile(r"^\s{0,3}(ok|not ok)\b(?P<rest>[^#\n]*)(?P<directive>#.*)?$")
TALLY = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed")
TAIL_LINES = 40


def complain(name, output):
    lines = output.rstrip().splitlines()[-TAIL_LINES:]
    print(f"failed: {name}", *("    " + line for line in lines), sep="\n", file=sys.stderr)


def tap_outcomes(text):
    """(passed, name) of each TAP line."""
    for line in text.splitlines():
        found = TAP.match(line)
        if found:
            skipped = re.match(r"#\s*skip", found["directive"] or "", re.IGNORECASE)
            yield found[1] == "ok" and not skipped, found["rest"].strip(" -")


def count_program(test):
    """(passed, failed) of one record of testlog.json."""
    output = test.get("stdout", "")
    outcomes = list(tap_outcomes(output))
    tally = [m for m in map(TALLY.match, output.splitlines()) if m]
    if outcomes:
        passed = sum(ok for ok, _ in outcomes)
        failed = len(outcomes) - passed
    elif tally:
        passed, failed = int(tally[-1][1]), int(tally[-1][2])
    else:
        passed, failed = 0, 0
    if test["result"] != "OK" and failed == 0:
        failed = 1
    if passed + failed == 0:
        passed = 1
    if failed:
        names = [name for ok, name in outcomes if not ok]
        complain(f"{test['name']} {' '.join(names)} ({test['result']})", output + test.get("stderr", ""))
    return passed, failed


def count_meson(path, result):
    passed = failed = 0
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in log:
                more = count_program(json.loads(line))
                passed, failed = passed + more[0], failed + more[1]
    except FileNotFoundError:
        print(f"failed: meson ran no test ({path})", file=sys.stderr)
        return 0, 1
    if result != 0 and failed == 0:
        complain(f"meson test ended with {result}", "")
        failed = 1
    return passed, failed


def count_text(path, result):
    with open(path, encoding="utf-8", errors="replace") as log:
        text = log.read()
    tally = [m for m in map(TALLY.match, text.splitlines()) if m]
    passed, failed = (int(tally[-1][1]), int(tally[-1][2])) if tally else (0, 1)
    if result != 0 and failed == 0:
        failed = 1
    if failed:
        complain(f"{path} (exit code {result})", text)
    return passed, failed


def rooms_tests(rooms, tests):
    return [t["name"] for t in tests if t["name"].split("/")[0] in rooms or t["name"] in rooms]


def main(arguments):
    if arguments[0] == "rooms":
        for name in rooms_tests(arguments[1:], json.load(sys.stdin)):
            print(name)
        return
    count = {"meson": count_meson, "text": count_text}[arguments[0]]
    print(*count(arguments[1], int(arguments[2])))


if __name__ == "__main__":
    main(sys.argv[1:])
