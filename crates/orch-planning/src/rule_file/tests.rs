use std::sync::Arc;

use serde_json::{Value, json};

use super::read::{FALLBACK, FILE, GROUPS, RULE};
use super::*;
use crate::testing::World;
use crate::{Op, Planner, PlanningError, ScanLimits};

const TOML: &str = r#"
[[rules]]
name = "deep"
keywords = ["deep", "comprehensive"]
on = "query"
fuzzy = 1
priority = 20
tool = "thorough"
tool_options = { k = 3 }
option_from = { language = "metadata.language" }
fallback = ["quick", { tool = "other", options = { k = 1 } }]
budget_aware = true

[[rules]]
request_type = "incident"
when = [
    { attribute = "due", op = "lt", value = 2026-11-20 },
    { or = [{ attribute = "n", op = "gte", value = 8 }, { not = { attribute = "closed", op = "exists" } }] },
]
tool = "quick"

[[rules]]
name = "tagged"
then = "continue"
tool_options = { tag = "x" }
"#;

fn world() -> World {
    World::named(["quick", "thorough", "other"])
}

fn parse(text: &str) -> Result<RulePlanner, RuleFileError> {
    RuleFile::parse(text, Format::Toml)?.planner(&world().catalog)
}

#[test]
fn a_file_says_what_the_builder_says() {
    let world = world();
    let built = RulePlanner::new([
        Rule::keywords(["deep", "comprehensive"])
            .with_name("deep")
            .on("query")
            .fuzzy(1)
            .priority(20)
            .tool("thorough")
            .tool_options(json!({ "k": 3 }))
            .option_from("language", "metadata.language")
            .fallback("quick")
            .fallback(orch_core::Candidate::new("other").with_options(json!({ "k": 1 })))
            .budget_aware(true),
        Rule::request_type("incident")
            .when("due", Op::Lt, "2026-11-20")
            .when_that(crate::When::or([
                crate::When::is("n", Op::Gte, 8),
                crate::When::not(crate::When::is("closed", Op::Exists, ())),
            ]))
            .tool("quick"),
        Rule::named("tagged").then(crate::Then::Continue).tool_options(json!({ "tag": "x" })),
    ])
    .unwrap();
    let read = parse(TOML).unwrap();
    assert_eq!(RuleFile::parse(TOML, Format::Toml).unwrap().tools(), ["thorough", "quick", "other"]);
    let json: Value = Source::new(TOML, Format::Toml).value().unwrap();
    let from_json = RuleFile::parse(&json.to_string(), Format::Json).unwrap().planner(&world.catalog).unwrap();
    for input in [
        json!({ "query": "a comprehensve look", "metadata": { "language": "de" } }),
        json!({ "type": "incident", "due": "2026-11-19T23:00:00Z", "n": 9 }),
        json!({ "type": "incident", "due": "2026-11-19", "closed": true }),
        json!("nothing"),
    ] {
        let plan = |planner: &RulePlanner| planner.plan_at(&world.catalog, &input.clone().into(), world.now).unwrap();
        let expected = plan(&built);
        for planner in [&read, &from_json] {
            let plan = plan(planner);
            assert_eq!(plan.route(), expected.route(), "{input}");
            assert_eq!(plan.explain().to_string(), expected.explain().to_string(), "{input}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_line_place_and_what_was_meant() {
    let cases = [
        ("on = \"query\"", "onn = \"query\"", "line 5: /rules/0/onn: unknown field `onn`, did you mean `on`?"),
        (
            "op = \"gte\"",
            "op = \"equal\"",
            "line 18: /rules/1/when/1/or/0/op: unknown operator `equal`, did you mean `equals`?",
        ),
        (
            "priority = 20",
            "priority = \"20\"",
            "line 7: /rules/0/priority: expected a whole number in range, found a text",
        ),
        (
            "priority = 20",
            "priority = 3000000000",
            "line 7: /rules/0/priority: expected a whole number in range, found a number",
        ),
        ("[\"deep\", \"comprehensive\"]", "\"deep\"", "line 4: /rules/0/keywords: expected a list, found a text"),
        ("{ k = 3 }", "[3]", "line 9: /rules/0/tool_options: expected an object, found a list"),
        (
            "value = 8",
            "value = \"8\"",
            "line 18: /rules/1/when/1/or/0: rule `request_type(incident)`: on `n`, `gte` takes a number or a date such as 2026-11-20, not \"8\"",
        ),
        ("op = \"gte\", value = 8", "op = \"gte\"", "line 18: /rules/1/when/1/or/0: `gte` needs the field `value`"),
        (
            "op = \"exists\" }",
            "op = \"exists\" }, and = []",
            "line 18: /rules/1/when/1/or/1: a group has nothing beside `and`",
        ),
        ("value = 2026-11-20", "value = 2026-13-20", "line 17: invalid date, expected month between 01 and 12"),
        ("value = 2026-11-20", "value = inf", "line 17: /rules/1/when/0/value: the number is not finite"),
        (
            "tool = \"other\"",
            "tool = \"oher\"",
            "line 11: /rules/0/fallback/1: rule `deep` names the tool `oher`, which is not registered, did you mean `other`?",
        ),
        (
            "then = \"continue\"",
            "then = \"go\"",
            "line 24: /rules/2/then: unknown word `go`, known are `stop`, `continue`",
        ),
        ("then = \"continue\"", "then = \"stop\"", "line 22: /rules/2: rule `tagged` names no tool"),
        ("name = \"tagged\"", "name = \"deep\"", "line 23: /rules/2/name: two rules are named `deep`"),
        (
            "fuzzy = 1",
            "fuzzy = 2",
            "line 6: /rules/0/fuzzy: rule `deep` lets 2 typos pass: each keyword needs at least three letters for each",
        ),
        (
            "\"metadata.language\"",
            "\"a..b\"",
            "line 10: /rules/0/option_from/language: rule `deep`: `a..b` is not a path: it has an empty part",
        ),
        ("name = \"tagged\"", "name = ", "line 23: string values must be quoted, expected literal string"),
    ];
    for (good, bad, expected) in cases {
        assert!(TOML.contains(good), "{good}");
        assert_eq!(parse(&TOML.replacen(good, bad, 1)).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_regular_expression_that_does_not_compile_is_refused_with_its_place() {
    let text = "[[rules]]\ntool = \"quick\"\nwhen = [{ attribute = \"q\", op = \"regex\", value = \"(?=x)\" }]";
    let error = parse(text).unwrap_err();
    assert_eq!((error.line, error.pointer.as_str()), (Some(3), "/rules/0/when/0"));
    assert!(error.reason.contains("look-around"), "{error}");
    assert!(matches!(error.rule.as_deref(), Some(PlanningError::InvalidPattern { .. })));
}

#[test]
fn json_that_cannot_be_parsed_is_refused_with_its_line_and_other_errors_with_their_place() {
    let parse = |text: &str| RuleFile::parse(text, Format::Json).unwrap_err();
    assert_eq!(parse("{\n  \"rules\": [,]\n}").line, Some(2));
    assert_eq!(parse("{ \"rule\": [] }").to_string(), "/rule: unknown field `rule`, did you mean `rules`?");
    assert_eq!(parse("[]").to_string(), "expected an object, found a list");
    let deep = format!("{{\"rules\":[{{\"when\":[{}", "{\"not\":".repeat(10_000));
    assert!(parse(&deep).reason.contains("recursion limit"));
}

#[test]
fn files_are_read_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, "[[rules]]\ntool = 1").unwrap();
    let error = RuleFile::read(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:2: /rules/0/tool: expected a text, found a number", path.display()));
    assert!(RuleFile::read(folder.path().join("no.json")).unwrap_err().reason.starts_with("cannot be read"));
    assert!(RuleFile::read("rules.yaml").unwrap_err().reason.contains("`.toml` or `.json`"));
}

#[test]
fn the_schema_names_every_field_that_is_read_and_no_other() {
    let schema = schema();
    let names = |pointer: &str| {
        let mut names: Vec<_> = schema.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let sorted = |names: &[&str]| {
        let mut names: Vec<_> = names.iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names("/properties"), sorted(FILE));
    assert_eq!(names("/$defs/rule/properties"), sorted(RULE));
    assert_eq!(names("/$defs/condition/oneOf/0/properties"), sorted(&["attribute", "op", "value"]));
    assert_eq!(names("/$defs/fallback/oneOf/1/properties"), sorted(FALLBACK));
    let groups: Vec<_> = (1..4).flat_map(|n| names(&format!("/$defs/condition/oneOf/{n}/properties"))).collect();
    assert_eq!(groups, GROUPS);
}

#[test]
fn the_schema_in_the_documentation_is_this_one() {
    let kept: Value = serde_json::from_str(include_str!("../../../../docs/planning-rules.schema.json")).unwrap();
    assert_eq!(kept, schema());
}

#[tokio::test]
async fn a_broken_new_file_keeps_the_old_rules_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    let write = |tool: &str| std::fs::write(&path, format!("[[rules]]\nname = \"r\"\ntool = \"{tool}\"")).unwrap();
    let world = world();
    write("thorough");
    let rules = Arc::new(ReloadingRules::open(&path, &world.catalog).unwrap());
    let choice = async || rules.plan(&world.catalog, &"x".into()).await.unwrap().route().tool().to_owned();
    assert_eq!(choice().await, "thorough");

    let running = rules.current();
    let before = rules.plan(&world.catalog, &"x".into()).await.unwrap();
    write("quick");
    rules.reload().unwrap();
    assert_eq!(choice().await, "quick");
    assert_eq!(running.plan(&world.catalog, &"x".into()).await.unwrap().route().tool(), "thorough");
    assert!(before.explain().to_string().contains("`r` (priority 0) -> `thorough`: matched"));

    write("nobody");
    let error = rules.reload().unwrap_err();
    assert!(error.to_string().ends_with("names the tool `nobody`, which is not registered"), "{error}");
    assert_eq!(rules.last_error(), Some(error));
    assert_eq!(choice().await, "quick");
    std::fs::remove_file(&path).unwrap();
    assert!(rules.reload().is_err());
    assert_eq!(choice().await, "quick");

    write("other");
    rules.reload().unwrap();
    assert_eq!(rules.last_error(), None);
    assert_eq!(choice().await, "other");
}

#[test]
fn every_plan_during_reloads_goes_by_one_file_or_the_other_and_never_by_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    let world = world();
    // The two rules of a file always name the same tool.
    let write = |tool: &str| {
        let rules = json!({ "rules": [
            { "name": "first", "request_type": "x", "tool": tool }, { "name": "second", "tool": tool },
        ] });
        let new = folder.path().join("new");
        std::fs::write(&new, rules.to_string()).unwrap();
        std::fs::rename(new, &path).unwrap();
    };
    write("quick");
    let rules = ReloadingRules::open(&path, &world.catalog).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..500 {
                let now = rules.current();
                let tool = |input: Value| {
                    now.plan_at(&world.catalog, &input.into(), world.now).unwrap().route().tool().to_owned()
                };
                assert_eq!(tool(json!({ "type": "x" })), tool(json!({})));
            }
        });
        for n in 0..50 {
            write(if n % 2 == 0 { "thorough" } else { "quick" });
            rules.reload().unwrap();
        }
        reader.join().unwrap();
    });
}

