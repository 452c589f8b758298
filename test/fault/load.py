#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A producer that never stops: numbered records, or words, at a fixed rate (open loop), until its stdin ends.

    load.py BROKERS TOPIC PARTITIONS RATE numbers|words

numbers: the value is 0, 1, 2, ... in decimal and the key one of 23. words: the value is one of 101 words, some far
more frequent than others, on partitions in no order. Prints a line when the first record is delivered, and at the end how
many were; ends with 1 when one was not. A process of its own, so that nothing a test does slows it down.
"""
import random
import sys
import threading
import time

from confluent_kafka import Producer

KEYS = 23
WORDS = 101
TICK = 0.004


def records(kind, partitions):
    """(key, value, partition) without end; -1 leaves the partition to the key."""
    chance = random.Random(partitions)
    number = 0
    while True:
        if kind == "numbers":
            yield f"k{(number * 7919 >> 3) % KEYS}", str(number), -1
        else:
            word = min(chance.randrange(WORDS), chance.randrange(WORDS))
            yield None, f"w{word}", chance.randrange(partitions)
        number += 1


def main(brokers, topic, partitions, rate, kind):
    # A record waits for its broker as long as it takes; order and single delivery are the client's promise.
    client = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "linger.ms": 2,
                       "message.timeout.ms": 0, "queue.buffering.max.messages": 1000000,
                       "reconnect.backoff.max.ms": 500})
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    failed = []
    sent = delivered = 0

    def report(err, _message):
        nonlocal delivered
        if err is not None:
            failed.append(err)
        elif not delivered:
            print("flowing", flush=True)
        delivered += err is None

    began = time.monotonic()
    stream = records(kind, int(partitions))
    while not ended.is_set() and not failed:
        due = int((time.monotonic() - began) * float(rate))
        while sent < due:
            key, value, partition = next(stream)
            where = {} if partition < 0 else {"partition": partition}
            client.produce(topic, value=value, key=key, on_delivery=report, **where)
            sent += 1
        client.poll(0)
        ended.wait(TICK)
    left = client.flush(120)
    if left or failed or delivered != sent:
        sys.exit(f"{left} records were not delivered: {failed[:3]}")
    print(sent, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
