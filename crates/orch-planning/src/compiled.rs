//! Rules, checked and in the order in which they are looked at.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use orch_core::{Candidate, Route, ToolSpec, did_you_mean};
use serde_json::Value;

use crate::compile::Compiler;
use crate::matching::{Path, Predicate, Subject, Test, WhyNot};
use crate::{Basis, Catalog, PlanningError, Rule, Then};

/// A rule that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) name: Arc<str>,
    pub(crate) priority: i32,
    pub(crate) budget_aware: bool,
    pub(crate) then: Then,
    /// Its place among the rules as they were defined.
    pub(crate) defined: usize,
    /// The test that an index answers by itself, so that it need not be asked again.
    pub(crate) answered: Option<usize>,
    tests: Box<[Test]>,
    predicates: Box<[Predicate]>,
    options_from: Box<[(String, Arc<Path>)]>,
    /// Of a rule without a tool: its options, and no tool.
    route: Route,
}

/// A rule that cannot work, and where in it the cause lies: a JSON Pointer from the list of rules.
#[derive(Debug)]
pub(crate) struct Misfit {
    #[cfg_attr(not(feature = "rules-file"), expect(dead_code, reason = "only files have places"))]
    pub(crate) pointer: String,
    pub(crate) error: PlanningError,
}

impl Compiled {
    /// Rules by priority, ties in order of definition.
    pub(crate) fn all(rules: Vec<Rule>) -> Result<Vec<Self>, Misfit> {
        let names = names(&rules)?;
        let mut compiler = Compiler::default();
        let mut compiled = Vec::with_capacity(rules.len());
        for (defined, (rule, name)) in rules.into_iter().zip(names).enumerate() {
            let rule = Self::new(rule, name, defined, &mut compiler);
            let placed = |(place, error)| Misfit { pointer: format!("/{defined}{place}"), error };
            compiled.push(rule.map_err(placed)?);
        }
        compiled.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        Ok(compiled)
    }

    fn new(
        mut rule: Rule,
        name: Arc<str>,
        defined: usize,
        compiler: &mut Compiler,
    ) -> Result<Self, (String, PlanningError)> {
        let tool = rule.tool.clone().filter(|tool| !tool.is_empty());
        check_action(&rule, &name, tool.as_ref())?;
        let route = Route::new(tool.unwrap_or_default(), compiler.no_reason())
            .with_options(std::mem::take(&mut rule.options))
            .with_fallbacks(std::mem::take(&mut rule.fallbacks));
        let (priority, budget_aware, then) = (rule.priority, rule.budget_aware, rule.then);
        let options_from = compiler.options_from(&rule, &name)?;
        let predicates = std::mem::take(&mut rule.predicates).into();
        let tests = compiler.tests(rule, &name)?;
        Ok(Self { name, priority, budget_aware, then, defined, answered: None, tests, predicates, options_from, route })
    }

    /// Where the rule sends a request.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// The tool that the rule names.
    pub(crate) fn tool(&self) -> Option<&str> {
        Some(self.route.tool()).filter(|tool| !tool.is_empty())
    }

    /// The options that the rule takes from a request, with the attributes.
    pub(crate) fn options_from(&self) -> &[(String, Arc<Path>)] {
        &self.options_from
    }

    /// That this rule proposes its own tool.
    pub(crate) fn basis(&self) -> Basis {
        Basis::Rule { rule: Arc::clone(&self.name) }
    }

    /// What it asks for, apart from code.
    pub(crate) fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Whether it asks for something that only code knows.
    pub(crate) fn has_predicates(&self) -> bool {
        !self.predicates.is_empty()
    }

    /// Whether the rule fits a request for which the index answered its test already.
    pub(crate) fn fits(&self, subject: &Subject<'_>, request: &orch_core::Request) -> bool {
        let asked = self.tests.iter().enumerate().filter(|(position, _)| Some(*position) != self.answered);
        asked.into_iter().all(|(_, test)| test.holds(subject)) && self.predicates.iter().all(|test| test.holds(request))
    }

