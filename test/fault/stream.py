# SPDX-License-Identifier: Apache-2.0
"""What flows past the engine in a fault test: the load, the source topic as it was written, the output as it came."""
import os
import subprocess
import sys
import time

from confluent_kafka import Consumer, TopicPartition

import harness
from harness import Failure, check, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def messages(consumer, seconds):
    """What there is, at most so long waited for; an error of the client is a failure, an outage is not."""
    for message in consumer.consume(1000, seconds):
        error = message.error()
        if error is None:
            yield message
        elif error.fatal():
            raise Failure(f"reading failed: {error}")


def newest(consumer, topic, partitions):
    """The offsets behind the newest records, as the broker says now."""
    return [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=harness.PATIENCE)[1]
            for p in range(partitions)]


def reader(brokers, topic, begin):
    """A consumer of all partitions, each from its offset."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"fault-{topic}-{time.time()}",
                         "enable.auto.commit": False, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 5,
                         "reconnect.backoff.max.ms": 500, "log_level": 0})
    consumer.assign([TopicPartition(topic, p, offset) for p, offset in enumerate(begin)])
    return consumer


class Load:
    """The producer, a process of its own (load.py). Records flow when the constructor returns."""

    def __init__(self, topic, partitions, rate, kind="numbers", brokers=None):
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "load.py"), brokers or harness.BROKERS, topic, str(partitions),
             str(rate), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "flowing\n":
            self.process.wait()
            raise Failure("the producer does not start: " + self.process.stderr.read()[-1000:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failure("the producer ended: " + self.process.stderr.read()[-1000:])

    def stop(self):
        """Ends it when everything is delivered; answers how many records that are."""
        self.check_alive()
        out, err = self.process.communicate(timeout=harness.PATIENCE)
        check(self.process.returncode == 0, "the producer failed:", err[-1000:])
        return int(out)


class Source:
    """The source topic as it stands in the broker, read independently of the engine, from given offsets on."""

    def __init__(self, topic, partitions, begin=None, brokers=None):
        self.topic, self.partitions = topic, partitions
        self.begin = begin or [0] * partitions
        self.keys = [[] for _ in range(partitions)]  # by offset, from begin on
        self.values = [[] for _ in range(partitions)]
        self.consumer = reader(brokers or harness.BROKERS, topic, self.begin)

    def ends(self):
        """The offsets behind the newest records, as the broker says now."""
        return newest(self.consumer, self.topic, self.partitions)

    def read_to(self, ends):
        def enough():
            for message in messages(self.consumer, 0.1):
                p = message.partition()
                check(message.offset() == self.begin[p] + len(self.values[p]), f"a gap in {self.topic}-{p}")
                self.keys[p].append(message.key())
                self.values[p].append(message.value())
            return all(self.begin[p] + len(self.values[p]) >= end for p, end in enumerate(ends))

        wait_for(enough, f"the records of {self.topic}")
        return self

    def read_all(self):
        return self.read_to(self.ends())

    def close(self):
        self.consumer.close()


class Output:
    """The output topic as it comes. take(message) makes a record of each; records are kept per partition."""

    def __init__(self, topic, partitions, take, brokers=None):
        self.topic, self.take = topic, take
        self.records = [[] for _ in range(partitions)]
        self.count = 0
        self.consumer = reader(brokers or harness.BROKERS, topic, [0] * partitions)

    def poll(self, seconds=0.005):
        """Takes what there is; answers the new records."""
        new = []
        for message in messages(self.consumer, seconds):
            record = self.take(message)
            self.records[message.partition()].append(record)
            new.append(record)
        self.count += len(new)
        return new

    def wait_new(self, wanted, what, engine):
        """Until a record comes for which wanted(record) is true."""
        end = time.monotonic() + harness.PATIENCE
        while time.monotonic() < end:
            if any([wanted(record) for record in self.poll()]):
                return time.monotonic()
            if not engine.running():
                raise Failure(f"the engine ended while {what} was awaited: " + engine.err()[-3000:])
        raise Failure(f"waited in vain for {what}: " + engine.err()[-3000:])

    def read_all(self):
        """Up to what the broker holds now."""
        ends = newest(self.consumer, self.topic, len(self.records))

        def enough():
            self.poll(0.05)
            return all(len(records) >= end for records, end in zip(self.records, ends))

        wait_for(enough, f"the records of {self.topic}")
        return self

    def close(self):
        self.consumer.close()


def id_header(message):
    """The engine's record id: (split, offset)."""
    for name, value in message.headers() or []:
        if name == "tidemark-record-id":
            split, offset = value.decode("ascii").rsplit("/", 1)
            return split, int(offset)
    raise Failure("a record without its id")
