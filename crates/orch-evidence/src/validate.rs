//! Whether an answer can be used.

use std::sync::Arc;

use orch_core::{Error, Schema};
use serde_json::Value;

/// Says whether an answer can be used. One that cannot is kept in its replicate and does not count.
///
/// A consensus that was put together field by field is asked about too: when it cannot be used, the medoid's answer
/// takes its place. A closure from a value to `Result<(), Error>` is a validator:
///
/// ```
/// use orch_core::Error;
/// use orch_evidence::ReplicateLayer;
/// use serde_json::Value;
///
/// let layer = ReplicateLayer::new(5).validator(|answer: &Value| match answer["sum"].as_f64() {
///     Some(sum) if sum >= 0.0 => Ok(()),
///     _ => Err(Error::bad_output("/sum", "there is no sum")),
/// });
/// # let _ = layer;
/// ```
pub trait Validator: Send + Sync {
    /// What the answers are checked against, as it stands in `quality.schema_version`; `None`: it has no name.
    fn name(&self) -> Option<&str> {
        None
    }

    /// Whether the answer can be used.
    ///
    /// # Errors
    /// Why not; `BadOutput` points at the place.
    fn check(&self, answer: &Value) -> Result<(), Error>;
}

impl<F> Validator for F
where
    F: Fn(&Value) -> Result<(), Error> + Send + Sync,
{
    fn check(&self, answer: &Value) -> Result<(), Error> {
        self(answer)
    }
}

/// A JSON Schema and its name.
struct NamedSchema {
    name: Option<String>,
    schema: Schema,
}

/// A schema as a validator; its name is its `$id`, else `uri`.
///
/// # Errors
/// `InvalidRequest` at `/schema` for what is no schema, and without the feature `jsonschema`.
pub(crate) fn compiled(schema: &Value, uri: Option<&str>) -> Result<Arc<dyn Validator>, Error> {
    let id = schema.get("$id").and_then(Value::as_str);
    Ok(Arc::new(NamedSchema { name: id.or(uri).map(str::to_owned), schema: Schema::new(schema)? }))
}

impl Validator for NamedSchema {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn check(&self, answer: &Value) -> Result<(), Error> {
        self.schema.check(answer).map_err(Into::into)
    }
}
