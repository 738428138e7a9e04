//! A client from one file and the environment: what is promised in `docs/configuration.md`.

pub(crate) mod bad;
mod reload;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use orch_core::{Effect, ErrorKind, IntoTool};
use orch_facade::config::{Config, Origin};
use orch_facade::reliability::MemoryStore;
use orch_facade::{
    Budget, BundleTool, CircuitBreakerConfig, Client, ClientBuilder, Error, Output, Request, RetryPolicy, Rule,
    RulePlanner, ToolSpec, tool_fn,
};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::Answer;
use tokio::time::Instant;

/// The tools that the texts of these tests mention.
pub(crate) fn code() -> ClientBuilder {
    let answer = |spec| tool_fn(spec, |_: Request| async { Ok::<_, Error>(Output::from("yes")) });
    Client::builder().tool(answer(ToolSpec::pure("ask"))).tool(answer(ToolSpec::at_most_once("pay")))
}

/// A configuration of a text over those tools, with these variables.
pub(crate) fn config(text: &str, variables: &[(&str, &str)]) -> Config {
    Config::toml(text).variables(variables.iter().copied()).code(code())
}

/// The value and the origin of a setting.
fn shown(config: &Config, key: &str) -> (String, String) {
    let effective = config.effective().unwrap();
    let setting = effective.get(key).unwrap_or_else(|| panic!("no {key} in\n{effective}"));
    (setting.value.clone(), setting.origin.to_string())
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

/// The one full example of `docs/configuration.md`.
fn documented() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, after) = text.split_once("```toml\n# orch.toml\n").expect("the page has the example");
    after.split_once("```").expect("its block ends").0.to_owned()
}

/// A file in a folder of its own.
fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

const SEEDS: &str = r#"
[reliability]
retry_policy = { max_attempts = 3, initial_delay = 1.0, max_delay = 30.0, backoff_factor = 2.0, respect_retry_after = true }
idempotency_enabled = true
idempotency_ttl_ms = 1800000
conflict_detection = false

[reliability.circuit_breaker_configs.ask]
failure_threshold = 3
timeout = 120.0
window_size = 300.0
"#;

#[test]
fn the_familiar_names_are_read_in_their_units_and_shown_by_their_own() {
    let config = config(SEEDS, &[]);
    for (key, value, line) in [
        ("reliability.retry.initial_delay", "1.0", 3),
        ("reliability.idempotency.ttl", "1800.0", 5),
        ("reliability.idempotency.conflict_detection", "false", 6),
        ("reliability.circuit_breakers.ask.cooldown", "120.0", 10),
        ("reliability.circuit_breakers.ask.window", "300.0", 11),
    ] {
        assert_eq!(shown(&config, key), pair(value, &format!("line {line}")), "{key}");
    }
    assert_eq!(shown(&config, "reliability.circuit_breakers.ask.probes"), pair("1", "default"));
}

#[test]
fn code_is_overruled_by_the_file_and_the_file_by_the_environment() {
    let code = || code().deadline(Duration::from_secs(10)).attempt_timeout(Duration::from_secs(4)).max_parallel(5);
    let file = "[reliability]\ndeadline = \"20s\"\nidle_timeout = 7";
    let of = |variables: &[(&str, &str)]| Config::toml(file).variables(variables.iter().copied()).code(code());
    let from_file = of(&[]);
    assert_eq!(shown(&from_file, "reliability.deadline"), pair("20.0", "line 2"));
    assert_eq!(shown(&from_file, "reliability.attempt_timeout"), pair("4.0", "code"));
    assert_eq!(shown(&from_file, "max_parallel"), pair("5", "code"));
    assert_eq!(shown(&from_file, "reliability.first_chunk_timeout"), pair("30.0", "default"));
    let name = "ORCH__RELIABILITY__DEADLINE";
    let from_both = of(&[(name, "30s")]);
    assert_eq!(shown(&from_both, "reliability.deadline"), pair("30.0", name));
    assert_eq!(shown(&from_both, "reliability.idle_timeout"), pair("7.0", "line 3"));
}

#[test]
fn another_spelling_in_another_source_overrules_and_is_no_contradiction() {
    let own = CircuitBreakerConfig::default().cooldown(Duration::from_secs(11)).probes(3);
    let code = code().circuit_breaker("ask", own);
    let text = "[reliability.circuit_breakers.ask]\ntimeout = 12";
    let file = Config::toml(text).code(code.clone());
    assert_eq!(shown(&file, "reliability.circuit_breakers.ask.cooldown"), pair("12.0", "line 2"));
    assert_eq!(shown(&file, "reliability.circuit_breakers.ask.probes"), pair("3", "code"));
    let name = "ORCH__RELIABILITY__CIRCUIT_BREAKERS__ASK__COOLDOWN";
    let both = Config::toml(text).variables([(name, "13")]).code(code);
    assert_eq!(shown(&both, "reliability.circuit_breakers.ask.cooldown"), pair("13.0", name));
}

