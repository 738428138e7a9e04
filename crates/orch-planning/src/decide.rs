//! The decision: a pure function of rules, tools, health, budget and moment.

use std::sync::Arc;

use orch_core::{Candidate, Error, ErrorKind, Request, Route, ToolKind, ToolSpec, Usd};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::capability::Capability;
use crate::compiled::Compiled;
use crate::explain::Trace;
use crate::options::{Merged, merged};
use crate::replicates::{Reduced, reduce};
use crate::{Basis, Catalog, Considered, Explanation, Plan};

/// A tool that somebody proposes.
struct Proposal {
    route: Route,
    basis: Basis,
    budget_aware: bool,
    notes: Vec<String>,
}

/// A proposal and what speaks for and against it.
struct Weighed {
    route: Route,
    considered: Considered,
    reduced: Option<Reduced>,
    notes: Vec<String>,
}

pub(crate) fn decide(trace: Trace, catalog: &Catalog, request: &Request, now: Instant) -> Result<Plan, Error> {
    let weigh = |proposal| weigh(proposal, catalog, request, now);
    let matched: Vec<_> = trace.matched().collect();
    let by_rules = matched.iter().any(|rule| rule.tool().is_some());
    let (weighed, usable) = if by_rules {
        first_usable(proposals(&matched, &trace).map(weigh))
    } else {
        best(defaults(&matched, catalog, &trace).map(weigh))
    };
    let Some(chosen) = usable.or_else(|| due_first(&weighed)) else {
        return Err(no_plan(&weighed));
    };
    let reason = match (usable, by_rules) {
        (None, _) => due_reason(&weighed[chosen].considered),
        (Some(_), true) => rule_reason(&matched, &weighed),
        (Some(_), false) => default_reason(&weighed, chosen),
    };
    Ok(plan(catalog, trace, weighed, chosen, reason))
}

/// The tools of the rules that fit, then their fallbacks.
fn proposals<'r>(matched: &'r [&'r Compiled], trace: &'r Trace) -> impl Iterator<Item = Proposal> + 'r {
    // Most often no rule adds options to those of another, and then nobody needs to look for one that does.
    let shared = matched.iter().any(|rule| rule.then == crate::Then::Continue);
    let named = matched.iter().enumerate().filter(|(_, rule)| rule.tool().is_some());
    let primary = move |n: usize, rule: &Compiled| {
        let input = trace.input().as_json();
        let options = if shared { merged(matched, Some(n), input) } else { merged(&[rule], Some(0), input) };
        (rule.route().clone().with_options(options.options), options.notes)
    };
    let primaries = named.clone().map(move |(n, rule)| {
        let (route, notes) = primary(n, rule);
        Proposal { route, notes, basis: rule.basis(), budget_aware: rule.budget_aware }
    });
    let fallbacks = named.filter(|(_, rule)| !rule.route().fallbacks().is_empty()).flat_map(move |(n, rule)| {
        let (basis, budget_aware) = (Basis::Fallback { rule: Arc::clone(&rule.name) }, rule.budget_aware);
        let (route, notes) = primary(n, rule);
        let routes = std::iter::successors(route.next(), Route::next);
        routes.map(move |route| Proposal { route, basis: basis.clone(), budget_aware, notes: notes.clone() })
    });
    primaries.chain(fallbacks)
}

/// Every tool, with the options that rules without a tool give; a bundle also with those that bundles have by default.
fn defaults(matched: &[&Compiled], catalog: &Catalog, trace: &Trace) -> impl Iterator<Item = Proposal> {
    let Merged { options, notes } = merged(matched, None, trace.input().as_json());
    catalog.specs().map(move |spec| {
        let bundle = spec.kind() == ToolKind::Bundle;
        let base = Route::new(spec.name(), "");
        let route = match bundle {
            true => {
                let over = Candidate::new(spec.name()).with_options(options.as_ref().clone());
                let base = base.with_options(bundle_options(spec)).with_fallbacks([over]);
                base.next().unwrap_or(base)
            }
            false => base.with_options(Arc::clone(&options)),
        };
        Proposal { route, basis: Basis::Default, budget_aware: bundle, notes: notes.clone() }
    })
}

