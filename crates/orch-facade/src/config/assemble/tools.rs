use std::collections::BTreeMap;

use orch_core::{BoxTool, Error, ErrorKind, IntoTool};
use orch_evidence::BundleTool;
use orch_providers::ChatTool;
use serde_json::Value;

use super::Assembly;
use super::providers::Providers;
use crate::ClientBuilder;
use crate::config::pointer::child;
use crate::config::read::meant;
use crate::config::sections::{BundleSection, ToolSection};
use crate::registration::Registration;

/// What the names stand for.
type Known = BTreeMap<String, Named>;

/// What has a name.
#[derive(Clone)]
enum Named {
    Tool(BoxTool),
    /// A tool with which something is wrong, which is found already.
    Wrong,
    Bundle,
}

impl Assembly<'_> {
    /// The tools and bundles that are written, registered after those of the code: tools first, each in the order of
    /// their names.
    pub(super) fn tools(&mut self, mut builder: ClientBuilder, providers: &Providers) -> ClientBuilder {
        let mut known = of_code(&builder);
        let in_code: Vec<String> = known.keys().cloned().collect();
        for (table, named) in [("tools", Named::Wrong), ("bundles", Named::Bundle)] {
            for name in self.tree.keys(&format!("/{table}")) {
                let pointer = child(&format!("/{table}"), &name);
                if in_code.contains(&name) {
                    self.wrong(&pointer, format!("the code has registered a tool `{name}` already"));
                } else if known.insert(name.clone(), named.clone()).is_some() {
                    self.wrong(&pointer, format!("`tools` has a tool `{name}` already"));
                }
            }
        }
        let sections = self.sections;
        // Those that call others come last.
        let (plain, calling): (Vec<_>, Vec<_>) = sections.tools.iter().partition(|(_, tool)| tool.tools.is_empty());
        for (name, section) in plain.into_iter().chain(calling).filter(|(name, _)| !in_code.contains(name)) {
            let tool = self.chat_tool(name, section, providers, &known);
            known.insert(name.clone(), tool.map_or(Named::Wrong, Named::Tool));
        }
        for name in sections.tools.keys().filter(|name| !in_code.contains(name)) {
            if let Some(Named::Tool(tool)) = known.get(name) {
                builder = builder.tool(tool.clone());
            }
        }
        for (name, section) in sections.bundles.iter().filter(|(name, _)| !in_code.contains(name)) {
            if let Some(bundle) = self.bundle(name, section, &known) {
                builder = builder.bundle(bundle);
            }
        }
        builder
    }

    fn chat_tool(
        &mut self,
        name: &str,
        section: &ToolSection,
        providers: &Providers,
        known: &Known,
    ) -> Option<BoxTool> {
        let pointer = child("/tools", name);
        let Some(provider) = providers.get(&section.provider) else {
            let meant = meant(&section.provider, providers.keys().map(String::as_str));
            self.wrong(&child(&pointer, "provider"), format!("no provider of this name{meant}"));
            return None;
        };
        if !self.is_whole(&pointer) {
            return None;
        }
        let prompt = self.prompt(&pointer, section)?;
        let callable = self.callable(&pointer, section, known)?;
        let tool = ChatTool::shared(name, provider.clone()?);
        match settled(tool, section, prompt, callable) {
            Ok(tool) => Some(tool.into_tool()),
            Err(error) => {
                self.refused(&pointer, &error);
                None
            }
        }
    }

    /// The template; the outer `None` if something is wrong with it.
    #[expect(clippy::option_option, reason = "none, or none that can be used")]
    fn prompt(&mut self, pointer: &str, section: &ToolSection) -> Option<Option<String>> {
        match (&section.prompt, &section.prompt_file) {
            (Some(_), Some(_)) => {
                self.wrong(&child(pointer, "prompt_file"), "`prompt` is given too: give one of the two");
                None
            }
            (None, Some(path)) => self.text_of(&child(pointer, "prompt_file"), path).map(Some),
            (prompt, None) => Some(prompt.clone()),
        }
    }

    /// The tools that the model may call.
    fn callable(&mut self, pointer: &str, section: &ToolSection, known: &Known) -> Option<Vec<BoxTool>> {
        let mut tools = Vec::new();
        let before = self.found.len();
        for (n, name) in section.tools.iter().enumerate() {
            let at = format!("{pointer}/tools/{n}");
            let calls_others = self.sections.tools.get(name).is_some_and(|tool| !tool.tools.is_empty());
            match known.get(name) {
                _ if calls_others => self.wrong(&at, "a tool that calls tools itself cannot be called by another"),
                Some(Named::Bundle) => {
                    self.wrong(&at, "a bundle cannot be called by a model: name the tool that it replicates");
                }
                Some(Named::Tool(tool)) => tools.push(tool.clone()),
                Some(Named::Wrong) => return None,
                None => {
                    let meant = meant(name, tools_of(known));
                    self.wrong(&at, format!("no tool of this name{meant}"));
                }
            }
        }
        (self.found.len() == before).then_some(tools)
    }

    fn bundle(&mut self, name: &str, section: &BundleSection, known: &Known) -> Option<BundleTool> {
        let pointer = child("/bundles", name);
        let at = child(&pointer, "tool");
        let inner = match known.get(&section.tool) {
            Some(Named::Bundle) => {
                self.wrong(&at, "a bundle cannot be replicated: name a tool");
                return None;
            }
            Some(Named::Tool(inner)) => inner.clone(),
            Some(Named::Wrong) => return None,
            None => {
                let meant = meant(&section.tool, tools_of(known));
                self.wrong(&at, format!("no tool of this name{meant}"));
                return None;
            }
        };
        let mut bundle = BundleTool::new(name, inner).options(section.options.clone());
        if let Some(description) = &section.description {
            bundle = bundle.description(description.as_str());
        }
        if !self.is_whole(&pointer) {
            return None;
        }
        match bundle.check() {
            Ok(()) => return Some(bundle),
            Err(error) => match error.kind() {
                ErrorKind::InvalidRequest { pointer: of, reason } if &**of == "/effect" => self.wrong(&at, &**reason),
                _ => self.refused(&child(&pointer, "options"), &error),
            },
        }
        None
    }
}