/// How long a run works that only its deadline ends.
async fn ended_after(client: &Client, deadline: Option<u64>) -> Duration {
    let began = Instant::now();
    let run = client.run("?").tool("wait");
    let run =
        deadline.map_or_else(|| client.run("?").tool("wait"), |seconds| run.deadline(Duration::from_secs(seconds)));
    let error = run.await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DeadlineExceeded), "{error}");
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_is_configured_holds_and_a_call_overrules_it() {
    let wait = || tool_fn(ToolSpec::pure("wait"), |_: Request| std::future::pending::<Result<Output, Error>>());
    let code = || Client::builder().tool(wait()).deadline(Duration::from_secs(10));
    let file = "[reliability]\ndeadline = 20";
    for (config, seconds) in [
        (Config::new().code(code()), 10),
        (Config::toml(file).code(code()), 20),
        (Config::toml(file).variables([("ORCH__RELIABILITY__DEADLINE", "30")]).code(code()), 30),
    ] {
        let client = config.build().unwrap();
        assert_eq!(ended_after(&client, None).await, Duration::from_secs(seconds));
        assert_eq!(ended_after(&client, Some(2)).await, Duration::from_secs(2));
    }
}

#[test]
fn everything_that_is_wrong_is_found_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "orch.toml",
        "max_paralel = 3\n[reliability.retry]\nmax_attempts = 0\nbackoff_factor = 0.5\n[providers.main]\nwire = \"openai\"\n\
         base_url = \"ftp://h\"\nmodel = \"m\"\n[bundles.b]\ntool = \"aks\"\noptions = { k = 0 }\n[[rules]]\ntool = \"no\"\n",
    );
    let config = Config::file(&path).variables([("ORCH__STORES__IDEMPOTENCY", "redis")]).code(code());
    let said = config.check().unwrap_err().to_string().replace(&folder.path().display().to_string(), "");
    let expected = "\
/orch.toml:1: max_paralel: unknown key, did you mean `max_parallel`?
/orch.toml:3: reliability.retry.max_attempts = 0: the first attempt counts, so it must be at least 1
/orch.toml:4: reliability.retry.backoff_factor = 0.5: it must be finite and at least 1
/orch.toml:7: providers.main.base_url = \"ftp://h\": `ftp://h/` is neither http nor https
/orch.toml:10: bundles.b.tool = \"aks\": no tool of this name, known are `ask`, `pay`
/orch.toml:13: rules[0].tool = \"no\": rule `rule` names the tool `no`, which is not registered
ORCH__STORES__IDEMPOTENCY: stores.idempotency = \"redis\": no store of this name is registered, known are `memory`";
    assert_eq!(said, expected);
}

/// Everything that a file can say, of a server at `url`.
fn whole(url: &str) -> String {
    format!(
        r#"
max_parallel = 4

[providers.main]
wire = "openai"
base_url = "{url}"
model = "m-1"
api_key = {{ env = "MAIN_KEY" }}
headers = {{ x-team = "blue" }}

[tools.judge]
provider = "main"
version = "2.0.0"
description = "Judges a plan."
system = "Be brief."
prompt = "Is this feasible: {{{{ plan }}}}?"
max_tokens = 50
input_schema = {{ type = "object", properties = {{ plan = {{ type = "string" }} }} }}

[bundles.judges]
tool = "judge"
options = {{ k = 3, stop = "never", per_replicate_budget = {{ tokens = 500 }} }}

[[rules]]
request_type = "verdict"
tool = "judges"

[prices.m-1]
input = 2.0
output = 10.0

[reliability]
deadline = "30s"
budget = {{ cost_usd = 0.5 }}

[reliability.retry]
max_attempts = 2
initial_delay = 0.001

[reliability.circuit_breakers.main]
failure_threshold = 4
"#
    )
}

