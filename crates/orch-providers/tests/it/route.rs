//! By what way requests go: a proxy, certificates, headers, a client of one's own.

use std::sync::Arc;

use orch_core::ErrorKind;
use orch_providers::{Anthropic, OpenAi, OpenAiBuilder, ProviderService};
use orch_testkit::FaultServer;
use orch_testkit::fault_server::Answer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower::ServiceExt;

use crate::hello;

async fn said(builder: OpenAiBuilder) -> String {
    ProviderService::new(builder.build().unwrap()).oneshot(hello()).await.unwrap().text
}

#[tokio::test]
async fn a_proxy_that_the_builder_names_is_used_for_this_machine_too() {
    let proxy = FaultServer::script([Answer::text("by the proxy")]);
    let builder = OpenAi::builder().base_url("http://127.0.0.1:9").model("m").proxy(proxy.url());
    assert_eq!(said(builder).await, "by the proxy");
    assert_eq!(proxy.requests()[0].path, "http://127.0.0.1:9/v1/chat/completions");
}

#[tokio::test]
async fn a_client_of_ones_own_sends_the_requests() {
    let server = FaultServer::script([Answer::text("hi")]);
    let client = reqwest::Client::builder().user_agent("my-own").no_proxy().build().unwrap();
    assert_eq!(said(OpenAi::builder().base_url(server.url()).model("m").client(client)).await, "hi");
    assert_eq!(server.requests()[0].header("user-agent"), Some("my-own"));
}

#[tokio::test]
async fn headers_of_ones_own_are_sent_and_shown_nowhere() {
    let server = FaultServer::script([Answer::text("hi")]);
    let builder = OpenAi::builder().base_url(server.url()).model("m").api_key("k");
    let builder = builder.header("Helicone-Auth", "Bearer do-not-tell").header("x-team", "a");
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(shown.contains("Helicone-Auth") && !shown.contains("do-not-tell"), "{shown}");
    said(builder).await;
    let sent = &server.requests()[0];
    assert_eq!((sent.header("helicone-auth"), sent.header("x-team")), (Some("Bearer do-not-tell"), Some("a")));
    assert_eq!(sent.header("authorization"), Some("Bearer k"));
}

/// A gateway that repeats what it was sent, as an error and as an answer that nobody can read.
#[tokio::test]
async fn what_a_server_repeats_of_headers_and_query_is_not_shown() {
    let repeated = "Bearer do-not-tell, do+not+say it, ?subscription-key=do%2Bnot%2Bsay+it: a";
    let server = FaultServer::script([
        Answer::raw(repeated).status(401),
        Answer::raw(repeated).content_type("application/json"),
    ]);
    let builder = OpenAi::builder().base_url(server.url()).model("m").api_key("do-not-tell-the-key");
    let builder = builder.header("helicone-auth", "Bearer do-not-tell").header("x-team", "a");
    let provider = builder.query("subscription-key", "do+not+say it").build().unwrap();
    let is_silent = |shown: &str| ["do-not", "do+not", "do%2B"].iter().all(|secret| !shown.contains(secret));
    let shown = format!("{provider:?}");
    assert!(is_silent(&shown), "{shown}");
    for _ in 0..2 {
        let error = ProviderService::new(provider.clone()).oneshot(hello()).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("Bearer ***, *** it, ?subscription-key=***: a"), "{shown}");
        assert!(is_silent(&shown), "{shown}");
    }
}

/// Azure: a path for each deployment, the version of the API in the URL, the key in a header of its own.
#[tokio::test]
async fn a_deployment_of_azure_is_reached_by_its_path_its_version_and_its_key() {
    let server = FaultServer::script([Answer::text("hi")]);
    let builder = OpenAi::builder()
        .base_url(format!("{}/openai/deployments/my-gpt", server.url()))
        .query("api-version", "2024-10-21")
        .api_key("azure-key")
        .api_key_header("api-key")
        .model("my-gpt");
    assert_eq!(said(builder).await, "hi");
    let sent = &server.requests()[0];
    assert_eq!(sent.path, "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21");
    assert_eq!((sent.header("api-key"), sent.header("authorization")), (Some("azure-key"), None));
}

