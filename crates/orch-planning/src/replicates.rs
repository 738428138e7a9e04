use std::fmt;

use orch_core::{Estimate, Event, HasContext, Limits, Request, Route, Usd};
use serde_json::Value;

/// A number of replicates that was reduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reduced {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Why.
    pub(crate) reason: String,
}

impl fmt::Display for Reduced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k is {} instead of {}: {}", self.to, self.from, self.reason)
    }
}

/// As an event.
impl From<&Reduced> for Event {
    fn from(reduced: &Reduced) -> Self {
        let count = |k| u32::try_from(k).unwrap_or(u32::MAX);
        Self::ReplicatesReduced {
            from: count(reduced.from),
            to: count(reduced.to),
            reason: reduced.reason.as_str().into(),
        }
    }
}

/// `route` with as many replicates as fit what the run has left, and the change; `None` when they all
/// fit, when not even one does, or when the caller set `k`.
pub(crate) fn reduce(route: &Route, estimate: &Estimate, request: &Request) -> Option<(Route, Reduced)> {
    if request.asked_options().get("k").is_some() {
        return None;
    }
    let k = route.options().get("k")?.as_u64()?;
    let left = request.context().meter().remaining();
    let fitting = fitting(estimate, left).filter(|fitting| (1..k).contains(fitting))?;
    let mut options = Value::clone(route.options());
    options["k"] = fitting.into();
    let reduced = Reduced { from: k, to: fitting, reason: format!("{k} calls do not fit {}", told(left)) };
    Some((route.clone().with_options(options), reduced))
}

/// How many calls fit; `None` when nothing limits them.
fn fitting(estimate: &Estimate, left: Limits) -> Option<u64> {
    let tokens = times(estimate.tokens(), left.tokens);
    let cost = times(estimate.cost.map(Usd::nanos), left.cost.map(Usd::nanos));
    tokens.into_iter().chain(cost).min()
}

fn times(each: Option<u64>, left: Option<u64>) -> Option<u64> {
    left?.checked_div(each?)
}

fn told(left: Limits) -> String {
    let tokens = left.tokens.map(|tokens| format!("{tokens} tokens"));
    let cost = left.cost.map(|cost| cost.to_string());
    let left: Vec<_> = tokens.into_iter().chain(cost).collect();
    format!("the {} that the run has left", left.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcer_of_tokens_and_money_decides_and_unknowns_do_not() {
        let left = |tokens, cost: Option<u64>| Limits { tokens, cost: cost.map(Usd::from_nanos) };
        let each = |tokens, cost: Option<u64>| Estimate::unknown().output(tokens).cost(cost.map(Usd::from_nanos));
        let cases = [
            (each(Some(100), None), left(Some(299), None), Some(2)),
            (each(Some(100), None), left(Some(300), None), Some(3)),
            (each(Some(100), Some(10)), left(Some(1000), Some(25)), Some(2)),
            (each(Some(100), Some(1)), left(Some(99), Some(25)), Some(0)),
            (each(None, Some(10)), left(Some(1), Some(40)), Some(4)),
            (each(Some(0), None), left(Some(0), None), None),
            (each(Some(5), None), left(None, None), None),
            (each(None, None), left(Some(5), Some(5)), None),
        ];
        for (estimate, limits, expected) in cases {
            assert_eq!(fitting(&estimate, limits), expected, "{estimate:?} {limits:?}");
        }
    }
}
