#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fraud scoring by the engine against a bare librdkafka relay, on one real Kafka, in alternating rounds.

Each round runs both on fresh topics with the same open-loop load, the second round in the other order, and
so on; what is compared are medians of rounds, because one round's tail scatters by a factor of four on a
small machine. Afterwards the moments that are no rounds: start to first record, SIGKILL to first new record,
an idle pipeline. The broker's JVM compiles fully (C2), so that it is not the handicap.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PARTITIONS = 2
READY_S = 30


class Subject:
    """A program that reads one topic and writes another; started, measured and stopped by its pid."""

    def __init__(self, options, brokers):
        self.options, self.brokers, self.process = options, brokers, None

    def start(self, topics, log):
        self.topics, self.log = topics, log
        self.process = subprocess.Popen(self.command(topics), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=self.environment())

    def environment(self):
        return dict(os.environ)

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    def memory_mb(self, name):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name))

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.alive():
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise


class Relay(Subject):
    name = "relay"

    def command(self, topics):
        return [self.options.build / "bench/tidemark-relay", "--brokers", self.brokers, "--in", topics["in"],
                "--out", topics["out"], "--from", "beginning"]


class Engine(Subject):
    name = "engine"

    def command(self, topics):
        settings = {
            "connections.main.kafka.bootstrap.servers": self.brokers,
            "source.options.subscribe": topics["in"],
            "source.options.startingOffsets": "earliest",
            "sink.options.topic": topics["out"],
            "deadLetter.options.topic": topics["dead"],
        }
        rows = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return [self.options.build / "tidemark", "run", self.options.pipeline, "--checkpoint", topics["checkpoint"],
                "--progress", "none", *rows, *self.options.engine]

    def environment(self):
        plugins = self.options.build / "docs/examples/fraud-score"
        return dict(os.environ, TIDEMARK_PLUGIN_PATH=str(plugins))