    /// Why the rule, which does not fit, does not: the first thing it asks for in vain. Code is asked last and once,
    /// so it was the code if nothing else fails.
    pub(crate) fn why_not(&self, subject: &Subject<'_>) -> WhyNot {
        let failed = self.tests.iter().find(|test| !test.holds(subject));
        failed.map_or_else(
            || WhyNot { condition: "its predicate must hold".to_owned(), seen: None },
            |test| test.why_not(subject),
        )
    }

    /// Every tool that the rule names, with its place in the rule.
    pub(crate) fn tools(&self) -> impl Iterator<Item = (String, &str)> {
        let fallbacks = self.route.fallbacks().iter().enumerate();
        let fallbacks = fallbacks.map(|(n, next)| (format!("/fallback/{n}"), &*next.tool));
        self.tool().map(|tool| ("/tool".to_owned(), tool)).into_iter().chain(fallbacks)
    }

    /// Whether every tool that the rule names is registered.
    pub(crate) fn check(&self, catalog: &Catalog) -> Result<(), Misfit> {
        let registry = catalog.registry();
        match self.tools().find(|(_, tool)| registry.get(tool).is_none()) {
            None => Ok(()),
            Some((place, tool)) => Err(Misfit {
                pointer: format!("/{}{place}", self.defined),
                error: PlanningError::UnknownTool {
                    rule: Arc::clone(&self.name),
                    tool: tool.into(),
                    did_you_mean: did_you_mean(tool, registry.specs().map(ToolSpec::name)).map(Into::into),
                },
            }),
        }
    }
}

fn check_action(rule: &Rule, name: &Arc<str>, tool: Option<&Arc<str>>) -> Result<(), (String, PlanningError)> {
    let named = || Arc::clone(name);
    let Some(tool) = tool else { return check_options_alone(rule, name) };
    let mut seen = HashSet::new();
    let primary = Candidate::new(Arc::clone(tool)).with_options(rule.options.clone());
    for (n, Candidate { tool, options }) in std::iter::once(&primary).chain(&rule.fallbacks).enumerate() {
        let place = |own: &str| if n == 0 { own.to_owned() } else { format!("/fallback/{}", n - 1) };
        if !is_options(options) {
            let (tool, options) = (Arc::clone(tool), options.clone());
            return Err((place("/tool_options"), PlanningError::OptionsNotObject { rule: named(), tool, options }));
        }
        if !seen.insert(tool) {
            return Err((place("/tool"), PlanningError::RepeatedTool { rule: named(), tool: Arc::clone(tool) }));
        }
    }
    let k = rule.options.get("k").and_then(Value::as_u64);
    if rule.budget_aware && k.is_none_or(|k| k == 0) {
        return Err(("/budget_aware".to_owned(), PlanningError::NoReplicates { rule: named() }));
    }
    Ok(())
}

/// A rule without a tool can only add options.
fn check_options_alone(rule: &Rule, name: &Arc<str>) -> Result<(), (String, PlanningError)> {
    let only = |what| PlanningError::OnlyOptions { rule: Arc::clone(name), what };
    if rule.then == Then::Stop {
        return Err((String::new(), PlanningError::NoTool { rule: Arc::clone(name) }));
    }
    if !rule.fallbacks.is_empty() {
        return Err(("/fallback".to_owned(), only("fallbacks")));
    }
    if rule.budget_aware {
        return Err(("/budget_aware".to_owned(), only("a number of replicates to reduce")));
    }
    if !is_options(&rule.options) {
        return Err(("/tool_options".to_owned(), only("options that are no object")));
    }
    Ok(())
}

fn is_options(options: &Value) -> bool {
    options.is_object() || options.is_null()
}

/// The rules' names: those that were given, and for the others what they ask for, numbered where that repeats.
fn names(rules: &[Rule]) -> Result<Vec<Arc<str>>, Misfit> {
    let mut taken = HashSet::new();
    for (n, name) in rules.iter().enumerate().filter_map(|(n, rule)| Some((n, rule.name.as_ref()?))) {
        if !taken.insert(Arc::clone(name)) {
            let error = PlanningError::DuplicateName { rule: Arc::clone(name) };
            return Err(Misfit { pointer: format!("/{n}/name"), error });
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
