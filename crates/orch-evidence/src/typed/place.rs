use std::any::TypeId;
use std::collections::BTreeMap;

use super::Consensus;
use crate::rules::child;
use crate::{Compare, ConsensusRules, FieldRule};

/// A place in an answer, where the rules of a type are written down.
#[derive(Debug, Default)]
pub struct Place {
    pointer: String,
    rules: BTreeMap<String, FieldRule>,
    /// The types whose rules are being written.
    open: Vec<TypeId>,
}

impl Place {
    pub(super) fn rules_of<T: Consensus>() -> ConsensusRules {
        let mut whole = Self::default();
        whole.of::<T>();
        whole.rules.into_iter().fold(ConsensusRules::new(), |rules, (pattern, rule)| rules.field(pattern, rule))
    }

    /// Sets how two values here are compared.
    pub fn compare(&mut self, compare: Compare) {
        self.rule().compare = compare;
    }

    /// Sets how much the values here count: finite and above 0, default 1.
    pub fn weight(&mut self, weight: f64) {
        self.rule().weight = weight;
    }

    /// Writes rules for a field of the object here.
    pub fn field(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.below(name, write);
    }

    /// Writes rules for each item of the array, or each value of the map, here.
    pub fn each(&mut self, write: impl FnOnce(&mut Self)) {
        self.below("*", write);
    }

    /// Writes the rules of a type for the values here. Inside itself a type has none: the table of a type that
    /// contains itself would not end.
    pub fn of<T: Consensus>(&mut self) {
        let id = TypeId::of::<T>();
        if !self.open.contains(&id) {
            self.open.push(id);
            T::rules(self);
            self.open.pop();
        }
    }

    fn rule(&mut self) -> &mut FieldRule {
        self.rules.entry(self.pointer.clone()).or_default()
    }

    fn below(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        let below = child(&self.pointer, key);
        let here = std::mem::replace(&mut self.pointer, below);
        write(self);
        self.pointer = here;
    }
}
