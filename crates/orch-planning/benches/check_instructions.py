#!/usr/bin/env python3
"""Fails when a planned run costs more with many rules than with few, or when making rules ready costs too much.

Reads what `cargo bench -p orch-planning --bench instructions` prints.
"""

import re
import sys

# A planned run at any number of rules against the same with ten.
RATIO = 1.5
# Instructions for each of 100,000 rules, from the rule to its place in the index.
COMPILE_PER_RULE = 15_000

counts = {}
name = None
for line in sys.stdin:
    if found := re.match(r"instructions::\w+::(\w+) rules_(\d+)", line):
        name = (found[1], int(found[2]))
    elif name and (found := re.match(r"\s*Instructions:\s*(\d+)", line)):
        counts[name] = int(found[1])
        name = None

failures = []
for kind in sorted({kind for kind, _ in counts if kind.startswith("planned_run")}):
    runs = {rules: count for (other, rules), count in counts.items() if other == kind}
    print(kind, ", ".join(f"{rules} rules: {count} instructions" for rules, count in sorted(runs.items())))
    if sorted(runs) != [10, 10_000, 100_000]:
        failures.append(f"{kind} was not measured at 10, 10,000 and 100,000 rules")
    elif max(runs.values()) > RATIO * min(runs.values()):
        failures.append(f"{kind}: {max(runs.values()) / min(runs.values()):.2f} times, at most {RATIO}")
if not any(kind.startswith("planned_run") for kind, _ in counts):
    failures.append("no planned run was measured")

compiled = counts.get(("compile", 100_000))
if compiled is None:
    failures.append("making 100,000 rules ready was not measured")
else:
    print(f"compile: {compiled / 100_000:.0f} instructions a rule")
    if compiled > COMPILE_PER_RULE * 100_000:
        failures.append(f"compile: {compiled / 100_000:.0f} instructions a rule, at most {COMPILE_PER_RULE}")

sys.exit("\n".join(failures) if failures else 0)
