//! The example `consensus_endpoint` as a process, over plain HTTP, with a scripted server behind it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure, Hint};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::quickstart::example;

/// The endpoint as a process of its own, stopped when it is dropped.
pub(crate) struct Endpoint {
    child: Child,
    pub(crate) url: String,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Endpoint {
    pub(crate) fn before(upstream: &FaultServer) -> Self {
        Self::start(upstream, &["--free", "--k", "3"], None)
    }

    fn start(upstream: &FaultServer, more: &[&str], token: Option<&str>) -> Self {
        let upstream = format!("{}/v1", upstream.url());
        let mut args = vec!["--listen", "127.0.0.1:0", "--upstream", &upstream, "--model", "tiny"];
        args.extend(more);
        let mut command = Command::new(example("consensus_endpoint"));
        command
            .args(args)
            .stdin(Stdio::null())
            .env_remove("ORCH_ENDPOINT_TOKEN")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(token) = token {
            command.env("ORCH_ENDPOINT_TOKEN", token);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = String::new();
        let address = loop {
            let Some(line) = lines.next() else { panic!("it does not listen: {said}") };
            match serde_json::from_str::<Value>(&line).ok().and_then(|line| Some(line["address"].as_str()?.to_owned()))
            {
                Some(address) => break address,
                None => said.push_str(&line),
            }
        };
        let log: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            lines
                .for_each(|line| kept.lock().unwrap().push(serde_json::from_str(&line).unwrap_or(Value::String(line))));
        });
        Self { child, url: format!("http://{address}"), log }
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.post_text(body.to_string())
    }

    fn post_text(&self, body: impl Into<String>) -> RequestBuilder {
        reqwest::Client::new().post(format!("{}/v1/chat/completions", self.url)).body(body.into())
    }

