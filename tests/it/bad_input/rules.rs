//! Planning rules, from code and from a file.

use orch_facade::planning::rule_file::{Format, RuleFile};
use orch_facade::{Op, Rule, RulePlanner};
use serde_json::json;

use super::{Row, row};

fn plan(rule: Rule) -> Result<RulePlanner, orch_facade::planning::PlanningError> {
    RulePlanner::new([rule])
}

fn toml(text: &str) -> Result<RuleFile, orch_facade::planning::rule_file::RuleFileError> {
    RuleFile::parse(text, Format::Toml)
}

pub(super) fn rows() -> Vec<Row> {
    let named = || Rule::named("deep").tool("ask");
    vec![
        row("a rule without a tool", plan(Rule::keywords(["deep"])), "rule `keywords(deep)` names no tool"),
        row(
            "a rule without keywords",
            plan(Rule::keywords([""; 0]).tool("ask")),
            "rule `keywords()` has no keywords, or a blank one",
        ),
        row(
            "a blank keyword",
            plan(Rule::keywords(["deep", " "]).tool("ask")),
            "rule `keywords(deep,  )` has no keywords, or a blank one",
        ),
        row(
            "more typos than letters",
            plan(Rule::keywords(["deep"]).fuzzy(3).tool("ask")),
            "rule `keywords(deep)` lets 3 typos pass: each keyword needs at least three letters for each",
        ),
        row(
            "a number for a comparison of texts",
            plan(named().when("type", Op::StartsWith, 7)),
            "rule `deep`: on `type`, `starts_with` takes a text, not 7",
        ),
        row(
            "a regular expression that is none",
            plan(named().when("type", Op::Regex, "(")),
            "rule `deep`: on `type`, the regular expression does not compile: regex parse error:\n    (\n    ^\nerror: unclosed group",
        ),
        row(
            "options that are no object",
            plan(named().tool_options(json!([3]))),
            "rule `deep`: the options of `ask` must be an object, not [3]",
        ),
        row("a fallback to itself", plan(named().fallback("ask")), "rule `deep` tries `ask` twice"),
        row(
            "a rule that heeds the budget without replicates",
            plan(named().budget_aware(true)),
            "rule `deep` is budget-aware: its tool options must give `k`, a whole number from 1 on",
        ),
        row("two rules of one name", RulePlanner::new([named(), named()]), "two rules are named `deep`"),
        row(
            "a field of a rule file that there is not",
            toml("[[rules]]\nkeywords = [\"x\"]\nonn = \"query\"\ntool = \"ask\"\n"),
            "line 3: /rules/0/onn: unknown field `onn`, did you mean `on`?",
        ),
        row(
            "an operator that there is not",
            toml(
                "[[rules]]\nname = \"a\"\nwhen = [{ attribute = \"type\", op = \"equal\", value = 1 }]\ntool = \"ask\"\n",
            ),
            "line 3: /rules/0/when/0/op: unknown operator `equal`, did you mean `equals`?",
        ),
        row(
            "a priority in words",
            toml("[[rules]]\nname = \"a\"\npriority = \"high\"\ntool = \"ask\"\n"),
            "line 3: /rules/0/priority: expected a whole number in range, found a text",
        ),
        row("a file that is no TOML", toml("[[rules]\n"), "line 1: unclosed array table, expected `]`"),
    ]
}
