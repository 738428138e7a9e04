//! What must not leave the process does not: secrets are planted, and every output is searched for them.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use orch_core::store::{Claim, Fingerprint, IdempotencyStore, Key, Lease, OwnerId, Record, StoreError, Takeover};
use orch_core::{Error, Output, Redact, Request, ToolSpec, tool_fn};
use orch_facade::{BundleTool, Client, ClientBuilder, Outcome, RetryPolicy, Run};
use orch_providers::{ChatTool, OpenAi};
use orch_reliability::{MemoryStore, RedactedStore};
use orch_testkit::fault_server::{Answer, Failure, FaultServer};
use serde_json::json;

use crate::support::Capture;

/// What somebody asked, what was answered, what a header held, what a caller noted, the key of an API.
const PROMPT: &str = "patient-7731";
const ANSWER: &str = "diagnosis-4482";
const NOTE: &str = "invoice-9954";
const API_KEY: &str = "sk-live-3308";
const HEADER: &str = "session-6619";
const SECRETS: [&str; 5] = [PROMPT, ANSWER, NOTE, API_KEY, HEADER];

struct Hide;

impl Redact for Hide {
    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        SECRETS.iter().fold(Cow::Borrowed(text), |text, secret| text.replace(secret, "***").into())
    }
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} holds {secret}: {text}");
    }
}

#[track_caller]
fn assert_no_debug(what: &str, value: &impl Debug) {
    assert_clean(what, &format!("{value:?}"));
    assert_clean(what, &format!("{value:#?}"));
}

/// Fails once with the prompt in its words, then answers.
fn talkative() -> ClientBuilder {
    let failed = Mutex::new(false);
    let ask = tool_fn(ToolSpec::pure("ask"), move |request: Request| {
        let first = !std::mem::replace(&mut *failed.lock().unwrap(), true);
        let prompt = request.input().as_text().unwrap_or_default().to_owned();
        async move {
            if first {
                let half = Output::from(ANSWER).with_metadata("note", NOTE);
                return Err(Error::transient(format!("cannot read {prompt}")).with_output(half));
            }
            Ok(Output::from(format!("{ANSWER} of {prompt}")).with_metadata("note", NOTE))
        }
    });
    let broken = tool_fn(ToolSpec::pure("broken"), |_: Request| async {
        Err::<Output, _>(Error::tool_execution(format!("{ANSWER} is wrong")).with_output(Output::from(ANSWER)))
    });
    let retry = RetryPolicy::default().initial_delay(Duration::from_millis(1));
    Client::builder().bundle(BundleTool::new("bundle", ask).k(2)).tool(broken).retry(retry)
}

fn run(client: &Client) -> Run {
    client.run(PROMPT).tool("bundle").metadata("invoice", NOTE).idempotency_key(format!("k-{PROMPT}"))
}

/// Everything that an outcome says of itself outside the process.
fn assert_outcome_is_clean(outcome: &Outcome) {
    assert_no_debug("the outcome's Debug", outcome);
    assert_clean("the explanation", &outcome.explain().to_string());
    assert_clean("the outcome's JSON", &serde_json::to_string(outcome).unwrap());
}

#[tokio::test(start_paused = true)]
async fn with_a_redactor_no_output_holds_a_secret_and_the_answer_itself_is_whole() {
    let capture = Capture::begin();
    let client = talkative().redactor(Hide).build().unwrap();
    assert_no_debug("the client", &client);
    assert_no_debug("a run", &run(&client));
    let mut events = run(&client).events();
    let mut told = 0;
    while let Some(envelope) = events.next().await {
        assert_clean("an event", &serde_json::to_string(&envelope).unwrap());
        assert_no_debug("an event", &envelope);
        told += 1;
    }
    assert!(told > 5, "{told}");
    assert_no_debug("the events", &events);
    let outcome = events.outcome().await.unwrap();
    assert_outcome_is_clean(&outcome);
    assert!(outcome.explain().to_string().contains("cannot read ***"), "{}", outcome.explain());
    assert_eq!(outcome.typed::<String>().unwrap(), format!("{ANSWER} of {PROMPT}"), "the caller's own");
    assert_eq!(outcome.metadata()["invoice"], json!(NOTE));
    // A replay is as whole as the first answer was.
    let replay = run(&client).await.unwrap();
    assert!(replay.replayed());
    assert_eq!(replay.typed::<String>().unwrap(), format!("{ANSWER} of {PROMPT}"));
    assert_outcome_is_clean(&replay);

    let error = client.run(PROMPT).tool("broken").await.unwrap_err();
    assert_clean("an error", &error.to_string());
    assert_no_debug("an error", &error);
    assert_eq!(error.to_string(), "*** is wrong");
    assert_eq!(error.output().unwrap().content().as_text(), Some(ANSWER), "what was paid for comes back");
    let mut events = client.run(PROMPT).tool("broken").events();
    while let Some(envelope) = events.next().await {
        assert_clean("an event of a failure", &serde_json::to_string(&envelope).unwrap());
    }
    // The same words with another key are a conflict, which is told without the key.
    let conflict = client.run("another").tool("bundle").idempotency_key(format!("k-{PROMPT}")).await.unwrap_err();
    assert_clean("a conflict", &conflict.to_string());
    let unknown = client.run(PROMPT).tool(format!("tool-{NOTE}")).await.unwrap_err();
    assert_clean("an unknown tool", &unknown.to_string());
    assert_clean("spans and logs", &capture.everything());
    assert!(capture.everything().contains("call"), "{}", capture.everything());
}

