use serde_json::Value;

use super::pattern::{Key, Pattern};
use super::{Compare, ConsensusRules, FieldRule, NullPolicy};
use crate::tree::Num;
use crate::{TextMetric, normalise};

/// Rules made ready to be looked up on the way down an answer.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The most specific pattern first; the rule of what none fits is the last.
    patterns: Vec<Pattern>,
    rules: Vec<FieldRule>,
    /// The listed values of `one_of` rules as they are compared.
    listed: Vec<Vec<String>>,
    pub(crate) nulls: NullPolicy,
    pub(crate) coerce_numeric: bool,
}

/// A place on the way down: the patterns that fit so far.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    depth: usize,
    open: Vec<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&ConsensusRules::default())
    }
}

impl Rules {
    pub(crate) fn new(rules: &ConsensusRules) -> Self {
        let mut all: Vec<(Pattern, FieldRule)> =
            rules.fields().filter_map(|(pattern, rule)| Some((Pattern::new(pattern)?, rule.clone()))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let (patterns, mut rules_of): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        rules_of.push(FieldRule::default());
        let listed = rules_of.iter().map(|rule| match &rule.compare {
            Compare::OneOf(values) => values.iter().map(|value| one_of_key(value, rules.coerce_numeric)).collect(),
            _ => Vec::new(),
        });
        Self {
            listed: listed.collect(),
            patterns,
            rules: rules_of,
            nulls: rules.nulls,
            coerce_numeric: rules.coerce_numeric,
        }
    }

    /// The rule of this number.
    pub(crate) fn rule(&self, number: u32) -> &FieldRule {
        &self.rules[number as usize]
    }

    /// The number of the rule for what no pattern fits.
    pub(crate) fn default_rule(&self) -> u32 {
        crate::count(self.patterns.len())
    }

    /// The value that a `one_of` rule lists, given its form in which it is compared.
    pub(crate) fn listed(&self, number: u32, key: &str) -> Option<&Value> {
        let Compare::OneOf(values) = &self.rule(number).compare else { return None };
        let at = self.listed[number as usize].iter().position(|listed| listed == key)?;
        values.get(at)
    }

    /// Whether a metric is named anywhere.
    pub(crate) fn names_texts(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.compare, Compare::Text(_)))
    }

    /// Whether any key is another name of a field.
    pub(crate) fn has_aliases(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.compare, Compare::AliasOf(_)))
    }

    /// Puts what is said under another name of a field under its own.
    pub(crate) fn rename(&self, value: &mut Value, step: &Step) {
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.rename(item, &self.below(step, &at.to_string()));
                }
            }
            Value::Object(fields) => {
                let own_name = |alias: &String| match &self.rule(self.at(&self.below(step, alias))).compare {
                    Compare::AliasOf(name) => Some((alias.clone(), name.clone())),
                    _ => None,
                };
                for (alias, name) in fields.keys().filter_map(own_name).collect::<Vec<_>>() {
                    let said = fields.remove(&alias);
                    if let Some(said) = said {
                        fields.entry(name).or_insert(said);
                    }
                }
                for (key, field) in fields {
                    self.rename(field, &self.below(step, key));
                }
            }
            _ => {}
        }
    }

    /// The same rules with another metric wherever one is named.
    pub(crate) fn with_texts(&self, metric: TextMetric) -> Self {
        let mut all = self.clone();
        for rule in &mut all.rules {
            if let Compare::Text(named) = &mut rule.compare {
                *named = metric;
            }
        }
        all
    }

    /// The whole answer.
    pub(crate) fn root(&self) -> Step {
        Step { depth: 0, open: (0..self.default_rule()).collect() }
    }

    /// A key or an index below a place.
    pub(crate) fn below(&self, step: &Step, key: &str) -> Step {
        let fits = |number: &u32| {
            self.patterns[*number as usize].keys.get(step.depth).is_some_and(|expected: &Key| expected.fits(key))
        };
        Step { depth: step.depth + 1, open: step.open.iter().copied().filter(fits).collect() }
    }

    /// The number of the rule at a place.
    pub(crate) fn at(&self, step: &Step) -> u32 {
        let ends = |number: &u32| self.patterns[*number as usize].keys.len() == step.depth;
        step.open.iter().copied().find(ends).unwrap_or_else(|| self.default_rule())
    }
}

impl Step {
    /// Whether no pattern can fit anything below.
    pub(crate) fn is_closed(&self) -> bool {
        self.open.is_empty()
    }
}

/// How a value of a `one_of` rule is compared: numbers by their value, texts apart from everything else.
pub(crate) fn one_of_key(value: &Value, coerce_numeric: bool) -> String {
    let number = match value {
        Value::Number(number) => Some(Num::new(number)),
        Value::String(text) if coerce_numeric => Num::read(text),
        _ => None,
    };
    match (number, value) {
        (Some(number), _) => number.key(),
        (None, Value::String(text)) => format!("\"{}", normalise(text)),
        (None, other) => other.to_string(),
    }
}
