//! The same crosswords by JSON Pointers.

use orch_core::Error;
use orch_evidence::{
    Bundle, BundleOptions, Compare, ConsensusRules, ConsensusSource, ReplicateLayer, Summary, TextMetric,
};
use serde_json::Value;

use super::{Solved, replicated};

fn letters(key: &str, row: &Value) -> Result<[Option<String>; 5], Error> {
    let at = format!("/{key}");
    let items = row.as_array().ok_or_else(|| Error::bad_output(at.as_str(), "a row is an array"))?;
    let mut letters = Vec::with_capacity(5);
    for (index, item) in items.iter().enumerate() {
        match item.as_str() {
            Some(letter) => letters.push(Some(letter.to_owned())),
            None if item.is_null() => letters.push(None),
            None => return Err(Error::bad_output(format!("{at}/{index}"), format!("{item} is no letter"))),
        }
    }
    let count = letters.len();
    letters.try_into().map_err(|_| Error::bad_output(at, format!("{count} letters instead of 5")))
}

fn is_grid(answer: &Value) -> Result<(), Error> {
    let rows = answer.as_object().ok_or_else(|| Error::bad_output("", "a grid is an object of rows"))?;
    rows.iter().try_for_each(|(key, row)| letters(key, row).map(drop))
}

fn support(summary: &Summary, pointer: &str) -> Option<f64> {
    if summary.consensus_source == ConsensusSource::Fallback {
        return None;
    }
    let row = || summary.distributions.get(pointer.rsplit_once('/')?.0); // the same letters in another order
    let statistics = summary.distributions.get(pointer).or_else(row)?;
    Some(statistics.support * f64::from(statistics.n) / summary.compared.len() as f64)
}

pub(crate) async fn solve(answers: &[Value]) -> Result<Solved, Error> {
    let rules = ConsensusRules::new().field("/*/*", Compare::Text(TextMetric::Exact));
    let layer = ReplicateLayer::new(10).options(BundleOptions::new().rules(rules)).validator(is_grid);
    let summary = Bundle::from_output(&replicated(layer, answers).await?)?.summary;
    let consensus = summary.consensus.as_ref().unwrap_or(&Value::Null);
    let rows = consensus.as_object().ok_or_else(|| Error::bad_output("", "a grid is an object of rows"))?;
    let mut solved = Solved::default();
    for (key, row) in rows {
        solved.rows.insert(key.clone(), letters(key, row)?);
        for at in 0..5 {
            let pointer = format!("/{key}/{at}");
            let support = support(&summary, &pointer);
            solved.support.insert(pointer, support);
        }
    }
    Ok(solved)
}
