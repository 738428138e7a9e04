//! Options from a request, and whether they can be kept.

use std::sync::Arc;
use std::time::Duration;

use orch_core::{Budget, Content, Error, ErrorKind};
use serde_json::Value;

use super::BundleOptions;
use crate::ConsensusRules;

impl BundleOptions {
    /// The options of a request; `null` sets nothing.
    ///
    /// What must fit the number of replicates (`seeds`, `weights`, `min_valid`) is held against it here only if the
    /// request says it, else when they are laid over a layer's own.
    ///
    /// # Errors
    /// `InvalidRequest` that points below `/tool_options` and names the value: of an unknown field, a
    /// wrong type, or a value that [`check`](Self::check) refuses.
    pub fn from_json(options: &Value) -> Result<Self, Error> {
        if options.is_null() {
            return Ok(Self::new());
        }
        // A struct could be read from an array too, by position.
        if !options.is_object() {
            return Err(Error::invalid("/tool_options", format!("{options}: the options of a bundle are an object")));
        }
        if let Some(rules) = options.get("rules") {
            // Read by itself first, because its own complaints point at the entry.
            let under_rules = |error| moved(&error, |at| format!("/tool_options/rules{at}"));
            let _checked = ConsensusRules::from_value(rules).map_err(under_rules)?;
        }
        let read: Self = Content::json(options.clone()).get().map_err(|error| under_tool_options(&error))?;
        let checked = if read.k.is_some() { read.check() } else { read.check_alone() };
        checked.map_err(|error| under_tool_options(&error)).map(|()| read)
    }

    /// These options of a request laid over those of a layer, which can be kept.
    ///
    /// # Errors
    /// `InvalidRequest` that points below `/tool_options`, when they do not fit together.
    pub(crate) fn asked_over(self, base: &Self) -> Result<Self, Error> {
        let options = self.over(base);
        options.check().map_err(|error| under_tool_options(&error)).map(|()| options)
    }

    /// Whether all that is set can be kept.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the field and names its value.
    pub fn check(&self) -> Result<(), Error> {
        self.check_alone()?;
        let k = self.replicates();
        if let Some(seeds) = self.seeds.as_ref().filter(|seeds| seeds.len() < k as usize) {
            return Err(Error::invalid("/seeds", format!("{} seeds for {k} replicates", seeds.len())));
        }
        if let Some(weights) = &self.weights {
            if weights.len() < k as usize {
                return Err(Error::invalid("/weights", format!("{} weights for {k} replicates", weights.len())));
            }
            if let Some(at) = (0..k as usize).find(|at| !(self.weight(*at).is_finite() && self.weight(*at) > 0.0)) {
                let reason = format!("{:e}: too large or too small to be set beside the others", weights[at]);
                return Err(Error::invalid(format!("/weights/{at}"), reason));
            }
        }
        if let Some(least) = self.min_valid.filter(|least| *least > k) {
            let reason = format!("{least} valid answers: there must be 1 to {k}, which is `k`");
            return Err(Error::invalid("/min_valid", reason));
        }
        Ok(())
    }

    /// Whether each value can be kept with some number of replicates.
    fn check_alone(&self) -> Result<(), Error> {
        let k = self.replicates();
        if !(1..=Self::MAX_K).contains(&k) {
            return Err(Error::invalid("/k", format!("{k} replicates: there must be 1 to {}", Self::MAX_K)));
        }
        if let Some(epsilon) = self.epsilon.filter(|epsilon| !(0.0..=1.0).contains(epsilon)) {
            return Err(Error::invalid("/epsilon", format!("{epsilon} is not between 0 and 1")));
        }
        if self.max_parallel == Some(0) {
            return Err(Error::invalid("/max_parallel", "0 replicates at the same time: there must be at least 1"));
        }
        let weights = self.weights.iter().flatten().enumerate();
        if let Some((at, weight)) = weights.into_iter().find(|(_, weight)| !(weight.is_finite() && **weight > 0.0)) {
            let reason = format!("{weight}: a weight must be finite and above 0");
            return Err(Error::invalid(format!("/weights/{at}"), reason));
        }
        self.rules_given().check().map_err(|error| moved(&error, |at| format!("/rules{at}")))?;
        if self.min_valid == Some(0) {
            return Err(Error::invalid("/min_valid", "0 valid answers: there must be at least 1"));
        }
        if self.timeout == Some(Duration::ZERO) {
            return Err(Error::invalid("/timeout_ms", "0 ms: there must be more"));
        }
        self.diversified().check()?;
        checked(self.budget.as_ref(), "budget")?;
        checked(self.per_replicate_budget.as_ref(), "per_replicate_budget")
    }
}

/// Whether a budget can be kept; it is the setting `name`.
fn checked(budget: Option<&Budget>, name: &str) -> Result<(), Error> {
    let named = |at: &str| format!("/{name}{}", at.strip_prefix("/budget").unwrap_or(at));
    budget.map_or(Ok(()), |budget| budget.check().map_err(|error| moved(&error, named)))
}

fn under_tool_options(error: &Error) -> Error {
    moved(error, |at| format!("/tool_options{at}"))
}

/// The same complaint about another place.
fn moved(error: &Error, to: impl Fn(&str) -> String) -> Error {
    match error.kind() {
        ErrorKind::InvalidRequest { pointer, reason } | ErrorKind::BadOutput { pointer, reason } => {
            Error::invalid(to(pointer), Arc::clone(reason))
        }
        _ => error.clone(),
    }
}
