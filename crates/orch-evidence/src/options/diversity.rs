use orch_core::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// In what the replicates of a bundle differ on purpose. Each has a seed of its own in any case; but a seed alone
/// changes nothing where the target takes none, and some targets forbid to set a temperature: so it is said here, and
/// noted in every replicate.
///
/// Replicate n gets the n-th of the values, and after the last one the first again. The replicated tool finds its value
/// among its options, under `chat`, where `ChatTool` of `orch-providers` reads it:
///
/// ```
/// use orch_evidence::{BundleOptions, Diversity};
/// use serde_json::json;
///
/// # fn main() -> Result<(), orch_core::Error> {
/// let options = BundleOptions::from_json(&json!({ "diversity": { "temperature": [0.2, 0.7, 1.0] } }))?;
/// let diversity = Diversity::Temperature(vec![0.2, 0.7, 1.0]);
/// assert_eq!(options, BundleOptions::new().diversity(diversity.clone()));
/// assert_eq!(diversity.of(5).unwrap().options(&json!({ "chat": { "top_p": 0.9 } })),
///     json!({ "chat": { "top_p": 0.9, "temperature": 0.7 } }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Diversity {
    /// In nothing but their seeds. The default.
    #[default]
    Seeds,
    /// In the sampling temperature, from 0 up: option `temperature`.
    Temperature(Vec<f64>),
    /// In an instruction that is added to the prompt: option `instruction`.
    PromptVariants(Vec<String>),
    /// In the model: option `model`.
    Models(Vec<String>),
}

impl Diversity {
    /// Its name in a bundle.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Seeds => "seeds",
            Self::Temperature(_) => "temperature",
            Self::PromptVariants(_) => "prompt_variants",
            Self::Models(_) => "models",
        }
    }

    /// What replicate `index`, counted from 1, has of its own; `None` if nothing but its seed.
    #[must_use]
    pub fn of(&self, index: u32) -> Option<Variation> {
        match self {
            Self::Seeds => None,
            Self::Temperature(values) => nth(values, index).copied().map(Variation::Temperature),
            Self::PromptVariants(values) => nth(values, index).cloned().map(Variation::Instruction),
            Self::Models(values) => nth(values, index).cloned().map(Variation::Model),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let values = match self {
            Self::Seeds => return Ok(()),
            Self::Temperature(values) => values.len(),
            Self::PromptVariants(values) | Self::Models(values) => values.len(),
        };
        if values == 0 {
            return Err(Error::invalid(format!("/diversity/{}", self.name()), "an empty list: there must be a value"));
        }
        let Self::Temperature(values) = self else { return Ok(()) };
        match values.iter().position(|value| !(value.is_finite() && *value >= 0.0)) {
            Some(at) => {
                let reason = format!("{}: a temperature is a number from 0 up", values[at]);
                Err(Error::invalid(format!("/diversity/temperature/{at}"), reason))
            }
            None => Ok(()),
        }
    }
}

/// The n-th, counted from 1; after the last one the first again.
fn nth<T>(values: &[T], n: u32) -> Option<&T> {
    let at = (n as usize).checked_sub(1)?.checked_rem(values.len())?;
    values.get(at)
}

/// What one replicate has of its own, besides its seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Variation {
    /// Its sampling temperature.
    Temperature(f64),
    /// What is added to the prompt.
    Instruction(String),
    /// Its model.
    Model(String),
}

impl Variation {
    /// Options of the replicated tool with this laid over them, under `chat`.
    #[must_use]
    pub fn options(&self, base: &Value) -> Value {
        let mut options = if base.is_object() { base.clone() } else { json!({}) };
        let (name, value) = match self {
            Self::Temperature(value) => ("temperature", json!(value)),
            Self::Instruction(value) => ("instruction", json!(value)),
            Self::Model(value) => ("model", json!(value)),
        };
        if !options["chat"].is_object() {
            options["chat"] = json!({});
        }
        options["chat"][name] = value;
        options
    }
}
