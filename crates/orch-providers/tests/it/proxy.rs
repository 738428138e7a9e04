use std::process::Command;

use orch_providers::{OpenAi, ProviderService};
use serde_json::json;
use tower::ServiceExt;

use crate::server::{Server, json as json_answer};
use crate::{ask, hello};

const NAME: &str = "proxy::the_proxy_of_the_environment_is_for_other_machines";
const AGAIN: &str = "ORCH_TEST_PROXIED";

async fn saying(text: &str) -> Server {
    let body = json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] });
    Server::answering(json_answer(&body)).await
}

/// Environment variables are set for a process of its own: this test, once more.
#[tokio::test]
async fn the_proxy_of_the_environment_is_for_other_machines() {
    if std::env::var_os(AGAIN).is_some() {
        return calls_with_a_proxy_set().await;
    }
    let proxy = saying("by the proxy").await;
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args([NAME, "--exact"]).env(AGAIN, "1").env("HTTP_PROXY", proxy.url());
    for variable in ["http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        again.env_remove(variable);
    }
    let output = tokio::task::spawn_blocking(move || again.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1, "the call to this machine went past the proxy");
    assert!(requests[0].head.starts_with("post http://models.invalid/v1/chat/completions"), "{}", requests[0].head);
}

async fn calls_with_a_proxy_set() {
    let here = saying("by this machine").await;
    assert_eq!(ask(&here, hello()).await.unwrap().text, "by this machine");
    let elsewhere = OpenAi::builder().base_url("http://models.invalid").allow_insecure_http(true).model("m");
    let elsewhere = ProviderService::new(elsewhere.build().unwrap());
    assert_eq!(elsewhere.oneshot(hello()).await.unwrap().text, "by the proxy");
}