#[tokio::test]
async fn one_file_makes_a_whole_client_and_nothing_is_connected_before_a_run() {
    let server = FaultServer::script([Answer::text("yes").usage(100, 10)]);
    let config = Config::toml(whole(&server.url())).variables([("MAIN_KEY", "sk-planted")]);
    config.check().unwrap();
    config.effective().unwrap();
    let client = config.build().unwrap();
    assert_eq!(server.connections(), 0);
    let plan = serde_json::json!({ "type": "verdict", "plan": "move the office" });
    let outcome = client.run(plan).await.unwrap();
    assert_eq!(outcome.evidence().unwrap().summary.consensus, Some("yes".into()));
    // Three answers of 100 tokens at 2 dollars and 10 tokens at 10 dollars per million.
    assert!((outcome.cost_usd() - 0.0009).abs() < 1e-9, "{}", outcome.cost_usd());
    let asked = server.requests();
    assert_eq!(asked.len(), 3);
    assert_eq!(
        (asked[0].header("authorization"), asked[0].header("x-team")),
        (Some("Bearer sk-planted"), Some("blue"))
    );
    let body = asked[0].body.to_string();
    assert!(body.contains("Is this feasible: move the office?"), "{body}");
    let judge = client.list_tools()[0];
    assert_eq!((judge.name(), judge.version(), judge.description()), ("judge", "2.0.0", "Judges a plan."));
    assert_eq!((judge.target().as_str(), judge.effect()), ("main", Effect::Pure));
    assert!(judge.input_schema().is_some());
}

#[test]
fn what_is_shown_is_a_configuration_of_the_same_client() {
    for (text, variables) in [(whole("http://127.0.0.1:1"), vec![("MAIN_KEY", "k")]), (SEEDS.to_owned(), vec![])] {
        let text = text.replace("headers = { x-team = \"blue\" }\n", "");
        let config = Config::toml(text).variables(variables.clone()).code(code());
        let shown = config.effective().unwrap();
        let again = Config::toml(shown.to_string()).variables(variables).code(code()).effective().unwrap();
        let values = |effective: &orch_facade::config::Effective| {
            effective.iter().map(|setting| (setting.key.clone(), setting.value.clone())).collect::<Vec<_>>()
        };
        assert_eq!(values(&again), values(&shown));
        assert!(again.iter().all(|setting| matches!(setting.origin, Origin::File { .. })), "{again}");
    }
}

#[test]
fn variables_alone_make_a_client() {
    let config = Config::new().code(code()).variables([
        ("ORCH__BUNDLES__ASKED__TOOL", "ask"),
        ("ORCH__BUNDLES__ASKED__OPTIONS", "{ k = 5, epsilon = 0.1 }"),
        ("ORCH__RULES", "[{ keywords = [\"deep\"], tool = \"asked\" }]"),
        ("ORCH__MAX_PARALLEL", "2"),
    ]);
    assert_eq!(shown(&config, "bundles.asked.options.k"), pair("5", "ORCH__BUNDLES__ASKED__OPTIONS"));
    let names: Vec<String> = config.build().unwrap().list_tools().iter().map(|spec| spec.name().to_owned()).collect();
    assert_eq!(names, ["ask", "pay", "asked"]);
}

