#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program as a user meets it: usage, help, exit codes, what goes to which output. Needs no broker."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
ROOT = pathlib.Path(__file__).resolve().parents[3]
VERBS = ("run", "check", "explain", "list", "wal show", "wal verify", "gen cards", "gen words", "cat", "version", "help")

GOOD = """
name: numbers
source: {format: rate, options: {rowsPerSecond: 1000}}
steps: [{select: [value]}]
sink: {format: noop}
trigger: {continuous: 20 ms}
"""
BAD = """
name: numbers
source: {format: rate, options: {rowsPerSecnod: 5}}
steps: [{select: [valeu]}]
sink: {format: noop}
"""


def tidemark(*words, text=None, code=None):
    run = subprocess.run([PROGRAM, *words], input=text, capture_output=True, text=True, timeout=60, check=False)
    if code is not None and run.returncode != code:
        raise AssertionError(f"tidemark {' '.join(words)}: {run.returncode}, not {code}\n{run.stdout}{run.stderr}")
    return run


class Usage(unittest.TestCase):
    def test_help_lists_every_verb(self):
        lines = tidemark("help", code=0).stdout.splitlines()
        for verb in VERBS:
            self.assertTrue(any(line.startswith(f"  {verb} ") for line in lines), verb)

    def test_no_verb_is_a_mistake(self):
        run = tidemark(code=2)
        self.assertIn("usage: tidemark VERB", run.stdout)

    def test_each_verb_has_a_page(self):
        for verb in VERBS:
            with self.subTest(verb):
                page = tidemark("help", *verb.split(), code=0).stdout
                self.assertTrue(page.startswith(f"usage: tidemark {verb}"))
                self.assertEqual(tidemark(*verb.split(), "--help", code=0).stdout, page)

    def test_misspelt_verb(self):
        self.assertEqual(tidemark("chekc", code=2).stderr, "tidemark: there is no verb 'chekc': did you mean check?\n")

    def test_verbs_of_later_versions(self):
        for verb in ("test", "eval", "bench", "status", "top", "tap", "reload", "stop", "log-level", "checkpoint",
                     "compact", "plugin", "new", "doctor", "completion", "gen emall", "gen rate"):
            with self.subTest(verb):
                self.assertEqual(tidemark(*verb.split(), code=2).stderr, f"tidemark: not in this version: {verb}\n")

    def test_nouns_need_a_word(self):
        self.assertEqual(tidemark("wal", code=2).stderr, "tidemark: wal: say wal show or wal verify\n")

    def test_manual_names_every_verb_and_flag(self):
        manual = (ROOT / "docs/man/tidemark.1").read_text().replace("\\-", "-")
        for verb in VERBS:
            self.assertRegex(manual, rf"(?m)^\.SS {verb}\b", verb)
            section = manual.split(f".SS {verb}", 1)[1].split("\n.SS ", 1)[0].split("\n.SH ", 1)[0]
            for flag in re.findall(r"(?m)^  (--[a-z-]+)", tidemark("help", *verb.split(), code=0).stdout):
                self.assertIn(flag, section, f"{verb} {flag}")