/// The names of what can be replicated or called.
fn tools_of(known: &Known) -> impl Iterator<Item = &str> + Clone {
    known.iter().filter(|(_, named)| !matches!(named, Named::Bundle)).map(|(name, _)| name.as_str())
}

/// The tools and bundles of the code.
fn of_code(builder: &ClientBuilder) -> Known {
    let known = builder.registrations().iter().map(|registration| match registration {
        Registration::Tool(tool) => (tool.spec().name().to_owned(), Named::Tool(tool.clone())),
        Registration::Bundle { spec, .. } => (spec.name().to_owned(), Named::Bundle),
    });
    known.collect()
}

/// A chat tool with all its settings.
fn settled(
    mut tool: ChatTool,
    section: &ToolSection,
    prompt: Option<String>,
    callable: Vec<BoxTool>,
) -> Result<ChatTool, Error> {
    if let Some(template) = prompt {
        tool = tool.prompt(template)?;
    }
    if let Some(version) = &section.version {
        tool = tool.version(version.as_str());
    }
    if let Some(description) = &section.description {
        tool = tool.description(description.as_str());
    }
    if let Some(model) = &section.model {
        tool = tool.model(model.as_str());
    }
    if let Some(rules) = &section.system {
        tool = tool.system(rules.as_str());
    }
    if let Some(schema) = &section.input_schema {
        tool = tool.input_schema(schema.clone());
    }
    tool = match &section.answer_schema {
        Some(schema) => answering(tool, schema, section.check_answers)?,
        None if section.check_answers => {
            return Err(Error::invalid("/check_answers", "there is nothing to check against: set `answer_schema`"));
        }
        None => tool,
    };
    if let Some(temperature) = section.temperature {
        tool = tool.temperature(temperature);
    }
    if let Some(top_p) = section.top_p {
        tool = tool.top_p(top_p);
    }
    if let Some(tokens) = section.max_tokens {
        tool = tool.max_tokens(tokens);
    }
    if let Some(rounds) = section.max_rounds {
        tool = tool.max_rounds(rounds);
    }
    if let Some(calls) = section.max_calls {
        tool = tool.max_calls(calls);
    }
    if !callable.is_empty() {
        tool = tool.tools(callable)?;
    }
    let tool = tool.repair(section.repair).stream(section.stream).effect(section.effect);
    tool.check().map(|()| tool)
}

fn answering(tool: ChatTool, schema: &Value, checked: bool) -> Result<ChatTool, Error> {
    if !schema.is_object() {
        return Err(Error::invalid("/answer_schema", "expected a JSON Schema, a table"));
    }
    let name = schema.get("title").and_then(Value::as_str).unwrap_or("answer").to_owned();
    if checked { tool.checked_json_schema(name, schema.clone()) } else { Ok(tool.json_schema(name, schema.clone())) }
}
