# SPDX-License-Identifier: Apache-2.0
"""The lives of one pipeline between kills, and what must hold over them.

A life is one process of the engine; every record that it emits names it. Before each start the write-ahead log, as
the kill left it, is copied and read with `tidemark wal show`: so each life's start offsets are known from durable
evidence, and what it emitted can be judged record by record.
"""
import bisect
import calendar
import json
import os
import random
import shutil
import signal
import time

import harness
from harness import Failure, check, equal
from stream import Output, Source, id_header

NEAR_S = 0.020  # so close to a commit a kill counts as near it
COMMITTED = b'msg="epoch committed"'


class Checkpoint:
    """What a write-ahead log promises: the fold of its records, as recovery does it."""

    def __init__(self, lines=""):
        self.started = False
        self.epoch = 0
        self.names = []  # of splits, by id
        self.next = []  # offset by id
        self.zero = None  # by name: C(0), as long as its segment is there
        for line in lines.splitlines():
            record = json.loads(line)
            if "type" in record:
                self.apply(record["type"], record["payload"])

    def apply(self, kind, payload):
        if kind == "SEGMENT_HEAD":
            self.started = bool(payload["b"])
            self.epoch = payload["c"][1]
            self.names = [split[1] for split in payload["p"]]
            self.next = [number(split[2]) for split in payload["p"]]
        elif kind == "SPLIT":
            self.names.append(payload["p"])
            self.next.append(number(payload["o"]))
        elif kind == "C" and payload["e"] == 0:
            self.started = True
            self.zero = self.offsets()
        elif kind == "SC":
            check(payload["e"] > self.epoch, f"epoch {payload['e']} after {self.epoch} in the log")
            self.epoch = payload["e"]
            for split, offset in payload["o"]:
                check(number(offset) >= self.next[split], f"offset of {self.names[split]} goes back")
                self.next[split] = number(offset)

    def offsets(self):
        return dict(zip(self.names, self.next))


def number(text):
    """An offset as the log prints it: eight bytes, little endian."""
    return int.from_bytes(bytes.fromhex(text[2:]), "little")


def line_time(line):
    """Seconds since 1970 of a line of the engine's log."""
    stamp = line.split(b" ", 1)[0][3:].decode("ascii")
    seconds, fraction = stamp.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


