#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the example's model: gradient-boosted trees on made-up card transactions, standard library only.

    python3 train.py > fraud-model.json

The transactions are drawn from a fixed seed and labelled by a rule with noise, so the output is the same
every time. Boosting: log loss, second-order leaf values (Friedman 2001; Chen and Guestrin 2016), depth 4,
splits on a histogram of quantiles, missing values to the side that gains more.
"""
import json
import math
import random

TREES = 20
DEPTH = 4
RATE = 0.35
LAMBDA = 1.0
ROWS = 6000
BINS = 48
FEATURES = [
    {"name": "amount", "kind": "amount"},
    {"name": "log_amount", "kind": "log_amount"},
    {"name": "hour", "kind": "hour"},
    {"name": "country", "kind": "country_hash", "buckets": 16},
    {"name": "merchant", "kind": "merchant_hash", "buckets": 32},
]
MISSING = None


def draw(rng):
    """One transaction as feature values, and whether it was fraud."""
    amount = rng.lognormvariate(4.0, 1.0) if rng.random() < 0.9 else rng.uniform(300, 6000)
    amount = round(amount, 2)
    hour = rng.randrange(24)
    country = rng.randrange(16)
    merchant = rng.randrange(32)
    odds = -4.5
    odds += 2.5 * (amount > 600) + 3.5 * (amount > 1800) + 1.5 * (amount > 3500)
    odds += 1.5 * (hour < 6)
    odds += 1.2 * (country in (3, 11)) + 1.5 * (country in (3, 11) and amount > 300)
    odds += 1.0 * (merchant in (5, 17, 29))
    odds += 1.0 * (amount < 1.5)
    fraud = rng.random() < 1 / (1 + math.exp(-odds))
    row = [amount, math.log1p(amount), hour, country, merchant]
    for column in (2, 3, 4):
        if rng.random() < 0.02:
            row[column] = MISSING
    return row, fraud


def thresholds(rows, column):
    """Candidates between neighbouring quantiles."""
    values = sorted({row[column] for row in rows if row[column] is not MISSING})
    if len(values) > BINS:
        values = [values[i * (len(values) - 1) // BINS] for i in range(BINS + 1)]
    return [round((a + b) / 2, 6) for a, b in zip(values, values[1:])]


def score_of(gradient, hessian):
    return gradient * gradient / (hessian + LAMBDA)


def best_split(rows, grads, hess, members, candidates):
    """(gain, feature, threshold, missing side) of the best split, or None."""
    total = sum(grads[i] for i in members), sum(hess[i] for i in members)
    best = None
    for column, cuts in enumerate(candidates):
        known = sorted((rows[i][column], i) for i in members if rows[i][column] is not MISSING)
        lost = [i for i in members if rows[i][column] is MISSING]
        missing = sum(grads[i] for i in lost), sum(hess[i] for i in lost)
        left, at = (0.0, 0.0), 0
        for cut in cuts:
            while at < len(known) and known[at][0] < cut:
                left = left[0] + grads[known[at][1]], left[1] + hess[known[at][1]]
                at += 1
            if at < 20 or len(known) - at < 20:
                continue
            for side in ("left", "right"):
                g = left[0] + (missing[0] if side == "left" else 0)
                h = left[1] + (missing[1] if side == "left" else 0)
                gain = score_of(g, h) + score_of(total[0] - g, total[1] - h) - score_of(*total)
                if best is None or gain > best[0] + 1e-12:
                    best = gain, column, cut, side
    return best if best is not None and best[0] > 1e-6 else None


def goes_left(row, node):
    value = row[node["feature"]]
    return node["missing"] == "left" if value is MISSING else value < node["threshold"]


def grow(nodes, rows, grads, hess, members, candidates, depth):
    """Appends the subtree of @members to @nodes; returns the number of its root."""
    number = len(nodes)
    nodes.append({})
    split = best_split(rows, grads, hess, members, candidates) if depth > 0 else None
    if split is None:
        g, h = sum(grads[i] for i in members), sum(hess[i] for i in members)
        nodes[number] = {"value": round(-RATE * g / (h + LAMBDA), 6)}
        return number
    node = {"feature": split[1], "threshold": split[2], "missing": split[3]}
    sides = [i for i in members if goes_left(rows[i], node)], [i for i in members if not goes_left(rows[i], node)]
    node["left"] = grow(nodes, rows, grads, hess, sides[0], candidates, depth - 1)
    node["right"] = grow(nodes, rows, grads, hess, sides[1], candidates, depth - 1)
    nodes[number] = node
    return number


def leaf_value(nodes, row):
    node = nodes[0]
    while "value" not in node:
        node = nodes[node["left"] if goes_left(row, node) else node["right"]]
    return node["value"]


def main():
    rng = random.Random(20240229)
    drawn = [draw(rng) for _ in range(ROWS)]
    rows, labels = [row for row, _ in drawn], [int(fraud) for _, fraud in drawn]
    candidates = [thresholds(rows, column) for column in range(len(FEATURES))]
    share = sum(labels) / ROWS
    base = round(math.log(share / (1 - share)), 6)
    sums = [base] * ROWS
    trees = []
    for _ in range(TREES):
        chance = [1 / (1 + math.exp(-s)) for s in sums]
        grads = [p - y for p, y in zip(chance, labels)]
        hess = [p * (1 - p) for p in chance]
        nodes = []
        grow(nodes, rows, grads, hess, list(range(ROWS)), candidates, DEPTH)
        trees.append(nodes)
        sums = [s + leaf_value(nodes, row) for s, row in zip(sums, rows)]
    lines = ",\n".join("  [\n   " + ",\n   ".join(json.dumps(node) for node in nodes) + "\n  ]" for nodes in trees)
    features = ",\n  ".join(json.dumps(feature) for feature in FEATURES)
    print('{\n "format": "tidemark-trees/1",\n "base": %s,\n "features": [\n  %s\n ],\n "trees": [\n%s\n ]\n}' %
          (json.dumps(base), features, lines))


if __name__ == "__main__":
    main()
