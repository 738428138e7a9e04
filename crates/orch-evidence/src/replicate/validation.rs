//! What the answers of a call are checked against.

use std::collections::BTreeMap;
use std::sync::Arc;

use orch_core::Error;
use serde_json::Value;

use crate::options::BundleOptions;
use crate::validate::{Validator, compiled};

type Ready = Result<Arc<dyn Validator>, Error>;

/// Everything that a layer can check answers against, made ready once.
#[derive(Clone, Default)]
pub(super) struct Validation {
    own: Option<Arc<dyn Validator>>,
    known: BTreeMap<String, Ready>,
    /// The schema among the layer's options.
    inline: Option<Ready>,
}

impl Validation {
    pub(super) fn own(&mut self, validator: Arc<dyn Validator>) {
        self.own = Some(validator);
    }

    pub(super) fn know(&mut self, uri: String, schema: &Value) {
        let ready = compiled(schema, Some(&uri));
        self.known.insert(uri, ready);
    }

    /// Compiles the schema of the layer's options, unless it is the one that they had before.
    pub(super) fn inline(&mut self, options: &BundleOptions, before: &BundleOptions) {
        let same =
            options.inline_schema() == before.inline_schema() && options.uri_of_schema() == before.uri_of_schema();
        if !same {
            self.inline = options.inline_schema().map(|schema| compiled(schema, options.uri_of_schema()));
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let broken = self.inline.iter().chain(self.known.values()).find_map(|ready| ready.as_ref().err());
        broken.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// What the answers of a call are checked against: a schema of the call's own, the one that it names, the one of
    /// the layer's options, the one that these name, the layer's validator; the first that there is.
    pub(super) fn of(&self, call: &BundleOptions, layer: &BundleOptions) -> Result<Option<Arc<dyn Validator>>, Error> {
        if let Some(schema) = call.inline_schema() {
            return compiled(schema, call.uri_of_schema().or(layer.uri_of_schema())).map(Some);
        }
        let named = |options: &BundleOptions| options.uri_of_schema().and_then(|uri| self.known.get(uri));
        let ready = named(call).or(self.inline.as_ref()).or_else(|| named(layer));
        ready.cloned().or_else(|| self.own.clone().map(Ok)).transpose()
    }
}
