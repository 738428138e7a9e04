#!/usr/bin/env python3
"""Writes the default price book, crates/orch-providers/src/pricing/default.csv.

The prices are those of genai-prices (MIT, Copyright (c) Pydantic Services Inc.):

    pip install genai-prices==0.2.3
    tools/make-prices.py --taken 2026-11-20

One line is one price of one model. What is left out: models that are paid by anything but tokens of text
(speech, pictures, hours, characters), since a price that covers a part of the bill is worse than none.
"""

import argparse
import datetime
import re
from importlib.metadata import version
from pathlib import Path

from genai_prices import data, types

# Vendors with the hosts at which they sell these models themselves, at these prices.
VENDORS = {
    "anthropic": ["api.anthropic.com"],
    "cohere": ["api.cohere.com", "api.cohere.ai"],
    "google": ["generativelanguage.googleapis.com"],
    "groq": ["api.groq.com"],
    "mistral": ["api.mistral.ai"],
    "moonshotai": ["api.moonshot.ai"],
    "openai": ["api.openai.com"],
    "x-ai": ["api.x.ai"],
}
TIERS = {
    "": None,
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast"},
}
# Anthropic names its fast tier differently.
FAST_SPEED = {"speed": "fast"}
RATES = ["input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok"]
# Charges beside the tokens that only some requests cause, and that no price here covers.
EXTRAS = {"web_searches_kcount", "storage_searches_kcount", "google_search_kcount"}
# Rates of other kinds of input beside the text's: the model can be used with text alone.
INPUT_KINDS = re.compile(r"(input|cache)_(audio|image|video|document)(_read|_write)?_mtok$")
# Hosts at which a vendor sells a part of its models only.
FAMILIES = {"google": re.compile(r"gemini|gemma")}
# Models of sound, pictures and searches, whose bill has parts that are no tokens of text.
OTHER_KINDS = re.compile(r"audio|tts|transcribe|whisper|realtime|live|image|video|search|ocr|computer-use")
SNAPSHOTS = ["-20991231", "-2099-12-31", "@20991231"]
UNDATED = datetime.date(1970, 1, 1)


def names(provider, model):
    """The exact names that mean this model, and whether a dated name means it too."""
    exact = {model.id}
    clauses = [model.match]
    while clauses:
        clause = clauses.pop()
        clauses += getattr(clause, "or_", [])
        exact |= {text for kind in ("equals", "starts_with") if (text := getattr(clause, kind, None))}
    exact = sorted(name for name in exact if re.fullmatch(r"[\w./:@-]*\w", name))
    exact = [name for name in exact if provider.find_model(name) is model]
    dated = {name for name in exact if any(provider.find_model(name + end) is model for end in SNAPSHOTS)}
    return [name + ("*" if name in dated else "") for name in exact]


def start(constraint):
    return constraint.start_date if isinstance(constraint, types.StartDateConstraint) else UNDATED


def starts(model):
    """The days on which a price of the model changes, oldest first; the first is the day before all days."""
    prices = model.prices if isinstance(model.prices, list) else []
    found = {start(part.constraint) for part in [*prices, *(model.price_variants or ())] if part.constraint}
    return sorted(found | {UNDATED})


def by_hour(model):
    parts = [*(model.prices if isinstance(model.prices, list) else []), *(model.price_variants or ())]
    return any(isinstance(part.constraint, types.TimeOfDateConstraint) for part in parts)


def steps(rates):
    """The rates by the size of the input: (more than so many tokens, rates)."""
    sizes = {0} | {tier.start for rate in rates.values() if isinstance(rate, types.TieredPrices) for tier in rate.tiers}

    def at(rate, size):
        if not isinstance(rate, types.TieredPrices):
            return rate
        return ([rate.base] + [tier.price for tier in rate.tiers if tier.start <= size])[-1]

    return [(size, {key: at(rate, size) for key, rate in rates.items()}) for size in sorted(sizes)]


def rows(provider, model, taken):
    """The lines of one model, without its names."""
    before = {}
    for day in starts(model):
        when = datetime.datetime.combine(day, datetime.time(12))
        standard = None
        for tier, context in TIERS.items():
            rates = {k: v for k, v in model.get_prices(when, context).__dict__.items() if v is not None}
            if tier == "fast" and context_missing(model, context):
                rates = {k: v for k, v in model.get_prices(when, FAST_SPEED).__dict__.items() if v is not None}
            standard = standard or rates
            unknown = {key for key in rates if key not in RATES and key not in EXTRAS and not INPUT_KINDS.match(key)}
            if "input_mtok" not in rates or unknown:
                return
            lines = [(size, [at.get(key) for key in RATES]) for size, at in steps(rates)]
            # A tier without rates of its own is left to the reader of the file.
            if tier and rates == standard or before.get(tier) == lines:
                continue
            before[tier] = lines
            since = "" if day == UNDATED else day.isoformat()
            for size, prices in lines:
                prices = [format(price.normalize(), "f") if price is not None else "" for price in prices]
                yield [since, taken, tier, str(size or ""), *prices]


def context_missing(model, context):
    return not any(variant.when == context for variant in model.price_variants or ())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--taken", required=True, help="the day that the prices are from, as 2026-11-20")
    taken = datetime.date.fromisoformat(arguments.parse_args().taken).isoformat()
    out = [
        f"# Made by tools/make-prices.py from genai-prices {version('genai-prices')}, which is MIT licensed:",
        "# Copyright (c) Pydantic Services Inc. 2025 to present. Dollars per million tokens.",
        "# A line without commas begins a vendor and lists its hosts. `*` after a name: also with a date after it.",
        "# names,since,taken,tier,above input tokens,input,cache read,cache write,cache write 1 h,output",
    ]
    models = 0
    for provider in sorted(data.providers, key=lambda provider: provider.id):
        hosts = VENDORS.get(provider.id)
        if hosts is None:
            continue
        for host in hosts:
            assert re.match(provider.api_pattern, f"https://{host}"), f"{provider.id} is not at {host}"
        out.append(" ".join(["vendor", provider.id, *hosts]))
        for model in provider.models:
            family = FAMILIES.get(provider.id)
            left_out = by_hour(model) or OTHER_KINDS.search(model.id) or family and not family.match(model.id)
            called = [] if left_out else names(provider, model)
            lines = list(rows(provider, model, taken)) if called else []
            models += bool(lines)
            for number, line in enumerate(lines):
                out.append(",".join(["" if number else " ".join(called), *line]))
    path = Path(__file__).parent.parent / "crates/orch-providers/src/pricing/default.csv"
    path.write_text("\n".join(out) + "\n")
    print(f"{models} models, {len(out)} lines, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
