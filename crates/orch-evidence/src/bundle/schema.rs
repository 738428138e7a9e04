//! The JSON Schema of a bundle.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::BundleContent;

impl BundleContent {
    /// The JSON Schema (draft 2020-12) of what [`BundleContent`](Self) is in JSON, made from the types; it stands in
    /// `docs/bundle.schema.json`. Later versions may add fields, so a reader passes over those that it does not know.
    #[must_use]
    pub fn json_schema() -> Value {
        let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        generator.root_schema_for::<Self>().to_value()
    }
}
