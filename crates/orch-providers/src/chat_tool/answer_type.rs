//! The JSON Schema of a type, as providers take it when they guarantee the fit.

use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value, json};

/// The schema of `T` in the part of JSON Schema that strict modes know, and whether it lies within it: maps with keys of
/// any name, tuples, values of any type, and whatever is no object as a whole do not.
///
/// Objects have no fields but the named ones and must have all of them, so that a field is left out by `null`, which an
/// `Option` takes. One of several is any of them. Without formats of numbers (`uint32`), default values and `uniqueItems`,
/// which strict modes refuse.
pub(super) fn strict_schema<T: JsonSchema>() -> (Value, bool) {
    let mut schema = schema_for!(T).to_value();
    let strict = tighten(&mut schema) && schema["type"] == "object";
    (schema, strict)
}

/// The name of a type, as providers take names: 1 to 64 letters, digits, `_` and `-`.
pub(super) fn schema_name<T: JsonSchema>() -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    T::schema_name().chars().map(plain).take(64).collect()
}

/// Whether everything below is strict now.
fn tighten(schema: &mut Value) -> bool {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().fold(true, |strict, schema| tighten(schema) & strict),
        Value::Object(fields) => tighten_object(fields),
        // Anything, or nothing.
        _ => false,
    }
}

fn tighten_object(schema: &mut Map<String, Value>) -> bool {
    // A default is a value and no schema; there may be a property of this name.
    schema.remove("default");
    schema.remove("uniqueItems");
    if let Some(variants) = schema.remove("oneOf") {
        schema.insert("anyOf".to_owned(), variants);
    }
    if schema.get("type").is_some_and(is_numeric) {
        schema.remove("format");
    }
    // Strict modes take a reference alone, but one of one with a description.
    if schema.len() > 1
        && !schema.contains_key("anyOf")
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("anyOf".to_owned(), json!([{ "$ref": reference }]));
    }
    let says_what = ["type", "$ref", "anyOf", "enum", "const"].iter().any(|name| schema.contains_key(*name));
    let refers_alone = !schema.contains_key("$ref") || schema.len() == 1;
    let known = ["allOf", "prefixItems"].iter().all(|name| !schema.contains_key(*name));
    let mut strict = says_what && refers_alone && known;
    for (key, value) in schema.iter_mut() {
        strict &= match key.as_str() {
            "properties" | "$defs" => {
                value.as_object_mut().is_none_or(|named| named.values_mut().fold(true, |all, each| tighten(each) & all))
            }
            "additionalProperties" if *value == Value::Bool(false) => true,
            "additionalProperties" => {
                tighten(value);
                false
            }
            "items" | "prefixItems" | "anyOf" | "allOf" => tighten(value),
            _ => true,
        };
    }
    let names = schema.get("properties").and_then(Value::as_object).map(|named| named.keys().cloned().collect());
    if schema.get("type") == Some(&Value::from("object")) || names.is_some() {
        let names: Vec<String> = names.unwrap_or_default();
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
        schema.insert("required".to_owned(), names.into());
    }
    strict
}

fn is_numeric(kind: &Value) -> bool {
    let numeric = |kind: &Value| matches!(kind.as_str(), Some("integer" | "number"));
    numeric(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(numeric))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "its schema is read, not its values")]
    struct Invoice {
        total: f64,
        #[serde(default)]
        default: u32,
        remark: Option<String>,
        count: Option<u8>,
        items: Vec<Item>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "its schema is read, not its values")]
    struct Item {
        sku: String,
    }

    #[test]
    fn objects_are_closed_all_fields_are_required_and_an_option_may_be_null() {
        let (schema, strict) = strict_schema::<Invoice>();
        assert!(strict);
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["required"], json!(["count", "default", "items", "remark", "total"]));
        assert_eq!(schema["properties"]["total"], json!({ "type": "number" }));
        assert_eq!(schema["properties"]["default"], json!({ "type": "integer", "minimum": 0 }));
        assert_eq!(schema["properties"]["remark"]["type"], json!(["string", "null"]));
        assert_eq!(schema["properties"]["count"]["format"], Value::Null);
        assert_eq!(schema["$defs"]["Item"]["additionalProperties"], json!(false));
        assert_eq!(schema["$defs"]["Item"]["required"], json!(["sku"]));
        assert_eq!(schema_name::<Invoice>(), "Invoice");
        assert_eq!(schema_name::<Vec<Option<Invoice>>>(), "Array_of_Nullable_Invoice");
    }

    #[derive(JsonSchema)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "its schema is read, not its values")]
    enum Shape {
        Circle { radius: f64 },
        Square { side: f64 },
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "its schema is read, not its values")]
    struct One<T> {
        /// What it is.
        field: T,
    }

    #[test]
    fn one_of_several_is_any_of_them_and_a_set_is_a_list() {
        let (schema, strict) = strict_schema::<One<BTreeSet<Shape>>>();
        assert!(strict, "{schema}");
        assert_eq!(schema["$defs"]["Shape"]["anyOf"][1]["required"], json!(["kind", "side"]));
        assert_eq!(schema["properties"]["field"]["uniqueItems"], Value::Null);
    }

    #[test]
    fn a_reference_stands_alone_and_its_description_beside() {
        let (schema, strict) = strict_schema::<One<Item>>();
        assert!(strict, "{schema}");
        let field = json!({ "description": "What it is.", "anyOf": [{ "$ref": "#/$defs/Item" }] });
        assert_eq!(schema["properties"]["field"], field);
        let mut both = json!({ "$ref": "#/$defs/Item", "anyOf": [{ "type": "null" }] });
        assert!(!tighten(&mut both));
    }

    #[test]
    fn what_strict_modes_refuse_is_not_strict() {
        assert!(!strict_schema::<One<Value>>().1);
        assert!(!strict_schema::<One<Vec<Value>>>().1);
        assert!(!strict_schema::<One<BTreeMap<String, Value>>>().1);
        assert!(!strict_schema::<One<(u8, String)>>().1);
        assert!(!strict_schema::<Vec<Item>>().1 && !strict_schema::<Shape>().1 && !strict_schema::<Value>().1);
    }

    #[test]
    fn a_map_is_kept_and_is_not_strict() {
        let (schema, strict) = strict_schema::<BTreeMap<String, Item>>();
        assert!(!strict);
        assert_eq!(schema["additionalProperties"], json!({ "$ref": "#/$defs/Item" }));
        assert!(!strict_schema::<Vec<BTreeMap<String, u8>>>().1);
    }
}
