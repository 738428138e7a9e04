//! What the code has set, as the lowest of the sources.

use orch_core::Error;
use orch_reliability::ReliabilityConfig;
use serde_json::{Value, json};

use super::Origin;
use super::sections::{Sections, StoresSection};
use super::tree::Tree;
use crate::ClientBuilder;

/// The settings of a builder, all of them: what equals the default counts as one.
pub(super) fn read(builder: &ClientBuilder) -> Result<Tree, Error> {
    let plain = settings(Sections::default().max_parallel, &ReliabilityConfig::default(), StoresSection::MEMORY)?;
    let store = if builder.has_store() { StoresSection::CODE } else { StoresSection::MEMORY };
    let value = settings(builder.settings().max_parallel, builder.reliability_config(), store)?;
    let same = value.clone();
    Ok(Tree::new(
        value,
        |pointer| {
            if same.pointer(pointer) == plain.pointer(pointer) { Origin::Default } else { Origin::Code }
        },
    ))
}

fn settings(max_parallel: usize, reliability: &ReliabilityConfig, store: &str) -> Result<Value, Error> {
    let reliability =
        serde_json::to_value(reliability).map_err(|error| Error::invalid("/reliability", error.to_string()))?;
    Ok(json!({ "max_parallel": max_parallel, "reliability": reliability, "stores": { "idempotency": store } }))
}
