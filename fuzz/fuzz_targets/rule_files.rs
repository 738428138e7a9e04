//! Any text as a rule file: refused with a reason, or planned by.

#![no_main]

use libfuzzer_sys::fuzz_target;
use orch_core::{Error, HealthBoard, Registry, Request, ToolSpec, tool_fn};
use orch_planning::Catalog;
use orch_planning::rule_file::{Format, RuleFile};
use serde_json::{Value, json};
use tokio::time::Instant;

fn catalog(tools: &[&str]) -> Catalog {
    let never = |_: Request| async { Err::<Value, _>(Error::tool_execution("not called")) };
    let named = tools.iter().filter(|name| !name.is_empty());
    let builder = named.fold(Registry::builder(), |builder, name| builder.tool(tool_fn(ToolSpec::pure(*name), never)));
    Catalog::new(builder.build().expect("the names differ"), HealthBoard::new())
}

fuzz_target!(|text: &str| {
    for format in [Format::Toml, Format::Json] {
        let file = match RuleFile::parse(text, format) {
            Ok(file) => file,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let catalog = catalog(&file.tools());
        let Ok(planner) = file.planner(&catalog) else { continue };
        for finding in planner.findings(&catalog) {
            assert!(!finding.to_string().is_empty());
        }
        for input in [json!("a deep look"), json!({ "type": "x", "query": "deep", "n": 3, "m": { "n": [1, "2026-01-01"] } })] {
            if let Ok(plan) = planner.plan_at(&catalog, &input.into(), Instant::now()) {
                assert!(catalog.registry().get(plan.route().tool()).is_some());
                assert!(!plan.explain().to_string().is_empty());
            }
        }
    }
});
