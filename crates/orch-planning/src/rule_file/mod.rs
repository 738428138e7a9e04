//! Rules as data: TOML or JSON, by the names of the builder.

mod error;
mod fields;
mod read;
mod reload;
mod schema;
mod source;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::rules::Rules;
use crate::{Catalog, Rule, RulePlanner};

pub use self::error::RuleFileError;
pub use self::reload::ReloadingRules;
pub use self::schema::schema;
pub use self::source::{Format, Source};

/// Rules that were read from a text, and where in it each stands.
///
/// ```
/// use orch_planning::rule_file::{Format, RuleFile};
///
/// # fn main() -> Result<(), orch_planning::rule_file::RuleFileError> {
/// let text = r#"
///     [[rules]]
///     keywords = ["deep", "comprehensive"]
///     on = "query"
///     priority = 20
///     tool = "deep_analysis_tool"
///
///     [[rules]]
///     name = "late"
///     when = [{ attribute = "due", op = "lt", value = 2026-11-20 }]
///     tool = "escalate"
/// "#;
/// assert_eq!(RuleFile::parse(text, Format::Toml)?.rules().len(), 2);
///
/// let error = RuleFile::parse(&text.replace("keywords", "keyword"), Format::Toml).unwrap_err();
/// assert_eq!(error.to_string(), "line 3: /rules/0/keyword: unknown field `keyword`, did you mean `keywords`?");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RuleFile {
    rules: Vec<Rule>,
    source: Source,
}

impl RuleFile {
    /// Reads rules from a text.
    ///
    /// # Errors
    /// What is wrong, with its line (TOML, and JSON that cannot be parsed) and a JSON Pointer to its place, and the
    /// nearest name that exists where a name is unknown.
    pub fn parse(text: &str, format: Format) -> Result<Self, RuleFileError> {
        Self::of(Source::new(text, format))
    }

    /// Reads rules from a value of the form that a rule file has, `{"rules": [..]}`: from a part of a larger file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), without a line.
    pub fn from_value(value: &Value) -> Result<Self, RuleFileError> {
        let source = Source::new("", Format::Json);
        let rules = read::rules(value).map_err(|(pointer, reason)| source.error(&pointer, reason))?;
        Ok(Self { rules, source })
    }

    /// Reads rules from a file whose name ends in `.toml` or `.json`. Blocks while it reads.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), with the file's name; or that it cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RuleFileError> {
        Source::read(path.as_ref()).and_then(Self::of)
    }

    fn of(source: Source) -> Result<Self, RuleFileError> {
        let rules = source
            .value()
            .and_then(|value| read::rules(&value).map_err(|(pointer, reason)| source.error(&pointer, reason)))?;
        Ok(Self { rules, source })
    }

    /// The rules, in order of definition.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every tool that the rules name, each once, in order of definition.
    #[must_use]
    pub fn tools(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let rules = self.rules.iter();
        let named = rules.flat_map(|rule| rule.tool.iter().chain(rule.fallbacks.iter().map(|next| &next.tool)));
        named.map(|tool| &**tool).filter(|tool| seen.insert(*tool)).collect()
    }

    /// A planner over the rules, whose tools are all registered.
    ///
    /// # Errors
    /// A rule that cannot work, or that names a tool which is not registered; with its place.
    pub fn planner(self, catalog: &Catalog) -> Result<RulePlanner, RuleFileError> {
        let Self { rules, source } = self;
        let compiled = Rules::new(rules).and_then(|rules| rules.check(catalog).map(|()| rules));
        let placed = |misfit: crate::compiled::Misfit| {
            source.error(&format!("/rules{}", misfit.pointer), misfit.error.to_string()).with_source(misfit.error)
        };
        compiled.map(RulePlanner::from).map_err(placed)
    }
}
