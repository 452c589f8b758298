#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which producer settings the Kafka sink should default to: the bare relay with each, on one real Kafka.

Rounds alternate over the settings, so that what the machine does meanwhile falls on all of them. With --current
FOLDER the same is measured with the librdkafka in FOLDER (./dev librdkafka prints one).
"""
import argparse
import os
import pathlib
import signal
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import fraud

SETTINGS = {
    "linger 0, 1 in flight": {"linger.ms": "0", "max.in.flight": "1"},
    "linger 0, 5 in flight": {"linger.ms": "0", "max.in.flight": "5"},
    "linger 0.5, 5 in flight": {"linger.ms": "0.5", "max.in.flight": "5"},
    "linger 1, 1 in flight": {"linger.ms": "1", "max.in.flight": "1"},
}


def variant(label, settings, library):
    """A relay with other settings, perhaps with another librdkafka."""

    class Variant(fraud.Relay):
        name = label

        def command(self, topics):
            extra = [word for key, value in settings.items() for word in ("-X", f"{key}={value}")]
            return [*super().command(topics), *extra]

        def environment(self):
            return dict(os.environ, LD_LIBRARY_PATH=library) if library else super().environment()

    return Variant


def main():
    parser = argparse.ArgumentParser(description="producer settings of the Kafka sink, measured with the relay")
    parser.add_argument("--build", type=pathlib.Path, default=fraud.TOP / "build")
    parser.add_argument("--brokers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, action="append")
    parser.add_argument("--for", dest="seconds", type=float, default=5)
    parser.add_argument("--warmup", type=float, default=1)
    parser.add_argument("--current", help="folder of another librdkafka")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kinds = [variant(name, settings, None) for name, settings in SETTINGS.items()]
    if options.current:
        kinds += [variant(f"{name}, current", settings, options.current) for name, settings in SETTINGS.items()]
    with tempfile.TemporaryDirectory(dir=options.build, prefix="bench-") as name:
        with fraud.broker(options.brokers, pathlib.Path(name)) as brokers:
            bench = fraud.Bench(options, brokers, pathlib.Path(name))
            for rate in options.rate or [1000, 10000]:
                rows = {kind: [] for kind in kinds}
                for number in range(options.rounds):
                    for kind in kinds[number % len(kinds):] + kinds[:number % len(kinds)]:
                        rows[kind].append(bench.round(kind, rate))
                print(f"\n{rate} records/s, medians of {options.rounds} rounds: p50 ms, p99 ms, us of CPU a record")
                for kind in kinds:
                    p50, p99, cpu = (statistics.median(r[m] for r in rows[kind]) for m in ("p50", "p99", "cpu"))
                    print(f"{kind.name:34}{p50:8.3f}{p99:9.3f}{cpu:8.1f}", flush=True)


if __name__ == "__main__":
    main()
