use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::sections::Sections;

/// The JSON Schema (draft 2020-12) of a configuration, made from the types; it stands in
/// `docs/configuration.schema.json`. It knows keys, types and words; what values mean together is
/// [`Config::check`](super::Config::check)'s to say.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().with_transform(Short).into_generator();
    let mut schema = generator.into_root_schema_for::<Sections>().to_value();
    schema["title"] = "Configuration".into();
    schema["description"] = "A client of orch-facade; see docs/configuration.md.".into();
    schema
}

/// The rules, as `orch-planning` describes them.
pub(super) fn rules(generator: &mut SchemaGenerator) -> Schema {
    let Value::Object(mut rules) = orch_planning::rule_file::schema() else { return Schema::default() };
    if let Some(Value::Object(definitions)) = rules.remove("$defs") {
        generator.definitions_mut().extend(definitions);
    }
    json_schema!({ "type": "array", "items": { "$ref": "#/$defs/rule" } })
}

/// Of the texts about types only the first paragraph is meant for those who write a configuration, and what is absent has
/// no default.
#[derive(Clone)]
struct Short;

impl Transform for Short {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::String(text)) = schema.get_mut("description") {
            let first = text.split("\n\n").next().unwrap_or_default();
            *text = first.replace('\n', " ");
        }
        if schema.get("default") == Some(&Value::Null) {
            schema.remove("default");
        }
        transform_subschemas(self, schema);
    }
}
