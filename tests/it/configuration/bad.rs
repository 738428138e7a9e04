//! Configurations that cannot work, each with exactly what is said of it. One table, so that it can be read.

use super::config;

/// A text, environment variables, and everything that is found, one finding a line.
pub(crate) type Bad = (&'static str, &'static [(&'static str, &'static str)], &'static str);

pub(crate) const BAD: &[Bad] = &[
    // The text itself.
    ("deadline = = 3", &[], "line 1: extra `=`, expected nothing"),
    ("a = 1\na = 2", &[], "line 2: duplicate key"),
    ("max_parallel = nan", &[], "line 1: max_parallel: the number is not finite"),
    // Keys.
    ("[reliabilty]\ndeadline = 3", &[], "line 1: reliabilty: unknown key, did you mean `reliability`?"),
    ("[reliability]\ndeadlin = 3", &[], "line 2: reliability.deadlin: unknown key, did you mean `deadline`?"),
    (
        "[reliability.retry]\n\nretries = 3",
        &[],
        "line 3: reliability.retry.retries: unknown key, known are `max_attempts`, `class_attempts`, `initial_delay`, `max_delay`, `backoff_factor`, `respect_retry_after`, `retry_after_cap`, `max_total_delay`, `seed`",
    ),
    (
        "[reliability.circuit_breakers.ask]\ntreshold = 3",
        &[],
        "line 2: reliability.circuit_breakers.ask.treshold: unknown key, known are `failure_threshold`, `failure_rate`, `min_calls`, `window`, `window_size`, `cooldown`, `timeout`, `max_cooldown`, `jitter`, `probes`, `successes_to_close`, `probe_lease`, `slow_after`, `slow_rate`",
    ),
    ("[stores]\n\"a`b\" = 3", &[], "line 2: stores.\"a`b\": unknown key, known are `idempotency`, `memory_bytes`"),
    // Types.
    ("max_parallel = \"many\"", &[], "line 1: max_parallel = \"many\": expected a whole number, not negative"),
    ("max_parallel = -1", &[], "line 1: max_parallel = -1: expected a whole number, not negative"),
    ("reliability = 3", &[], "line 1: reliability = 3: expected a table"),
    (
        "[reliability.retry]\nmax_attempts = 2.5",
        &[],
        "line 2: reliability.retry.max_attempts = 2.5: expected a whole number, not negative",
    ),
    (
        "[reliability.idempotency]\nenabled = \"yes\"",
        &[],
        "line 2: reliability.idempotency.enabled = \"yes\": expected true or false",
    ),
    (
        "[reliability.idempotency]\non_abandon = \"cancle\"",
        &[],
        "line 2: reliability.idempotency.on_abandon = \"cancle\": unknown word, did you mean `cancel`?",
    ),
    (
        "[reliability]\nidempotency = 3\nidempotency_enabled = false",
        &[],
        "line 2: reliability.idempotency = 3: expected a table",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"http://127.0.0.1:1\"\n\
         [tools.t]\nprovider = \"p\"\ntools = [1, \"ask\", 2]",
        &[],
        "line 7: tools.t.tools[0] = 1: expected a text",
    ),
    // Values.
    ("[reliability]\ndeadline = 0", &[], "line 2: reliability.deadline = 0: it must be above zero"),
    (
        "[reliability]\ndeadline = \"30 sec\"",
        &[],
        "line 2: reliability.deadline = \"30 sec\": expected seconds, or a text such as \"30s\" or \"500ms\"",
    ),
    (
        "[reliability.retry]\nbackoff_factor = 0.5",
        &[],
        "line 2: reliability.retry.backoff_factor = 0.5: it must be finite and at least 1",
    ),
    (
        "[reliability.retry]\ninitial_delay = \"31s\"",
        &[],
        "line 1: reliability.retry.max_delay = 30.0: it must not be below `initial_delay` (31s)",
    ),
    (
        "[reliability.retry.class_attempts]\nauth = 2",
        &[],
        "line 2: reliability.retry.class_attempts.auth = 2: failures of this class are never repeated",
    ),
    (
        "[reliability.budget]\ntokens = 0",
        &[],
        "line 2: reliability.budget.tokens = 0: 0 tokens: a budget must be above zero",
    ),
    (
        "[reliability.budget]\ncost_usd = -0.5",
        &[],
        "line 2: reliability.budget.cost_usd = -0.5: -0.5 dollars: a budget must be a finite amount above zero",
    ),
    ("[reliability]\nmax_in_flight = 0", &[], "line 2: reliability.max_in_flight = 0: it must be at least 1"),
    (
        "[reliability.circuit_breaker]\nfailure_rate = 1.5",
        &[],
        "line 2: reliability.circuit_breaker.failure_rate = 1.5: it must be above 0 and at most 1",
    ),
    (
        "[reliability.rate_limits.ask]\nrequests_per_minute = 0",
        &[],
        "line 2: reliability.rate_limits.ask.requests_per_minute = 0: it must be above zero",
    ),
    (
        "[reliability.rate_limits.ask]\nburst = 5",
        &[],
        "line 1: reliability.rate_limits.ask: the key `requests_per_minute` is missing",
    ),
    // Both spellings of one setting.
    (
        "[reliability.circuit_breakers.ask]\ncooldown = 30\ntimeout = 60",
        &[],
        "line 3: reliability.circuit_breakers.ask.timeout = 60: another spelling of `reliability.circuit_breakers.ask.cooldown` (line 2): give one of the two",
    ),
    (
        "[reliability]\nidempotency_ttl_ms = 1000\n[reliability.idempotency]\nttl = 1",
        &[],
        "line 2: reliability.idempotency_ttl_ms = 1000: another spelling of `reliability.idempotency.ttl` (line 4): give one of the two",
    ),
    (
        "[reliability]\nretry_policy = { max_attempts = 2 }\nretry = { max_attempts = 3 }",
        &[],
        "line 2: reliability.retry_policy: another spelling of `reliability.retry` (line 3): give one of the two",
    ),
    // Names.
    (
        "[reliability.circuit_breakers.aks]\nprobes = 1",
        &[],
        "line 1: reliability.circuit_breakers.aks: no tool has the target `aks`, known are `ask`, `pay`",
    ),
    (
        "[reliability.rate_limits.openai]\nrequests_per_minute = 5",
        &[],
        "line 1: reliability.rate_limits.openai: no tool has the target `openai`, known are `ask`, `pay`",
    ),
    (
        "[tools.t]\nprovider = \"main\"",
        &[],
        "line 2: tools.t.provider = \"main\": no provider of this name, there are none",
    ),
    (
        "[bundles.b]\ntool = \"aks\"",
        &[],
        "line 2: bundles.b.tool = \"aks\": no tool of this name, known are `ask`, `pay`",
    ),
    (
        "[bundles.b]\ntool = \"pay\"",
        &[],
        "line 2: bundles.b.tool = \"pay\": `b` replicates `pay`, whose effect is AtMostOnce, not Pure",
    ),
    (
        "[bundles.b]\ntool = \"ask\"\n[bundles.c]\ntool = \"b\"",
        &[],
        "line 4: bundles.c.tool = \"b\": a bundle cannot be replicated: name a tool",
    ),
    ("[bundles.ask]\ntool = \"ask\"", &[], "line 1: bundles.ask: the code has registered a tool `ask` already"),
    (
        "[stores]\nidempotency = \"redis\"",
        &[],
        "line 2: stores.idempotency = \"redis\": no store of this name is registered, known are `memory`",
    ),
    (
        "[stores]\nmemory_bytes = 0",
        &[],
        "line 2: stores.memory_bytes = 0: nothing could be remembered: it must be at least 1",
    ),
    // Bundles.
    ("[bundles.b]\noptions = { k = 3 }", &[], "line 1: bundles.b: the key `tool` is missing"),
    (
        "[bundles.b]\ntool = \"ask\"\noptions = { k = 65 }",
        &[],
        "line 3: bundles.b.options.k = 65: 65 replicates: there must be 1 to 64",
    ),
    (
        "[bundles.b]\ntool = \"ask\"\noptions = { epsilom = 0.2 }",
        &[],
        "line 3: bundles.b.options.epsilom: unknown key, did you mean `epsilon`?",
    ),
    (
        "[bundles.b]\ntool = \"ask\"\n[bundles.b.options]\nper_replicate_budget = { tokens = 0 }",
        &[],
        "line 4: bundles.b.options.per_replicate_budget.tokens = 0: 0 tokens: a budget must be above zero",
    ),
    (
        "[bundles.b]\ntool = \"ask\"\n[bundles.b.options.rules.fields]\n\"/a\" = { number = { rel = -1 } }",
        &[],
        "line 4: bundles.b.options.rules.fields.\"/a\": `rel` is -1: a tolerance must be finite and at least 0",
    ),
    (
        "[bundles.b]\ntool = \"ask\"\noptions = { stop = \"locked\" }",
        &[],
        "line 3: bundles.b.options.stop = \"locked\": unknown word, did you mean `lock`?",
    ),
    // Rules.
    (
        "[[rules]]\nkeyword = [\"x\"]\ntool = \"ask\"",
        &[],
        "line 2: rules[0].keyword = [\"x\"]: unknown field `keyword`, did you mean `keywords`?",
    ),
    (
        "[[rules]]\nkeywords = [\"x\"]\ntool = \"ask\"\n[[rules]]\nkeywords = [\"y\"]\ntool = \"aks\"",
        &[],
        "line 6: rules[1].tool = \"aks\": rule `keywords(y)` names the tool `aks`, which is not registered",
    ),
    (
        "rules_file = \"none.toml\"",
        &[],
        "line 1: rules_file = \"none.toml\": cannot be read: No such file or directory (os error 2)",
    ),
    (
        "rules_file = \"none.toml\"\n[[rules]]\nkeywords = [\"x\"]\ntool = \"ask\"",
        &[],
        "line 1: rules_file = \"none.toml\": `rules` are given too: give one of the two",
    ),
    // Providers.
    ("[providers.p]\nmodel = \"m\"", &[], "line 1: providers.p: the key `wire` is missing"),
    (
        "[providers.p]\nwire = \"opnai\"\nmodel = \"m\"",
        &[],
        "line 2: providers.p.wire = \"opnai\": unknown word, did you mean `openai`?",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"",
        &[],
        "line 1: providers.p: the server needs a key: set `api_key` to { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nbase_url = \"http://127.0.0.1:1\"",
        &[],
        "line 1: providers.p.model: which model? set `model`",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"http://api.example.com\"",
        &[],
        "line 4: providers.p.base_url = \"http://api.example.com\": `http://api.example.com/` is plain http to another machine, which shows the key to everybody on the way: use https, or `allow_insecure_http(true)` where the network is trusted",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"ftp://h\"",
        &[],
        "line 4: providers.p.base_url = \"ftp://h\": `ftp://h/` is neither http nor https",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"https://u:pw-secret@h/v1\"",
        &[],
        "line 4: providers.p.base_url = \"https://***@h/v1\": `https://h/v1` was given with credentials in it: use the API key",
    ),
    (
        "[providers.p]\nwire = \"local\"\nmodel = \"m\"\ndocument = \"none.md\"",
        &[],
        "line 3: providers.p.model = \"m\": only the wires `openai`, `responses` and `anthropic` have this setting",
    ),
    (
        "[providers.p]\nwire = \"local\"",
        &[],
        "line 1: providers.p: the key `document` is missing: the file that answers are taken from",
    ),
    (
        "[providers.p]\nwire = \"anthropic\"\nmodel = \"m\"\ndialect = \"vllm\"",
        &[],
        "line 4: providers.p.dialect = \"vllm\": only the wires `openai` and `responses` have this setting",
    ),
    (
        "[providers.p]\nmodel = \"m\"\n[reliability.circuit_breakers.p]\nprobes = 1",
        &[],
        "line 1: providers.p: the key `wire` is missing",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"http://127.0.0.1:1\"\n\
         connect_timeout_ms = 0\nmax_body = 0\nmax_event = 0",
        &[],
        "line 5: providers.p.connect_timeout_ms = 0: no call could succeed: it must be at least 1\n\
         line 6: providers.p.max_body = 0: no call could succeed: it must be at least 1\n\
         line 7: providers.p.max_event = 0: no call could succeed: it must be at least 1",
    ),
    // Secrets.
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"https://u:pw/-secret@h/v1\"",
        &[],
        "line 4: providers.p.base_url = \"https://***\": not a URL, such as `https://host/v1`: invalid port number",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"u:pw-secret@h/v1\"",
        &[],
        "line 4: providers.p.base_url = \"***\": `***` is neither http nor https",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = \"sk-secret\"",
        &[],
        "line 4: providers.p.api_key = \"***\": a secret does not stand in a configuration: write { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = { key = \"sk-secret\" }",
        &[],
        "line 4: providers.p.api_key: expected one reference: write { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = { env = \"NO_SUCH_KEY\" }",
        &[],
        "line 4: providers.p.api_key: the environment variable `NO_SUCH_KEY` is not set",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = { env = \"sk-secret\" }",
        &[],
        "line 4: providers.p.api_key: the environment variable `***` is not set",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = { env = \"EMPTY\" }",
        &[("EMPTY", " ")],
        "line 4: providers.p.api_key: the environment variable `EMPTY` is empty",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = { file = \"/no/such/key\" }",
        &[],
        "line 4: providers.p.api_key: the file `/no/such/key` cannot be read: No such file or directory (os error 2)",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napikey = \"sk-secret\"",
        &[("K", "k")],
        "line 4: providers.p.apikey: unknown key, did you mean `api_key`?",
    ),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\napi_key = { env = \"K\" }\nheaders = { x-auth = \"sk-secret\" }",
        &[("K", "k")],
        "line 5: providers.p.headers.x-auth = \"***\": a secret does not stand in a configuration: write { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }",
    ),
    (
        "",
        &[("ORCH__PROVIDERS__P__API_KEY", "sk-secret"), ("ORCH__PROVIDERS__P__WIRE", "openai")],
        "ORCH__PROVIDERS__P__API_KEY: providers.p.api_key = \"***\": a secret does not stand in a configuration: write { env = \"NAME\" } for an environment variable, or { file = \"PATH\" }",
    ),
    // Tools.
    ("[tools.t]\nprompt = \"{{ x }}\"", &[], "line 1: tools.t: the key `provider` is missing"),
    (
        "[providers.p]\nwire = \"openai\"\nmodel = \"m\"\nbase_url = \"http://127.0.0.1:1\"\n\
         [tools.t]\nprovider = \"p\"\nprompt = \"{{ x\"\ntemperature = -1\n\
         [tools.u]\nprovider = \"p\"\ntemperature = -1\n\
         [tools.v]\nprovider = \"p\"\ntools = [\"ask\", \"lookup\"]\n\
         [tools.w]\nprovider = \"p\"\ncheck_answers = true",
        &[],
        "line 7: tools.t.prompt = \"{{ x\": syntax error: unexpected end of input, expected end of variable block (in prompt:1)\n\
         line 11: tools.u.temperature = -1: a temperature is a finite number from 0 up\n\
         line 14: tools.v.tools[1] = \"lookup\": no tool of this name, known are `ask`, `pay`, `t`, `u`, `v`, `w`\n\
         line 17: tools.w.check_answers = true: there is nothing to check against: set `answer_schema`",
    ),
    // Prices.
    (
        "[prices.m]\ninput = 1.0",
        &[],
        "line 1: prices.m: expected `input` and `output`, in dollars per million tokens, or `free = true`",
    ),
    (
        "[prices.m]\ninput = -1.0\noutput = 2",
        &[],
        "line 2: prices.m.input = -1.0: -1 is not a price in dollars: it must be finite and not negative",
    ),
    ("[prices.m]\nfree = true\ninput = 1.0", &[], "line 2: prices.m.free = true: what is free has no price beside it"),
    // The environment.
    (
        "",
        &[("ORCH__RELIABILITY__DEADLINE", "soon")],
        "ORCH__RELIABILITY__DEADLINE: reliability.deadline = \"soon\": expected seconds, or a text such as \"30s\" or \"500ms\"",
    ),
    (
        "",
        &[("ORCH__RELIABILITY__DEADLIN", "30")],
        "ORCH__RELIABILITY__DEADLIN: reliability.deadlin: unknown key, did you mean `deadline`?",
    ),
    (
        "",
        &[("ORCH__", "1")],
        "ORCH__: a part of the name is empty: expected a name such as `ORCH__RELIABILITY__DEADLINE`",
    ),
    (
        "",
        &[("ORCH__MAX_PARALLEL", "1"), ("ORCH__max_parallel", "2")],
        "ORCH__max_parallel: max_parallel: `ORCH__MAX_PARALLEL` sets the same key: keep one of the two",
    ),
    (
        "[reliability]\ndeadline = 5",
        &[("ORCH__RELIABILITY__DEADLINE", "0")],
        "ORCH__RELIABILITY__DEADLINE: reliability.deadline = 0: it must be above zero",
    ),
];

#[test]
fn each_of_them_is_refused_with_exactly_these_words() {
    let said = |(text, variables, _): &Bad| match config(text, variables).check() {
        Ok(()) => "nothing".to_owned(),
        Err(findings) => findings.to_string(),
    };
    let wrong: Vec<String> = BAD
        .iter()
        .filter(|bad| said(bad) != bad.2)
        .map(|bad| format!("{}\n{:?}\n  expected: {}\n  said:     {}\n", bad.0, bad.1, bad.2, said(bad)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn none_of_them_can_be_built_or_shown_and_none_says_a_secret() {
    for (text, variables, expected) in BAD {
        let config = config(text, variables);
        let (built, shown) = (config.build().unwrap_err().to_string(), config.effective().unwrap_err().to_string());
        assert_eq!((built.as_str(), shown.as_str()), (*expected, *expected), "{text}");
        assert!(!format!("{built}{config:?}{:?}", config.check()).contains("-secret"), "{text}");
    }
}
