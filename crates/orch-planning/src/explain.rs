use std::fmt;
use std::sync::Arc;

use orch_core::Input;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::Considered;
use crate::compiled::Compiled;
use crate::matching::{Subject, WhyNot};
use crate::rules::Rules;

/// How a plan came about: every rule with why it fits or not, every tool that came into question with what
/// speaks against it, and what was changed.
///
/// `Display` gives it as text, `Serialize` as JSON; both are put together only when asked for. It quotes the
/// beginnings of values of the request.
#[derive(Clone, Debug)]
pub struct Explanation(Arc<Parts>);

#[derive(Clone, Debug, Default)]
struct Parts {
    tool: Arc<str>,
    reason: Arc<str>,
    rules: Option<Trace>,
    considered: Vec<Considered>,
    notes: Vec<String>,
}

impl Explanation {
    /// That `tool` was chosen, and why.
    pub fn new(tool: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self(Arc::new(Parts { tool: tool.into(), reason: reason.into(), ..Parts::default() }))
    }

    /// Adds the tools that came into question, in order of preference.
    #[must_use]
    pub fn with_considered(mut self, considered: impl IntoIterator<Item = Considered>) -> Self {
        self.edit().considered.extend(considered);
        self
    }

    /// Adds something that a reader should know.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.edit().notes.push(note.into());
        self
    }

    pub(crate) fn with_rules(mut self, rules: Trace) -> Self {
        self.edit().rules = Some(rules);
        self
    }

    fn edit(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }

    /// The chosen tool.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.0.tool
    }

    /// Why it was chosen, in one sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Every rule, in the order in which rules are looked at; none when the planner has no rules.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleReport> {
        self.0.rules.as_ref().map(Trace::reports).unwrap_or_default()
    }

    /// The tools that came into question, in order of preference, up to the chosen one.
    #[must_use]
    pub fn considered(&self) -> &[Considered] {
        &self.0.considered
    }

    /// What else a reader should know, such as a reduced number of replicates.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.tool(), self.reason())?;
        section(f, &format!("rules, {ORDER}"), &self.rules())?;
        section(f, "tools, by preference", self.considered())?;
        section(f, "notes", self.notes())
    }
}

/// How ties between rules are broken.
const ORDER: &str = "by priority, then by order of definition";

fn section<T: fmt::Display>(f: &mut fmt::Formatter<'_>, title: &str, lines: &[T]) -> fmt::Result {
    if !lines.is_empty() {
        write!(f, "\n{title}:")?;
    }
    lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Explanation", 6)?;
        fields.serialize_field("tool", &self.0.tool)?;
        fields.serialize_field("reason", &self.0.reason)?;
        fields.serialize_field("order", ORDER)?;
        fields.serialize_field("rules", &self.rules())?;
        fields.serialize_field("tools", &self.0.considered)?;
        fields.serialize_field("notes", &self.0.notes)?;
        fields.end()
    }
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RuleReport {
    /// The rule.
    pub rule: Arc<str>,
    /// Its priority.
    pub priority: i32,
    /// The tool it names; `None` when it only adds options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<str>>,
    /// Whether it fits the request.
    pub matched: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<WhyNot>,
}

impl fmt::Display for RuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (priority {}) -> ", self.rule, self.priority)?;
        match &self.tool {
            Some(tool) => write!(f, "`{tool}`: ")?,
            None => f.write_str("options: ")?,
        }
        match &self.why_not {
            None => f.write_str("matched"),
            Some(why_not) => write!(f, "not matched: {why_not}"),
        }
    }
}

/// Which rules fit a request. Why the others do not is found out when somebody asks: until then a plan costs as much
/// as its index look-up, however many rules there are.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    rules: Arc<Rules>,
    matched: Vec<u32>,
    input: Input,
}

impl Trace {
    /// `matched` are places among the compiled rules, in order.
    pub(crate) fn new(rules: Arc<Rules>, matched: Vec<u32>, input: Input) -> Self {
        Self { rules, matched, input }
    }

    /// The rules that fit, in the order in which rules are looked at.
    pub(crate) fn matched(&self) -> impl DoubleEndedIterator<Item = &Compiled> + ExactSizeIterator + Clone {
        self.matched.iter().map(|id| self.rules.rule(*id))
    }

    /// What the request says.
    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    fn reports(&self) -> Vec<RuleReport> {
        let subject = Subject::new(self.input.as_json());
        let report = |(id, rule): (u32, &Compiled)| {
            let matched = self.matched.binary_search(&id).is_ok();
            RuleReport {
                rule: Arc::clone(&rule.name),
                priority: rule.priority,
                tool: rule.tool().map(Into::into),
                matched,
                why_not: (!matched).then(|| rule.why_not(&subject)),
            }
        };
        (0..).zip(self.rules.all()).map(report).collect()
    }
}

#[cfg(test)]
mod tests;