#[tokio::test]
async fn a_secret_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "key", "sk-planted-in-a-file\n");
    let text = "
        [providers.a]
        wire = \"anthropic\"
        base_url = \"http://127.0.0.1:1\"
        model = \"m\"
        api_key = { file = \"./key\" }
        proxy = { env = \"PROXY\" }
        headers = { x-team = \"planted-plainly\", x-auth = { env = \"HEADER\" } }
        query = { version = \"planted-in-a-url\" }
        [providers.b]
        wire = \"openai\"
        base_url = \"http://127.0.0.1:1\"
        model = \"m\"
        api_key = { env = \"KEY\" }
        [tools.t]
        provider = \"b\"
        [reliability.retry]
        max_attempts = 1";
    let path = write(folder.path(), "orch.toml", text);
    let variables = [
        ("PROXY", "http://u:planted-in-a-proxy@127.0.0.1:1"),
        ("HEADER", "planted-in-a-header"),
        ("KEY", "sk-planted"),
    ];
    let config = Config::file(path).variables(variables);
    let (effective, client) = (config.effective().unwrap(), config.build().unwrap());
    let error = client.run("?").tool("t").await.unwrap_err();
    let said = format!("{effective}{effective:?}{config:?}{client:?}{error}{error:?}");
    assert!(!said.contains("planted"), "{said}");
    for (key, value) in [
        ("providers.a.api_key.file", "\"./key\""),
        ("providers.a.headers.x-team", "\"***\""),
        ("providers.a.proxy.env", "\"PROXY\""),
        ("providers.b.api_key.env", "\"KEY\""),
    ] {
        assert_eq!(shown(&config, key).0, value);
    }
}

#[tokio::test]
async fn a_store_of_the_code_is_chosen_by_its_name() {
    let (own, other) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let remembered = async |config: Config| {
        let client = config.store("shared", other.clone()).build().unwrap();
        client.run("?").tool("pay").idempotency_key("k").await.unwrap().replayed()
    };
    let code = || code().idempotency_store(own.clone());
    assert!(!remembered(Config::new().code(code())).await);
    assert!(remembered(Config::new().code(code())).await, "nothing is written: the builder's own");
    let named = || Config::toml("[stores]\nidempotency = \"shared\"").code(code());
    assert!(!remembered(named()).await);
    assert!(remembered(named()).await);
    assert!(!remembered(Config::toml("[stores]\nidempotency = \"memory\"").code(code())).await);
    assert_eq!(shown(&Config::new().code(code()), "stores.idempotency"), pair("\"code\"", "code"));
}

#[test]
fn a_tool_says_what_another_call_would_do_and_a_bundle_heeds_it() {
    let text = "[providers.p]\nwire = \"openai\"\nbase_url = \"http://127.0.0.1:1\"\nmodel = \"m\"\nfree = true\n\
                [tools.act]\nprovider = \"p\"\neffect = \"at_most_once\"\n[tools.plan]\nprovider = \"p\"\ntools = [\"pay\"]\n";
    let client = config(text, &[]).build().unwrap();
    for name in ["act", "plan"] {
        let tools = client.list_tools();
        let spec = tools.iter().find(|spec| spec.name() == name).unwrap();
        assert_eq!(spec.effect(), Effect::AtMostOnce, "{name}");
    }
    let error = config(&format!("{text}[bundles.b]\ntool = \"act\""), &[]).check().unwrap_err().to_string();
    assert!(error.starts_with("line 13: bundles.b.tool = \"act\": "), "{error}");
}

#[test]
fn a_bundle_of_the_code_is_neither_replicated_nor_called_and_what_is_wrong_with_the_code_is_found() {
    let bundle = || {
        BundleTool::new(
            "voted",
            tool_fn(ToolSpec::pure("vote"), |_: Request| async { Ok::<_, Error>(Output::from("yes")) }),
        )
    };
    let said = |text: &str, code: ClientBuilder| {
        let config = Config::toml(text).code(code);
        let said = config.check().unwrap_err().to_string();
        assert_eq!(config.build().unwrap_err().to_string(), said);
        said
    };
    assert_eq!(
        said("[bundles.b]\ntool = \"voted\"", code().bundle(bundle())),
        "line 2: bundles.b.tool = \"voted\": a bundle cannot be replicated: name a tool"
    );
    let calls = "[providers.p]\nwire = \"openai\"\nbase_url = \"http://127.0.0.1:1\"\nmodel = \"m\"\n\
                 [tools.t]\nprovider = \"p\"\ntools = [\"voted\"]";
    assert_eq!(
        said(calls, code().bundle(bundle())),
        "line 7: tools.t.tools[0] = \"voted\": a bundle cannot be called by a model: name the tool that it replicates"
    );
    assert_eq!(said("", code().bundle(bundle()).bundle(bundle())), "two tools are named `voted`");
}

#[test]
fn rules_may_stand_in_a_file_of_their_own_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "orch.toml", "rules_file = \"rules.toml\"");
    write(folder.path(), "rules.toml", "[[rules]]\nkeywords = [\"x\"]\ntool = \"ask\"");
    let config = Config::file(path).code(code());
    config.build().unwrap();
    write(folder.path(), "rules.toml", "[[rules]]\nkeywords = [\"x\"]\ntool = \"asked\"");
    let error = config.check().unwrap_err().to_string();
    let place = format!("{}:3: rules[0].tool: ", folder.path().join("rules.toml").display());
    assert!(error.starts_with(&place) && error.ends_with("did you mean `ask`?"), "{error}");
}

#[tokio::test]
async fn a_planner_of_the_code_stays_unless_rules_are_written() {
    let rules = RulePlanner::new([Rule::keywords(["x"]).tool("pay")]).unwrap();
    let code = || code().planner(rules.clone());
    let served = async |config: Config| config.build().unwrap().run("x").await.unwrap().served_by().map(str::to_owned);
    assert_eq!(served(Config::new().code(code())).await.as_deref(), Some("pay"));
    let written = Config::toml("[[rules]]\nkeywords = [\"x\"]\ntool = \"ask\"").code(code());
    assert_eq!(served(written).await.as_deref(), Some("ask"));
}

#[test]
fn prices_decide_whether_a_budget_of_money_can_be_kept() {
    let text = |more: &str| {
        format!(
            "[providers.p]\nwire = \"openai\"\nbase_url = \"http://127.0.0.1:1\"\nmodel = \"m\"\n{more}\n[tools.t]\nprovider = \"p\"\nmax_tokens = 5"
        )
    };
    let error = |more: &str| {
        let client =
            Config::toml(text(more)).code(Client::builder().retry(RetryPolicy::default().max_attempts(1))).build();
        let run = client.unwrap().run("?").tool("t").budget(Budget::new().cost_usd(1.0)).into_future();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run).unwrap_err()
    };
    assert!(matches!(error("").kind(), ErrorKind::Unpriced { .. }));
    for more in ["free = true", "[prices.m]\nfree = true", "[prices.m]\ninput = 1\noutput = 2"] {
        assert!(!matches!(error(more).kind(), ErrorKind::Unpriced { .. }), "{more}");
    }
}

#[test]
fn the_full_example_of_the_page_is_a_configuration_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "orch.toml", &documented());
    write(folder.path(), "handbook.md", "Refunds are paid within ten days. Parcels are sent on Mondays.");
    let variables = [("OPENAI_API_KEY", "sk-planted"), ("GATEWAY_TOKEN", "planted")];
    let lookup = tool_fn(ToolSpec::pure("lookup"), |_: Request| async { Ok::<_, Error>(Output::from("yes")) });
    let config = Config::file(path).variables(variables).code(Client::builder().tool(lookup));
    let client = config.build().unwrap_or_else(|findings| panic!("{findings}"));
    let tools: Vec<&str> = client.list_tools().iter().map(|spec| spec.name()).collect();
    assert_eq!(tools, ["lookup", "handbook", "judge", "judges"]);
    assert!(!config.effective().unwrap().to_string().contains("planted"));
}

