use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use orch_providers::{Dialect, OpenAi, OpenAiBuilder, ProviderService};
use tower::ServiceExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::hello;
use crate::server::{Server, answer};

const KEY: &str = "sk-do-not-tell";

/// Everything that was traced, as text.
#[derive(Clone, Default)]
struct Log {
    text: Arc<Mutex<String>>,
    spans: Arc<AtomicU64>,
}

impl Log {
    fn add(&self, line: &str) {
        self.text.lock().unwrap().push_str(line);
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(&format!("{} ", span.metadata().name()));
        span.record(&mut self.clone());
        Id::from_u64(1 + self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A second subscriber that is always there. With one alone, `tracing` asks only the thread that comes first to a
/// span whether somebody listens, and remembers its "no" for all.
static ANOTHER: LazyLock<tracing::Dispatch> = LazyLock::new(|| tracing::Dispatch::new(Log::default()));

/// Everything that a user can print of a call whose server repeats the key in its words.
async fn shown(builder: OpenAiBuilder, status: &str, body: &str) -> (String, Server) {
    let server = Server::answering(answer(status, "content-type: application/json\r\n", body)).await;
    let builder = builder.base_url(server.url()).model("tiny");
    let mut shown = format!("{builder:?}");
    let model = builder.build().unwrap();
    shown += &format!("{model:?}");
    LazyLock::force(&ANOTHER);
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let result = ProviderService::new(model).oneshot(hello()).await;
    drop(guard);
    shown += &format!("{result:?}");
    if let Err(error) = result {
        shown += &format!(
            "{error} {error:?} {} {:?}",
            serde_json::to_string(&error).unwrap(),
            std::error::Error::source(&error)
        );
    }
    assert!(log.text().contains("http_request") && log.text().contains("gen_ai.request.model"), "{}", log.text());
    (shown + &log.text(), server)
}

#[tokio::test]
async fn the_key_is_sent_and_shown_nowhere() {
    let told = format!("{{\"error\":{{\"message\":\"Incorrect API key provided: {KEY}\",\"code\":\"{KEY}\"}}}}");
    let garbage = format!("your key {KEY} is no JSON");
    for (status, body) in [("401 No", told.as_str()), ("200 OK", &told), ("200 OK", &garbage), ("502 Oops", &garbage)] {
        let (shown, server) = shown(OpenAi::compatible(Dialect::LITELLM).api_key(KEY), status, body).await;
        let head = server.requests().remove(0).head;
        assert!(head.contains(&format!("authorization: bearer {KEY}")), "{head}");
        assert!(!shown.contains("do-not-tell"), "{status}: {shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[test]
fn the_settings_show_no_credentials_wherever_they_were_put() {
    for url in ["http://user:do-not-tell@localhost/v1", "http://localhost/v1?key=do-not-tell", "do-not-tell"] {
        let shown = format!("{:?}", OpenAi::builder().base_url(url).api_key_env(KEY));
        assert!(shown.contains("base_url: Some(") && !shown.contains("do-not-tell"), "{shown}");
    }
    let shown = format!("{:?}", OpenAi::builder().base_url("http://localhost:1/v1").api_key_env("MY_KEY"));
    assert!(shown.contains("http://localhost:1/v1") && shown.contains("MY_KEY"), "{shown}");
}

#[tokio::test]
async fn a_key_in_a_header_of_its_own_is_sent_as_it_is() {
    let builder = OpenAi::compatible(Dialect::LITELLM).api_key(KEY).api_key_header("api-key");
    let (shown, server) = shown(builder, "401 No", "{}").await;
    let head = server.requests().remove(0).head;
    assert!(head.contains(&format!("\r\napi-key: {KEY}")) && !head.contains("authorization"), "{head}");
    assert!(!shown.contains("do-not-tell"), "{shown}");
}