#[tokio::test(start_paused = true)]
async fn without_a_redactor_spans_logs_and_debug_hold_no_content_all_the_same() {
    let capture = Capture::begin();
    let client = talkative().build().unwrap();
    let run = || client.run(PROMPT).tool("bundle").metadata("invoice", NOTE);
    assert_no_debug("a run", &run());
    let outcome = run().await.unwrap();
    assert_no_debug("an outcome", &outcome);
    let error = client.run(PROMPT).tool("broken").await.unwrap_err();
    assert!(error.to_string().contains(ANSWER), "the tool's own words, nobody has asked to hide them");
    assert!(serde_json::to_string(&outcome).unwrap().contains(ANSWER));
    assert_clean("spans and logs", &capture.everything());
}

#[tokio::test(start_paused = true)]
async fn a_runs_own_redactor_takes_the_place_of_the_clients() {
    struct Keep;
    impl Redact for Keep {
        fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
            text.into()
        }
    }
    let client = talkative().redactor(Hide).build().unwrap();
    let error = client.run(PROMPT).tool("broken").redactor(Keep).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{ANSWER} is wrong"));
    let client = talkative().build().unwrap();
    let error = client.run(PROMPT).tool("broken").redactor(Hide).await.unwrap_err();
    assert_eq!(error.to_string(), "*** is wrong");
}

/// A store that keeps a copy of all that it was ever given.
#[derive(Default)]
struct Copying {
    inner: MemoryStore,
    seen: Mutex<Vec<u8>>,
}

#[async_trait]
impl IdempotencyStore for Copying {
    async fn claim(
        &self,
        key: &Key,
        print: &Fingerprint,
        owner: OwnerId,
        lease: Duration,
        takeover: Takeover,
    ) -> Result<Claim, StoreError> {
        self.inner.claim(key, print, owner, lease, takeover).await
    }
    async fn renew(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.inner.renew(key, lease).await
    }
    async fn complete(&self, key: &Key, lease: &Lease, record: Record, keep: Duration) -> Result<bool, StoreError> {
        self.seen.lock().unwrap().extend_from_slice(&record.bytes);
        self.inner.complete(key, lease, record, keep).await
    }
    async fn release(&self, key: &Key, lease: &Lease) -> Result<bool, StoreError> {
        self.inner.release(key, lease).await
    }
    async fn resolve(&self, key: &Key, outcome: Option<Record>) -> Result<bool, StoreError> {
        self.inner.resolve(key, outcome).await
    }
    async fn wait(&self, key: &Key, max: Duration) -> Result<(), StoreError> {
        self.inner.wait(key, max).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_holds_the_answer_unless_it_is_wrapped_and_then_a_replay_is_redacted() {
    for wrapped in [false, true] {
        let copying = Arc::new(Copying::default());
        let store: Arc<dyn IdempotencyStore> =
            if wrapped { Arc::new(RedactedStore::new(copying.clone(), Hide)) } else { copying.clone() };
        let client = talkative().idempotency_store(store).build().unwrap();
        let run = || client.run(PROMPT).tool("bundle").metadata("invoice", NOTE).idempotency_key("k");
        let first = run().await.unwrap();
        assert_eq!(first.typed::<String>().unwrap(), format!("{ANSWER} of {PROMPT}"));
        let again = run().await.unwrap();
        assert!(again.replayed());
        let stored = String::from_utf8(copying.seen.lock().unwrap().clone()).unwrap();
        if wrapped {
            assert_eq!(again.typed::<String>().unwrap(), "*** of ***");
            assert_eq!(again.evidence().unwrap().meta.k, 2, "words and numbers of ours stay");
            assert_clean("the store", &stored);
        } else {
            assert!(stored.contains(ANSWER) && again.typed::<String>().unwrap().contains(ANSWER));
        }
        assert!(!stored.contains(NOTE) || !wrapped, "the caller's facts are not the store's");
    }
}

#[tokio::test]
async fn the_key_of_an_api_and_headers_of_ones_own_are_shown_nowhere() {
    let capture = Capture::begin();
    let echoing = Failure::new(401).message(format!("the key {API_KEY} and the session {HEADER} do not fit"));
    let server = FaultServer::script([Answer::from(echoing), Answer::text("fine")]);
    let provider = OpenAi::builder().base_url(format!("{}/v1", server.url())).model("tiny").api_key(API_KEY);
    let provider = provider.header("x-session", HEADER);
    assert_no_debug("the builder", &provider);
    let provider = provider.build().unwrap();
    assert_no_debug("the provider", &provider);
    let chat = ChatTool::new("chat", provider);
    assert_no_debug("the tool", &chat);
    let client = Client::builder().tool(chat).build().unwrap();
    assert_no_debug("the client", &client);
    let error = client.run("hello").tool("chat").await.unwrap_err();
    assert_clean("the error", &format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap()));
    let outcome = client.run("hello").tool("chat").await.unwrap();
    assert_outcome_is_clean(&outcome);
    assert_eq!(server.requests().len(), 2);
    let lines = capture.everything();
    assert_clean("spans and logs", &lines);
    assert!(lines.contains("gen_ai.request.model") && lines.contains("http_request"), "{lines}");
}
