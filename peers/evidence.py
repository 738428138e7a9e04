#!/usr/bin/env python3
"""Scores of other projects on recorded answers, beside those of the example `evaluate`.

    python3 -m venv "$CACHE/peers"
    "$CACHE/peers/bin/pip" install numpy==2.4.6 rapidfuzz==3.14.6
    "$CACHE/peers/bin/pip" install --no-deps uqlm==0.6.7
    "$CACHE/peers/bin/python" peers/evidence.py DIR

UQLM's own code runs: its exact-match scorer, and its clusters and negentropy. What decides whether two answers mean
the same is a language model there, which needs a graphics card to be quick; here it is the equality of words in lower
case, so the figures are those of its statistics and not of that model. Its other imports are left out.

The answer that is judged is the target where a set has one, else the most frequent text, the first one of a tie, as
UQLM chooses it. Orders are drawn as often as `evaluate` draws them, by a generator of its own.
"""

import argparse
import importlib
import importlib.util
import json
import random
import string
import sys
import time
import types
from collections import Counter
from pathlib import Path

import numpy as np
from rapidfuzz import __version__ as rapidfuzz_version
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

SEED = 20251120
REPLICATES = 80_000


def uqlm():
    """UQLM's scorer of exact matches, its clusterer and its entropy, without the models they are imported with."""
    root = Path(importlib.util.find_spec("uqlm").submodule_search_locations[0])
    for name in ("uqlm", "uqlm.black_box", "uqlm.nli"):
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    absent = {"rich": {}, "rich.progress": {"Progress": None}, "uqlm.nli.nli": {"NLI": None}}
    for name, content in absent.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module
    match = importlib.import_module("uqlm.black_box.match")
    cluster = importlib.import_module("uqlm.nli.cluster")
    entropy = importlib.import_module("uqlm.nli.entropy_utils")
    return match.MatchScorer, cluster.SemanticClusterer, entropy


def words(text):
    kept = (c if c not in string.punctuation else " " for c in text.lower())
    return " ".join("".join(kept).split())


class SameWords:
    """Stands where UQLM has its entailment model."""

    def get_nli_results_batch(self, pairs):
        def result(a, b):
            same = words(a) == words(b)
            return {"noncontradiction_score": float(same), "entailment_score": float(same), "entailment": same}

        return [result(a, b) for a, b in pairs]


def auroc(scores, right):
    scores, right = np.asarray(scores, float), np.asarray(right, bool)
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    hits, misses = right.sum(), (~right).sum()
    return (ranks[right].sum() - hits * (hits + 1) / 2) / (hits * misses) if hits and misses else float("nan")


def ece(scores, right):
    scores, right = np.asarray(scores, float), np.asarray(right, float)
    bins = np.minimum((scores * 10).astype(int), 9)
    return sum(abs((scores - right)[bins == b].sum()) for b in range(10)) / len(scores)


def scores(match, clusterer, entropy, answer, others):
    responses = [answer, *others]
    clusters = clusterer(nli=SameWords()).evaluate(responses=responses, response_probabilities=[1 / len(responses)] * len(responses))
    spread = entropy.compute_semantic_entropy(clusters[2])
    similar = process.cdist(responses, responses, scorer=Levenshtein.normalized_similarity, dtype=np.float64)
    k = len(responses)
    return {
        "uqlm exact match": float(match._compute_score(response=answer, candidates=others)),
        "uqlm negentropy": 1 - entropy.normalize_entropy([spread], len(others))[0],
        "rapidfuzz, mean pair": float((similar.sum() - k) / (k * (k - 1))),
    }


def trial(row, k, order):
    """The judged answer, the others, and whether it is right."""
    drawn = [row["a"][at] for at in order[:k]]
    if "target" in row:
        return row["target"], drawn, bool(row["target_ok"])
    best = Counter(drawn).most_common(1)[0][0]
    at = drawn.index(best)
    return best, drawn[:at] + drawn[at + 1 :], bool(row["ok"][order[at]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=Path)
    peers = uqlm()
    print(f"uqlm {importlib.import_module('importlib.metadata').version('uqlm')}, rapidfuzz {rapidfuzz_version}")
    for file in sorted(parser.parse_args().dir.glob("*.jsonl")):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        rows = [row for row in rows if ("ok" in row or "target" in row) and all(isinstance(a, str) for a in row["a"])]
        if not rows:
            continue
        most = min(len(rows[0]["a"]), 64)
        for k in sorted({k for k in (3, 5, 10) if k < most} | {most}):
            generator, found, began = random.Random(SEED), [], time.process_time()
            for _ in range(max(4, min(60, REPLICATES // (len(rows) * k)))):
                for row in rows:
                    order = list(range(len(row["a"])))
                    generator.shuffle(order)
                    answer, others, right = trial(row, k, order)
                    found.append((scores(*peers, answer, others), right))
            right = [right for _, right in found]
            micros = (time.process_time() - began) / len(found) * 1e6
            print(f"{file.stem} K={k}: accuracy {np.mean(right):.4f}, {micros:.0f} us a question for all three")
            for name in found[0][0]:
                values = [scored[name] for scored, _ in found]
                brier = np.mean((np.asarray(values) - np.asarray(right, float)) ** 2)
                print(f"  {name:22} {auroc(values, right):.4f} / {ece(values, right):.4f} / {brier:.4f}", flush=True)


if __name__ == "__main__":
    main()