class Lives:
    """One checkpoint with its output topic and its engine, again and again.

    text(series, life) writes the pipeline file of a life; take(message) makes (life, ...) of an output record.
    """

    def __init__(self, ctx, name, text, take, *, brokers=None, cp=None):
        self.ctx, self.name, self.text = ctx, name, text
        self.cp = cp or ctx.path(name)
        self.sink = f"{name}-out-{ctx.tag}"
        harness.topics("create", f"{self.sink}:2", brokers=brokers)
        self.output = Output(self.sink, 2, take, brokers)
        self.count = 0  # of lives started so far
        self.starts = []  # Checkpoint at the start of each life; at the end one more
        self.zero = None  # by split: C(0)
        self.clean = set()  # the lives that stopped cleanly
        self.kills = self.near = self.early = 0
        self.gaps = []  # seconds from a kill to the next life's first output
        self.killed_at = self.started_at = None
        self.engine = None
        self.chance = random.Random(ctx.tag + name)

    @property
    def life(self):
        """Of the engine that runs or ran last, from 0."""
        return self.count - 1

    def copy_log(self):
        """The log as it is now: it is read from the copy, after the next start, which need not wait for that."""
        copy = self.ctx.path(f"{self.name}.copy")
        shutil.rmtree(copy, ignore_errors=True)
        if os.path.isdir(os.path.join(self.cp, "wal")):
            shutil.copytree(os.path.join(self.cp, "wal"), os.path.join(copy, "wal"))
        return copy

    def note_start(self, copy):
        """A fresh checkpoint has no segment yet, or only one that has not got its name."""
        segments = os.listdir(os.path.join(copy, "wal")) if os.path.isdir(copy) else []
        fresh = not any(segment.endswith(".log") for segment in segments)
        self.starts.append(Checkpoint("" if fresh else self.show(copy)))
        self.zero = self.zero or self.starts[-1].zero

    def show(self, checkpoint):
        return self.ctx.tool("wal", "show", checkpoint, "--format", "json")[0]

    def start(self, *args, env=None):
        copy = self.copy_log()
        pipeline = self.ctx.write(f"{self.name}.yaml", self.text(self, self.count))
        self.count += 1
        self.started_at = time.monotonic()
        self.engine = self.ctx.run(pipeline, "--log-level", "DEBUG", *args, env=env)
        self.note_start(copy)
        return self.engine

    def wait_output(self):
        """Until this life has emitted something."""
        life = self.life
        at = self.output.wait_new(lambda record: record[0] == life, f"output of life {life}", self.engine)
        if self.killed_at is not None:
            self.gaps.append(at - self.killed_at)
            self.killed_at = None
        if self.zero is None:  # before its segment is dropped; beside the running engine
            self.zero = Checkpoint(self.show(self.cp)).zero
        return at - self.started_at

    def run_for(self, seconds):
        """Lets it run, taking the output."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.output.poll(min(left, 0.02))
            self.check_running()

    def check_running(self):
        if not self.engine.running():
            raise Failure(f"the engine ended by itself, {self.engine.process.returncode}: {self.engine.err()[-3000:]}")

    def wait_commit(self):
        """Returns right after the log has told of a commit to come."""
        end = time.monotonic() + harness.PATIENCE
        with open(self.engine.err_path, "rb") as log:
            log.seek(0, os.SEEK_END)
            while COMMITTED not in log.read():
                self.check_running()
                check(time.monotonic() < end, "no epoch is committed:", self.engine.err()[-3000:])
                time.sleep(0.0005)

    def kill(self):
        self.check_running()
        wall = time.time()
        self.killed_at = time.monotonic()
        os.kill(self.engine.pid, signal.SIGKILL)
        self.engine.process.wait()
        self.kills += 1
        with open(self.engine.err_path, "rb") as log:
            commits = [line for line in log.read().splitlines() if COMMITTED in line]
        if commits and wall - line_time(commits[-1]) <= NEAR_S:
            self.near += 1
        self.forget_log()

    def kill_fresh(self):
        """Within the first 100 ms of the process."""
        time.sleep(max(0.0, self.started_at + self.chance.uniform(0.0, 0.095) - time.monotonic()))
        self.early += 1
        self.kill()

    def kill_recovering(self):
        """Before, while or just after it takes up again what was left."""
        time.sleep(self.chance.uniform(0.0, 0.08))
        self.kill()

    def kill_flowing(self):
        """At any moment while rows flow."""
        self.wait_output()
        self.run_for(self.chance.uniform(0.0, 0.5))
        self.kill()

    def kill_near_commit(self):
        """A few milliseconds after a commit, while rows flow."""
        self.wait_output()
        self.wait_commit()
        time.sleep(self.chance.uniform(0.0, 0.010))
        self.kill()

    def forget_log(self):
        """The log of a life that was fine; a thousand of them fill a disk."""
        for path in (self.engine.err_path, self.engine.out_path):
            os.unlink(path)

    def stop(self, how=signal.SIGTERM):
        """A clean stop; another life may follow. Answers the seconds it took."""
        began = time.monotonic()
        self.check_running()
        os.kill(self.engine.pid, how)
        self.engine.wait()
        self.clean.add(self.life)
        return time.monotonic() - began

    def end(self):
        """The last clean stop, and the log it leaves: where another start would go on."""
        self.stop()
        self.note_start(self.copy_log())

    def close(self):
        self.output.close()
        if self.engine is not None:
            self.engine.kill()


def begins(lives, life):
    """The offsets at which a life's reading begins, by split; None: it never got so far as to know them."""
    if lives.starts[life].started:
        return lives.starts[life].offsets()
    if not lives.starts[life + 1].started:
        return None
    check(lives.zero is not None, "C(0) was not seen in the log")
    return lives.zero


def numbered(message):
    """A record of relay_text's output: (life, key, value, split, offset)."""
    value, life = message.value().split(b" ")
    return (int(life), message.key(), value, *id_header(message))


# What the runtime section of a life may be: forms that must all read what the others left.
SHAPES = (
    "fuse: auto, workers: {initial: 1}, parallelism: 1",
    "fuse: off, workers: {initial: 2}, parallelism: 2",
    "fuse: auto, workers: {initial: 1}, parallelism: 1, io: plain",
    "fuse: off, workers: {initial: 2}, parallelism: 2, io: plain",
)


def relay_text(source, *, start="earliest", shapes=SHAPES, brokers=None, interval="50 ms"):
    """A pipeline that copies numbered records; each tells the life that emitted it."""
    where = brokers or harness.BROKERS

    def text(lives, life):
        return f"""
name: numbers
checkpointLocation: {lives.cp}
source:
  format: kafka
  options: {{kafka.bootstrap.servers: "{where}", subscribe: "{source}", startingOffsets: {start}}}
steps:
  - select: [key, "CONCAT(CAST(value AS STRING), ' {life}') AS value"]
sink:
  format: kafka
  recordId: header
  options: {{kafka.bootstrap.servers: "{where}", topic: "{lives.sink}"}}
runtime: {{{shapes[life % len(shapes)]}}}
trigger: {{continuous: {interval}}}
"""

    return text


