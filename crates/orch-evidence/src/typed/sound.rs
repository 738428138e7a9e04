use orch_core::{Error, from_json};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Consensus;
use crate::Validator;

/// What says that an answer is a `T`, and sound.
pub(crate) fn validator<T: Consensus + DeserializeOwned>() -> impl Validator + 'static {
    |answer: &Value| sound::<T>(answer).map(drop)
}

/// A JSON value as a `T` that its own check accepts.
pub(super) fn sound<T: Consensus + DeserializeOwned>(value: &Value) -> Result<T, Error> {
    let value: T = from_json(value)?;
    value.check()?;
    Ok(value)
}
