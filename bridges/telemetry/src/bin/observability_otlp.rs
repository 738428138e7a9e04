//! Spans to an OTLP collector. The collector here is a thread of this program that prints what arrived; in production set the
//! endpoint to yours. Questions and answers are in no span.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::Value;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let collector = Collector::start()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(format!("http://{}/v1/traces", collector.address))
        .build()?;
    let resource = Resource::builder().with_service_name("orch-example").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();

    // INFO has runs and calls of models, DEBUG also each attempt and each HTTP request.
    let ours = Targets::new()
        .with_target("orch_reliability", LevelFilter::DEBUG)
        .with_target("orch_providers", LevelFilter::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("orch"));
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(ours));
    tracing_subscriber::util::SubscriberInitExt::try_init(subscriber)?;

    orch_bridge_telemetry::run(&orch_bridge_telemetry::client()?).await?;

    // What is still waiting leaves now; it blocks, so it has a thread of its own.
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    println!("the collector got:");
    for line in collector.lines.lock().map_err(|_| "the collector panicked")?.iter() {
        println!("  {line}");
    }
    Ok(())
}

/// Takes OTLP over HTTP as JSON, and keeps a line for each span.
struct Collector {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (address, lines) = (listener.local_addr()?, Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                match take(stream) {
                    Ok(spans) => kept.lock().expect("only this thread adds").extend(spans),
                    Err(error) => eprintln!("the collector could not read a request: {error}"),
                }
            }
        });
        Ok(Self { address, lines })
    }
}

/// One request a connection.
fn take(stream: TcpStream) -> Result<Vec<String>, Failure> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    (&stream).write_all(head.as_bytes())?;
    Ok(spans(&serde_json::from_slice(&body)?))
}

fn spans(request: &Value) -> Vec<String> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let scopes = list(request, "resourceSpans").into_iter().flat_map(|resource| list(&resource, "scopeSpans"));
    scopes.flat_map(|scope| list(&scope, "spans")).map(|span| line(&span, &list(&span, "attributes"))).collect()
}

fn line(span: &Value, attributes: &[Value]) -> String {
    let ours = ["gen_ai.", "target", "replicate", "attempt", "outcome", "error.type", "stopped"];
    let mut text = format!("{} {}", span["name"].as_str().unwrap_or("?"), span["spanId"].as_str().unwrap_or_default());
    if let Some(parent) = span["parentSpanId"].as_str().filter(|parent| !parent.is_empty()) {
        text.push_str(&format!(" in {parent}"));
    }
    for attribute in attributes {
        let name = attribute["key"].as_str().unwrap_or_default();
        let value = attribute["value"].as_object().and_then(|value| value.values().next()).cloned().unwrap_or_default();
        if ours.iter().any(|ours| name == *ours || (ours.ends_with('.') && name.starts_with(ours))) {
            text.push_str(&format!(" {name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    text
}
