//! Answers of any JSON shape, parsed and normalised once, and their distance: the part of the leaves that disagrees.

mod align;
mod assign;
mod build;
mod compare;
mod date;
mod number;
mod order;
mod pairing;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use self::date::When;
pub(crate) use self::number::Num;
use crate::distance::{Prepared, TokenJaccard, checked};
use crate::notes::Notes;
use crate::rules::{Compare, ConsensusRules, Rules};
use crate::scorer::{Scores, Wanted};
use crate::{Distance, TextMetric};

/// An answer made ready to be compared.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) node: Node,
    /// The number of its rule.
    rule: u32,
    /// Equal for trees whose distance is 0 because they say the same.
    hash: u64,
    /// The weight of its leaves, of which an empty array or object is one; what is ignored weighs nothing.
    mass: f64,
    /// Its values and words.
    size: f64,
    /// How often one of its leaves may be compared: the lengths of the arrays around it, multiplied.
    repeats: f64,
}

/// What a value is, as far as its rule wants to know.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(Num),
    Text(Prepared),
    Date(When, Prepared),
    /// A value of a `one_of` rule, as it is compared.
    Choice(String),
    /// Compared as a whole: by an `exact` rule, or too deep, or one of too many.
    Whole(Box<Value>),
    Ignored,
    Array(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

/// How answers are compared: a metric for texts, rules for fields.
#[derive(Clone)]
pub(crate) struct Comparer {
    metric: Arc<dyn Distance>,
    rules: Arc<Rules>,
    notes: Arc<Notes>,
    scoring: Option<Scoring>,
}

/// Distances of texts that a scorer gives.
#[derive(Clone)]
struct Scoring {
    scores: Arc<Scores>,
    /// What is to be asked for; kept while a comparison is tried.
    wanted: Option<Arc<Wanted>>,
}

impl Comparer {
    pub(crate) fn new(metric: Arc<dyn Distance>, rules: &ConsensusRules) -> Self {
        Self { metric, rules: Arc::new(Rules::new(rules)), notes: Arc::default(), scoring: None }
    }

    /// With texts compared by a scorer, where no rule names a metric.
    pub(crate) fn with_scores(self) -> Self {
        Self { scoring: Some(Scoring { scores: Arc::default(), wanted: None }), ..self }
    }

    /// One that notes what a scorer is to be asked for; `None` without a scorer.
    pub(crate) fn noting(&self) -> Option<(Self, Arc<Wanted>)> {
        let wanted: Arc<Wanted> = Arc::default();
        let scores = Arc::clone(&self.scoring.as_ref()?.scores);
        let scoring = Some(Scoring { scores, wanted: Some(Arc::clone(&wanted)) });
        Some((Self { scoring, ..self.clone() }, wanted))
    }

    pub(crate) fn scores(&self) -> Option<&Scores> {
        self.scoring.as_ref().map(|scoring| scoring.scores.as_ref())
    }

    /// The same rules with all texts compared by their sets of words.
    pub(crate) fn by_words(&self) -> Self {
        let rules = match self.rules.names_texts() {
            true => Arc::new(self.rules.with_texts(TextMetric::TokenJaccard)),
            false => Arc::clone(&self.rules),
        };
        Self { metric: Arc::new(TokenJaccard::SET), rules, notes: Arc::clone(&self.notes), scoring: None }
    }

    /// Whether texts are compared by their sets of words anyway.
    pub(crate) fn is_by_words(&self) -> bool {
        self.metric.name() == TokenJaccard::SET.name() && self.scoring.is_none() && !self.rules.names_texts()
    }

    /// The name of the metric of texts.
    pub(crate) fn name(&self) -> &'static str {
        self.metric.name()
    }

    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// How a value is compared.
    pub(crate) fn rule(&self, tree: &Tree) -> &Compare {
        &self.rules.rule(tree.rule).compare
    }

    /// A value of a `one_of` rule as it is listed there.
    pub(crate) fn listed(&self, tree: &Tree) -> Option<&Value> {
        match &tree.node {
            Node::Choice(key) => self.rules.listed(tree.rule, key),
            _ => None,
        }
    }

    /// The answer with every field under its own name, where rules know others.
    pub(crate) fn renamed(&self, value: Arc<Value>) -> Arc<Value> {
        if !self.has_aliases() {
            return value;
        }
        let mut value = Arc::unwrap_or_clone(value);
        self.rules.rename(&mut value, &self.rules.root());
        Arc::new(value)
    }

    pub(crate) fn has_aliases(&self) -> bool {
        self.rules.has_aliases()
    }

    fn metric(&self, rule: u32) -> &dyn Distance {
        match &self.rules.rule(rule).compare {
            Compare::Text(metric) => metric,
            _ => self.metric.as_ref(),
        }
    }

    fn texts(&self, rule: u32, a: &Prepared, b: &Prepared) -> f64 {
        if let Some(scoring) = &self.scoring
            && !matches!(self.rules.rule(rule).compare, Compare::Text(_))
            && !a.same(b)
        {
            if let Some(distance) = scoring.scores.get(a, b) {
                return distance;
            }
            if let Some(wanted) = &scoring.wanted {
                wanted.add(a, b);
            }
        }
        checked(self.metric(rule), a, b, &self.notes)
    }
}

impl Tree {
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.node, Node::Array(_) | Node::Object(_))
    }

    /// How many values it has that are not made of others.
    pub(crate) fn leaves(&self) -> u64 {
        match &self.node {
            Node::Array(items) => items.iter().map(Self::leaves).sum(),
            Node::Object(fields) => fields.values().map(Self::leaves).sum(),
            _ => 1,
        }
    }

    /// Whether both say the same. Decided by hash.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// What it says, for counting who says the same.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether both are arrays of the same scalars, in whatever order.
    pub(crate) fn is_reordered(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (self.scalars(), other.scalars()) else { return false };
        a == b
    }

    /// What the items of an array of scalars say, sorted.
    fn scalars(&self) -> Option<Vec<u64>> {
        let Node::Array(items) = &self.node else { return None };
        let scalar = |item: &Self| (!item.is_container()).then_some(item.hash);
        let mut all: Vec<u64> = items.iter().map(scalar).collect::<Option<_>>()?;
        all.sort_unstable();
        Some(all)
    }
}

#[cfg(test)]
mod tests;
