use std::collections::HashSet;

use orch_core::{BoxTool, Error, HealthBoard, IntoTool, Output, Registry, Request, ToolSpec, tool_fn};
use orch_planning::Catalog;
use orch_planning::rule_file::{RuleFile, RuleFileError};
use serde_json::json;

use super::Assembly;
use crate::ClientBuilder;
use crate::config::pointer::dotted;
use crate::config::{Finding, Origin};
use crate::registration::Registration;

impl Assembly<'_> {
    /// The rules that are written; the builder's own planner if none are.
    pub(super) fn planner(&mut self, builder: ClientBuilder) -> ClientBuilder {
        let sections = self.sections;
        match (&sections.rules_file, sections.rules.is_empty()) {
            (None, true) => builder,
            (Some(_), false) => {
                self.wrong("/rules_file", "`rules` are given too: give one of the two");
                builder
            }
            (Some(path), true) => {
                let Some(catalog) = self.catalog(&builder) else { return builder };
                let path = self.around.folder.join(path);
                match RuleFile::read(path).and_then(|rules| rules.planner(&catalog)) {
                    Ok(planner) => builder.planner(planner),
                    Err(error) => {
                        self.in_rule_file(error);
                        builder
                    }
                }
            }
            (None, false) => {
                let Some(catalog) = self.catalog(&builder) else { return builder };
                self.inline(builder, &catalog)
            }
        }
    }

    fn inline(&mut self, builder: ClientBuilder, catalog: &Catalog) -> ClientBuilder {
        let rules = &self.sections.rules;
        let before = self.found.len();
        // Each by itself, so that what is wrong with one hides nothing of the others.
        for (n, rule) in rules.iter().enumerate() {
            let alone = json!({ "rules": [rule] });
            if let Err(error) = RuleFile::from_value(&alone).and_then(|rules| rules.planner(catalog)) {
                let inside = error.pointer.strip_prefix("/rules/0").unwrap_or_default();
                self.wrong(&format!("/rules/{n}{inside}"), error.reason);
            }
        }
        if self.found.len() > before {
            return builder;
        }
        match RuleFile::from_value(&json!({ "rules": rules })).and_then(|rules| rules.planner(catalog)) {
            Ok(planner) => builder.planner(planner),
            Err(error) => {
                self.wrong(&error.pointer, error.reason);
                builder
            }
        }
    }

    fn in_rule_file(&mut self, error: RuleFileError) {
        let RuleFileError { file, line, pointer, reason, .. } = error;
        if line.is_none() && pointer.is_empty() {
            return self.wrong("/rules_file", reason);
        }
        let origin = Origin::File { path: file.map(Into::into), line };
        self.found.push(Finding { origin, key: dotted(&pointer), value: None, reason });
    }

    /// The tools, for names alone: with those of which something is wrong, for that is found already. `None` when two
    /// have one name.
    fn catalog(&self, builder: &ClientBuilder) -> Option<Catalog> {
        let (mut registry, mut known) = (Registry::builder(), HashSet::new());
        for registration in builder.registrations() {
            known.insert(registration.spec().name().to_owned());
            registry = registry.tool(match registration {
                Registration::Tool(tool) => tool.clone(),
                Registration::Bundle { spec, inner, .. } => BoxTool::new(spec.clone(), inner.clone()),
            });
        }
        for table in ["/tools", "/bundles"] {
            for name in self.tree.keys(table) {
                if known.insert(name.clone()) {
                    registry = registry.tool(nothing(&name));
                }
            }
        }
        registry.build().ok().map(|registry| Catalog::new(registry, HealthBoard::new()))
    }
}

/// A tool that is never called.
fn nothing(name: &str) -> BoxTool {
    tool_fn(ToolSpec::pure(name), |_: Request| async { Ok::<_, Error>(Output::default()) }).into_tool()
}
