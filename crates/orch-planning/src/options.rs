//! The options that several rules give together.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::Then;
use crate::compiled::Compiled;

/// What may be taken from a request as an option: more is left out.
const TEXT: usize = 64 << 10;
const VALUES: usize = 1_000;
const DEPTH: usize = 32;

/// Options, and what a reader should know about them.
#[derive(Default)]
pub(crate) struct Merged {
    pub(crate) options: Arc<Value>,
    pub(crate) notes: Vec<String>,
}

/// The options that a tool gets when the rule at `chosen` among those that match decides it: its own, over those of
/// the rules that continue to it or that it continues to. `None`: no rule decides.
pub(crate) fn merged(matched: &[&Compiled], chosen: Option<usize>, input: &Value) -> Merged {
    let owner = chosen.map(|n| matched[n]);
    let givers = givers(matched, chosen, owner.and_then(Compiled::tool));
    match (owner, &givers[..]) {
        (None, []) => return Merged::default(),
        (Some(owner), [_]) if owner.options_from().is_empty() => {
            return Merged { options: Arc::clone(owner.route().options()), notes: Vec::new() };
        }
        _ => {}
    }
    let (mut options, mut notes) = (Map::new(), Vec::new());
    // The chosen rule's own come first; then earlier rules before later ones.
    let is_owner = |giver: &&Compiled| owner.is_some_and(|owner| std::ptr::eq(owner, *giver));
    let (own, others): (Vec<_>, Vec<_>) = givers.into_iter().partition(is_owner);
    for giver in own.iter().chain(&others) {
        for (name, value) in given(giver, input, &mut notes) {
            options.entry(name).or_insert(value);
        }
    }
    if !others.is_empty() {
        let names: Vec<_> = others.iter().map(|rule| format!("`{}`", rule.name)).collect();
        notes.push(format!("options were added by {}", names.join(", ")));
    }
    let options = if options.is_empty() { Value::Null } else { Value::Object(options) };
    Merged { options: Arc::new(options), notes }
}

/// The rules that may give options, in order: those that continue, up to the first after the chosen one that stops.
fn givers<'r>(matched: &[&'r Compiled], chosen: Option<usize>, tool: Option<&str>) -> Vec<&'r Compiled> {
    let mut givers = Vec::new();
    let of_tool = |rule: &Compiled| rule.tool().is_none_or(|named| Some(named) == tool);
    let before = chosen.map_or(matched, |chosen| &matched[..chosen]);
    // One that stops and still was passed over has a tool that cannot be used.
    givers.extend(before.iter().copied().filter(|rule| rule.then == Then::Continue && of_tool(rule)));
    for (n, &rule) in matched.iter().enumerate().skip(before.len()) {
        if Some(n) == chosen || of_tool(rule) {
            givers.push(rule);
        }
        if rule.then == Then::Stop {
            break;
        }
    }
    givers
}

/// A rule's own options, with those that it takes from the request over them.
fn given(rule: &Compiled, input: &Value, notes: &mut Vec<String>) -> Map<String, Value> {
    let mut options = rule.route().options().as_object().cloned().unwrap_or_default();
    for (name, path) in rule.options_from() {
        match path.look(input) {
            Some(value) if small(value) => _ = options.insert(name.clone(), value.clone()),
            Some(_) => notes.push(format!("`{path}` is too large for the option `{name}` and was left out")),
            None => {}
        }
    }
    options
}

fn small(value: &Value) -> bool {
    let (mut text, mut values, mut open) = (0_usize, 0_usize, vec![(value, 1)]);
    while let Some((value, depth)) = open.pop() {
        values += 1;
        let inner = match value {
            Value::String(part) => {
                text += part.len();
                0
            }
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        };
        if text > TEXT || depth > DEPTH || values + open.len() + inner > VALUES {
            return false;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => {
                text += fields.keys().map(String::len).sum::<usize>();
                open.extend(fields.values().map(|field| (field, depth + 1)));
            }
            _ => {}
        }
    }
    text <= TEXT
}
