//! What an outcome says of itself after the fact, when nobody has listened.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::{
    AskedBy, BoxTool, Class, Counted, Error, HasContext, IntoTool, Output, Part, Request, Route, ScopeLayer, Stopped,
    Tool, ToolSpec, Usage, Usd, Verdict, tool_fn,
};
use orch_evidence::BundleOptions;
use orch_facade::{
    BundleTool, Client, ClientBuilder, Explanation, Op, Outcome, RateLimitConfig, RetryPolicy, Rule, RulePlanner,
    TimeLine,
};
use orch_planning::{Catalog, Plan, Planner, PlanningError};
use orch_reliability::RetryLayer;
use orch_testkit::ScriptedTool;
use serde_json::json;
use tokio::time::sleep;
use tower::ServiceExt;

const SECOND: Duration = Duration::from_secs(1);

fn paid(tokens: u64) -> Usage {
    Usage::new().output(Counted::reported(tokens)).cost(Counted::reported(Usd::from_nanos(tokens * 1_000)))
}

fn slow_down(seconds: u32) -> Error {
    Error::transient("slow down").with_class(Class::Throttled).with_retry_after(SECOND * seconds)
}

/// Answers after three seconds.
fn steady(name: &str) -> impl Tool + use<> {
    tool_fn(ToolSpec::pure(name), |_: Request| async {
        sleep(3 * SECOND).await;
        Ok::<_, Error>(Output::from("fine").with_usage(paid(10)))
    })
}

fn spent_on(outcome: &Outcome, asked_by: Option<AskedBy>) -> Duration {
    let parts = outcome.time_breakdown();
    parts.iter().filter(|part| part.asked_by == asked_by).map(|part| part.duration).sum()
}

fn assert_sums(outcome: &Outcome) {
    let time: Duration = outcome.time_breakdown().iter().map(|part| part.duration).sum();
    assert_eq!(time, outcome.elapsed(), "{}", outcome.explain());
    let lines = outcome.cost_breakdown();
    let tokens: u64 = lines.iter().map(|line| line.tokens).sum();
    let cost: u64 = lines.iter().map(|line| line.cost.nanos()).sum();
    let total = outcome.usage().cost.map_or(0, |cost| cost.value.nanos());
    assert_eq!((tokens, cost), (outcome.usage().tokens(), total), "{}", outcome.explain());
}