#[test]
fn scan_limits_hold_over_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, "[[rules]]\nkeywords = [\"deep\"]\ntool = \"quick\"").unwrap();
    let world = world();
    let limits = ScanLimits::default().text_bytes(10);
    let rules = ReloadingRules::open(&path, &world.catalog).unwrap().scan_limits(limits);
    let plan = |text: &str| rules.current().plan_at(&world.catalog, &text.into(), world.now);
    for _ in 0..3 {
        assert!(plan("ten bytes!").is_ok());
        assert!(plan("ten bytes!!").is_err());
        rules.reload().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn nobody_waits_for_a_file_that_is_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    std::fs::write(&path, "{}").unwrap();
    let rules = ReloadingRules::open(&path, &world().catalog).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| rules.reload());
        // Opens when the other end is open too, and keeps the reader waiting until it is dropped.
        let pipe = std::fs::File::options().write(true).open(&path).unwrap();
        let (done, asked) = std::sync::mpsc::channel();
        let rules = &rules;
        scope.spawn(move || done.send((rules.last_error(), rules.current().len())));
        let asked = asked.recv_timeout(std::time::Duration::from_secs(20));
        drop(pipe);
        assert_eq!(asked, Ok((None, 0)));
        assert!(reload.join().unwrap().unwrap_err().reason.contains("EOF"));
    });
}

#[test]
fn the_tools_of_very_many_rules_are_each_named_once() {
    let name = |n: usize| format!("t{n}");
    let fallbacks: Vec<_> = (1..50_000).map(name).collect();
    let rules =
        json!({ "rules": [{ "tool": "t0", "fallback": fallbacks }, { "tool": "t7", "fallback": ["last", "t0"] }] });
    let file = RuleFile::parse(&rules.to_string(), Format::Json).unwrap();
    let tools = file.tools();
    assert_eq!((tools.len(), tools[49_999], tools[50_000]), (50_001, "t49999", "last"));
}
