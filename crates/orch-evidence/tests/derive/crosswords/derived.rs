//! Crosswords of a type.

use std::collections::BTreeMap;

use orch_core::Error;
use orch_evidence::{Consensus, Evidence, ReplicateLayer};
use serde::Deserialize;
use serde_json::Value;

use super::{Solved, replicated};

#[derive(Deserialize, Consensus)]
struct Grid(#[consensus(text = "exact")] BTreeMap<String, [Option<String>; 5]>);

pub(crate) async fn solve(answers: &[Value]) -> Result<Solved, Error> {
    let output = replicated(ReplicateLayer::new(10).answers::<Grid>(), answers).await?;
    let evidence = Evidence::<Grid>::from_output(&output)?;
    let support = evidence.fields().into_iter().map(|field| (field.pointer().to_owned(), field.support())).collect();
    Ok(Solved { support, rows: evidence.into_value().0 })
}