class Bench:
    def __init__(self, options, brokers, folder):
        self.options, self.brokers, self.folder, self.serial = options, brokers, folder, 0

    @contextlib.contextmanager
    def topics(self):
        """Fresh topics and a fresh checkpoint, gone afterwards."""
        self.serial += 1
        names = {part: f"bench-{part}-{self.serial}" for part in ("in", "out", "dead")}
        self._topics_tool("create", *(f"{name}:{PARTITIONS}" for name in names.values()))
        checkpoint = self.folder / f"checkpoint-{self.serial}"
        yield dict(names, checkpoint=str(checkpoint))
        shutil.rmtree(checkpoint, ignore_errors=True)
        self._topics_tool("delete", *names.values())

    def _topics_tool(self, *words):
        subprocess.run([self.options.build / "test/broker/tidemark-topics", self.brokers, *words], check=True)

    @contextlib.contextmanager
    def running(self, kind, topics):
        subject = kind(self.options, self.brokers)
        with open(self.folder / f"{kind.name}-{self.serial}.log", "wb") as log:
            subject.start(topics, log)
            try:
                yield subject
            finally:
                subject.stop()

    def load(self, topics, rate, seconds, warmup=0.0):
        command = [self.options.build / "bench/tidemark-load", "--brokers", self.brokers, "--in", topics["in"],
                   "--out", topics["out"], "--rate", str(rate), "--for", str(seconds), "--warmup", str(warmup), "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def finish(self, load, subject):
        """The load's account; a subject that died or lost a record ends the run."""
        text, _ = load.communicate()
        account = json.loads(text) if text else {"lost": "everything"}
        if account["lost"] != 0 or not subject.alive():
            tail = pathlib.Path(subject.log.name).read_text(errors="replace").splitlines()[-10:]
            sys.exit("\n".join([f"{subject.name} lost {account['lost']} records; it said:", *tail]))
        return account

    def round(self, kind, rate):
        """One measured run: latencies in ms, CPU a record in us, resident memory in MB."""
        with self.topics() as topics, self.running(kind, topics) as subject:
            self.warm_up(subject, topics, rate)
            before, stolen = subject.cpu_s(), stolen_s()
            account = self.finish(self.load(topics, rate, self.options.seconds, self.options.warmup), subject)
            latency = account["latency_us"]
            return {
                "p50": latency["p50"] / 1e3, "p99": latency["p99"] / 1e3, "p99_9": latency["p99_9"] / 1e3,
                "cpu": (subject.cpu_s() - before) * 1e6 / account["sent"],
                "rss": subject.memory_mb("VmRSS"), "repeats": account["duplicated"], "stolen": stolen_s() - stolen,
            }

    def warm_up(self, subject, topics, rate):
        """A first short load: when it is back, the subject is connected and has fetched."""
        self.finish(self.load(topics, rate, 1), subject)

    def first_record_s(self, kind):
        """Records are waiting: from exec to the first of them in the output."""
        with self.topics() as topics:
            load = self.load(topics, 1000, 4)
            time.sleep(1)
            began = time.time()
            with self.running(kind, topics) as subject:
                return self.finish(load, subject)["first_at_ns"] / 1e9 - began

    def killed_s(self, kind):
        """The longest silence in the output around a SIGKILL and an immediate restart."""
        with self.topics() as topics, self.running(kind, topics) as subject:
            load = self.load(topics, 1000, 5, 1)
            time.sleep(3)
            subject.kill()
            subject.start(topics, subject.log)
            return self.finish(load, subject)["silence_ms_max"] / 1e3

    def idle_share(self, kind, seconds=10):
        """The share of one core that it takes while nothing comes."""
        with self.topics() as topics, self.running(kind, topics) as subject:
            self.warm_up(subject, topics, 100)
            before = subject.cpu_s()
            time.sleep(seconds)
            return (subject.cpu_s() - before) / seconds


def stolen_s():
    return int(pathlib.Path("/proc/stat").read_text().split()[8]) * TICK_S


def compare(bench, rate, rounds):
    """Prints each round and the medians; returns {measure: (relay, engine, ratio)}."""
    print(f"\n{rate} records/s, {rounds} rounds; ms, us of CPU a record, MB")
    print(f"{'round':>5} {'':8}{'p50':>8}{'p99':>9}{'p99.9':>9}{'cpu':>8}{'rss':>7}{'stolen s':>10}")
    results = {Relay: [], Engine: []}
    for number in range(1, rounds + 1):
        for kind in (Relay, Engine) if number % 2 else (Engine, Relay):
            row = bench.round(kind, rate)
            results[kind].append(row)
            print(f"{number:5} {kind.name:8}{row['p50']:8.3f}{row['p99']:9.3f}{row['p99_9']:9.3f}{row['cpu']:8.1f}"
                  f"{row['rss']:7.1f}{row['stolen']:10.2f}", flush=True)
    summary = {}
    for measure in ("p50", "p99", "p99_9", "cpu", "rss"):
        relay, engine = (statistics.median(r[measure] for r in results[kind]) for kind in (Relay, Engine))
        summary[measure] = (relay, engine, engine / relay)
    print(f"\n{'median of rounds':18}{'relay':>10}{'engine':>10}{'ratio':>8}")
    for measure, (relay, engine, ratio) in summary.items():
        print(f"{measure:18}{relay:10.3f}{engine:10.3f}{ratio:8.2f}")
    print(f"repeated records of the engine: {sum(r['repeats'] for r in results[Engine])}", flush=True)
    return summary


def moments(bench, times):
    """The figures that are no rounds, as medians: {name: {subject: value}}."""
    summary = {}
    for name, measure in (("start to first record, s", bench.first_record_s), ("SIGKILL to new record, s", None),
                          ("idle, share of a core", bench.idle_share)):
        # The relay keeps no offsets: after a kill it would begin again.
        kinds = (Engine,) if measure is None else (Relay, Engine)
        measure = measure or bench.killed_s
        summary[name] = {k.name: statistics.median(measure(k) for _ in range(times)) for k in kinds}
        print(f"{name:26}" + "".join(f"{k:>8} {v:7.3f}" for k, v in summary[name].items()), flush=True)
    return summary


@contextlib.contextmanager
def broker(given, folder):
    """host:port of the given broker, or of one that lives as long as the run."""
    if given:
        yield given
        return
    home = folder / "kafka"
    environment = dict(os.environ, TIDEMARK_BROKER_C2="1")
    port = str(random.randrange(20000, 29000))
    started = subprocess.run([TOP / "dev", "broker", "start", home, port], env=environment, text=True,
                             stdout=subprocess.PIPE, check=False)
    if started.returncode != 0:
        sys.exit("no broker to measure on")
    try:
        yield started.stdout.strip()
    finally:
        subprocess.run([TOP / "dev", "broker", "stop", home], check=False)


def options_parse():
    parser = argparse.ArgumentParser(description="fraud scoring against a bare relay, on a real Kafka")
    parser.add_argument("--build", type=pathlib.Path, default=TOP / "build")
    parser.add_argument("--pipeline", type=pathlib.Path, default=TOP / "docs/examples/fraud-scoring.yaml")
    parser.add_argument("--brokers", help="host:port; without it a broker is started for the run")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--rate", type=int, action="append", help="records a second; may be given again")
    parser.add_argument("--for", dest="seconds", type=float, default=10, help="seconds measured in a round")
    parser.add_argument("--warmup", type=float, default=3, help="seconds before them")
    parser.add_argument("--moments", type=int, default=3, help="times each of the other figures is taken; 0: none")
    parser.add_argument("--json", type=pathlib.Path, help="also writes the summary there")
    parser.add_argument("engine", nargs="*", help="after --: more arguments for tidemark run")
    return parser.parse_args()


def main():
    options = options_parse()
    # Ctrl-C and SIGTERM alike run the clean-up of every `with`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    summary = {}
    # Under the build folder: /tmp may be memory, and the checkpoint's syncs are part of what is measured.
    with tempfile.TemporaryDirectory(dir=options.build, prefix="bench-") as name:
        folder = pathlib.Path(name)
        with broker(options.brokers, folder) as brokers:
            bench = Bench(options, brokers, folder)
            for rate in options.rate or [1000, 5000]:
                summary[str(rate)] = compare(bench, rate, options.rounds)
            if options.moments:
                summary["moments"] = moments(bench, options.moments)
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
