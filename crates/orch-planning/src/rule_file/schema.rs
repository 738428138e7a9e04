use serde_json::{Value, json};

use super::read::THEN;
use crate::Op;

/// The JSON Schema of rule files; it stands in `docs/planning-rules.schema.json`.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Planning rules",
        "description": "Which tool serves which request. Rules are looked at by priority, ties in order of definition.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "$schema": { "type": "string" },
            "rules": { "type": "array", "items": { "$ref": "#/$defs/rule" } },
        },
        "$defs": { "rule": rule(), "condition": condition(), "fallback": fallback() },
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn rule() -> Value {
    let attribute = "A dotted path (metadata.quality) or a JSON Pointer (/metadata/quality).";
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "name": text("Default: what the rule asks for, in short. Names must differ."),
            "priority": { "type": "integer", "default": 0, "description": "The highest is looked at first." },
            "keywords": {
                "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1,
                "description": "Whole words in any case, one of which is enough.",
            },
            "on": text(&format!("Where keywords are looked for; default: everywhere. {attribute}")),
            "fuzzy": {
                "type": "integer", "minimum": 0, "default": 0,
                "description": "How many letters of a keyword may be wrong; it needs three letters for each.",
            },
            "request_type": text("What the attribute `type` must be."),
            "when": { "type": "array", "items": { "$ref": "#/$defs/condition" }, "description": "All must hold." },
            "tool": text("The tool to use; without one the rule only adds options, and must continue."),
            "tool_options": { "type": "object", "description": "Its options; those of the caller win, field by field." },
            "option_from": {
                "type": "object", "additionalProperties": { "type": "string", "description": attribute },
                "description": "Options taken from attributes of the request, where they are there.",
            },
            "fallback": {
                "type": "array", "items": { "$ref": "#/$defs/fallback" },
                "description": "What to try when the tool fails, in order.",
            },
            "then": {
                "enum": THEN, "default": "stop",
                "description": "Whether later rules may add options that this one does not give.",
            },
            "budget_aware": {
                "type": "boolean", "default": false,
                "description": "Whether a low budget reduces `k`, which `tool_options` must give.",
            },
        },
    })
}

fn condition() -> Value {
    let group = |name: &str, inner: Value| json!({ "type": "object", "additionalProperties": false, "required": [name], "properties": { name: inner } });
    let list = json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/condition" } });
    let comparison = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["attribute", "op"],
        "properties": {
            "attribute": text("A dotted path (metadata.quality) or a JSON Pointer (/metadata/quality)."),
            "op": { "enum": Op::ALL.map(Op::name) },
            "value": { "description": "What the attribute is compared with; none for `exists` and `missing`." },
        },
    });
    let not = group("not", json!({ "$ref": "#/$defs/condition" }));
    json!({ "oneOf": [comparison, group("and", list.clone()), group("or", list), not] })
}

fn fallback() -> Value {
    let candidate = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["tool"],
        "properties": {
            "tool": { "type": "string" },
            "options": { "type": "object", "description": "Laid over the options of the rule." },
        },
    });
    json!({ "oneOf": [{ "type": "string" }, candidate] })
}
