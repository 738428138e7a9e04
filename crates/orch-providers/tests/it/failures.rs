use std::time::Duration;

use orch_core::{Class, Error, ErrorKind, ProviderFailure};
use orch_providers::{OpenAi, ProviderService};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::{Answer, At, Failure, Hint};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::server::{Server, answer};
use crate::{hello, one_call};

const JSON: &str = "content-type: application/json\r\n";

async fn failure(status: &str, headers: &str, body: &str) -> Error {
    one_call(Server::answering(answer(status, &format!("{JSON}{headers}"), body)).await, hello()).await.unwrap_err()
}

fn details(error: &Error) -> ProviderFailure {
    let ErrorKind::Provider(failure) = error.kind() else { panic!("{error:?}") };
    failure.clone()
}

#[tokio::test]
async fn a_429_is_throttled_and_carries_the_wait_the_limits_and_the_id() {
    let headers = "x-request-id: req-LW\r\nretry-after: 3\r\nx-ratelimit-remaining-requests: 0\r\n\
                   x-ratelimit-reset-requests: 1s\r\nx-ratelimit-reset-tokens: 6m0s\r\n";
    let body = r#"{"error":{"message":"Rate limit reached","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#;
    let error = failure("429 Too Many Requests", headers, body).await;
    assert_eq!((error.class(), error.not_executed()), (Class::Throttled, true));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(error.limits().and_then(|limits| limits.requests_left), Some(0));
    let ProviderFailure { status, code, request_id, message, .. } = details(&error);
    assert_eq!(
        (status, code.as_deref(), request_id.as_deref()),
        (Some(429), Some("rate_limit_exceeded"), Some("req-LW"))
    );
    assert_eq!(&*message, "Rate limit reached");
}

#[tokio::test]
async fn a_500_is_transient_a_400_permanent_and_a_401_is_about_the_key() {
    for (status, body, class, code) in [
        (
            "500 Oops",
            r#"{"error":{"message":"m","type":"server_error","code":null}}"#,
            Class::Transient,
            "server_error",
        ),
        (
            "400 Bad",
            r#"{"error":{"message":"m","type":"invalid_request_error","code":400}}"#,
            Class::Permanent,
            "invalid_request_error",
        ),
        (
            "401 No",
            r#"{"error":{"message":"m","type":"authentication_error","code":401}}"#,
            Class::Auth,
            "authentication_error",
        ),
    ] {
        let error = failure(status, "", body).await;
        assert_eq!((error.class(), error.not_executed()), (class, false), "{status}");
        assert_eq!(details(&error).code.as_deref(), Some(code));
        assert!(error.output().is_none(), "nothing was done for it");
    }
}

#[tokio::test]
async fn an_overloaded_server_did_not_execute() {
    let body = r#"{"error":{"message":"Overloaded","type":"overloaded_error","param":null,"code":null}}"#;
    let error = failure("529 unknown", "", body).await;
    assert_eq!((error.class(), error.not_executed(), error.retry_after()), (Class::Transient, true, None));
}

/// The clock stands still once the request is there, so the limit passes as soon as nothing else happens.
#[tokio::test]
async fn an_error_whose_body_stalls_is_the_error_of_its_status_all_the_same() {
    let stalled = Answer::from(Failure::new(503).hint(Hint::Seconds(Duration::from_secs(7)))).stall(At::Head);
    let server = FaultServer::script([stalled]);
    let model = OpenAi::builder().base_url(server.url()).model("tiny").build().unwrap();
    let call = tokio::spawn(ProviderService::new(model).oneshot(hello()));
    server.until_requests(1).await;
    tokio::time::pause();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Class::Transient, Some(Duration::from_secs(7))), "{error}");
}

#[tokio::test]
async fn an_error_that_is_cut_is_still_the_error_of_its_status() {
    let cut = "HTTP/1.1 503 Busy\r\ncontent-length: 500\r\nretry-after: 1\r\n\r\n{\"error\":{\"mess";
    let error = one_call(Server::answering(cut).await, hello()).await.unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Class::Transient, Some(Duration::from_secs(1))));
    assert_eq!(&*details(&error).message, "{\"error\":{\"mess");
}

#[tokio::test]
async fn an_endless_error_is_read_to_a_limit() {
    let error = failure("500 Oops", "", &"x".repeat(1 << 20)).await;
    assert_eq!(details(&error).message.len(), 1_000);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::answering(answer("200 OK", JSON, "{}")).await;
    let error = failure("307 Elsewhere", &format!("location: {}/v1\r\n", elsewhere.url()), "").await;
    assert_eq!((error.class(), elsewhere.requests().len()), (Class::Permanent, 0));
}

#[tokio::test]
async fn a_refused_connection_is_transient_and_certainly_not_executed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let model = OpenAi::builder().base_url(&url).model("m").build().unwrap();
    let error = ProviderService::new(model).oneshot(hello()).await.unwrap_err();
    assert_eq!((error.class(), error.not_executed()), (Class::Transient, true));
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_may_have_executed() {
    let error = one_call(Server::playing([vec![]]).await, hello()).await.unwrap_err();
    assert_eq!((error.class(), error.not_executed()), (Class::Transient, false));
}
