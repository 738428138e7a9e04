use std::sync::Arc;

use orch_core::{Error, Request};

use crate::compiled::{Compiled, Misfit};
use crate::explain::Trace;
use crate::index::Index;
use crate::matching::{ScanLimits, Subject};
use crate::{Catalog, Rule};

/// Rules, ready to be asked. Never changed once made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    rules: Box<[Compiled]>,
    index: Index,
    limits: ScanLimits,
}

impl Rules {
    /// Checks rules and makes their index.
    pub(crate) fn new(rules: Vec<Rule>) -> Result<Self, Misfit> {
        let mut rules: Box<[_]> = Compiled::all(rules)?.into();
        let index = Index::of(&mut rules);
        Ok(Self { rules, index, limits: ScanLimits::default() })
    }

    pub(crate) fn with_limits(self, limits: ScanLimits) -> Self {
        Self { limits, ..self }
    }

    pub(crate) fn rule(&self, id: u32) -> &Compiled {
        &self.rules[id as usize]
    }

    pub(crate) fn all(&self) -> &[Compiled] {
        &self.rules
    }

    /// Whether every tool that the rules name is registered.
    pub(crate) fn check(&self, catalog: &Catalog) -> Result<(), Misfit> {
        self.rules.iter().try_for_each(|rule| rule.check(catalog))
    }

    /// The rules that fit.
    ///
    /// # Errors
    /// `InvalidRequest` when an attribute is larger than what rules look through.
    pub(crate) fn trace(self: &Arc<Self>, request: &Request) -> Result<Trace, Error> {
        let input = request.input();
        let subject = Subject::new(input.as_json());
        let mut matched = self.index.candidates(&subject, self.limits).map_err(|(place, too_large)| {
            let place = if place.is_empty() { "it".to_owned() } else { format!("`{place}`") };
            Error::invalid("/input", format!("{place} has {too_large}"))
        })?;
        matched.retain(|id| self.rule(*id).fits(&subject, request));
        Ok(Trace::new(Arc::clone(self), matched, input.clone()))
    }
}
