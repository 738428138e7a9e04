//! What a file says, as rules.

use orch_core::Candidate;
use serde_json::Value;

use super::fields::{Place, Wrong};
use crate::{Op, Rule, Then, When};

/// The names of the data form, as the builder has them.
pub(super) const FILE: &[&str] = &["$schema", "rules"];
pub(super) const RULE: &[&str] = &[
    "name",
    "priority",
    "keywords",
    "on",
    "fuzzy",
    "request_type",
    "when",
    "tool",
    "tool_options",
    "option_from",
    "fallback",
    "then",
    "budget_aware",
];
pub(super) const GROUPS: &[&str] = &["and", "or", "not"];
const CONDITION: &[&str] = &["attribute", "op", "value", "and", "or", "not"];
pub(super) const FALLBACK: &[&str] = &["tool", "options"];
pub(super) const THEN: &[&str] = &["stop", "continue"];

/// The rules of a file.
pub(super) fn rules(file: &Value) -> Result<Vec<Rule>, Wrong> {
    let fields = Place { value: file, pointer: String::new() }.fields(FILE)?;
    let Some(rules) = fields.optional("rules") else { return Ok(Vec::new()) };
    rules.list()?.iter().map(rule).collect()
}

fn rule(place: &Place<'_>) -> Result<Rule, Wrong> {
    let fields = place.fields(RULE)?;
    let mut rule = match fields.optional("request_type") {
        Some(request_type) => Rule::request_type(request_type.text()?),
        None => Rule::default(),
    };
    if let Some(words) = fields.optional("keywords") {
        rule.keywords = Some(words.texts()?);
    }
    if let Some(name) = fields.optional("name") {
        rule = rule.with_name(name.text()?);
    }
    if let Some(priority) = fields.optional("priority") {
        rule = rule.priority(priority.number()?);
    }
    if let Some(attribute) = fields.optional("on") {
        rule = rule.on(attribute.text()?);
    }
    if let Some(typos) = fields.optional("fuzzy") {
        rule = rule.fuzzy(typos.number()?);
    }
    if let Some(conditions) = fields.optional("when") {
        rule = conditions
            .list()?
            .iter()
            .try_fold(rule, |rule, place| condition(place).map(|condition| rule.when_that(condition)))?;
    }
    if let Some(tool) = fields.optional("tool") {
        rule = rule.tool(tool.text()?);
    }
    if let Some(options) = fields.optional("tool_options") {
        rule = rule.tool_options(Value::Object(options.entries()?.clone()));
    }
    if let Some(options) = fields.optional("option_from") {
        for (option, attribute) in options.entries()? {
            let attribute = Place { value: attribute, pointer: options.inner(option) }.text()?;
            rule = rule.option_from(option, attribute);
        }
    }
    if let Some(fallbacks) = fields.optional("fallback") {
        rule =
            fallbacks.list()?.iter().try_fold(rule, |rule, place| fallback(place).map(|next| rule.fallback(next)))?;
    }
    if let Some(then) = fields.optional("then") {
        rule = rule.then(then.word("word", then_of, THEN)?);
    }
    if let Some(aware) = fields.optional("budget_aware") {
        rule = rule.budget_aware(aware.bool()?);
    }
    Ok(rule)
}

fn then_of(word: &str) -> Option<Then> {
    match word {
        "stop" => Some(Then::Stop),
        "continue" => Some(Then::Continue),
        _ => None,
    }
}

fn condition(place: &Place<'_>) -> Result<When, Wrong> {
    let fields = place.fields(CONDITION)?;
    let group = GROUPS.iter().find(|name| fields.has(name));
    if let Some(group) = group {
        if place.entries()?.len() > 1 {
            return place.wrong(format!("a group has nothing beside `{group}`"));
        }
        let inner = fields.required(group)?;
        let conditions = || inner.list()?.iter().map(condition).collect::<Result<Vec<_>, _>>();
        return match *group {
            "and" => conditions().map(When::and),
            "or" => conditions().map(When::or),
            _ => condition(&inner).map(When::not),
        };
    }
    let attribute = fields.required("attribute")?.text()?;
    let names = Op::ALL.map(Op::name);
    let op = fields.required("op")?;
    let op = op.word("operator", |word| Op::ALL.into_iter().find(|op| op.name() == word), &names)?;
    let value = match fields.optional("value") {
        Some(place) => place.value.clone(),
        None if op.compares() => return place.wrong(format!("`{op}` needs the field `value`")),
        None => Value::Null,
    };
    Ok(When::is(attribute, op, value))
}

/// A tool, or a tool with options.
fn fallback(place: &Place<'_>) -> Result<Candidate, Wrong> {
    if let Some(tool) = place.value.as_str() {
        return Ok(Candidate::new(tool));
    }
    let fields = place.fields(FALLBACK)?;
    let candidate = Candidate::new(fields.required("tool")?.text()?);
    match fields.optional("options") {
        Some(options) => Ok(candidate.with_options(Value::Object(options.entries()?.clone()))),
        None => Ok(candidate),
    }
}