class Pipelines(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.good, self.bad = self.dir / "good.yaml", self.dir / "bad.yaml"
        self.good.write_text(GOOD)
        self.bad.write_text(BAD)

    def test_check_of_a_good_one(self):
        run = tidemark("check", str(self.good), code=0)
        self.assertTrue(run.stdout.endswith(f"{self.good}: ok\n"))
        self.assertRegex(run.stdout, r"(?m)^  worker 0 on (core \d+|any core): ")
        self.assertEqual(run.stderr, "")

    def test_check_touches_nothing(self):
        before = sorted(self.dir.rglob("*"))
        tidemark("check", str(self.good), "--set", f"checkpointLocation={self.dir}/cp", code=0)
        self.assertEqual(sorted(self.dir.rglob("*")), before)

    def test_check_shows_all_errors_once(self):
        lines = tidemark("check", str(self.bad), code=6).stderr.splitlines()
        self.assertEqual(len(lines), len(set(lines)))
        self.assertTrue(any(re.match(rf"{re.escape(str(self.bad))}:3:\d+: error: .*rowsPerSecond", line) for line in lines), lines)

    def test_check_as_json(self):
        run = tidemark("check", str(self.bad), str(self.good), "--format", "json", code=6)
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(run.stderr, "")
        self.assertEqual([line for line in lines if "ok" in line],
                         [{"file": str(self.bad), "ok": False}, {"file": str(self.good), "ok": True}])
        finding = next(line for line in lines if "severity" in line)
        self.assertEqual((finding["file"], finding["line"], finding["severity"], finding["code"]),
                         (str(self.bad), 3, "error", "INVALID"))

    def test_set_and_print(self):
        run = tidemark("check", str(self.good), "--set", "name=other", "--print", code=0)
        self.assertRegex(run.stdout, r"(?m)^name: other$")

    def test_set_of_an_unknown_path(self):
        self.assertIn("nmae", tidemark("check", str(self.good), "--set", "nmae=x", code=6).stderr)

    def test_missing_file(self):
        run = tidemark("check", str(self.dir / "none.yaml"), code=6)
        self.assertIn("none.yaml", run.stderr)

    def test_explain(self):
        plan = tidemark("explain", str(self.good), code=0).stdout
        self.assertIn("source: source rate", plan)
        self.assertIn("== Physical Plan ==", plan)
        self.assertTrue(tidemark("explain", str(self.good), "--dot", code=0).stdout.startswith("digraph "))
        self.assertIn(" |-- value: long (nullable", tidemark("explain", str(self.good), "--schema", code=0).stdout)
        tidemark("explain", str(self.good), "--dot", "--schema", code=2)

    def test_run_from_standard_input(self):
        run = tidemark("run", "-", "--records", "50", text=GOOD, code=0)
        self.assertEqual(run.stdout, "")

    def test_progress_lines(self):
        run = tidemark("run", str(self.good), "--for", "300ms", "--progress", "json", "--set", "progress.every=50 ms",
                       "--checkpoint", str(self.dir / "cp"), code=0)
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertGreaterEqual(len(lines), 2)
        last = lines[-1]
        self.assertEqual(last["name"], "numbers")
        self.assertEqual(last["tidemark"]["state"], "ended")
        self.assertGreater(last["tidemark"]["epochs"], 0)
        self.assertGreater(last["tidemark"]["rowsIn"], 0)
        self.assertEqual(last["tidemark"]["rowsIn"], last["tidemark"]["rowsOut"])

    def test_progress_leaves_the_console_alone(self):
        run = tidemark("run", str(self.good), "--for", "200ms", "--progress", "json", "--set", "sink.format=console", code=0)
        self.assertIn("+-----+", run.stdout)
        self.assertNotIn("inputRowsPerSecond", run.stdout)
        self.assertIn("inputRowsPerSecond", run.stderr)

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), subprocess.Popen(
                    [PROGRAM, "run", str(self.good), "--progress", "json", "--set", "progress.every=10 ms"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
                run.stdout.readline()
                run.send_signal(signal.SIGUSR1)
                run.send_signal(number)
                log = run.communicate(timeout=30)[1]  # SIGUSR1 lets lines of level info through
                self.assertNotRegex(log, "level=(error|warn)")
                self.assertEqual(run.returncode, 0)

    def test_checkpoint_of_the_command_line_is_enough(self):
        self.good.write_text(GOOD.replace("noop", "kafka"))
        missing = "'checkpointLocation' is missing"
        self.assertIn(missing, tidemark("run", str(self.good), code=6).stderr)
        self.assertNotIn(missing, tidemark("run", str(self.good), "--checkpoint", str(self.dir / "cp"), code=6).stderr)

    def test_second_interrupt(self):
        away = GOOD.replace("{format: noop}", "{format: kafka, options: {kafka.bootstrap.servers: 'localhost:1', topic: t}}") \
            .replace("[value]", '["CAST(value AS STRING) AS value"]')
        self.good.write_text(away)
        with subprocess.Popen([PROGRAM, "run", str(self.good), "--progress", "json", "--set", "progress.every=10 ms",
                               "--checkpoint", str(self.dir / "cp")],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
            def until(state):
                while json.loads(run.stdout.readline())["tidemark"]["state"] != state:
                    pass
            until("running")
            run.send_signal(signal.SIGINT)
            until("stopping")
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=30)
            self.assertEqual(run.returncode, 130)

    def test_logs_of_a_run(self):
        checkpoint = str(self.dir / "cp")
        tidemark("run", str(self.good), "--checkpoint", checkpoint, "--records", "100", code=0)
        shown = tidemark("wal", "show", checkpoint, "--format", "json", code=0).stdout.splitlines()
        types = [json.loads(line)["type"] for line in shown]
        self.assertEqual(types[0], "SEGMENT_HEAD")
        self.assertIn("STOP", types)
        verified = json.loads(tidemark("wal", "verify", checkpoint, "--format", "json", code=0).stdout.splitlines()[0])
        self.assertEqual(verified["records"], len(types))
        before = {path: path.read_bytes() for path in pathlib.Path(checkpoint).rglob("*") if path.is_file()}
        tidemark("wal", "show", checkpoint, code=0)
        self.assertEqual({path: path.read_bytes() for path in pathlib.Path(checkpoint).rglob("*") if path.is_file()}, before)

    def test_damaged_log(self):
        checkpoint = self.dir / "cp"
        tidemark("run", str(self.good), "--checkpoint", str(checkpoint), "--records", "100", code=0)
        segment = sorted((checkpoint / "wal").glob("wal-*.log"))[0]
        data = bytearray(segment.read_bytes())
        data[10] ^= 0xFF
        segment.write_bytes(data)
        run = tidemark("wal", "verify", str(checkpoint), code=4)
        self.assertIn(segment.name, run.stderr)

    def test_no_log(self):
        tidemark("wal", "show", str(self.dir), code=6)


class Tables(unittest.TestCase):
    def test_all_forms(self):
        for what in ("connectors", "operators", "functions", "options", "counters", "errors"):
            with self.subTest(what):
                lines = tidemark("list", what, "--format", "json", code=0).stdout.splitlines()
                names = [json.loads(line)["name"] for line in lines]
                self.assertTrue(names)
                text = tidemark("list", what, code=0).stdout
                markdown = tidemark("list", what, "--format", "markdown", code=0).stdout
                self.assertIn("| --- |", markdown)
                self.assertGreaterEqual(len(text.splitlines()), len(names))

    def test_connectors_of_this_version(self):
        lines = tidemark("list", "connectors", "--format", "json", code=0).stdout.splitlines()
        found = {(entry["name"], entry["kind"]) for entry in map(json.loads, lines)}
        wanted = {("kafka", "source"), ("kafka", "sink"), ("rate", "source"), ("socket", "source"), ("console", "sink"),
                  ("memory", "source"), ("memory", "sink"), ("noop", "sink")}
        self.assertEqual(found, wanted)

    def test_one_entry(self):
        entry = json.loads(tidemark("list", "functions", "substring", "--format", "json", code=0).stdout)
        self.assertEqual(entry["name"], "substring")
        entry = json.loads(tidemark("list", "options", "rate", "--format", "json", code=0).stdout)
        self.assertIn("rowsPerSecond", [option["name"] for option in entry["options"]])

    def test_exit_codes_are_the_readme_s(self):
        lines = tidemark("list", "errors", "--format", "json", code=0).stdout.splitlines()
        codes = {entry["name"]: int(entry["exitCode"]) for entry in map(json.loads, lines)}
        wanted = {"SYNC": 3, "CORRUPT": 4, "FENCED": 5, "INVALID": 6, "UNSUPPORTED": 6, "CHECKPOINT": 6, "DEADLINE": 7,
                  "PLUGIN": 8, "UNREACHABLE": 9, "FATAL": 1}
        self.assertEqual({name: codes[name] for name in wanted}, wanted)

    def test_schema(self):
        schema = json.loads(tidemark("list", "schema", "--format", "jsonschema", code=0).stdout)
        self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
        self.assertTrue(tidemark("list", "schema", "--format", "markdown", code=0).stdout.startswith("# "))

    def test_mistakes(self):
        self.assertIn("did you mean 'connectors'?", tidemark("list", "conectors", code=2).stderr)
        self.assertIn("did you mean 'kafka'?", tidemark("list", "connectors", "kafak", code=2).stderr)
        tidemark("list", "counters", "--format", "jsonschema", code=2)

    def test_version(self):
        version = json.loads(tidemark("version", "--format", "json", code=0).stdout)
        self.assertRegex(version["tidemark"], r"^\d+\.\d+\.\d+$")
        for library in ("librdkafka", "simdjson", "libyaml", "msgpack-c", "liburing", "zstd", "xxhash", "isa-l"):
            self.assertRegex(version[library], r"^\d+\.\d+", library)
        self.assertTrue(tidemark("--version", code=0).stdout.startswith(f"tidemark {version['tidemark']}\n"))


class Data(unittest.TestCase):
    def test_cards(self):
        lines = tidemark("gen", "cards", "--count", "200", "--rate", "max", code=0).stdout.splitlines()
        cards = [json.loads(line) for line in lines]
        self.assertEqual([int(card["tx_id"]) for card in cards], list(range(200)))
        for card in cards:
            self.assertEqual(list(card), ["tx_id", "card_id", "amount", "country", "merchant", "event_time"])
        sizes = sorted(map(len, lines))
        self.assertTrue(220 <= sizes[100] <= 280, sizes[100])

    def test_a_seed_decides(self):
        def cards(seed):
            lines = tidemark("gen", "cards", "--count", "50", "--rate", "max", "--seed", seed, code=0).stdout.splitlines()
            return [{**json.loads(line), "event_time": None} for line in lines]
        self.assertEqual(cards("7"), cards("7"))
        self.assertNotEqual(cards("7"), cards("8"))

    def test_words(self):
        words = tidemark("gen", "words", "--count", "2000", "--rate", "max", code=0).stdout.split()
        self.assertEqual(len(words), 2000)
        self.assertGreater(len(set(words)), 30)
        most = max(set(words), key=words.count)
        self.assertGreater(words.count(most), 100)

    def test_files_of_a_folder_are_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            run = tidemark("gen", "words", "--count", "2500", "--rate", "max", "--out", folder, code=0)
            self.assertEqual(run.stdout, "")
            files = sorted(os.listdir(folder))
            self.assertEqual(files, ["part-00000.json", "part-00001.json", "part-00002.json"])
            self.assertEqual([len(pathlib.Path(folder, name).read_text().splitlines()) for name in files], [1000, 1000, 500])

    def test_places_exclude_each_other(self):
        tidemark("gen", "words", "--topic", "t", code=2)
        tidemark("gen", "words", "--brokers", "b:1", "--topic", "t", "--out", "x", code=2)

    def test_cat(self):
        self.assertIn("not in this version", tidemark("cat", "/tmp", code=2).stderr)
        tidemark("cat", "t", code=2)
        tidemark("cat", "t", "--brokers", "localhost:1", "--from", "yesterday", code=2)


if __name__ == "__main__":
    unittest.main()
