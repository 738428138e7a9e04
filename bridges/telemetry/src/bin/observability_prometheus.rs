//! Metrics for Prometheus: an endpoint `/metrics`, which this program scrapes itself once and then ends. Pass an address, such as
//! `127.0.0.1:9464`, to have it serve until it is stopped.

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// From a quick answer to a run that waited for a provider.
const SECONDS: [f64; 9] = [0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let seconds = |name: &str| Matcher::Full(name.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds("orch_run_duration_seconds"), &SECONDS)?
        .set_buckets_for_metric(seconds("orch_wait_seconds"), &SECONDS)?
        .install_recorder()?;
    orch_facade::metrics::describe();

    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let scraped = listener.local_addr()?;
    let app = Router::new().route("/metrics", get(move || async move { recorder.render() }));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    orch_bridge_telemetry::run(&orch_bridge_telemetry::client()?).await?;
    if address.is_some() {
        println!("http://{scraped}/metrics");
        server.await??;
    } else {
        println!("{}", scrape(scraped).await?);
    }
    Ok(())
}

async fn scrape(address: std::net::SocketAddr) -> Result<String, Box<dyn std::error::Error>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no end of the head")?;
    Ok(body.to_owned())
}