    async fn answer(&self, body: &Value) -> Value {
        let response = self.post(body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        json_of(response).await
    }

    /// The first line of the log with this message; waits for it.
    async fn logged(&self, message: &str) -> Value {
        for _ in 0..2_000 {
            let found = self.log.lock().unwrap().iter().find(|line| line["message"] == message).cloned();
            if let Some(line) = found {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no `{message}` in the log: {:?}", self.log.lock().unwrap());
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn ask(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Capital of France?" }] })
}

fn content(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

/// The values of a stream, and whether it ended as it should.
async fn chunks(response: Response) -> (Vec<Value>, bool) {
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let text = response.text().await.unwrap();
    let mut data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let done = data.pop_if(|last| *last == "[DONE]").is_some();
    (data.iter().map(|json| serde_json::from_str(json).unwrap()).collect(), done)
}

fn told(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consensus_model_answers_with_what_its_replicates_agree_on_and_says_what_they_used() {
    let upstream = FaultServer::script([Answer::text("Paris"), Answer::text("Lyon"), Answer::text("Paris")]);
    let endpoint = Endpoint::before(&upstream);
    let response = endpoint.post(&ask("consensus/tiny")).send().await.unwrap();
    let run = response.headers()["x-orch-run"].to_str().unwrap().to_owned();
    let answer = json_of(response).await;
    assert_eq!(content(&answer), "Paris");
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("consensus/tiny")));
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 33, "completion_tokens": 21, "total_tokens": 54 }));
    let orch = &answer["orch"];
    assert_eq!((&orch["run"], &orch["replayed"]), (&json!(run), &json!(false)));
    let said: Vec<_> = orch["consensus"]["disagreements"][0]["candidates"].as_array().unwrap().iter().collect();
    assert_eq!((&said[0]["value"], &said[1]["value"]), (&json!("Paris"), &json!("Lyon")));
    assert_eq!((&orch["consensus"]["k"], &orch["consensus"]["valid"]), (&json!(3), &json!(3)));
    assert!((0.5..0.9).contains(&orch["consensus"]["confidence"].as_f64().unwrap()), "{orch}");
    assert_eq!(endpoint.logged("run ended").await["tokens"], 54);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_model_is_one_reliable_call_that_hands_on_what_it_does_not_know() {
    let upstream = FaultServer::script([Answer::from(Failure::new(500)), Answer::text("Paris")]);
    let endpoint = Endpoint::before(&upstream);
    let mut body = ask("tiny");
    body["messages"] = json!([
        { "role": "developer", "content": [{ "type": "text", "text": "Be" }, { "type": "text", "text": "brief." }] },
        { "role": "user", "content": "Look it up." },
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "c1", "content": "It is Paris." },
    ]);
    body["temperature"] = json!(0.5);
    body["logit_bias"] = json!({ "7": 1 });
    body["max_completion_tokens"] = json!(20);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let response = endpoint.post(&body).header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let answer = json_of(response.send().await.unwrap()).await;
    assert_eq!(content(&answer), "Paris");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!((&answer["usage"]["total_tokens"], &answer["orch"]["consensus"]), (&json!(18), &Value::Null));
    let asked = upstream.requests();
    assert_eq!(asked.len(), 2, "the 500 was repeated");
    assert!(asked[1].header("traceparent").unwrap().contains(trace));
    let sent = &asked[1].body;
    assert_eq!((&sent["model"], &sent["temperature"], &sent["max_tokens"]), (&json!("tiny"), &json!(0.5), &json!(20)));
    assert_eq!(sent["logit_bias"], json!({ "7": 1 }));
    let roles: Vec<_> = sent["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool"]);
    assert_eq!(sent["messages"][2]["tool_calls"][0]["function"]["name"], "f");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_tool_is_answered_whole_and_streamed() {
    let upstream = FaultServer::script([Answer::tool_call("weather", &json!({ "city": "Bergen" }))]);
    let endpoint = Endpoint::before(&upstream);
    let mut body = ask("tiny");
    body["tools"] =
        json!([{ "type": "function", "function": { "name": "weather", "parameters": { "type": "object" } } }]);
    let whole = endpoint.answer(&body).await;
    let called = &whole["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!((&called["name"], &called["arguments"]), (&json!("weather"), &json!(r#"{"city":"Bergen"}"#)));
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    body["stream"] = json!(true);
    let (streamed, done) = chunks(endpoint.post(&body).send().await.unwrap()).await;
    let last = &streamed.last().unwrap()["choices"][0];
    assert_eq!(last["delta"]["tool_calls"][0]["function"], *called);
    assert!(done && last["finish_reason"] == "tool_calls", "{streamed:?}");
    assert_eq!(upstream.requests()[0].body["tools"], body["tools"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_streamed_is_what_is_answered_whole() {
    let upstream = FaultServer::script([Answer::text("The capital is Paris")]);
    let endpoint = Endpoint::before(&upstream);
    for (model, key) in [("tiny", None), ("tiny", Some("a")), ("consensus/tiny", None), ("consensus/tiny", Some("b"))] {
        let mut body = ask(model);
        let send = |body: &Value| {
            key.iter().fold(endpoint.post(body), |post, key| post.header("idempotency-key", *key)).send()
        };
        let whole = json_of(send(&body).await.unwrap()).await;
        assert_eq!(content(&whole), "The capital is Paris");
        body["stream"] = json!(true);
        body["stream_options"] = json!({ "include_usage": true });
        let (streamed, done) = chunks(send(&body).await.unwrap()).await;
        assert!(done, "{streamed:?}");
        assert_eq!(told(&streamed), "The capital is Paris", "{streamed:?}");
        let (used, streamed) = streamed.split_last().unwrap();
        assert_eq!(used["choices"], json!([]));
        let expected = if key.is_some() { json!(0) } else { whole["usage"]["total_tokens"].clone() };
        assert_eq!(used["usage"]["total_tokens"], expected, "with a key it is the answer that was kept");
        let last = streamed.last().unwrap();
        assert_eq!(
            (&last["choices"][0]["finish_reason"], &last["object"]),
            (&json!("stop"), &json!("chat.completion.chunk"))
        );
        let pieces = streamed.iter().filter(|chunk| !told(std::slice::from_ref(chunk)).is_empty()).count();
        let plain = model == "tiny" && key.is_none();
        assert!(if plain { pieces > 1 } else { pieces == 1 }, "{model}: {pieces} pieces");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_execution_and_another_body_with_it_is_refused() {
    let upstream = FaultServer::script([Answer::text("Paris")]);
    let endpoint = Endpoint::before(&upstream);
    let keyed = |body: &Value| endpoint.post(body).header("idempotency-key", "order-7").send();
    let first = json_of(keyed(&ask("tiny")).await.unwrap()).await;
    let second = json_of(keyed(&ask("tiny")).await.unwrap()).await;
    assert_eq!((content(&first), content(&second)), ("Paris", "Paris"));
    assert_eq!((&first["orch"]["replayed"], &second["orch"]["replayed"]), (&json!(false), &json!(true)));
    assert_eq!((upstream.request_count(), &second["usage"]["total_tokens"]), (1, &json!(0)));

    let mut other = ask("tiny");
    other["temperature"] = json!(1);
    for refused in [&other, &ask("consensus/tiny")] {
        let response = keyed(refused).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(json_of(response).await["error"]["code"], "idempotency_key_reused");
    }
    assert_eq!(upstream.request_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_refused_before_a_word_is_paid_for_and_after_it_the_words_come_back() {
    let upstream = FaultServer::script([Answer::text("Paris").usage(11, 500)]);
    let endpoint = Endpoint::start(&upstream, &["--k", "3"], None);
    let mut body = ask("tiny");
    let limited = |body: &Value, name: &str, value: &str| endpoint.post(body).header(name, value).send();
    body["max_tokens"] = json!(50);
    for model in ["tiny", "consensus/tiny"] {
        body["model"] = json!(model);
        let response = limited(&body, "x-orch-budget-tokens", "20").await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(response.headers()["x-should-retry"], "false");
        let error = &json_of(response).await["error"];
        assert_eq!((&error["code"], &error["type"]), (&json!("budget_exceeded"), &json!("invalid_request_error")));
    }
    // Nobody knows what this model costs, so nobody can keep to an amount.
    let response = limited(&ask("tiny"), "x-orch-budget-cost", "0.10").await.unwrap();
    let status = response.status();
    let error = json_of(response).await["error"].clone();
    assert!(status == 400 && error["message"].as_str().unwrap().contains("`tiny` has no price"), "{status} {error}");
    assert_eq!(upstream.request_count(), 0);

    let response = limited(&ask("tiny"), "x-orch-budget-tokens", "100").await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
    let paid = &json_of(response).await["error"]["orch"]["paid_for"];
    assert_eq!((&paid["content"], &paid["usage"]["total_tokens"]), (&json!("Paris"), &json!(511)));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_upstream_have_a_status_that_makes_clients_do_the_right_thing() {
    let long = Hint::Seconds(Duration::from_secs(500));
    for (failure, status, code, again) in [
        (Failure::new(429).hint(long), 429, "rate_limit_exceeded", "true"),
        (Failure::quota("insufficient_quota"), 429, "insufficient_quota", "false"),
        (Failure::new(401), 502, "upstream_failed", "false"),
        (Failure::new(400), 400, "upstream_refused", "false"),
        (Failure::new(404), 404, "upstream_refused", "false"),
    ] {
        for model in ["tiny", "consensus/tiny"] {
            for stream in [false, true] {
                // A new one each time: after a 429 the next call waits for its cooldown.
                let upstream = FaultServer::script([failure.clone()]);
                let endpoint = Endpoint::before(&upstream);
                let mut body = ask(model);
                body["stream"] = json!(stream);
                let response = endpoint.post(&body).send().await.unwrap();
                let headers = response.headers().clone();
                let (got, error) = (response.status().as_u16(), json_of(response).await["error"].clone());
                assert_eq!((got, error["code"].as_str().unwrap()), (status, code), "{model}, stream {stream}: {error}");
                assert_eq!(headers["x-should-retry"], again, "{model}: {error}");
                assert!(headers.contains_key("x-orch-run"));
                if again == "true" {
                    assert_eq!(headers["retry-after"], "500");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_ends_with_an_error_and_without_an_end() {
    let upstream = FaultServer::script([Answer::text("The capital is Paris").cut(At::Pieces(2))]);
    let endpoint = Endpoint::before(&upstream);
    let mut body = ask("tiny");
    body["stream"] = json!(true);
    let (streamed, done) = chunks(endpoint.post(&body).send().await.unwrap()).await;
    assert!(!done);
    assert_eq!(told(&streamed), "The capital ");
    let error = &streamed.last().unwrap()["error"];
    assert_eq!(
        (&error["code"], &error["orch"]["paid_for"]["content"]),
        (&json!("upstream_failed"), &json!("The capital "))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_place() {
    let upstream = FaultServer::script([Answer::text("Paris")]);
    let endpoint = Endpoint::before(&upstream);
    let with = |model: &str, field: &str, value: Value| {
        let mut body = ask(model);
        body[field] = value;
        body.to_string()
    };
    let said = |message: Value| with("tiny", "messages", json!([message]));
    for (body, status, param, part) in [
        ("no json".to_owned(), 400, None, "expected"),
        ("[]".to_owned(), 400, None, "expected a map"),
        (json!({ "messages": [] }).to_string(), 400, Some("model"), "missing"),
        (with("tiny", "model", json!(7)), 400, Some("model"), "expected a string"),
        (with("tinny", "n", json!(1)), 404, None, "no tool named `tinny`, did you mean `tiny`?"),
        (with("tiny", "messages", json!([])), 400, Some("messages"), "at least one message"),
        (with("tiny", "messages", json!("hi")), 400, Some("messages"), "expected a sequence"),
        (said(json!({ "role": "boss", "content": "" })), 400, Some("messages.0.role"), "\"boss\": expected `system`"),
        (said(json!({ "role": "user" })), 400, Some("messages.0.content"), "expected a text"),
        (
            said(json!({ "role": "user", "content": [{ "type": "image_url" }] })),
            400,
            Some("messages.0.content"),
            "parts that are text",
        ),
        (
            said(json!({ "role": "assistant", "tool_calls": [{}] })),
            400,
            Some("messages.0.tool_calls"),
            "calls of functions",
        ),
        (with("tiny", "stream", json!("yes")), 400, Some("stream"), "expected a boolean"),
        (with("tiny", "stream_options", json!(1)), 400, Some("stream_options"), "expected a map"),
        (with("tiny", "n", json!(2)), 400, Some("n"), "ask a consensus model"),
        (with("tiny", "max_tokens", json!(-1)), 400, Some("max_tokens"), "expected u64"),
        (with("tiny", "max_tokens", json!(0)), 400, Some("max_tokens"), "at least one token"),
        (with("consensus/tiny", "tools", json!([])), 400, Some("tools"), "a consensus is about answers"),
        (with("consensus/tiny", "seed", json!("x")), 400, Some("seed"), "expected u64"),
    ] {
        let response = endpoint.post_text(body.as_str()).send().await.unwrap();
        let got = response.status().as_u16();
        let error = &json_of(response).await["error"];
        assert_eq!((got, error["param"].as_str()), (status, param), "{body}: {error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{body}: {error}");
    }
    for (name, value) in [
        ("x-orch-budget-tokens", "many"),
        ("x-orch-budget-tokens", "0"),
        ("x-orch-budget-cost", "-1"),
        ("x-orch-deadline-ms", "1.5"),
        ("x-orch-deadline-ms", "0"),
        ("traceparent", "00-1-2-3"),
        ("idempotency-key", ""),
    ] {
        let response = endpoint.post(&ask("tiny")).header(name, value).send().await.unwrap();
        let (got, error) = (response.status().as_u16(), json_of(response).await["error"].clone());
        let expected = if (name, value) == ("x-orch-deadline-ms", "0") { 504 } else { 400 };
        assert_eq!(got, expected, "{name}: {value}: {error}");
    }
    let large = endpoint.post_text("x".repeat((4 << 20) + 1)).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(json_of(large).await["error"]["message"].is_string());
    for (path, status) in [("/v1/chat/completions", 405), ("/v1/nothing", 404)] {
        let response = reqwest::get(format!("{}{path}", endpoint.url)).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(json_of(response).await["error"]["message"].is_string());
    }
    assert_eq!(upstream.request_count(), 0, "nothing of this was paid for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_cancels_its_run_and_the_run_is_booked() {
    for (model, stream) in [("tiny", true), ("tiny", false), ("consensus/tiny", false)] {
        let upstream = FaultServer::script([Answer::text("The capital is Paris").stall(At::Pieces(2))]);
        let endpoint = Endpoint::before(&upstream);
        let mut body = ask(model);
        body["stream"] = json!(stream);
        let request = tokio::spawn(endpoint.post(&body).send());
        let asked = if model == "tiny" { 1 } else { 2 };
        upstream.until_requests(asked).await;
        if stream {
            let mut response = request.await.unwrap().unwrap();
            let first = response.chunk().await.unwrap().unwrap();
            assert!(String::from_utf8_lossy(&first).contains("The "), "{first:?}");
        } else {
            request.abort();
        }
        upstream.until_abandoned(asked).await;
        assert_eq!(endpoint.logged("run ended").await["error"], "the run was cancelled", "{model}, stream {stream}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_guards_the_endpoint_and_nothing_but_loopback_is_served_without_one() {
    let upstream = FaultServer::script([Answer::text("Paris")]);
    let endpoint = Endpoint::start(&upstream, &["--free"], Some("secret"));
    for (given, status) in
        [(None, 401), (Some("Bearer secre"), 401), (Some("Bearer secres"), 401), (Some("Bearer secret"), 200)]
    {
        let post = given.iter().fold(endpoint.post(&ask("tiny")), |post, given| post.header("authorization", *given));
        assert_eq!(post.send().await.unwrap().status(), status, "{given:?}");
    }
    let health = reqwest::get(format!("{}/healthz", endpoint.url)).await.unwrap();
    assert_eq!(health.status(), 200);
    let args = ["--listen", "0.0.0.0:0", "--upstream", "http://127.0.0.1:1", "--model", "tiny"];
    let output =
        Command::new(example("consensus_endpoint")).args(args).env_remove("ORCH_ENDPOINT_TOKEN").output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("set ORCH_ENDPOINT_TOKEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_models_are_those_that_are_served_each_in_both_ways() {
    let upstream = FaultServer::script([Answer::text("Paris")]);
    let endpoint = Endpoint::start(&upstream, &["--free", "--model", "org/large"], None);
    let list = json_of(reqwest::get(format!("{}/v1/models", endpoint.url)).await.unwrap()).await;
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["tiny", "consensus/tiny", "org/large", "consensus/org/large"]);
    assert_eq!(content(&endpoint.answer(&ask("org/large")).await), "Paris");
    assert_eq!(upstream.requests()[0].body["model"], "org/large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_to_stop_lets_a_request_end_and_takes_no_other() {
    let slow = Answer::text("Paris").pause(At::Start, Duration::from_millis(700));
    let upstream = FaultServer::script([slow]);
    let mut endpoint = Endpoint::before(&upstream);
    let request = tokio::spawn(endpoint.post(&ask("tiny")).send());
    upstream.until_requests(1).await;
    let pid = endpoint.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let answer = json_of(request.await.unwrap().unwrap()).await;
    assert_eq!(content(&answer), "Paris");
    let stopped = endpoint.logged("stopped").await;
    assert_eq!((&stopped["abandoned"], &stopped["tokens"]), (&json!(0), &json!(18)));
    assert!(endpoint.child.wait().unwrap().success());
    assert!(endpoint.post(&ask("tiny")).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_in_time_is_cancelled_and_told_so() {
    let upstream = FaultServer::script([Answer::silence()]);
    let mut endpoint = Endpoint::start(&upstream, &["--free", "--drain", "0"], None);
    let request = tokio::spawn(endpoint.post(&ask("tiny")).send());
    upstream.until_requests(1).await;
    let pid = endpoint.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let response = request.await.unwrap().unwrap();
    assert_eq!(
        (response.status(), &response.headers()["x-should-retry"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"true".parse().unwrap())
    );
    assert_eq!(endpoint.logged("stopped").await["abandoned"], 1);
    assert!(endpoint.child.wait().unwrap().success());
}

/// Lines of code: neither blank nor a comment.
#[test]
fn the_endpoint_has_at_most_400_lines() {
    let sources = [
        include_str!("../../examples/consensus_endpoint/main.rs"),
        include_str!("../../examples/consensus_endpoint/api.rs"),
        include_str!("../../examples/consensus_endpoint/wire.rs"),
    ];
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let lines: usize = sources.iter().map(|source| source.lines().filter(is_code).count()).sum();
    assert!(lines <= 400, "{lines} lines of code");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/consensus_endpoint");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), sources.len(), "a file is not counted");
}