#[tokio::test(start_paused = true)]
async fn a_tool_and_a_target_have_settings_of_their_own() {
    let (calls, waits) = (Arc::new(AtomicUsize::new(0)), Duration::from_secs(20));
    let fails = {
        let calls = Arc::clone(&calls);
        tool_fn(ToolSpec::pure("fails"), move |_: Request| {
            calls.fetch_add(1, Ordering::SeqCst);
            async { Err::<Output, _>(Error::transient("no answer")) }
        })
        .into_tool()
    };
    let slow = tool_fn(ToolSpec::pure("slow"), move |_: Request| async move {
        tokio::time::sleep(waits).await;
        Ok::<_, Error>(Output::from("late"))
    })
    .into_tool();
    let text = "
        [reliability]
        attempt_timeout = 60
        [reliability.tools.fails]
        retry = { max_attempts = 4 }
        [reliability.tools.slow]
        attempt_timeout = \"5s\"
        retry = { max_attempts = 1 }
        [reliability.bulkheads.slow]
        max_in_flight = 1
        max_wait = 2";
    let code = || Client::builder().tool(fails.clone()).tool(slow.clone());
    let (client, plain) = (Config::toml(text).code(code()).build().unwrap(), code().build().unwrap());
    for (client, attempts) in [(&client, 4), (&plain, 3)] {
        calls.store(0, Ordering::SeqCst);
        assert!(client.run("?").tool("fails").await.is_err());
        assert_eq!(calls.load(Ordering::SeqCst), attempts);
    }
    let (first, second) =
        tokio::join!(client.run("?").tool("slow").into_future(), client.run("?").tool("slow").into_future());
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert!(matches!(first.kind(), ErrorKind::Timeout { .. }), "{first}");
    assert!(matches!(second.kind(), ErrorKind::Overloaded { .. }), "{second}");
    assert!(plain.run("?").tool("slow").await.is_ok());
    for (text, reason) in [
        (
            "[reliability.tools.fial]\nidle_timeout = 1",
            "reliability.tools.fial: no tool that is called has the name `fial`",
        ),
        (
            "[reliability.tools.slow]\nidle_timeout = 0",
            "reliability.tools.slow.idle_timeout = 0: it must be above zero",
        ),
        (
            "[reliability.bulkheads.slow]\nmax_in_flight = 0",
            "reliability.bulkheads.slow.max_in_flight = 0: it must be at least 1",
        ),
        (
            "[reliability.bulkheads.solw]\nmax_in_flight = 1",
            "reliability.bulkheads.solw: no tool has the target `solw`",
        ),
    ] {
        let error = Config::toml(text).code(code()).check().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
