use orch_core::Output;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A response that can be stored and handed out again.
///
/// Implemented for [`Output`], `String` and JSON. For a response type of your own an empty
/// `impl Replay for MyAnswer {}` is enough; override [`mark_replayed`](Self::mark_replayed) if its readers should
/// see that nothing was executed or spent for it.
///
/// ```
/// use orch_reliability::Replay;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Receipt { id: u64, cached: bool }
///
/// impl Replay for Receipt {
///     fn mark_replayed(self) -> Self {
///         Self { cached: true, ..self }
///     }
/// }
/// ```
pub trait Replay: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The same response, marked as not executed for this caller; by default without a mark.
    #[must_use]
    fn mark_replayed(self) -> Self {
        self
    }

    /// The response that `output`, [finished](orch_core::Error::finished) work inside an error, stands for; by default
    /// none. Such work is stored and replayed as a success: it was done and paid for.
    #[must_use]
    fn from_output(_output: &Output) -> Option<Self> {
        None
    }

    /// The response as the work that an error carries along; by default none.
    #[must_use]
    fn to_output(&self) -> Option<Output> {
        None
    }
}

impl Replay for Output {
    fn mark_replayed(self) -> Self {
        self.with_replayed()
    }

    fn from_output(output: &Output) -> Option<Self> {
        Some(output.clone())
    }

    fn to_output(&self) -> Option<Output> {
        Some(self.clone())
    }
}

impl Replay for String {}

impl Replay for Value {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_output_is_work_that_an_error_can_carry() {
        let output = Output::from("paid for");
        assert_eq!((output.to_output(), Output::from_output(&output)), (Some(output.clone()), Some(output.clone())));
        assert_eq!(("text".to_owned().to_output(), String::from_output(&output)), (None, None));
        assert_eq!((Value::Null.to_output(), Value::from_output(&output)), (None, None));
    }
}
