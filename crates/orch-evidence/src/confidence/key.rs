use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;

/// What a calibrator was fitted for, and so what it may be used for: the same tool, model, metric and K.
///
/// ```
/// use orch_evidence::confidence::CalibrationKey;
///
/// let key = CalibrationKey::new("capital", "token_levenshtein", 5).with_model("small-1");
/// assert_eq!(key.to_string(), "tool `capital`, model `small-1`, metric `token_levenshtein`, K = 5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationKey {
    tool: String,
    model: Option<String>,
    metric: String,
    k: u32,
}

impl CalibrationKey {
    /// The key of a tool, the name of a [`Distance`](crate::Distance), and how many replicates are asked for; of
    /// answers that name no model or different ones.
    #[must_use]
    pub fn new(tool: impl Into<String>, metric: impl Into<String>, k: u32) -> Self {
        Self { tool: tool.into(), model: None, metric: metric.into(), k }
    }

    /// Sets the model that all answers name.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The key that a bundle belongs to. A tool without a name has the empty one.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Self {
        let metric = bundle.metadata.get("distance").and_then(serde_json::Value::as_str).unwrap_or_default();
        Self {
            tool: bundle.meta.task.clone().unwrap_or_default(),
            model: bundle.meta.model.clone(),
            metric: metric.to_owned(),
            k: bundle.meta.k,
        }
    }

    pub(super) fn with_k(self, k: u32) -> Self {
        Self { k, ..self }
    }

    /// How many replicates are asked for.
    #[must_use]
    pub fn k(&self) -> u32 {
        self.k
    }
}

impl fmt::Display for CalibrationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tool `{}`, ", self.tool)?;
        match &self.model {
            Some(model) => write!(f, "model `{model}`, ")?,
            None => write!(f, "no one model, ")?,
        }
        write!(f, "metric `{}`, K = {}", self.metric, self.k)
    }
}
