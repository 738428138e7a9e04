use orch_core::ToolSpec;
use serde::Serialize;
use serde_json::Value;

/// Whether a tool says that it is made for such a request: whether the input has the form of its input schema, as
/// far as `type`, `required` and the types of `properties` tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Capability {
    /// The input has the form.
    Declared,
    /// The tool declares none.
    Undeclared,
    /// The input does not have the form.
    Mismatch,
}

impl Capability {
    /// What a tool's specification says about an input.
    #[must_use]
    pub fn of(spec: &ToolSpec, input: &Value) -> Self {
        match spec.input_schema() {
            None => Self::Undeclared,
            Some(schema) if fits(schema, input) => Self::Declared,
            Some(_) => Self::Mismatch,
        }
    }
}

/// Plain text has also the form of an object whose one required field is `query`.
fn fits(schema: &Value, input: &Value) -> bool {
    if input.is_string() && !has_type(schema, input) {
        let required = schema.get("required").and_then(Value::as_array);
        let query = schema.get("properties").and_then(|properties| properties.get("query"));
        let asked = required.is_none_or(|required| required.iter().all(|name| name == "query"));
        return asked && query.is_some_and(|query| has_type(query, input));
    }
    has_type(schema, input) && has_fields(schema, input)
}

fn has_fields(schema: &Value, input: &Value) -> bool {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let mut properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    required.filter_map(Value::as_str).all(|name| input.get(name).is_some())
        && properties.all(|(name, schema)| input.get(name).is_none_or(|value| has_type(schema, value)))
}

/// Whether a value is of the type, or of one of the types, that a schema names; one that names none takes all.
fn has_type(schema: &Value, value: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => is_a(value, name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(|name| is_a(value, name)),
        _ => true,
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => {
            value.as_i64().is_some() || value.as_u64().is_some() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_is_made_for_inputs_of_the_form_that_it_declares() {
        let schema = json!({
            "type": "object", "required": ["order"],
            "properties": { "order": { "type": "integer" }, "note": { "type": ["string", "null"] } },
        });
        let of = |schema: &Value, input: Value| {
            Capability::of(&ToolSpec::pure("t").with_input_schema(schema.clone()), &input)
        };
        assert_eq!(of(&schema, json!({ "order": 3 })), Capability::Declared);
        assert_eq!(of(&schema, json!({ "order": 3.0, "note": null, "more": 1 })), Capability::Declared);
        for input in [json!({}), json!({ "order": "3" }), json!({ "order": 1, "note": 2 }), json!([3]), json!("3")] {
            assert_eq!(of(&schema, input.clone()), Capability::Mismatch, "{input}");
        }
        assert_eq!(of(&json!({ "type": "string" }), json!("x")), Capability::Declared);
        assert_eq!(of(&json!({}), json!(1)), Capability::Declared);
        let query = json!({ "type": "object", "required": ["query"], "properties": { "query": { "type": "string" } } });
        assert_eq!(of(&query, json!("x")), Capability::Declared);
        assert_eq!(Capability::of(&ToolSpec::pure("t"), &json!({})), Capability::Undeclared);
    }
}
