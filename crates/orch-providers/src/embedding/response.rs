use std::sync::Arc;

use orch_core::{LimitHint, Usage};
use serde::{Deserialize, Serialize};

/// The vectors of the texts of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EmbeddingResponse {
    /// One vector for each text, in the order of the request; all of the same length.
    pub vectors: Vec<Vec<f32>>,
    /// What the call used.
    #[serde(skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// The provider's id of the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Arc<str>>,
    /// What the provider said is left of its limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitHint>,
}
