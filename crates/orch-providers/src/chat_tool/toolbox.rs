//! The tools that a model may call, and how often.

use orch_core::{BoxTool, Effect, Error, Registry, ToolSpec};

use crate::chat::ToolDefinition;

/// How long a name may be on every wire.
const LONGEST_NAME: usize = 64;

/// The tools by name, and the limits of their use in one call.
#[derive(Debug)]
pub(super) struct Toolbox {
    registry: Registry,
    effect: Effect,
}

/// How often a model may call tools before it must have answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToolLimits {
    pub(super) rounds: u32,
    pub(super) calls: u32,
}

impl Default for ToolLimits {
    fn default() -> Self {
        Self { rounds: 8, calls: 32 }
    }
}

impl ToolLimits {
    /// Whether so many rounds, with so many calls in all, are allowed: asked before a call of the last round starts.
    pub(super) fn check(self, rounds: u32, calls: usize) -> Result<(), Error> {
        let refuse = |limit: String| {
            Err(Error::bad_output("/tool_calls", format!("the model calls tools without an end: {limit} are allowed")))
        };
        if rounds > self.rounds {
            return refuse(format!("{} rounds", self.rounds));
        }
        if u32::try_from(calls).is_ok_and(|calls| calls <= self.calls) {
            return Ok(());
        }
        refuse(format!("{} calls", self.calls))
    }
}

impl Toolbox {
    pub(super) fn new(tools: impl IntoIterator<Item = BoxTool>) -> Result<Self, Error> {
        let (mut builder, mut effect) = (Registry::builder(), Effect::Pure);
        for (place, tool) in tools.into_iter().enumerate() {
            let spec = tool.spec();
            check_name(spec.name()).map_err(|why| Error::invalid(format!("/tools/{place}"), why))?;
            effect = effect.max(spec.effect());
            builder = builder.tool(tool);
        }
        let registry = builder.build().map_err(|error| Error::invalid("/tools", error.to_string()))?;
        Ok(Self { registry, effect })
    }

    /// What the model is told.
    pub(super) fn definitions(&self) -> impl Iterator<Item = ToolDefinition> + '_ {
        self.registry.specs().map(ToolDefinition::from)
    }

    /// The tool of this name; no other can be called.
    pub(super) fn find(&self, name: &str) -> Result<BoxTool, Error> {
        self.registry.find(name).cloned()
    }

    /// What a call of the one that does most would do again.
    pub(super) fn effect(&self) -> Effect {
        self.effect
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(format!("models take names of 1 to {LONGEST_NAME} letters, digits, `_` and `-`, and not `{name}`"))
}

/// The same tool with another effect.
pub(super) fn with_effect(spec: &ToolSpec, effect: Effect) -> ToolSpec {
    let name = spec.name();
    let other = match effect {
        Effect::Pure => ToolSpec::pure(name),
        Effect::IdempotentDownstream => ToolSpec::idempotent(name),
        Effect::AtMostOnce => ToolSpec::at_most_once(name),
    };
    let other = other
        .with_version(spec.version())
        .with_description(spec.description())
        .with_target(spec.target().clone())
        .with_kind(spec.kind());
    match spec.input_schema() {
        Some(schema) => other.with_input_schema(schema.clone()),
        None => other,
    }
}

#[cfg(test)]
mod tests {
    use orch_core::{IntoTool, Output, Request, tool_fn};
    use serde_json::json;

    use super::*;

    fn tool(spec: ToolSpec) -> BoxTool {
        tool_fn(spec, |_: Request| async { Ok::<_, Error>(Output::default()) }).into_tool()
    }

    #[test]
    fn names_that_a_wire_would_refuse_and_doubles_are_pointed_at() {
        let long = "x".repeat(65);
        for name in ["", "get.weather", "naïve", &long] {
            let error = Toolbox::new([tool(ToolSpec::pure("ok")), tool(ToolSpec::pure(name))]).unwrap_err().to_string();
            assert!(error.contains("`/tools/1`"), "{name}: {error}");
        }
        let error = Toolbox::new([tool(ToolSpec::pure("a")), tool(ToolSpec::pure("a"))]).unwrap_err().to_string();
        assert!(error.contains("`/tools`") && error.contains("`a`"), "{error}");
    }

    #[test]
    fn the_strictest_effect_is_that_of_all() {
        let toolbox = Toolbox::new([tool(ToolSpec::pure("a")), tool(ToolSpec::at_most_once("b"))]).unwrap();
        assert_eq!(toolbox.effect(), Effect::AtMostOnce);
        let spec = ToolSpec::pure("a")
            .with_version("2")
            .with_description("d")
            .with_target("t")
            .with_input_schema(json!({ "type": "object" }));
        let other = with_effect(&spec, Effect::AtMostOnce);
        assert_eq!(other.effect(), Effect::AtMostOnce);
        assert_eq!(with_effect(&other, Effect::Pure), spec);
    }

    #[test]
    fn a_limit_is_the_last_number_that_is_allowed() {
        let limits = ToolLimits { rounds: 2, calls: 3 };
        assert!(limits.check(2, 3).is_ok());
        assert!(limits.check(3, 3).unwrap_err().to_string().contains("2 rounds"));
        assert!(limits.check(2, 4).unwrap_err().to_string().contains("3 calls"));
    }
}
