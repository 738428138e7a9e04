//! The decision: a pure function of rules, tools, health, budget and moment.

use std::sync::Arc;

use orch_core::{Candidate, Error, ErrorKind, Request, Route, Usd};
use tokio::time::Instant;

use crate::compiled::Compiled;
use crate::explain::Trace;
use crate::replicates::reduce;
use crate::{Basis, Catalog, Considered, Explanation, Plan};

/// A tool that somebody proposes.
struct Proposal {
    route: Route,
    basis: Basis,
    budget_aware: bool,
}

/// A proposal and what speaks for and against it.
struct Weighed {
    route: Route,
    considered: Considered,
    note: Option<String>,
}

pub(crate) fn decide(trace: Trace, catalog: &Catalog, request: &Request, now: Instant) -> Result<Plan, Error> {
    let weigh = |proposal| weigh(proposal, catalog, request, now);
    let by_rules = trace.matched().next().is_some();
    let (weighed, usable) =
        if by_rules { first_usable(proposals(&trace).map(weigh)) } else { cheapest(defaults(catalog).map(weigh)) };
    let Some(chosen) = usable.or_else(|| due_first(&weighed)) else {
        return Err(no_plan(&weighed));
    };
    let reason = match (usable, by_rules) {
        (None, _) => due_reason(&weighed[chosen].considered),
        (Some(_), true) => rule_reason(&trace, &weighed),
        (Some(_), false) => default_reason(&weighed, chosen),
    };
    Ok(plan(catalog, trace, weighed, chosen, reason))
}

/// The tools of the rules that fit, then their fallbacks.
fn proposals(trace: &Trace) -> impl Iterator<Item = Proposal> {
    let primaries = trace.matched().map(|rule| proposal(rule, rule.route().clone(), rule.basis()));
    let fallbacks = trace.matched().flat_map(|rule| {
        let basis = Basis::Fallback { rule: Arc::clone(&rule.name) };
        std::iter::successors(rule.route().next(), Route::next).map(move |route| proposal(rule, route, basis.clone()))
    });
    primaries.chain(fallbacks)
}

fn proposal(rule: &Compiled, route: Route, basis: Basis) -> Proposal {
    Proposal { route, basis, budget_aware: rule.budget_aware }
}

/// Every tool.
fn defaults(catalog: &Catalog) -> impl Iterator<Item = Proposal> {
    let propose = |name: &str| Proposal { route: Route::new(name, ""), basis: Basis::Default, budget_aware: false };
    catalog.specs().map(move |spec| propose(spec.name()))
}

fn weigh(proposal: Proposal, catalog: &Catalog, request: &Request, now: Instant) -> Weighed {
    let Proposal { route, basis, budget_aware } = proposal;
    let considered = catalog.consider(&route, request, basis, now);
    let reduced = considered.estimate.as_ref().filter(|_| budget_aware);
    match reduced.and_then(|estimate| reduce(&route, estimate, request)) {
        Some((route, note)) => Weighed { route, considered, note: Some(note) },
        None => Weighed { route, considered, note: None },
    }
}

/// Weighs proposals until one can be used.
fn first_usable(proposals: impl Iterator<Item = Weighed>) -> (Vec<Weighed>, Option<usize>) {
    let mut weighed = Vec::new();
    for proposal in proposals {
        let usable = proposal.considered.skipped.is_none();
        weighed.push(proposal);
        if usable {
            let last = weighed.len() - 1;
            return (weighed, Some(last));
        }
    }
    (weighed, None)
}

/// Weighs every proposal; the cheapest that can be used, the first of equal ones, unknown costs last.
fn cheapest(proposals: impl Iterator<Item = Weighed>) -> (Vec<Weighed>, Option<usize>) {
    let weighed: Vec<_> = proposals.collect();
    let usable = weighed.iter().enumerate().filter(|(_, weighed)| weighed.considered.skipped.is_none());
    let cheapest = usable.min_by_key(|(_, weighed)| match cost(&weighed.considered) {
        Some(cost) => (false, cost),
        None => (true, Usd::ZERO),
    });
    let cheapest = cheapest.map(|(index, _)| index);
    (weighed, cheapest)
}