#[tokio::test(start_paused = true)]
async fn forty_one_seconds_are_told_by_who_asked_for_them() {
    let tool = ScriptedTool::new(ToolSpec::pure("ask").with_target("openai"))
        .then_wait(2 * SECOND)
        .then_err(slow_down(30).with_output(Output::from("half").with_usage(paid(7))))
        .then_wait(6 * SECOND)
        .then_ok(Output::from("fine").with_usage(paid(10)));
    let outcome = Client::builder().tool(tool).build().unwrap().run("x").tool("ask").await.unwrap();
    let hint = spent_on(&outcome, Some(AskedBy::RetryAfter));
    assert!(hint >= 30 * SECOND && hint <= 31 * SECOND, "{hint:?}");
    // A timer goes by whole milliseconds.
    assert!(spent_on(&outcome, None).abs_diff(8 * SECOND) < Duration::from_millis(2));
    assert_sums(&outcome);
    let text = outcome.explain().to_string();
    for part in [
        "for the server's Retry-After",
        "8.00 s for the tool itself",
        "#1 at openai: slow down; repeated",
        "#1 of ask, failed: 7 tokens",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_in_our_own_queue_is_told() {
    let client = Client::builder().tool(steady("ask")).bulkhead(1, 60 * SECOND).build().unwrap();
    let (_, second) = tokio::join!(client.run("a").tool("ask"), client.run("b").tool("ask"));
    let second = second.unwrap();
    assert_eq!((spent_on(&second, Some(AskedBy::Queue)), spent_on(&second, None)), (3 * SECOND, 3 * SECOND));
    assert!(second.explain().to_string().contains("3.00 s for our queue"), "{}", second.explain());
    assert_sums(&second);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_our_rate_limit_is_told() {
    let limit = RateLimitConfig::per_minute(6).burst(1).max_wait(30 * SECOND);
    let client = Client::builder().tool(steady("ask")).rate_limit("ask", limit).build().unwrap();
    let (_, second) = tokio::join!(client.run("a").tool("ask"), client.run("b").tool("ask"));
    let second = second.unwrap();
    assert_eq!(spent_on(&second, Some(AskedBy::RateLimit)), 10 * SECOND, "{}", second.explain());
    assert_sums(&second);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_another_run_with_the_same_key_is_told() {
    let client = Client::builder().tool(steady("ask")).build().unwrap();
    let run = || client.run("a").tool("ask").idempotency_key("k");
    let (first, second) = tokio::join!(run(), run());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((spent_on(&first, Some(AskedBy::Flight)), spent_on(&first, None)), (Duration::ZERO, 3 * SECOND));
    assert_eq!((spent_on(&second, Some(AskedBy::Flight)), spent_on(&second, None)), (3 * SECOND, Duration::ZERO));
    assert!(second.replayed() && second.cost_breakdown().is_empty());
    assert!(second.explain().to_string().contains("nothing was executed or spent"));
}

/// Takes two seconds and a model's money.
struct Thoughtful;

#[async_trait]
impl Planner for Thoughtful {
    async fn plan(&self, _: &Catalog, request: &Request) -> Result<Plan, Error> {
        request.context().meter().book(&paid(5));
        sleep(2 * SECOND).await;
        Ok(Plan::new(Route::new("ask", "it thought so"), 1.0))
    }

    fn check(&self, _: &Catalog) -> Result<(), PlanningError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_and_the_money_of_the_planner_have_lines_of_their_own() {
    let client = Client::builder().tool(steady("ask")).planner(Thoughtful).build().unwrap();
    let outcome = client.run("a").await.unwrap();
    assert_eq!((spent_on(&outcome, Some(AskedBy::Planner)), spent_on(&outcome, None)), (2 * SECOND, 3 * SECOND));
    let lines = outcome.cost_breakdown();
    assert_eq!((lines.len(), lines[0].planning, lines[0].tokens, lines[1].tokens), (2, true, 5, 10));
    assert_sums(&outcome);
    let text = outcome.explain().to_string();
    assert!(text.contains("2.00 s for the planner") && text.contains("the planner: 5 tokens"), "{text}");
}

/// Asks a model that is busy at first, and costs even then.
struct Persistent;

#[async_trait]
impl Planner for Persistent {
    async fn plan(&self, _: &Catalog, request: &Request) -> Result<Plan, Error> {
        let (spec, asked) = (ToolSpec::pure("model"), AtomicUsize::new(0));
        let model = tool_fn(spec.clone(), move |_: Request| {
            let busy = asked.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                let answer = |tokens| Output::from("ask").with_usage(paid(tokens));
                if busy { Err(Error::transient("busy").with_output(answer(7))) } else { Ok(answer(5)) }
            }
        });
        let retry = RetryLayer::new(RetryPolicy::default().max_attempts(2)).unwrap();
        let model = model.into_tool().layer(retry).layer(ScopeLayer::of(&spec));
        let context = request.context().child(Part::Step(1)).detach(60 * SECOND);
        let answer = model.oneshot(Request::new("which?").with_context(context)).await?;
        assert_eq!(answer.content().as_text(), Some("ask"));
        Ok(Plan::new(Route::new("ask", "it said so"), 1.0))
    }

    fn check(&self, _: &Catalog) -> Result<(), PlanningError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_planners_model_failed_at_is_in_the_planners_line_and_is_no_fallback() {
    let client = Client::builder().tool(steady("ask")).planner(Persistent).build().unwrap();
    let outcome = client.run("a").await.unwrap();
    let lines = outcome.cost_breakdown();
    let told: Vec<_> = lines.iter().map(|line| (line.planning, line.failed, line.tokens)).collect();
    assert_eq!(told, [(true, false, 12), (false, false, 10)]);
    assert_sums(&outcome);
    let text = outcome.explain().to_string();
    assert!(text.contains("busy") && !text.contains("fell back"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn why_this_tool_and_not_the_others_is_told() {
    let rules = [
        Rule::named("deep").when("depth", Op::Equals, "deep").tool("slow").priority(9),
        Rule::named("any").when("go", Op::Equals, true).tool("ask"),
    ];
    let client = Client::builder()
        .tool(steady("ask"))
        .tool(steady("slow"))
        .planner(RulePlanner::new(rules).unwrap())
        .build()
        .unwrap();
    let text = client.run(json!({ "go": true })).await.unwrap().explain().to_string();
    for part in
        ["because   rule `any` matched", "rule      `deep` (priority 9) -> `slow`: not matched", "choice    `ask`"]
    {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replicate_that_waits_while_others_work_costs_no_time_but_its_own() {
    let calls = AtomicUsize::new(0);
    let tool = tool_fn(ToolSpec::pure("ask"), move |_: Request| {
        let throttled = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if throttled {
                return Err(Error::transient("busy").with_retry_after(10 * SECOND));
            }
            sleep(4 * SECOND).await;
            Ok(Output::from("fine").with_usage(paid(10)))
        }
    });
    let client = Client::builder().bundle(BundleTool::new("both", tool).k(2)).build().unwrap();
    let outcome = client.run("x").tool("both").await.unwrap();
    let hint = spent_on(&outcome, Some(AskedBy::RetryAfter));
    assert!(
        hint >= 6 * SECOND && hint <= 7 * SECOND,
        "{hint:?}: the other one works for four of the ten seconds\n{}",
        outcome.explain()
    );
    assert!(spent_on(&outcome, None).abs_diff(8 * SECOND) < Duration::from_millis(2));
    assert_sums(&outcome);
}

#[tokio::test(start_paused = true)]
async fn after_a_bundle_falls_back_to_a_bundle_each_line_names_whose_replicate_it_was() {
    let failing = tool_fn(ToolSpec::pure("a"), |request: Request| async move {
        let output = Output::from("").with_usage(paid(3));
        match request.context().replicate() {
            // No valid answer, but no failed attempt either.
            Some(1) => Ok(output),
            _ => Err(Error::transient("down").with_output(output)),
        }
    });
    let rule = Rule::named("any").when("go", Op::Equals, true).tool("first").fallback("second");
    let client = Client::builder()
        .bundle(BundleTool::new("first", failing).k(3))
        .bundle(BundleTool::new("second", steady("b")).k(2))
        .planner(RulePlanner::new([rule]).unwrap())
        .retry(RetryPolicy::default().max_attempts(1))
        .build()
        .unwrap();
    let outcome = client.run(json!({ "go": true })).await.unwrap();
    assert_sums(&outcome);
    let lines = outcome.cost_breakdown();
    let of = |tool: Option<&str>| {
        let lines = lines.iter().filter(|line| line.tool.as_deref() == tool);
        lines.map(|line| (line.replicate, line.failed, line.tokens)).collect::<Vec<_>>()
    };
    assert_eq!(of(Some("second")), [(Some(1), false, 10), (Some(2), false, 10)], "{lines:?}");
    assert!(
        of(Some("first")).iter().all(|(replicate, failed, tokens)| *failed && *tokens == 3 && *replicate > Some(1))
    );
    assert_eq!(of(None), [(None, true, 3)], "what its first replicate had used");
}

/// A small generator, so that a run can be made again from its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A tool whose calls fail as chance has it, paid for or not, and at last succeed.
fn random_tool(name: &str, chance: &mut Chance) -> BoxTool {
    let mut tool = ScriptedTool::new(ToolSpec::pure(name).with_target("shared"));
    for _ in 0..8 {
        tool = tool.then_wait(Duration::from_millis(250 * chance.below(9)));
        let output = Output::from("fine").with_usage(paid(chance.below(20)));
        tool = match chance.below(5) {
            0 => tool.then_err(Error::transient("down")),
            1 => tool.then_err(slow_down(u32::try_from(chance.below(8)).unwrap()).with_output(output)),
            2 => tool.then_err(Error::transient("broken").with_output(output)),
            _ => tool.then_ok(output),
        };
    }
    tool.cycling().into_tool()
}

fn random_client(chance: &mut Chance) -> ClientBuilder {
    let rule = Rule::named("any").when("go", Op::Equals, true).tool("plain");
    let rule = rule.fallback("bundle").fallback("another").fallback("steady");
    let k = |chance: &mut Chance| 2 + u32::try_from(chance.below(4)).unwrap();
    let parallel = BundleOptions::new().max_parallel(1 + u32::try_from(chance.below(3)).unwrap());
    Client::builder()
        .tool(random_tool("plain", chance))
        .bundle(BundleTool::new("bundle", random_tool("in", chance)).k(k(chance)).options(parallel.min_valid(2)))
        .bundle(BundleTool::new("another", random_tool("other", chance)).k(k(chance)))
        .tool(steady("steady"))
        .planner(RulePlanner::new([rule]).unwrap())
        .retry(RetryPolicy::default().max_attempts(1 + u32::try_from(chance.below(3)).unwrap()))
        .bulkhead(1 + usize::try_from(chance.below(3)).unwrap(), 60 * SECOND)
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_time_and_the_lines_of_cost_add_up_for_any_run() {
    let (mut outcomes, mut fell_back, mut waits) = (0, 0, BTreeSet::new());
    for seed in 0..200 {
        let chance = &mut Chance(seed);
        let client = random_client(chance).build().unwrap();
        let run = |n: u64| {
            let run = client.run(json!({ "go": true, "n": n }));
            match n {
                0 => run.tool("bundle"),
                1 => run.idempotency_key("k").tool("another"),
                2 => run.idempotency_key("k2"),
                _ => run,
            }
        };
        for outcome in futures_util::future::join_all([0, 1, 2, 3, 4].map(|n| run(n).into_future())).await {
            let Ok(outcome) = outcome else { continue };
            assert_sums(&outcome);
            let explanation = outcome.explain();
            for line in explanation.lines() {
                let word = line.split(' ').next().unwrap();
                assert!(Explanation::WORDS.contains(&word), "seed {seed}: {line}");
            }
            outcomes += 1;
            fell_back += usize::from(explanation.to_string().contains("fell back"));
            waits.extend(outcome.time_breakdown().iter().filter_map(|part| part.asked_by.map(|who| who.to_string())));
        }
    }
    assert!(outcomes > 500 && fell_back > 50, "{outcomes} outcomes, {fell_back} with a fallback");
    for asked_by in [AskedBy::Backoff, AskedBy::RetryAfter, AskedBy::Queue] {
        assert!(waits.contains(&asked_by.to_string()), "{waits:?}");
    }
}

/// The words in the first column of the table below a heading.
fn listed<'a>(document: &'a str, heading: &str) -> BTreeSet<&'a str> {
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no part `{heading}`"));
    let part = rest.split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|line| line.split('`').nth(1)).collect()
}

#[test]
fn every_word_of_an_explanation_is_documented_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explain.md");
    let document = fs::read_to_string(path).unwrap();
    let same = |heading: &str, words: Vec<String>| {
        let words: BTreeSet<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(listed(&document, heading), words, "{heading}");
    };
    same("Lines", Explanation::WORDS.map(str::to_owned).to_vec());
    let stopped = Stopped::ALL.map(|why| Verdict::Stopped(why).to_string());
    let verdicts = [Verdict::Succeeded, Verdict::Repeated, Verdict::FellBack].map(|verdict| verdict.to_string());
    same("Verdicts", verdicts.into_iter().chain(stopped).collect());
    let asked = AskedBy::ALL.map(|who| who.to_string());
    same("Who asked for the time", asked.into_iter().chain([TimeLine::TOOL.to_owned()]).collect());
    same("Classes", Class::ALL.map(|class| class.to_string()).to_vec());
}
