//! Rules, checked and in the order in which they are looked at.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use orch_core::{Candidate, Registry, Route, ToolSpec, did_you_mean};
use serde_json::Value;

use crate::matching::{Condition, Keywords, Path, Subject, Test};
use crate::{Basis, PlanningError, Rule};

/// A rule that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) name: Arc<str>,
    pub(crate) priority: i32,
    pub(crate) budget_aware: bool,
    tests: Vec<Test>,
    route: Route,
}

impl Compiled {
    /// Rules by priority, ties in order of definition.
    pub(crate) fn all(rules: Vec<Rule>) -> Result<Vec<Self>, PlanningError> {
        let names = names(&rules)?;
        let compiled = rules.into_iter().zip(names).map(|(rule, name)| Self::new(rule, name));
        let mut compiled = compiled.collect::<Result<Vec<_>, _>>()?;
        compiled.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        Ok(compiled)
    }

    fn new(mut rule: Rule, name: Arc<str>) -> Result<Self, PlanningError> {
        let no_tool = || PlanningError::NoTool { rule: Arc::clone(&name) };
        let tool = rule.tool.clone().filter(|tool| !tool.is_empty()).ok_or_else(no_tool)?;
        check_action(&rule, &name, &tool)?;
        let route = Route::new(tool, format!("rule `{name}`"))
            .with_options(std::mem::take(&mut rule.options))
            .with_fallbacks(std::mem::take(&mut rule.fallbacks));
        let (priority, budget_aware) = (rule.priority, rule.budget_aware);
        Ok(Self { priority, budget_aware, tests: tests(rule, &name)?, route, name })
    }

    /// Where the rule sends a request.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// That this rule proposes its own tool.
    pub(crate) fn basis(&self) -> Basis {
        Basis::Rule { rule: Arc::clone(&self.name) }
    }

    /// The position of the first test that does not hold; `None` when the rule fits.
    pub(crate) fn failure<'r>(&'r self, subject: &Subject<'r>) -> Option<usize> {
        self.tests.iter().position(|test| !test.holds(subject))
    }

    /// The test at a position that [`failure`](Self::failure) gave.
    pub(crate) fn test(&self, position: usize) -> &Test {
        &self.tests[position]
    }

    /// Whether every tool that the rule names is registered.
    pub(crate) fn check(&self, registry: &Registry) -> Result<(), PlanningError> {
        let tools = std::iter::once(self.route.tool()).chain(self.route.fallbacks().iter().map(|next| &*next.tool));
        match tools.into_iter().find(|tool| registry.get(tool).is_none()) {
            None => Ok(()),
            Some(tool) => Err(PlanningError::UnknownTool {
                rule: Arc::clone(&self.name),
                tool: tool.into(),
                did_you_mean: did_you_mean(tool, registry.specs().map(ToolSpec::name)).map(Into::into),
            }),
        }
    }
}

/// What the rule asks for; code of the user's own comes last.
fn tests(rule: Rule, name: &Arc<str>) -> Result<Vec<Test>, PlanningError> {
    let path = |text: &str| {
        Path::parse(text).map_err(|reason| PlanningError::InvalidPath {
            rule: Arc::clone(name),
            path: text.into(),
            reason,
        })
    };
    let mut tests = Vec::with_capacity(rule.conditions.len() + rule.predicates.len() + 1);
    if let Some(words) = rule.keywords {
        let on = rule.on.as_deref().map(path).transpose()?;
        let keywords = Keywords::new(on, words);
        tests.push(Test::Keywords(keywords.ok_or_else(|| PlanningError::EmptyKeywords { rule: Arc::clone(name) })?));
    } else if let Some(attribute) = rule.on {
        return Err(PlanningError::NotKeywords { rule: Arc::clone(name), attribute });
    }
    for (attribute, op, value) in rule.conditions {
        let condition = Condition::new(path(&attribute)?, op, value.clone());
        let wrong =
            |expected| PlanningError::WrongValue { rule: Arc::clone(name), path: attribute, op, expected, value };
        tests.push(Test::Condition(condition.map_err(wrong)?));
    }
    tests.extend(rule.predicates.into_iter().map(Test::Predicate));
    Ok(tests)
}

fn check_action(rule: &Rule, name: &Arc<str>, tool: &Arc<str>) -> Result<(), PlanningError> {
    let mut seen = HashSet::new();
    let primary = Candidate::new(Arc::clone(tool)).with_options(rule.options.clone());
    for Candidate { tool, options } in std::iter::once(&primary).chain(&rule.fallbacks) {
        if !(options.is_object() || options.is_null()) {
            let (tool, options) = (Arc::clone(tool), options.clone());
            return Err(PlanningError::OptionsNotObject { rule: Arc::clone(name), tool, options });
        }
        if !seen.insert(tool) {
            return Err(PlanningError::RepeatedTool { rule: Arc::clone(name), tool: Arc::clone(tool) });
        }
    }
    let k = rule.options.get("k").and_then(Value::as_u64);
    if rule.budget_aware && k.is_none_or(|k| k == 0) {
        return Err(PlanningError::NoReplicates { rule: Arc::clone(name) });
    }
    Ok(())
}

/// The rules' names: those that were given, and for the others what they ask for, numbered where that repeats.
fn names(rules: &[Rule]) -> Result<Vec<Arc<str>>, PlanningError> {
    let mut taken = HashSet::new();
    for name in rules.iter().filter_map(|rule| rule.name.as_ref()) {
        if !taken.insert(Arc::clone(name)) {
            return Err(PlanningError::DuplicateName { rule: Arc::clone(name) });
        }
    }
    let mut uses: HashMap<String, usize> = HashMap::new();
    let mut fresh = |rule: &Rule| {
        let base = described(rule);
        loop {
            let n = uses.entry(base.clone()).and_modify(|n| *n += 1).or_insert(1);
            let name: Arc<str> = if *n == 1 { base.as_str().into() } else { format!("{base} #{n}").into() };
            if taken.insert(Arc::clone(&name)) {
                return name;
            }
        }
    };
    Ok(rules.iter().map(|rule| rule.name.clone().unwrap_or_else(|| fresh(rule))).collect())
}

fn described(rule: &Rule) -> String {
    const SHOWN: usize = 3;
    match (&rule.keywords, &rule.request_type) {
        (Some(words), _) => {
            let more = if words.len() > SHOWN { ", ..." } else { "" };
            format!("keywords({}{more})", words[..words.len().min(SHOWN)].join(", "))
        }
        (None, Some(request_type)) => format!("request_type({request_type})"),
        (None, None) => "rule".to_owned(),
    }
}

#[cfg(test)]
mod tests;
