use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// An answer as its bytes came, and taken apart.
struct Got {
    head: String,
    /// As HTTP's chunks, or in one.
    chunks: Vec<Vec<u8>>,
    /// Whether HTTP says that the body is whole.
    whole: bool,
}

impl Got {
    fn read(bytes: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let (head, mut rest) = (text(&bytes[..end]), &bytes[end..]);
        if !head.contains("transfer-encoding: chunked") {
            let whole = head.contains(&format!("content-length: {}\r\n", rest.len()));
            return Self { head, chunks: vec![rest.to_vec()], whole };
        }
        let (mut chunks, mut whole) = (Vec::new(), false);
        while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = usize::from_str_radix(&text(&rest[..line]), 16).unwrap();
            whole = size == 0;
            if whole {
                break;
            }
            chunks.push(rest[line + 2..line + 2 + size].to_vec());
            rest = &rest[line + 4 + size..];
        }
        Self { head, chunks, whole }
    }

    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn body(&self) -> String {
        String::from_utf8(self.chunks.concat()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body()).unwrap()
    }

    /// The data of each event.
    fn events(&self) -> Vec<String> {
        self.body().lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }
}

fn request(path: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nX-Test: Yes\r\nConnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn connect(server: &FaultServer, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

async fn post(server: &FaultServer, path: &str, body: &Value) -> Got {
    let mut client = connect(server, &request(path, body)).await;
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    Got::read(&bytes)
}

fn asking(stream: bool) -> Value {
    json!({ "model": "tiny", "stream": stream, "stream_options": { "include_usage": true } })
}

/// What one answer is on this wire.
async fn ask(answer: impl Into<Answer>, wire: Wire, stream: bool) -> Got {
    let server = FaultServer::script([answer.into()]);
    post(&server, wire.path(), &asking(stream)).await
}

#[tokio::test]
async fn every_wire_says_the_same_answer_in_its_own_words() {
    for (wire, text) in [
        (Wire::Chat, "/choices/0/message/content"),
        (Wire::Responses, "/output/0/content/0/text"),
        (Wire::Messages, "/content/0/text"),
    ] {
        let got = ask(Answer::text("so it is"), wire, false).await;
        assert_eq!((got.status(), got.whole), ("200", true), "{wire:?}");
        assert_eq!(got.json().pointer(text), Some(&json!("so it is")), "{wire:?}");
        assert_eq!(got.json()["model"], "tiny");
        assert!(got.head.contains(&format!("{}: req-1\r\n", wire.request_id_header())), "{}", got.head);
        let got = ask(Answer::text("so it is"), wire, true).await;
        assert!(got.whole && got.head.contains("content-type: text/event-stream\r\n"), "{}", got.head);
        assert_eq!(got.chunks.len(), got.events().len(), "an event a chunk");
        let said: String = ["so ", "it ", "is"]
            .iter()
            .filter(|piece| got.body().contains(&json!(piece).to_string()))
            .copied()
            .collect();
        assert_eq!(said, "so it is", "{wire:?}");
    }
}

#[tokio::test]
async fn the_ends_of_the_streams_are_those_of_the_wires() {
    for (wire, end) in
        [(Wire::Chat, "[DONE]"), (Wire::Responses, "response.completed"), (Wire::Messages, "message_stop")]
    {
        let count = |got: &Got| got.events().iter().filter(|event| event.contains(end)).count();
        assert_eq!(count(&ask(Answer::text("a"), wire, true).await), 1, "{wire:?}");
        assert_eq!(count(&ask(Answer::text("a").with_two_ends(), wire, true).await), 2, "{wire:?}");
        let endless = ask(Answer::text("a").without_end(), wire, true).await;
        assert_eq!((count(&endless), endless.whole), (0, true), "{wire:?}");
    }
}

#[tokio::test]
async fn usage_is_reported_unless_it_is_not() {
    for (wire, counter) in [
        (Wire::Chat, "\"prompt_tokens\":9"),
        (Wire::Responses, "\"input_tokens\":9"),
        (Wire::Messages, "\"input_tokens\":9"),
    ] {
        for stream in [true, false] {
            assert!(ask(Answer::text("a").usage(9, 2), wire, stream).await.body().contains(counter), "{wire:?}");
            let without = ask(Answer::text("a").without_usage(), wire, stream).await.body();
            assert!(!without.contains("_tokens"), "{wire:?} {without}");
        }
    }
    let server = FaultServer::script([Answer::text("a")]);
    let unasked = post(&server, Wire::Chat.path(), &json!({ "stream": true })).await;
    assert!(!unasked.body().contains("usage"), "Chat Completions streams say it when they are asked");
}

#[tokio::test]
async fn tool_calls_refusals_and_reasons_have_the_words_of_each_wire() {
    let reason = |wire, got: &Value| match wire {
        Wire::Chat => got["choices"][0]["finish_reason"].clone(),
        Wire::Responses => got["incomplete_details"]["reason"].clone(),
        Wire::Messages => got["stop_reason"].clone(),
    };
    let call = || Answer::tool_call("weather", &json!({ "city": "Oslo" }));
    for (wire, called, full, filtered) in [
        (Wire::Chat, json!("tool_calls"), "length", "content_filter"),
        (Wire::Responses, json!(null), "max_output_tokens", "content_filter"),
        (Wire::Messages, json!("tool_use"), "max_tokens", "refusal"),
    ] {
        let got = ask(call(), wire, false).await;
        assert_eq!(reason(wire, &got.json()), called);
        assert!(got.body().contains("weather") && got.body().contains("Oslo"), "{}", got.body());
        assert!(ask(call(), wire, true).await.body().contains("weather"));
        for (finish, word) in [(Finish::Length, full), (Finish::ContentFilter, filtered)] {
            assert_eq!(reason(wire, &ask(Answer::text("a").finish(finish), wire, false).await.json()), word);
            assert!(ask(Answer::text("a").finish(finish), wire, true).await.body().contains(word));
        }
        assert!(ask(Answer::refusal("I cannot"), wire, false).await.body().contains("I cannot"));
        assert!(ask(Answer::refusal("I cannot"), wire, true).await.body().contains("refusal") || wire == Wire::Chat);
    }
}

#[tokio::test]
async fn failures_are_written_as_each_vendor_and_server_does() {
    let body = |failure: Failure, wire| async move { ask(failure, wire, true).await.json() };
    let chat = body(Failure::new(429), Wire::Chat).await;
    assert_eq!(chat["error"]["code"], "rate_limit_exceeded");
    let messages = body(Failure::new(529), Wire::Messages).await;
    let overloaded = json!({ "type": "overloaded_error", "message": "Overloaded" });
    assert_eq!(messages, json!({ "type": "error", "error": overloaded, "request_id": "req-1" }));
    let spent = body(Failure::quota("enforced_spend_limit_reached"), Wire::Messages).await;
    assert_eq!(spent["error"]["details"]["error_code"], "enforced_spend_limit_reached");
    for (form, expected) in [
        (ErrorForm::Text, json!({ "error": "no" })),
        (ErrorForm::TextWithCode, json!({ "error": "no", "code": "503" })),
        (ErrorForm::Detail, json!({ "detail": "no" })),
        (ErrorForm::LlamaCpp, json!({ "error": { "type": "unavailable_error", "message": "no", "code": 503 } })),
    ] {
        assert_eq!(body(Failure::new(503).message("no").form(form), Wire::Messages).await, expected);
    }
    let page = ask(Failure::new(502).form(ErrorForm::Html), Wire::Chat, false).await;
    assert!(page.head.contains("text/html") && page.body().contains("502 Bad Gateway"), "{}", page.body());
    let overflow = |form| body(Failure::context_overflow().form(form), Wire::Chat);
    assert_eq!(overflow(ErrorForm::Vendor).await["error"]["code"], "context_length_exceeded");
    assert_eq!(overflow(ErrorForm::LlamaCpp).await["error"]["n_ctx"], 1024);
}

#[tokio::test]
async fn a_wait_stands_where_the_hint_says() {
    let wait = Duration::from_secs(20);
    for (hint, place) in [
        (Hint::Seconds(wait), "retry-after: 20\r\n"),
        (Hint::Millis(wait), "retry-after-ms: 20000\r\n"),
        (Hint::Gateway(wait), "llm_provider-retry-after: 20\r\n"),
        (Hint::Reset(wait), "x-ratelimit-reset-requests: 20s\r\n"),
        (Hint::Date(wait), " GMT\r\n"),
    ] {
        let head = ask(Failure::new(429).hint(hint), Wire::Chat, false).await.head;
        assert!(head.contains(place), "{head}");
    }
    for (hint, place) in [
        (Hint::Message(wait), "try again in 20s."),
        (Hint::Field(wait), "\"retry_after\":20"),
        (Hint::Details(wait), "\"retryDelay\":\"20s\""),
    ] {
        assert!(ask(Failure::new(429).hint(hint), Wire::Chat, false).await.body().contains(place));
    }
}

#[tokio::test]
async fn a_failure_in_an_answer_comes_after_its_pieces_and_under_200() {
    let broken = || Answer::text("one two three").fail_after(2, Failure::new(529)).done_after_failure();
    for (wire, error, done) in [
        (Wire::Chat, "{\"error\":", "[DONE]"),
        (Wire::Responses, "\"type\":\"error\"", "[DONE]"),
        (Wire::Messages, "\"type\":\"error\"", "message_stop"),
    ] {
        let got = ask(broken(), wire, true).await;
        let events = got.events();
        assert_eq!((got.status(), got.body().contains("three")), ("200", false));
        let [.., piece, failure, last] = &*events else { panic!("{events:?}") };
        assert!(piece.contains("two ") && failure.contains(error) && last.contains(done), "{events:?}");
        let whole = ask(broken(), wire, false).await;
        assert_eq!((whole.status(), whole.json()["error"].is_object()), ("200", true));
        assert_eq!(ask(Answer::reported(Failure::new(500)), wire, true).await.events().len(), 1);
    }
    let failed = Answer::reported(Failure::new(500).form(ErrorForm::Failed));
    assert_eq!(ask(failed.clone(), Wire::Responses, false).await.json()["status"], "failed");
    assert!(ask(failed, Wire::Responses, true).await.body().starts_with("event: response.failed\n"));
}

#[tokio::test]
async fn a_cut_is_where_it_was_asked_for() {
    let text = || Answer::pieces(["one", "two", "three"]);
    for wire in Wire::ALL {
        for (at, one, two, in_event) in [
            (At::Head, false, false, false),
            (At::Pieces(0), false, false, false),
            (At::Pieces(1), true, false, false),
            (At::InPiece(1), true, false, true),
            (At::Pieces(2), true, true, false),
        ] {
            let got = ask(text().cut(at), wire, true).await;
            let body = got.body();
            let events = body.rsplit_once("\n\n").map_or("", |(events, _)| events);
            let said = |word: &str| events.contains(&format!("\"{word}\""));
            assert_eq!(
                (said("one"), said("two"), said("three"), got.whole),
                (one, two, false, false),
                "{wire:?} {at:?}"
            );
            assert_eq!(!body.is_empty() && !body.ends_with("\n\n"), in_event, "{wire:?} {at:?}");
        }
        let events = ask(text(), wire, true).await.events();
        for count in 0..=events.len() {
            let got = ask(text().cut(At::Events(count)), wire, true).await;
            assert_eq!((got.events(), got.whole), (events[..count].to_vec(), false));
        }
        let got = ask(text().cut(At::End), wire, true).await;
        assert_eq!((got.events(), got.whole), (events, false));
        let got = ask(text().cut(At::InPiece(0)), wire, false).await;
        assert!(!got.body().is_empty() && !got.whole);
    }
    let got = ask(Answer::hang_up(), Wire::Chat, true).await;
    assert_eq!((got.head.as_str(), got.whole), ("", false));
}

#[tokio::test]
async fn the_bytes_of_a_stream_are_as_strange_as_asked() {
    let plain = ask(Answer::text("hé llo"), Wire::Chat, true).await;
    let split = ask(Answer::text("hé llo").split(1), Wire::Chat, true).await;
    assert_eq!(split.body(), plain.body());
    assert!(split.chunks.iter().all(|chunk| chunk.len() == 1) && split.chunks.len() > 100);
    assert!(ask(Answer::text("a").bom(), Wire::Chat, true).await.body().starts_with("\u{feff}data: "));
    for (line_end, end) in [(LineEnd::CrLf, "\r\n\r\n"), (LineEnd::Cr, "\r\r")] {
        let body = ask(Answer::text("a").line_end(line_end), Wire::Messages, true).await.body();
        assert!(body.ends_with(end) && body.matches('\n').count() == body.matches("\r\n").count(), "{body}");
    }
    let ping = |wire| async move { ask(Answer::text("a").heartbeats(2), wire, true).await.body() };
    assert!(ping(Wire::Chat).await.starts_with(": keep-alive\n\n: keep-alive\n\ndata: "));
    assert!(ping(Wire::Messages).await.starts_with("event: ping\ndata: "));
    assert!(ask(Answer::text("a").unknown_events(), Wire::Responses, true).await.body().contains("unheard_of"));
    let open = ask(Answer::text("a").until_close(), Wire::Chat, true).await;
    assert!(!open.head.contains("chunked") && !open.head.contains("length") && open.body().contains("[DONE]"));
}

#[tokio::test]
async fn a_body_and_its_headers_may_be_anything() {
    let got =
        ask(Answer::raw("<html>").content_type("text/html").status(418).header("x-a", "b"), Wire::Chat, true).await;
    assert_eq!((got.status(), got.body().as_str()), ("418", "<html>"));
    assert!(got.head.contains("content-type: text/html\r\n") && got.head.contains("x-a: b\r\n"));
    let got = ask(Answer::empty().content_type("").without_request_id(), Wire::Messages, false).await;
    assert_eq!((got.body().as_str(), got.whole), ("", true));
    assert!(!got.head.contains("content-type") && !got.head.contains("request-id"), "{}", got.head);
    let got = ask(Answer::endless(100_000), Wire::Chat, true).await;
    assert!(got.whole && got.body().len() > 100_000 && got.body().lines().count() == 1);
    let got = ask(Answer::text("a").stream(true).wire(Wire::Messages), Wire::Chat, false).await;
    assert!(got.body().contains("message_stop"));
}

#[tokio::test]
async fn the_script_goes_on_and_repeats_its_last_answer() {
    let server = FaultServer::script([Failure::new(500), Failure::new(400)]).on("/models", [Answer::raw("[]")]);
    let mut statuses = Vec::new();
    for path in ["/v1/messages", "/v1/chat/completions", "/api/responses?x=1", "/models?y", "/else"] {
        statuses.push(post(&server, path, &json!({})).await.status().to_owned());
    }
    assert_eq!(statuses, ["500", "400", "400", "200", "404"]);
    server.then(Answer::text("now"));
    server.then(Failure::new(403));
    for status in ["200", "403", "403"] {
        assert_eq!(post(&server, "/v1/messages", &json!({})).await.status(), status);
    }
    let empty = FaultServer::script::<Answer>([]);
    assert_eq!(post(&empty, "/v1/messages", &json!({})).await.status(), "501");
}

#[tokio::test]
async fn requests_are_noted_with_their_connection() {
    let server = FaultServer::script([Answer::text("a")]);
    let keep = request("/v1/messages?beta=1", &json!({ "n": 1 })).replace("Connection: close\r\n", "");
    let last = request("/v1/messages", &json!({ "n": 2 }));
    // Two requests at once on one connection.
    let mut client = connect(&server, &format!("{keep}{last}")).await;
    client.read_to_end(&mut Vec::new()).await.unwrap();
    server.until_closed().await;
    assert_eq!((server.connections(), server.open_connections(), server.request_count()), (1, 0, 2));
    let requests = server.requests();
    let seen: Vec<_> =
        requests.iter().map(|request| (request.number, request.connection, &request.body["n"])).collect();
    assert_eq!(seen, [(1, 1, &json!(1)), (2, 1, &json!(2))]);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/messages?beta=1"));
    assert_eq!((requests[0].header("x-test"), requests[0].header("x-none")), (Some("Yes"), None));
    assert!(requests[0].at <= requests[1].at);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_wherever_the_server_waits() {
    let text = || Answer::text("one two");
    let long = Duration::from_secs(3600);
    let answers =
        [Answer::silence(), text().stall(At::Pieces(1)), text().pause(At::Head, long), Answer::endless(1 << 40)];
    let server = FaultServer::script(answers);
    for count in 1..=4 {
        let client = connect(&server, &request("/v1/messages", &asking(true))).await;
        server.until_requests(count).await;
        assert_eq!(server.abandoned(), count - 1);
        drop(client);
        server.until_abandoned(count).await;
    }
    server.until_closed().await;
}

#[tokio::test]
async fn what_came_before_a_stall_has_arrived_and_dropping_the_server_ends_it() {
    let server = FaultServer::script([Answer::text("one two").stall(At::Pieces(1))]);
    let mut client = connect(&server, &request("/v1/messages", &asking(true))).await;
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains("one ") {
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0);
    }
    drop(server);
    // Closed, and not because the answer was whole.
    let _ = client.read_to_end(&mut bytes).await;
    assert!(!String::from_utf8_lossy(&bytes).contains("two"));
}

#[tokio::test]
async fn a_pause_only_delays() {
    let answer =
        Answer::text("one two").pause(At::Start, Duration::from_millis(1)).pause(At::Pieces(1), Duration::ZERO);
    let server = FaultServer::script([answer]);
    let start = tokio::time::Instant::now();
    let got = post(&server, "/v1/messages", &asking(true)).await;
    assert!(got.whole && got.body().contains("two") && start.elapsed() >= Duration::from_millis(1));
    assert_eq!(server.abandoned(), 0);
}

#[tokio::test]
async fn what_is_no_http_is_hung_up_on() {
    let server = FaultServer::script([Answer::text("a")]);
    let mut client = connect(&server, "hello\r\n\r\n").await;
    assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert_eq!(server.request_count(), 0);
}
