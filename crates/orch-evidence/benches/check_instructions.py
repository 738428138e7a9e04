#!/usr/bin/env python3
"""Fails when a bundle costs more than its share of what `strsim` and `rapidfuzz` cost in the same run.

Reads what `cargo bench -p orch-evidence --bench instructions` prints.
"""

import re
import sys

counts = {}
name = None
for line in sys.stdin:
    if found := re.match(r"instructions::\w+::(\w+) (\w+)", line):
        name = f"{found[1]} {found[2]}"
    elif name and (found := re.match(r"\s*Instructions:\s*(\d+)", line)):
        counts[name] = int(found[1])
        name = None

STRSIM = "pairs_by_strsim k8_2000_near"
RAPIDFUZZ = "pairs_by_rapidfuzz k8_2000_near"
LONG_PAIR = "pair_by_strsim pair_10000_near"

# What is held against what, how many times the peer counts, and the most of it that ours may cost.
LIMITS = [
    ("bundle characters_k8_2000_near", RAPIDFUZZ, 1, 1.15),
    ("bundle characters_k8_2000_near", STRSIM, 1, 1 / 18),
    ("bundle k8_10000_near", LONG_PAIR, 28, 1 / 200),
]

failures = []
for ours, theirs, times, most in LIMITS:
    if ours not in counts or theirs not in counts:
        failures.append(f"{ours} or {theirs} was not counted")
        continue
    ratio = counts[ours] / (counts[theirs] * times)
    print(f"{ours}: {counts[ours]} instructions, {ratio:.5f} of {times} x {theirs}, at most {most:.5f}")
    if ratio > most:
        failures.append(f"{ours}: {ratio:.5f} of {times} x {theirs}, at most {most:.5f}")

sys.exit("\n".join(failures) if failures else 0)
