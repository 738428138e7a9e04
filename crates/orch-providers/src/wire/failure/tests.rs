use http::{HeaderName, Response};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A provider that is not told apart from others.
const SOMEBODY: Speaker<'_> = Speaker { provider: "somebody", secrets: &[], conflict_passes: false, request_id: None };

fn head(status: u16, headers: &[(&str, &str)]) -> Parts {
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    response.into_parts().0
}

/// The error of an answer with a status.
fn refused(status: u16, headers: &[(&str, &str)], body: impl Into<Value>) -> Error {
    let body = match body.into() {
        Value::String(text) => text,
        json => json.to_string(),
    };
    SOMEBODY.failed(Failure::of_body(&body), Some(&head(status, headers)))
}

/// The error of an answer that is one although its status is 200.
fn reported(body: &Value) -> Option<Error> {
    Failure::find(body).map(|failure| SOMEBODY.failed(failure, None))
}

fn details(error: &Error) -> &ProviderFailure {
    match error.kind() {
        ErrorKind::Provider(failure) => failure,
        other => panic!("{other:?}"),
    }
}

fn code(code: &str) -> Value {
    json!({ "error": { "message": "no", "type": "x", "code": code } })
}

#[test]
fn a_status_has_a_class() {
    for (status, class, not_executed) in [
        (400, Class::Permanent, false),
        (401, Class::Auth, false),
        (402, Class::Quota, false),
        (403, Class::Auth, false),
        (404, Class::Permanent, false),
        (408, Class::Transient, false),
        (409, Class::Permanent, false),
        (413, Class::Permanent, false),
        (422, Class::Permanent, false),
        (429, Class::Throttled, true),
        (500, Class::Transient, false),
        (501, Class::Permanent, false),
        (502, Class::Transient, false),
        (503, Class::Transient, true),
        (504, Class::Transient, false),
        (524, Class::Transient, false),
        (529, Class::Transient, true),
        (307, Class::Permanent, false),
    ] {
        let error = refused(status, &[], "");
        assert_eq!((error.class(), error.not_executed()), (class, not_executed), "{status}");
        assert_eq!(details(&error).status, Some(status));
    }
}

#[test]
fn a_conflict_passes_only_where_the_provider_says_so() {
    let failed = |conflict_passes| {
        let speaker = Speaker { conflict_passes, ..SOMEBODY };
        speaker.failed(Failure::default(), Some(&head(409, &[]))).class()
    };
    assert_eq!(failed(true), Class::Transient);
    assert_eq!(failed(false), Class::Permanent);
}

#[test]
fn a_quota_that_is_used_up_is_no_throttle() {
    for word in ["insufficient_quota", "credit_balance_exhausted", "project_spend_limit_exceeded"] {
        assert_eq!(refused(429, &[], code(word)).class(), Class::Quota, "{word}");
    }
    assert_eq!(refused(429, &[], code("rate_limit_exceeded")).class(), Class::Throttled);
    assert_eq!(refused(429, &[], code("slow_down")).class(), Class::Throttled);
}

/// Anthropic's error, whose code, if any, stands in its details.
fn anthropic(kind: &str, code: Option<&str>, message: &str) -> Value {
    let mut error = json!({ "type": kind, "message": message });
    if let Some(code) = code {
        error["details"] = json!({ "error_code": code });
    }
    json!({ "type": "error", "error": error, "request_id": "req_1" })
}

#[test]
fn a_spend_limit_of_anthropic_is_a_quota_and_a_ramp_limit_is_not() {
    for (code, class) in [
        (Some("enforced_spend_limit_reached"), Class::Quota),
        (Some("contract_spend_limit_reached"), Class::Quota),
        (Some("ramp_limit_exceeded"), Class::Throttled),
        (None, Class::Throttled),
    ] {
        let error = refused(429, &[], anthropic("rate_limit_error", code, "no"));
        assert_eq!((error.class(), error.not_executed()), (class, true), "{code:?}");
        assert_eq!(details(&error).code.as_deref(), Some(code.unwrap_or("rate_limit_error")));
    }
}

