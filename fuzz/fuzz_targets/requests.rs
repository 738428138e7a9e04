//! Any text, and any JSON, as a request to rules of every kind.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use orch_core::{Error, HealthBoard, Registry, Request, ToolSpec, tool_fn};
use orch_planning::rule_file::{Format, RuleFile};
use orch_planning::{Catalog, RulePlanner};
use serde_json::Value;
use tokio::time::Instant;

const RULES: &str = r#"
rules = [
    { keywords = ["deep", "deep dive", "c++", "straße"], tool = "a" },
    { keywords = ["comprehensive"], on = "query", fuzzy = 2, tool = "b", priority = 1 },
    { request_type = "x", tool = "c", option_from = { n = "m.n", all = "m" } },
    { when = [{ attribute = "n", op = "gte", value = 1 }, { attribute = "n", op = "lt", value = 10.5 }], tool = "a" },
    { when = [{ attribute = "due", op = "lt", value = 2026-11-20 }], tool = "b" },
    { when = [{ attribute = "query", op = "regex", value = "^[a-z]+\\d{2,}" }], tool = "c" },
    { when = [{ attribute = "m.n.0", op = "contains", value = "x" }], tool = "a" },
    { when = [{ attribute = "/m/n", op = "length", value = { gt = 1, lte = 3 } }], tool = "b" },
    { when = [{ or = [{ attribute = "a", op = "exists" }, { not = { attribute = "b", op = "missing" } }] }], tool = "c" },
    { when = [{ attribute = "type", op = "in", value = ["y", 1, true] }], then = "continue", tool_options = { k = 1 } },
]
"#;

static PLANNER: LazyLock<(RulePlanner, Catalog)> = LazyLock::new(|| {
    let never = |_: Request| async { Err::<Value, _>(Error::tool_execution("not called")) };
    let tools = ["a", "b", "c"].map(|name| tool_fn(ToolSpec::pure(name), never));
    let builder = tools.into_iter().fold(Registry::builder(), |builder, tool| builder.tool(tool));
    let catalog = Catalog::new(builder.build().expect("the names differ"), HealthBoard::new());
    let file = RuleFile::parse(RULES, Format::Toml).expect("the rules are right");
    (file.planner(&catalog).expect("the rules can work"), catalog)
});

fuzz_target!(|text: &str| {
    let (planner, catalog) = &*PLANNER;
    let json = serde_json::from_str::<Value>(text).ok();
    for input in [Some(Value::from(text)), json].into_iter().flatten() {
        let plan = planner.plan_at(catalog, &input.into(), Instant::now()).expect("small inputs are planned");
        assert!(["a", "b", "c"].contains(&plan.route().tool()));
        // An explanation asks every rule by itself; it must agree with the index.
        let matched = plan.explain().rules();
        assert!(matched.iter().all(|rule| rule.matched == rule.why_not.is_none()));
        assert!(matched.iter().all(|rule| rule.why_not.as_ref().is_none_or(|why| !why.condition.contains("predicate"))));
        assert!(!plan.explain().to_string().is_empty());
    }
});
