//! The JSON form of the rules, read so that every complaint names the entry and its value.

use std::borrow::Cow;

use orch_core::Error;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Compare, ConsensusRules, FieldRule, NullPolicy, child};

pub(super) fn read(value: &Value) -> Result<ConsensusRules, Error> {
    let mut rules = ConsensusRules::new();
    for (name, value) in object("", value)? {
        let at = child("", name);
        match name.as_str() {
            "fields" => {
                for (pattern, rule) in object(&at, value)? {
                    rules = rules.field(pattern, field(&child(&at, pattern), rule)?);
                }
            }
            "nulls" => rules.nulls = plain(&at, value)?,
            "coerce_numeric" => rules.coerce_numeric = plain(&at, value)?,
            _ => return Err(Error::invalid(at, format!("{value}: there is `fields`, `nulls` and `coerce_numeric`"))),
        }
    }
    Ok(rules)
}

/// A comparison alone, or an object of `compare` and `weight`.
fn field(at: &str, value: &Value) -> Result<FieldRule, Error> {
    let long = value.as_object().filter(|rule| rule.keys().any(|key| matches!(key.as_str(), "compare" | "weight")));
    let Some(long) = long else { return Ok(FieldRule::new(plain(at, value)?)) };
    let mut rule = FieldRule::default();
    for (name, value) in long {
        let at = child(at, name);
        match name.as_str() {
            "compare" => rule.compare = plain(&at, value)?,
            "weight" => rule.weight = plain(&at, value)?,
            _ => return Err(Error::invalid(at, format!("{value}: a rule has `compare` and `weight`"))),
        }
    }
    Ok(rule)
}

fn plain<T: DeserializeOwned>(at: &str, value: &Value) -> Result<T, Error> {
    T::deserialize(value).map_err(|error| Error::invalid(at, format!("{value}: {error}")))
}

fn object<'v>(at: &str, value: &'v Value) -> Result<&'v Map<String, Value>, Error> {
    value.as_object().ok_or_else(|| Error::invalid(at, format!("{value}: an object is expected")))
}

impl Serialize for FieldRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if (self.weight - 1.0).abs() < f64::EPSILON {
            return self.compare.serialize(serializer);
        }
        let mut rule = serializer.serialize_struct("FieldRule", 2)?;
        rule.serialize_field("compare", &self.compare)?;
        rule.serialize_field("weight", &self.weight)?;
        rule.end()
    }
}

impl Serialize for ConsensusRules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({ "fields": self.fields, "nulls": self.nulls, "coerce_numeric": self.coerce_numeric })
            .serialize(serializer)
    }
}

impl JsonSchema for ConsensusRules {
    fn schema_name() -> Cow<'static, str> {
        "ConsensusRules".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let compare = generator.subschema_for::<Compare>();
        let nulls = generator.subschema_for::<NullPolicy>();
        let weighted = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { "compare": compare, "weight": { "type": "number", "exclusiveMinimum": 0 } },
        });
        json_schema!({
            "description": "How the fields of structured answers are compared, by JSON Pointer.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "fields": { "type": "object", "additionalProperties": { "anyOf": [compare, weighted] } },
                "nulls": nulls,
                "coerce_numeric": { "type": "boolean", "default": false },
            },
        })
    }
}

impl<'de> Deserialize<'de> for ConsensusRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
