#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores transactions with the model, independently of the plugin.

    python3 score.py fraud-model.json < transactions.jsonl > expected-scores.txt

One line of JSON a transaction, one score a line; "-" for one that has no amount.
"""
import datetime
import json
import math
import sys

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def hour_of(text):
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (when - EPOCH) // datetime.timedelta(hours=1) % 24


def value_of(feature, tx):
    kind = feature["kind"]
    if kind == "amount":
        return tx["amount"]
    if kind == "log_amount":
        return math.log1p(tx["amount"]) if tx["amount"] > 0 else 0.0
    if kind == "hour":
        return None if tx["event_time"] is None else hour_of(tx["event_time"])
    column = {"country_hash": "country", "merchant_hash": "merchant"}[kind]
    return None if tx[column] is None else fnv1a(tx[column]) % feature["buckets"]


def score(model, tx):
    values = [value_of(feature, tx) for feature in model["features"]]
    total = model["base"]
    for nodes in model["trees"]:
        node = nodes[0]
        while "value" not in node:
            value = values[node["feature"]]
            side = node["missing"] if value is None else "left" if value < node["threshold"] else "right"
            node = nodes[node[side]]
        total += node["value"]
    return 1 / (1 + math.exp(-total))


def main():
    with open(sys.argv[1]) as file:
        model = json.load(file)
    for line in sys.stdin:
        tx = json.loads(line)
        print("-" if tx["amount"] is None else repr(score(model, tx)))


if __name__ == "__main__":
    main()