/// Gateways: another word before the key, or a key of their own beside the provider's.
#[tokio::test]
async fn a_key_may_have_another_scheme_and_authorization_may_be_the_gateways() {
    let server = FaultServer::script([Answer::text("hi")]);
    let builder = || OpenAi::builder().base_url(server.url()).model("m");
    said(builder().api_key("k").api_key_scheme("Token")).await;
    said(builder().api_key("k").api_key_scheme("")).await;
    said(builder().api_key("k").api_key_header("x-key").header("authorization", "Basic Zw==")).await;
    said(builder().header("authorization", "Basic Zw==")).await;
    let sent: Vec<_> = server.requests();
    let sent = sent.iter().map(|sent| (sent.header("authorization"), sent.header("x-key")));
    let basic = Some("Basic Zw==");
    assert!(sent.eq([(Some("Token k"), None), (Some("k"), None), (basic, Some("k")), (basic, None)]));
}

#[test]
fn a_wrong_way_is_named_and_its_credentials_are_not_shown() {
    let local = || OpenAi::builder().base_url("http://127.0.0.1:1").model("m").api_key("k");
    let refused = [
        (local().proxy("http://user:do-not-tell@[broken"), "/proxy"),
        (local().proxy("socks5://user:do-not-tell@127.0.0.1:1"), "/proxy"),
        (local().proxy("ftp://127.0.0.1:1"), "/proxy"),
        (local().proxy("user:do-not-tell@127.0.0.1:1").header("x", "\n"), "/headers/x"),
        (local().base_url("user:do-not-tell@127.0.0.1:1"), "/base_url"),
        (local().root_certificate("do-not-tell"), "/root_certificate"),
        (local().root_certificate("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"), "/base_url"),
        (local().header("no header", "do-not-tell"), "/headers/no header"),
        (local().header("x", "do-not-tell\n"), "/headers/x"),
        (local().header("Authorization", "do-not-tell"), "/headers/Authorization"),
        (local().header("content-type", "do-not-tell"), "/headers/content-type"),
        (local().client(reqwest::Client::new()).proxy("http://127.0.0.1:1"), "/client"),
        (local().client(reqwest::Client::new()).root_certificate("do-not-tell"), "/client"),
    ];
    for (builder, pointer) in refused {
        let error = builder.clone().build().unwrap_err();
        let ErrorKind::InvalidRequest { pointer: found, .. } = error.kind() else { panic!("{error:?}") };
        assert_eq!(&**found, pointer, "{error}");
        let shown = format!("{error} {error:?} {builder:?}");
        assert!(!shown.contains("do-not-tell"), "{shown}");
    }
    let version = Anthropic::builder().model("m").api_key("k").header("anthropic-version", "2023-06-01").build();
    assert!(version.unwrap_err().to_string().contains("/headers/anthropic-version"));
}

/// A server whose certificate is from an authority that nobody trusts; both are files beside this one.
#[tokio::test]
async fn a_server_of_a_private_authority_is_reached_with_its_certificate_alone() {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("tls/server.pem")).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us leaves here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = [0; 8_192];
            let _ = stream.read(&mut bytes).await;
            let body = r#"{"choices":[{"message":{"content":"privately"},"finish_reason":"stop"}]}"#;
            let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").as_bytes()).await;
        }
    });
    let builder = OpenAi::builder().base_url(url).model("m");
    let error = ProviderService::new(builder.clone().build().unwrap()).oneshot(hello()).await.unwrap_err();
    assert!(error.not_executed() && error.to_string().contains("ertificate"), "{error}");
    assert_eq!(said(builder.root_certificate(include_bytes!("tls/authority.pem"))).await, "privately");
}
