//! What is doubtful about rules, found without any request.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use orch_core::{ToolSpec, did_you_mean};
use serde::Serialize;

use crate::compiled::Compiled;
use crate::error::hint;
use crate::{Catalog, Then};

mod contradiction;
mod implication;

use self::contradiction::contradiction;
use self::implication::implies;

/// Something doubtful about a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// No request can be what the rule asks for.
    NeverMatches {
        /// The rule.
        rule: Arc<str>,
        /// What contradicts what.
        reason: String,
    },
    /// Whenever the rule fits, another fits too and comes first: the rule is used only while the tool of the other
    /// cannot be; never, if it is the same tool.
    Shadowed {
        /// The rule.
        rule: Arc<str>,
        /// The other.
        by: Arc<str>,
    },
    /// The rule names a tool, or a fallback, that is not registered.
    Unregistered {
        /// The rule.
        rule: Arc<str>,
        /// The tool.
        tool: Arc<str>,
        /// The nearest registered name, if one is near.
        #[serde(skip_serializing_if = "Option::is_none")]
        did_you_mean: Option<Arc<str>>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverMatches { rule, reason } => write!(f, "rule `{rule}` can never match: {reason}"),
            Self::Shadowed { rule, by } => {
                write!(f, "rule `{rule}` always comes after rule `{by}`, which fits whenever it does")
            }
            Self::Unregistered { rule, tool, did_you_mean } => {
                let hint = hint(did_you_mean.as_deref());
                write!(f, "rule `{rule}` names the tool `{tool}`, which is not registered{hint}")
            }
        }
    }
}

/// With how many earlier rules on the same attributes a rule is compared.
const COMPARED: usize = 1_000;

/// Everything doubtful, by order of definition of the rules.
pub(crate) fn findings(rules: &[Compiled], catalog: &Catalog) -> Vec<Finding> {
    let mut found: Vec<(usize, Finding)> = Vec::new();
    let mut earlier = Earlier::default();
    for rule in rules {
        let unregistered = rule.tools().filter(|(_, tool)| catalog.registry().get(tool).is_none());
        found.extend(unregistered.map(|(_, tool)| {
            let did_you_mean = did_you_mean(tool, catalog.specs().map(ToolSpec::name)).map(Into::into);
            (rule.defined, Finding::Unregistered { rule: Arc::clone(&rule.name), tool: tool.into(), did_you_mean })
        }));
        if let Some(reason) = contradiction(rule.tests()) {
            found.push((rule.defined, Finding::NeverMatches { rule: Arc::clone(&rule.name), reason }));
        } else if let Some(by) = earlier.shadow_of(rule) {
            let (rule_name, by) = (Arc::clone(&rule.name), Arc::clone(&by.name));
            found.push((rule.defined, Finding::Shadowed { rule: rule_name, by }));
        }
        earlier.add(rule);
    }
    found.sort_by_key(|(defined, _)| *defined);
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The rules before one that may come first: by the attribute and value of their first test.
#[derive(Default)]
struct Earlier<'r> {
    always: Option<&'r Compiled>,
    by_first: HashMap<String, Vec<&'r Compiled>>,
}

impl<'r> Earlier<'r> {
    /// Rules that continue take nothing from those after them, and what only code knows may not hold.
    fn add(&mut self, rule: &'r Compiled) {
        if rule.then == Then::Continue || rule.tool().is_none() || rule.has_predicates() {
            return;
        }
        match rule.tests().first() {
            None => _ = self.always.get_or_insert(rule),
            Some(first) => {
                for key in implication::asked(first) {
                    let bucket = self.by_first.entry(key).or_default();
                    if bucket.len() < COMPARED {
                        bucket.push(rule);
                    }
                }
            }
        }
    }

    /// The rule that fits whenever `rule` does.
    fn shadow_of(&self, rule: &Compiled) -> Option<&'r Compiled> {
        let keys = rule.tests().iter().flat_map(implication::given);
        let mut near = keys.flat_map(|key| self.by_first.get(&key).into_iter().flatten());
        let covers = |other: &&&Compiled| {
            other.tests().iter().all(|asked| rule.tests().iter().any(|given| implies(given, asked)))
        };
        self.always.or_else(|| near.find(covers).copied())
    }
}

#[cfg(test)]
mod tests;