/// What a bundle does by default: what it says itself, else three replicates within 0.2.
fn bundle_options(spec: &ToolSpec) -> Value {
    spec.default_options().cloned().unwrap_or_else(|| json!({ "k": 3, "epsilon": 0.2 }))
}

fn weigh(proposal: Proposal, catalog: &Catalog, request: &Request, now: Instant) -> Weighed {
    let Proposal { route, basis, budget_aware, notes } = proposal;
    let considered = catalog.consider(&route, request, basis, now);
    let estimate = considered.estimate.as_ref().filter(|_| budget_aware);
    match estimate.and_then(|estimate| reduce(&route, estimate, request)) {
        Some((route, reduced)) => Weighed { route, considered, reduced: Some(reduced), notes },
        None => Weighed { route, considered, reduced: None, notes },
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

/// Weighs every proposal; of those that can be used the one that is made for such a request, then the cheapest, the
/// first of equal ones, unknown costs last.
fn best(proposals: impl Iterator<Item = Weighed>) -> (Vec<Weighed>, Option<usize>) {
    let weighed: Vec<_> = proposals.collect();
    let usable = weighed.iter().enumerate().filter(|(_, weighed)| weighed.considered.skipped.is_none());
    let best = usable.min_by_key(|(_, weighed)| {
        let cost = cost(&weighed.considered);
        (weighed.considered.capability, cost.is_none(), cost.unwrap_or(Usd::ZERO))
    });
    let best = best.map(|(index, _)| index);
    (weighed, best)
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
    let Weighed { route, reduced, notes, .. } = &weighed[chosen];
    let reduced = reduced.clone();
    let (fallbacks, unknown): (Vec<_>, Vec<_>) =
        route.fallbacks().iter().cloned().partition(|next| catalog.registry().get(&next.tool).is_some());
    let route = Route::new(route.tool(), Arc::clone(&reason))
        .with_options(Arc::clone(route.options()))
        .with_fallbacks(fallbacks);
    let mut explanation = Explanation::new(route.tool(), reason).with_rules(trace);
    let reduction = reduced.iter().map(ToString::to_string);
    for note in notes.iter().cloned().chain(reduction).chain(unknown.iter().map(left_out)) {
        explanation = explanation.with_note(note);
    }
    let mut considered: Vec<_> = weighed.into_iter().map(|weighed| weighed.considered).collect();
    considered[chosen].chosen = true;
    let basis = considered[chosen].basis.clone();
    Plan::on(&basis, route, explanation.with_considered(considered), reduced)
}

fn left_out(fallback: &Candidate) -> String {
    format!("the fallback `{}` is not registered and was left out", fallback.tool)
}

/// The chosen one is the last; every one before it was skipped.
fn rule_reason(matched: &[&Compiled], weighed: &[Weighed]) -> String {
    const NAMED: usize = 3;
    let Some((chosen, before)) = weighed.split_last() else { return String::new() };
    let mut reason = match &chosen.considered.basis {
        Basis::Rule { rule } => {
            let priority = matched.iter().find(|matched| matched.name == *rule).map_or(0, |rule| rule.priority);
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
    let usable: Vec<_> =
        weighed.iter().map(|weighed| &weighed.considered).filter(|considered| considered.skipped.is_none()).collect();
    let chosen = &weighed[chosen].considered;
    let alike: Vec<_> = usable.iter().filter(|other| other.capability == chosen.capability).collect();
    let (made_for, of) = match chosen.capability {
        Some(Capability::Declared) if alike.len() < usable.len() => {
            if alike.len() == 1 {
                return format!(
                    "no rule matched; the only one of {} usable tools whose input schema fits",
                    usable.len()
                );
            }
            ("whose input schema fits", alike.len())
        }
        _ => ("that can be used", usable.len()),
    };
    match (of, cost(chosen)) {
        (1, _) => "no rule matched; the only tool that can be used".to_owned(),
        (n, Some(cost)) => format!("no rule matched; the lowest known cost ({cost} a call) of {n} tools {made_for}"),
        (n, None) => format!("no rule matched; registered first of {n} tools {made_for}, no cost is known"),
    }
}

fn due_reason(considered: &Considered) -> String {
    let wait = considered.due_in().unwrap_or_default();
    format!("{}; no tool can be used now, this one is due first, in {wait:?}", considered.basis)
}
