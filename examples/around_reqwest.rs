//! The reliability layers around reqwest, as a service of `http::Request`, with plain tower layers in between. The server
//! is on loopback and answers 503 first, as an overloaded one does, with the wait it asks for.

use std::time::Duration;

use orch_core::{Call, Class, ContextLayer, Error, ErrorKind, ProviderFailure, ScopeLayer, ToolSpec};
use orch_reliability::{CircuitBreakerLayer, RetryLayer, TimeoutLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer as TowerTimeoutLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the result of a program")]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(serve(listener));

    // Proxies and repeats of its own would hide attempts from the layers.
    let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build()?;
    let stack = ServiceBuilder::new()
        .layer(ScopeLayer::of(&ToolSpec::pure("fetch").with_target("loopback")))
        .layer(TimeoutLayer::total(Duration::from_secs(30)))
        .layer(RetryLayer::default())
        .layer(CircuitBreakerLayer::default())
        .layer(TowerTimeoutLayer::new(Duration::from_secs(10)))
        .layer(ConcurrencyLimitLayer::new(8))
        // `http::Request` cannot have a context of its own: outside this layer it travels in a `Call`.
        .layer(ContextLayer::new())
        .service(service_fn(move |request| fetch(client.clone(), request)));

    let call = Call::new(http::Request::get(&url).body(String::new())?);
    let attempts = orch_core::HasContext::context(&call).attempts().clone();
    let text = stack.oneshot(call).await?;
    for attempt in attempts.snapshot() {
        println!("attempt {}: {}", attempt.attempt, attempt.verdict);
    }
    println!("{text}");
    server.abort();
    Ok(())
}

/// One request; a status that is not a success is an error with a class and the server's hint.
async fn fetch(client: reqwest::Client, request: http::Request<String>) -> Result<String, Error> {
    let request = reqwest::Request::try_from(request).map_err(|error| Error::invalid("/url", error.to_string()))?;
    let response = client.execute(request).await.map_err(transport)?;
    let status = response.status();
    if status.is_success() {
        return response.text().await.map_err(transport);
    }
    let failure = ProviderFailure::new("loopback", "").status(status.as_u16());
    let class = match status.as_u16() {
        429 => Class::Throttled,
        401 | 403 => Class::Auth,
        500.. => Class::Transient,
        _ => Class::Permanent,
    };
    let error = Error::new(ErrorKind::Provider(failure)).with_class(class);
    let hint = response.headers().get("retry-after-ms").and_then(|value| value.to_str().ok()?.parse().ok());
    Err(match hint {
        Some(millis) => error.with_retry_after(Duration::from_millis(millis)),
        None => error,
    })
}

fn transport(error: reqwest::Error) -> Error {
    let message = error.to_string();
    Error::tool_execution(message).with_class(Class::Transient).with_source(error)
}

/// Answers 503 once and then 200, each on a connection of its own.
async fn serve(listener: TcpListener) -> std::io::Result<()> {
    for answer in
        ["503 Service Unavailable\r\nretry-after-ms: 50", "200 OK"].into_iter().chain(std::iter::repeat("200 OK"))
    {
        let (mut connection, _) = listener.accept().await?;
        let mut request = [0; 1024];
        let _ = connection.read(&mut request).await?;
        let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 6\r\nconnection: close\r\n\r\nanswer");
        connection.write_all(head.as_bytes()).await?;
    }
    Ok(())
}
