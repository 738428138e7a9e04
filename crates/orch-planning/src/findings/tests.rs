use serde_json::json;

use crate::testing::World;
use crate::{Finding, Op, Rule, RulePlanner, Then, When};

/// The findings about rules for the tools `a` and `b`, as text.
fn findings(rules: impl IntoIterator<Item = Rule>) -> Vec<String> {
    let world = World::named(["a", "b"]);
    RulePlanner::new(rules).unwrap().findings(&world.catalog).iter().map(ToString::to_string).collect()
}

fn rule(name: &'static str) -> Rule {
    Rule::named(name).tool("a")
}

#[test]
fn nothing_is_found_where_nothing_is_doubtful() {
    let rules = [
        rule("one").when("n", Op::Gt, 5).when("n", Op::Lte, 6),
        rule("two").when("n", Op::Gte, 5),
        Rule::keywords(["a"]).on("q").tool("a"),
        Rule::keywords(["a", "b"]).on("q").tool("b"),
        rule("coded").when_fn(|_| true),
        rule("adds").then(Then::Continue),
        rule("last"),
    ];
    assert_eq!(findings(rules), Vec::<String>::new());
}

#[test]
fn rules_that_contradict_themselves_are_found() {
    let absent = || json!(null);
    let rules = [
        rule("r1").when("t", Op::Equals, "x").when("t", Op::Equals, "y"),
        rule("r2").when("t", Op::In, json!(["x", "y"])).when("t", Op::StartsWith, "z"),
        rule("r3").when("n", Op::Gt, 5).when("n", Op::Lte, 5),
        rule("r4").when("n", Op::Gte, "2026-01-02").when("n", Op::Lt, "2026-01-01"),
        rule("r5").when("n", Op::Missing, absent()).when("n", Op::Regex, "x"),
        rule("r6").when("n", Op::Exists, absent()).when("n", Op::Missing, absent()),
        Rule::keywords(["deep"]).with_name("r7").on("q").when("q", Op::Equals, "flat").tool("a"),
        rule("r8").when("n", Op::Gt, 1).when_that(When::not(When::is("n", Op::Gt, 1))),
        rule("fits").when("n", Op::Gte, 5).when("n", Op::Lte, 5).when("m", Op::Missing, absent()).when(
            "m",
            Op::NotEquals,
            1,
        ),
    ];
    let found = findings(rules);
    assert_eq!(found.len(), 8, "{found:#?}");
    assert_eq!(found[0], r#"rule `r1` can never match: t must equal "x", and t must equal "y""#);
    assert_eq!(found[2], "rule `r3` can never match: n must be above 5, and n must be at most 5");
    assert_eq!(found[7], "rule `r8` can never match: n must be above 1, and not (n must be above 1)");
}

#[test]
fn rules_that_always_come_after_another_are_found() {
    let rules = [
        rule("wide").when("n", Op::Gte, 5).priority(1),
        rule("narrow").when("n", Op::Gt, 7).when("m", Op::Equals, 1),
        rule("exact").when("n", Op::Equals, 6),
        rule("words_wide").when("q", Op::Contains, "x"),
        Rule::keywords(["a", "b"]).with_name("kw").tool("a"),
        Rule::keywords(["B"]).with_name("kw_narrow").tool("b"),
        rule("types").when("type", Op::In, json!(["x", "y"])),
        Rule::request_type("y").with_name("type").tool("a"),
        rule("other").when("n", Op::Gte, 4),
    ];
    assert_eq!(
        findings(rules),
        [
            "rule `narrow` always comes after rule `wide`, which fits whenever it does",
            "rule `exact` always comes after rule `wide`, which fits whenever it does",
            "rule `kw_narrow` always comes after rule `kw`, which fits whenever it does",
            "rule `type` always comes after rule `types`, which fits whenever it does",
        ]
    );
    let first = findings([rule("all"), rule("never").when("n", Op::Equals, 1)]);
    assert_eq!(first, ["rule `never` always comes after rule `all`, which fits whenever it does"]);
}

#[test]
fn tools_and_fallbacks_that_do_not_exist_are_found_and_loops_are_refused_before() {
    let world = World::named(["summarize"]);
    let planner = RulePlanner::new([Rule::named("x").tool("sumarize").fallback("nope")]).unwrap();
    let unregistered = |tool: &str, did_you_mean: Option<&str>| Finding::Unregistered {
        rule: "x".into(),
        tool: tool.into(),
        did_you_mean: did_you_mean.map(Into::into),
    };
    assert_eq!(
        planner.findings(&world.catalog),
        [unregistered("sumarize", Some("summarize")), unregistered("nope", None)]
    );
    for looping in [rule("x").fallback("a"), rule("x").fallback("b").fallback("b")] {
        assert!(RulePlanner::new([looping]).is_err());
    }
}