#[test]
fn every_status_of_anthropic_has_a_class() {
    for (status, class) in [
        (400, Class::Permanent),
        (401, Class::Auth),
        (402, Class::Quota),
        (403, Class::Auth),
        (404, Class::Permanent),
        (408, Class::Transient),
        (409, Class::Transient),
        (412, Class::Permanent),
        (413, Class::Permanent),
        (422, Class::Permanent),
        (429, Class::Throttled),
        (431, Class::Permanent),
        (499, Class::Permanent),
        (501, Class::Permanent),
        (503, Class::Transient),
        (504, Class::Transient),
        (529, Class::Transient),
    ] {
        let speaker = Speaker { conflict_passes: true, ..SOMEBODY };
        let error = speaker.failed(Failure::of_body(""), Some(&head(status, &[])));
        assert_eq!(error.class(), class, "{status}");
    }
}

#[test]
fn a_prompt_too_long_is_told_by_anthropics_words() {
    for words in
        ["prompt is too long: 208310 tokens > 200000 maximum", "input length and `max_tokens` exceed context limit"]
    {
        let error = refused(400, &[], anthropic("invalid_request_error", None, words));
        assert_eq!((error.class(), error.context_overflow()), (Class::Permanent, true), "{words}");
    }
}

#[test]
fn a_wait_that_is_missing_is_derived_from_the_time_at_which_limits_start_anew() {
    let at = (std::time::UNIX_EPOCH + wall_clock() + Duration::from_secs(60), "anthropic-ratelimit-requests-reset");
    let http = httpdate::fmt_http_date(at.0);
    let parts: Vec<&str> = http.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = 1 + months.iter().position(|month| *month == parts[2]).unwrap();
    let time = format!("{}-{month:02}-{}T{}Z", parts[3], parts[1], parts[4]);
    let headers = [("anthropic-ratelimit-requests-remaining", "0"), (at.1, time.as_str())];
    let error = refused(429, &headers, anthropic("rate_limit_error", None, "slow"));
    let wait = error.retry_after().unwrap();
    assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&wait), "{wait:?}");
    assert_eq!(error.limits().and_then(|limits| limits.requests_left), Some(0));
    let asked = [headers[0], headers[1], ("retry-after", "3")];
    assert_eq!(refused(429, &asked, "").retry_after(), Some(Duration::from_secs(3)));
}

#[test]
fn the_id_of_a_request_comes_in_a_header_or_in_the_body() {
    let body = anthropic("api_error", None, "m");
    let id = |headers: &[(&str, &str)]| details(&refused(500, headers, body.clone())).request_id.clone();
    assert_eq!(id(&[("request-id", "req_head")]).as_deref(), Some("req_head"));
    assert_eq!(id(&[]).as_deref(), Some("req_1"));
}

#[test]
fn an_input_too_long_is_told_apart_from_other_wrong_requests() {
    let llama = json!({ "error": {
        "code": 400, "message": "request (6051 tokens) exceeds the available context size (1024 tokens)",
        "type": "exceed_context_size_error", "n_prompt_tokens": 6051, "n_ctx": 1024,
    } });
    let said = json!({ "detail": "This model's maximum context length is 8192 tokens" });
    for body in [llama, code("context_length_exceeded"), said] {
        let error = refused(400, &[], body.clone());
        assert_eq!((error.class(), error.context_overflow()), (Class::Permanent, true), "{body}");
    }
    assert!(!refused(400, &[], code("invalid_value")).context_overflow());
    assert!(!refused(500, &[], json!({ "error": "the context window broke" })).context_overflow());
}