class Ledger:
    """Judges the numbered records of a series of lives that has ended with a clean stop."""

    def __init__(self, lives, source):
        self.lives, self.starts = lives, lives.starts
        self.source, self.output = source, lives.output
        self.splits = [f"{source.topic}-{p}" for p in range(source.partitions)]
        self.end = self.starts[-1].offsets()
        self.zero = dict(zip(self.splits, source.begin))
        self.places = [self.places_of(p) for p in range(source.partitions)]
        self.records = self.output.count
        self.repeats = []  # by life that got so far as to read

    def places_of(self, p):
        """key -> its offsets in a partition."""
        places = {}
        for at, key in enumerate(self.source.keys[p]):
            places.setdefault(key, []).append(self.source.begin[p] + at)
        return places

    def judge(self):
        """Every promise. Raises on the first that is broken."""
        emitted = self.emitted_by_life()
        seen = {split: set() for split in self.splits}
        furthest = dict(self.zero)
        safe = dict(self.zero)  # everything below was seen
        for life in range(self.lives.count):
            begin = begins(self.lives, life)
            if begin is None:
                check(life not in emitted, f"life {life} emitted records before C(0) was durable")
                continue
            mine = emitted.get(life, [])
            self.committed_is_out(life, begin, safe, seen)
            self.life_is_a_prefix(life, begin, mine)
            if life in self.lives.clean:
                self.all_is_committed(life, mine)
            self.repeats_are_allowed(life, begin, mine, seen, furthest)
        self.committed_is_out(self.lives.count, self.end, safe, seen)
        self.order_of_first_appearance()
        return self

    def emitted_by_life(self):
        """life -> (split, offset) in the order of the output; each is compared with the source."""
        emitted = {}
        for records in self.output.records:
            for life, key, value, split, offset in records:
                check(split in self.splits, f"a record id names {split}")
                p = self.splits.index(split)
                at = offset - self.source.begin[p]
                check(at >= 0, f"{split}/{offset} was emitted, C(0) is {self.source.begin[p]}")
                check(at < len(self.source.values[p]),
                      f"{split}/{offset} was emitted, but the clean stop committed {self.end[split]}")
                # Two records have one id exactly when they are one number: the id is its place in the source.
                equal((key, value), (self.source.keys[p][at], self.source.values[p][at]), f"record {split}/{offset}")
                check(life < self.lives.count, f"a record of life {life}")
                emitted.setdefault(life, []).append((split, offset))
        return emitted

    @staticmethod
    def committed_is_out(life, begin, safe, seen):
        """I1, I2, I7: what a life does not read again was in the output when it started."""
        for split, offset in begin.items():
            check(offset >= safe[split], f"life {life} starts {split} at {offset}, before {safe[split]}")
            for missing in range(safe[split], offset):
                check(missing in seen[split], f"lost: {split}/{missing} is committed before life {life}, "
                      "and was not in the output")
            safe[split] = offset

    def life_is_a_prefix(self, life, begin, mine):
        """I4, I7, I11: per key, a life emits the records from its start offset on: in order, without gap, once."""
        expected = {}  # by partition and key: the next index into that key's offsets
        for split, offset in mine:
            p = self.splits.index(split)
            key = self.source.keys[p][offset - self.source.begin[p]]
            offsets = self.places[p][key]
            at = expected.get((p, key))
            if at is None:
                at = bisect.bisect_left(offsets, begin[split])
            check(at < len(offsets) and offsets[at] == offset, f"life {life}, key {key}: {split}/{offset} instead of "
                  f"{offsets[at] if at < len(offsets) else 'nothing'}; it began at {begin[split]}")
            expected[(p, key)] = at + 1

    def all_is_committed(self, life, mine):
        """I8: nothing that a life emitted before its clean stop is read again."""
        after = self.starts[life + 1].offsets()
        for split, offset in mine:
            check(offset < after[split], f"life {life} emitted {split}/{offset}, but its clean stop committed "
                  f"{after[split]}: the next start repeats")

    def repeats_are_allowed(self, life, begin, mine, seen, furthest):
        """I8: at most what was emitted after the last commit before the kill."""
        allowed = sum(max(0, furthest[split] - begin[split]) for split in self.splits)
        repeats = 0
        for split, offset in mine:
            repeats += offset in seen[split]
            seen[split].add(offset)
            furthest[split] = max(furthest[split], offset + 1)
        check(repeats <= allowed, f"life {life} repeats {repeats} records, I8 allows {allowed}")
        self.repeats.append(repeats)

    def order_of_first_appearance(self):
        newest, home, seen = {}, {}, set()
        for q, records in enumerate(self.output.records):
            for _life, key, value, split, offset in records:
                check(home.setdefault(key, q) == q, f"key {key} is in two partitions of the output")
                if (split, offset) in seen:
                    continue
                seen.add((split, offset))
                check(newest.get(key, -1) < int(value), f"key {key}: {value} first comes after {newest.get(key)}")
                newest[key] = int(value)


def judge(lives, topic, partitions, brokers=None):
    """Reads output and source of a series that has ended, and judges it. Answers the ledger, for its figures."""
    zero = next(begin for life in range(lives.count) if (begin := begins(lives, life)) is not None)
    splits = [f"{topic}-{p}" for p in range(partitions)]
    source = Source(topic, partitions, [zero[split] for split in splits], brokers)
    source.read_to([lives.starts[-1].offsets()[split] for split in splits])
    source.close()
    lives.output.read_all()
    return Ledger(lives, source).judge()


def spread(seconds):
    """p50 and max in milliseconds, for figures."""
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    return f"p50 {1000 * ordered[len(ordered) // 2]:.0f} ms, max {1000 * ordered[-1]:.0f} ms"
