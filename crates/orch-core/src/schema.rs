//! Whether an answer fits a JSON Schema.

use serde_json::Value;

use crate::Error;

#[cfg(feature = "jsonschema")]
pub use self::checked::Schema;
#[cfg(not(feature = "jsonschema"))]
pub use self::unchecked::Schema;

/// Where an answer does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The place in the answer, as a JSON Pointer.
    pub pointer: String,
    /// Why, for the model and for people.
    pub reason: String,
}

/// `BadOutput` at the same place.
impl From<Misfit> for Error {
    fn from(misfit: Misfit) -> Self {
        Self::bad_output(misfit.pointer, misfit.reason)
    }
}

#[cfg(feature = "jsonschema")]
mod checked {
    use super::{Error, Misfit, Value};

    /// How many faults are named.
    const NAMED: usize = 3;
    /// How many characters of a fault are kept: it quotes the value.
    const QUOTED: usize = 200;

    /// A JSON Schema, ready to check answers. Needs the feature `jsonschema`.
    #[derive(Debug)]
    pub struct Schema(jsonschema::Validator);

    impl Schema {
        /// Makes a schema ready.
        ///
        /// # Errors
        /// `InvalidRequest` at `/schema` when it is no JSON Schema, refers to one elsewhere (nothing is fetched), or
        /// this build has not the feature.
        pub fn new(schema: &Value) -> Result<Self, Error> {
            let validator = jsonschema::validator_for(schema);
            validator.map(Self).map_err(|error| Error::invalid("/schema", format!("not a JSON Schema: {error}")))
        }

        /// Whether an answer fits.
        ///
        /// # Errors
        /// The first misfit, and up to two more in its reason.
        pub fn check(&self, answer: &Value) -> Result<(), Misfit> {
            let mut faults = self.0.iter_errors(answer);
            let Some(first) = faults.next() else { return Ok(()) };
            let pointer = first.instance_path().to_string();
            let rest = faults.take(NAMED - 1).map(|fault| format!("at `{}` {fault}", fault.instance_path()));
            let all: Vec<String> = [first.to_string()].into_iter().chain(rest).map(beginning).collect();
            Err(Misfit { pointer, reason: all.join("; ") })
        }
    }

    fn beginning(text: String) -> String {
        match text.char_indices().nth(QUOTED) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}

#[cfg(not(feature = "jsonschema"))]
mod unchecked {
    use super::{Error, Misfit, Value};

    /// A JSON Schema, ready to check answers. Needs the feature `jsonschema`: without it there is none.
    #[derive(Debug)]
    pub enum Schema {}

    impl Schema {
        /// Refused: this build cannot check answers.
        ///
        /// # Errors
        /// `InvalidRequest` at `/schema` that names the feature.
        pub fn new(_: &Value) -> Result<Self, Error> {
            let reason = "this build cannot check answers: enable the feature `jsonschema` of orch-core";
            Err(Error::invalid("/schema", reason))
        }

        /// Whether an answer fits.
        ///
        /// # Errors
        /// The first misfit, and up to two more in its reason.
        pub fn check(&self, _: &Value) -> Result<(), Misfit> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[cfg(not(feature = "jsonschema"))]
    #[test]
    fn a_build_that_cannot_check_says_what_it_lacks() {
        let error = Schema::new(&json!({})).unwrap_err().to_string();
        assert!(error.contains("feature `jsonschema`"), "{error}");
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn a_misfit_is_pointed_at_and_long_values_are_cut() {
        let fields = json!({ "score": { "type": "integer", "maximum": 9 }, "why": { "maxLength": 3 } });
        let schema = json!({ "type": "object", "properties": fields, "required": ["score", "why"] });
        let schema = Schema::new(&schema).unwrap();
        assert_eq!(schema.check(&json!({ "score": 3, "why": "so" })), Ok(()));
        let misfit = schema.check(&json!({ "score": "high", "why": "x".repeat(1_000) })).unwrap_err();
        assert_eq!(misfit.pointer, "/score");
        assert!(misfit.reason.contains("integer") && misfit.reason.contains("`/why`"), "{}", misfit.reason);
        assert!(misfit.reason.len() < 500, "{}", misfit.reason);
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn what_is_no_schema_is_refused_and_nothing_is_fetched_for_one() {
        for schema in [json!({ "type": 5 }), json!({ "$ref": "https://example.com/schema.json" })] {
            let error = Schema::new(&schema).unwrap_err().to_string();
            assert!(error.contains("`/schema`"), "{error}");
        }
    }
}