#[test]
fn an_error_inside_an_answer_is_classified_by_its_words() {
    for (body, class) in [
        (code("rate_limit_exceeded"), Class::Throttled),
        (code("server_error"), Class::Transient),
        (json!({ "error": { "type": "overloaded_error", "message": "" } }), Class::Transient),
        (json!({ "error": { "type": "invalid_request_error", "message": "" } }), Class::Permanent),
        (json!({ "error": { "type": "authentication_error", "message": "" } }), Class::Auth),
        (json!({ "error": { "code": 429, "message": "slow", "metadata": {} } }), Class::Throttled),
        (json!({ "error": { "code": 502, "message": "upstream" } }), Class::Transient),
        (
            json!({ "error": { "code": 400, "message": "bad", "type": "BadRequestError", "param": null } }),
            Class::Permanent,
        ),
        (json!({ "error": "no capacity", "code": "503" }), Class::Transient),
        (json!({ "detail": "the model is overloaded" }), Class::Transient),
        (json!({ "object": "error", "message": "too many requests", "code": null }), Class::Throttled),
        (json!([{ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m" } }]), Class::Throttled),
        (
            json!({ "choices": [{ "error": { "code": 503, "message": "m" }, "finish_reason": "error" }] }),
            Class::Transient,
        ),
        (json!({ "error": { "message": "nobody knows" } }), Class::Transient),
    ] {
        let error = reported(&body).unwrap_or_else(|| panic!("{body} is an error"));
        assert_eq!(error.class(), class, "{body}");
        assert!(!error.not_executed(), "an answer had begun: {body}");
    }
}

#[test]
fn a_quota_of_the_day_is_no_throttle_whatever_wait_the_body_asks_for() {
    let exhausted = |quota: &str| {
        json!([{ "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Quota exceeded. Please retry in 8.9s.",
            "details": [
                { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": quota }] },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "8s" },
            ],
        } }])
    };
    let daily = refused(429, &[], exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier"));
    assert_eq!((daily.class(), daily.retry_after()), (Class::Quota, None));
    let soon = refused(429, &[], exhausted("GenerateRequestsPerMinutePerProjectPerModel"));
    assert_eq!((soon.class(), soon.retry_after()), (Class::Throttled, Some(Duration::from_secs(8))));
    assert_eq!(reported(&exhausted("GenerateRequestsPerDay")).map(|error| error.class()), Some(Class::Quota));
}

#[test]
fn an_answer_is_no_failure() {
    for body in [
        json!({ "choices": [], "error": null }),
        json!({ "choices": [{ "delta": { "content": "error" } }] }),
        json!({ "choices": [], "detail": "about the choices" }),
        json!({ "error": "" , "choices": []}),
        json!({}),
        json!([]),
        json!("error"),
    ] {
        assert_eq!(Failure::find(&body), None, "{body}");
    }
}

#[test]
fn code_message_and_request_id_are_kept() {
    let body = json!({ "error": { "message": "Rate limit reached", "type": "rate_limit_error", "param": null,
        "code": "rate_limit_exceeded" } });
    let error = refused(429, &[("x-request-id", "req-1")], body);
    assert_eq!(error.to_string(), "somebody answered 429 (rate_limit_exceeded): Rate limit reached [request req-1]");
    let llama = json!({ "error": { "message": "File Not Found", "type": "not_found_error", "code": 404 } });
    assert_eq!(refused(404, &[], llama).to_string(), "somebody answered 404 (not_found_error): File Not Found");
    let in_body = json!({ "error": { "message": "m" }, "request_id": "r2" });
    assert_eq!(details(&refused(500, &[], in_body)).request_id.as_deref(), Some("r2"));
}

#[test]
fn a_body_that_is_not_json_is_the_message_as_far_as_it_is_short() {
    let error = refused(502, &[], format!("<html>{}</html>", "x".repeat(5_000)));
    assert_eq!(details(&error).message.len(), 1_000);
    assert_eq!(&*details(&refused(502, &[], "")).message, "");
    assert_eq!(&*details(&refused(502, &[], json!({ "oops": 1 }))).message, r#"{"oops":1}"#);
}

#[test]
fn the_wait_comes_from_the_header_then_the_body_then_the_words_then_the_limits() {
    let resets = ("x-ratelimit-reset-tokens", "6m0s");
    let words = json!({ "error": { "message": "Please try again in 5.289s." } });
    let field = json!({ "error": { "message": "try again in 9s", "details": [{ "retryDelay": "22s" }] } });
    let number = json!({ "error": { "message": "m", "retry_after": 1.5 } });
    for (headers, body, millis) in [
        (&[("retry-after", "3"), resets][..], &field, 3_000),
        (&[resets], &field, 22_000),
        (&[], &number, 1_500),
        (&[resets], &words, 5_289),
        (&[resets], &json!({}), 360_000),
    ] {
        assert_eq!(refused(429, headers, body.clone()).retry_after(), Some(Duration::from_millis(millis)), "{body}");
    }
}

#[test]
fn only_what_may_pass_has_a_wait() {
    let later = [("retry-after", "3")];
    assert_eq!(refused(503, &later, "").retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(refused(400, &later, "").retry_after(), None);
    assert_eq!(refused(500, &[("x-ratelimit-reset-requests", "1s")], "").retry_after(), None);
}

#[test]
fn the_servers_advice_wins_over_its_status() {
    let class = |status, advice| refused(status, &[("x-should-retry", advice)], "").class();
    assert_eq!(class(400, "true"), Class::Transient);
    assert_eq!(class(500, "false"), Class::Permanent);
    assert_eq!(class(429, "false"), Class::Quota);
    assert_eq!(class(429, "true"), Class::Throttled);
    assert_eq!(refused(429, &[("x-should-retry", "true")], code("insufficient_quota")).class(), Class::Quota);
}

#[test]
fn limits_come_with_the_error() {
    let headers = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1s")];
    let limits = refused(429, &headers, "").limits().unwrap();
    assert_eq!((limits.requests_left, limits.reset_in), (Some(0), Some(Duration::from_secs(1))));
}

#[test]
fn the_key_is_in_no_part_of_an_error() {
    let key = ApiKey::new("sk-hush");
    let wire = Speaker { secrets: std::slice::from_ref(&key), ..SOMEBODY };
    let body = json!({ "error": { "message": "wrong key sk-hush", "code": "key sk-hush" } }).to_string();
    for error in [
        wire.failed(Failure::of_body(&body), Some(&head(401, &[]))),
        wire.failed(Failure::of_body("sk-hush"), Some(&head(401, &[]))),
        wire.unusable("not JSON", "sk-hush"),
    ] {
        let shown = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[test]
fn a_key_of_both_cases_is_hidden_in_every_part_of_an_error() {
    let key = ApiKey::new("sk-HUSH-hush");
    let wire = Speaker { secrets: std::slice::from_ref(&key), ..SOMEBODY };
    let failed = |body: &str| wire.failed(Failure::of_body(body), Some(&head(401, &[])));
    let body = json!({ "error": { "message": "m", "code": "key_sk-HUSH-hush" }, "request_id": "of sk-HUSH-hush" });
    let inside = serde_json::from_str::<u64>("\"sk-HUSH-hush\"").unwrap_err().to_string();
    assert!(inside.contains("HUSH"), "{inside}");
    let error = failed(&body.to_string());
    assert_eq!(
        (details(&error).code.as_deref(), details(&error).request_id.as_deref()),
        (Some("key_***"), Some("of ***"))
    );
    for error in [error, failed("sk-HUSH-hush"), wire.unusable(&inside, "{}"), wire.unusable("w", "sk-HUSH-hush")] {
        let shown = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
        assert!(!shown.to_lowercase().contains("hush"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
}

#[test]
fn a_key_across_the_cut_leaves_no_half() {
    let key = ApiKey::new("sk-HUSH-hush");
    let wire = Speaker { secrets: std::slice::from_ref(&key), ..SOMEBODY };
    for before in [195, 995] {
        let long = format!("{}sk-HUSH-hush{}", "x".repeat(before), "y".repeat(100));
        let body = json!({ "error": { "message": long, "code": long }, "request_id": long }).to_string();
        for error in [
            wire.failed(Failure::of_body(&long), Some(&head(502, &[]))),
            wire.failed(Failure::of_body(&body), Some(&head(502, &[]))),
            wire.unusable("why", &long),
            wire.unusable(&long, "{}"),
        ] {
            let shown = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
            assert!(!shown.contains("sk-"), "{shown}");
        }
    }
}

#[test]
fn what_a_server_calls_a_failure_is_kept_as_it_wrote_it_up_to_a_length() {
    let error = refused(400, &[], code("BadRequestError"));
    assert_eq!((details(&error).code.as_deref(), error.class()), (Some("BadRequestError"), Class::Permanent));
    let error = refused(500, &[], json!({ "error": code(&"x".repeat(900))["error"], "request_id": "r".repeat(900) }));
    let length = |text: &Option<_>| text.as_ref().map(|text: &std::sync::Arc<str>| text.len());
    assert_eq!((length(&details(&error).code), length(&details(&error).request_id)), (Some(200), Some(200)));
    assert_eq!(SOMEBODY.unusable(&"§".repeat(900), "").to_string().matches('§').count(), 200);
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("error"),
        Just("code"),
        Just("message"),
        Just("detail"),
        Just("type"),
        Just("choices"),
        Just("429")
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((words.clone(), inner), 0..4)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_with_any_status_gives_an_error_of_some_class(body in any_json(), status in 300_u16..1000) {
        let error = refused(status, &[], body.clone());
        prop_assert!(matches!(error.kind(), ErrorKind::Provider(_)));
        let _ = reported(&body);
    }

    #[test]
    fn any_text_as_a_body_gives_an_error(body in ".*") {
        prop_assert_eq!(details(&refused(500, &[], body)).status, Some(500));
    }
}