fn cost(considered: &Considered) -> Option<Usd> {
    considered.estimate.and_then(|estimate| estimate.cost)
}

/// The first of those that are blocked for the shortest time.
fn due_first(weighed: &[Weighed]) -> Option<usize> {
    let blocked = weighed.iter().enumerate().filter_map(|(index, w)| Some((w.considered.due_in()?, index)));
    blocked.min().map(|(_, index)| index)
}

fn no_plan(weighed: &[Weighed]) -> Error {
    let mut reasons: Vec<_> = weighed.iter().map(|weighed| weighed.considered.to_string()).collect();
    if reasons.is_empty() {
        reasons.push("no tool is registered".to_owned());
    }
    Error::new(ErrorKind::NoPlan { reasons })
}

fn plan(catalog: &Catalog, trace: Trace, weighed: Vec<Weighed>, chosen: usize, reason: String) -> Plan {
    let reason: Arc<str> = reason.into();
    let Weighed { route, note, .. } = &weighed[chosen];
    let (fallbacks, unknown): (Vec<_>, Vec<_>) =
        route.fallbacks().iter().cloned().partition(|next| catalog.registry().get(&next.tool).is_some());
    let route = Route::new(route.tool(), Arc::clone(&reason))
        .with_options(Arc::clone(route.options()))
        .with_fallbacks(fallbacks);
    let mut explanation = Explanation::new(route.tool(), reason).with_rules(trace);
    for note in note.iter().cloned().chain(unknown.iter().map(left_out)) {
        explanation = explanation.with_note(note);
    }
    let mut considered: Vec<_> = weighed.into_iter().map(|weighed| weighed.considered).collect();
    considered[chosen].chosen = true;
    let basis = considered[chosen].basis.clone();
    Plan::on(&basis, route, explanation.with_considered(considered))
}

fn left_out(fallback: &Candidate) -> String {
    format!("the fallback `{}` is not registered and was left out", fallback.tool)
}

/// The chosen one is the last; every one before it was skipped.
fn rule_reason(trace: &Trace, weighed: &[Weighed]) -> String {
    const NAMED: usize = 3;
    let Some((chosen, before)) = weighed.split_last() else { return String::new() };
    let mut reason = match &chosen.considered.basis {
        Basis::Rule { rule } => {
            let priority = trace.matched().find(|matched| matched.name == *rule).map_or(0, |rule| rule.priority);
            format!("rule `{rule}` matched (priority {priority})")
        }
        other => other.to_string(),
    };
    let skipped = before.iter().filter_map(|w| Some((&w.considered.tool, w.considered.skipped.as_ref()?)));
    for (n, (tool, skip)) in skipped.take(NAMED).enumerate() {
        reason += &format!("{}`{tool}`: {skip}", if n == 0 { "; skipped before it: " } else { ", " });
    }
    if before.len() > NAMED {
        reason += &format!(" and {} more", before.len() - NAMED);
    }
    reason
}

fn default_reason(weighed: &[Weighed], chosen: usize) -> String {
    let usable = weighed.iter().filter(|weighed| weighed.considered.skipped.is_none()).count();
    match (usable, cost(&weighed[chosen].considered)) {
        (1, _) => "no rule matched; the only tool that can be used".to_owned(),
        (n, Some(cost)) => {
            format!("no rule matched; the lowest known cost ({cost} a call) of {n} tools that can be used")
        }
        (n, None) => format!("no rule matched; registered first of {n} tools that can be used, no cost is known"),
    }
}

fn due_reason(considered: &Considered) -> String {
    let wait = considered.due_in().unwrap_or_default();
    format!("{}; no tool can be used now, this one is due first, in {wait:?}", considered.basis)
}
