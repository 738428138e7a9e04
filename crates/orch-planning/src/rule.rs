use std::sync::Arc;

use orch_core::{Candidate, Request};
use serde_json::Value;

use crate::Op;
use crate::matching::{Predicate, When};

/// When a request looks like this, use that tool.
///
/// Everything a rule asks for must hold; a rule that asks for nothing fits every request.
/// [`RulePlanner::new`](crate::RulePlanner::new) checks rules.
///
/// ```
/// use orch_planning::{Op, Rule};
/// use serde_json::json;
///
/// let deep = Rule::keywords(["deep", "comprehensive"]).on("query").tool("deep_analysis_tool").priority(20);
/// let validation = Rule::request_type("validation").tool("validation_tool").priority(10);
/// let premium = Rule::named("high_quality_analysis")
///     .priority(30)
///     .when("type", Op::Equals, "analysis")
///     .when("metadata.quality", Op::Equals, "high")
///     .tool("premium_analysis_tool")
///     .tool_options(json!({ "k": 7 }));
/// # let _ = (deep, validation, premium);
/// ```
///
/// # Attributes
/// An attribute is named by a dotted path (`metadata.quality`, `tags.0`) or, beginning with `/`, by a
/// JSON Pointer (`/metadata/quality`). A request that is plain text is looked at as `{"query": text}`.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Rule {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) priority: i32,
    pub(crate) keywords: Option<Vec<String>>,
    pub(crate) on: Option<String>,
    pub(crate) typos: usize,
    pub(crate) request_type: Option<String>,
    pub(crate) conditions: Vec<When>,
    pub(crate) predicates: Vec<Predicate>,
    pub(crate) tool: Option<Arc<str>>,
    pub(crate) options: Value,
    pub(crate) options_from: Vec<(String, String)>,
    pub(crate) fallbacks: Vec<Candidate>,
    pub(crate) budget_aware: bool,
    pub(crate) then: Then,
}

/// Whether the rules after one that fits may still add options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Then {
    /// They may not.
    #[default]
    Stop,
    /// They may: see [`Rule::then`].
    Continue,
}

impl Rule {
    /// A rule for requests with any of these words.
    ///
    /// Case does not matter, white space of any length is one space, and words are whole: where a keyword
    /// begins or ends with a letter or digit (of any script), no other letter or digit may touch it. So
    /// `deep` is found in `Deep-dive` and not in `deeper`, and `c++` is a keyword like any other. In scripts
    /// that do not separate words use [`Op::Contains`]. Texts are not normalised: composed and decomposed
    /// letters differ.
    ///
    /// They are looked for in every text of the input, at any depth, unless [`on`](Self::on) names an attribute.
    pub fn keywords<K: Into<String>>(keywords: impl IntoIterator<Item = K>) -> Self {
        Self { keywords: Some(keywords.into_iter().map(Into::into).collect()), ..Self::default() }
    }

    /// A rule for requests whose attribute `type` is this text.
    pub fn request_type(request_type: impl Into<String>) -> Self {
        let request_type = request_type.into();
        let conditions = vec![When::is("type", Op::Equals, request_type.as_str())];
        Self { request_type: Some(request_type), conditions, ..Self::default() }
    }

    /// A rule of this name, to be given conditions.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        Self::default().with_name(name)
    }

    /// Sets the name; default: what the rule asks for, in short. Names that are given must differ.
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the attribute in whose texts the keywords are looked for; default: the whole input.
    pub fn on(mut self, attribute: impl Into<String>) -> Self {
        self.on = Some(attribute.into());
        self
    }

    /// Sets how many letters of a keyword may be wrong: left out, put in, exchanged, or swapped with their neighbour.
    /// Default: 0. A keyword needs at least three letters for each; in texts that are compared so, only letters and
    /// digits count, so that `c++` is found only as it is written.
    pub fn fuzzy(mut self, typos: usize) -> Self {
        self.typos = typos;
        self
    }

    /// Adds a condition on an attribute. [`Op::Exists`] and [`Op::Missing`] take `()` or `Value::Null`.
    pub fn when(self, attribute: impl Into<String>, op: Op, value: impl Into<Value>) -> Self {
        self.when_that(When::is(attribute, op, value))
    }

    /// Adds a condition, or a group of conditions.
    pub fn when_that(mut self, condition: When) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Adds a condition in code. It must be quick, must not block and must answer the same for the same
    /// request; it is asked only when everything else holds.
    pub fn when_fn(mut self, predicate: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        self.predicates.push(Predicate::new(predicate));
        self
    }

    /// Sets the tool to use. A rule that names none must [`continue`](Then::Continue): it only adds options.
    pub fn tool(mut self, tool: impl Into<Arc<str>>) -> Self {
        self.tool = Some(tool.into());
        self
    }

    /// Sets the options of the tool, an object; default: none. Options that the caller gives win, field by field.
    pub fn tool_options(mut self, options: impl Into<Value>) -> Self {
        self.options = options.into();
        self
    }

    /// Takes an option from an attribute of the request, when it is there; else what [`tool_options`](Self::tool_options)
    /// gives, if it does. A value of more than 64 KiB, 1 000 values or 32 levels is left out, which the plan notes.
    ///
    /// The request decides the value: take nothing from it that limits what a call may use, unless anyone who may
    /// send a request may set it.
    pub fn option_from(mut self, option: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.options_from.push((option.into(), attribute.into()));
        self
    }

    /// Sets whether the rules after this one may still add options; default: [`Then::Stop`].
    ///
    /// The first rule that fits and whose tool can be used decides the tool. Options of other rules that fit are
    /// laid under its own: of those before it that continue, and, while they continue, of those after it up to the
    /// first that stops. Where two give the same option, the one that is looked at first wins, and the caller's own
    /// options win over all. A rule gives options only to the tool that it names, or to any when it names none.
    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    /// Adds a tool to try when the first one fails, in this order. Its own options, if it has any, are laid
    /// over those of the rule.
    pub fn fallback(mut self, candidate: impl Into<Candidate>) -> Self {
        self.fallbacks.push(candidate.into());
        self
    }

    /// Sets how early the rule is looked at: the highest number first; equal ones in order of definition. Default: 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Whether the rule asks for fewer replicates when the budget is low; default: no.
    ///
    /// The tool's estimate counts as that of one replicate. When `k` times it does not fit what is left of
    /// the run's tokens or money, `k` becomes the largest number that fits, at least 1; when not even one
    /// fits, the tool is skipped like any other. A `k` that the caller gives is left alone. The rule's
    /// [`tool_options`](Self::tool_options) must give `k`.
    pub fn budget_aware(mut self, budget_aware: bool) -> Self {
        self.budget_aware = budget_aware;
        self
    }
}
