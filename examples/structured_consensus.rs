//! Five readings of one invoice become one value of a type, with the evidence for each of its fields.
//!
//!     cargo run --example structured_consensus
//!
//! The model is scripted, so that this runs without a network. It is asked for JSON that fits the type, as any other
//! provider would be; its third reading has another price, its fourth does not add up, and its fifth lacks an item.

use std::sync::Arc;

use async_trait::async_trait;
use orch_core::HasContext;
use orch_facade::evidence::stopping::Never;
use orch_facade::providers::{
    ChatEvent, ChatRequest, ChatResponse, ChatSink, ChatTool, FinishReason, Provider, ProviderInfo, ResponseFormat,
};
use orch_facade::{BundleTool, Client, Consensus, Error};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

#[derive(Deserialize, JsonSchema, Consensus)]
#[consensus(check = "adds_up")]
struct Invoice {
    #[consensus(date)]
    issued: String,
    #[consensus(number(rel = 0.001), weight = 2.0)]
    total: f64,
    #[consensus(keyed = "sku")]
    items: Vec<Item>,
    #[consensus(ignore)]
    remark: Option<String>,
}

#[derive(Deserialize, JsonSchema, Consensus)]
struct Item {
    sku: String,
    #[consensus(number(abs = 0.01))]
    price: f64,
}

fn adds_up(invoice: &Invoice) -> Result<(), String> {
    let sum: f64 = invoice.items.iter().map(|item| item.price).sum();
    if (sum - invoice.total).abs() < 0.02 { Ok(()) } else { Err(format!("the items sum up to {sum:.2}")) }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a program")]
async fn main() -> anyhow::Result<()> {
    let read = ChatTool::new("read_invoice", Scripted(ProviderInfo::new("scripted", "none"))).answers::<Invoice>();
    let invoice = BundleTool::new("invoice", read).k(5).stop(Never).answers::<Invoice>();
    let client = Client::builder().bundle(invoice).build()?;

    let evidence = client.run("the text of the invoice").tool("invoice").await?.evidence_of::<Invoice>()?;
    let Invoice { issued, total, items, remark } = evidence.value();
    println!("issued {issued}, total {total}, remark {remark:?}");
    for (at, Item { sku, price }) in items.iter().enumerate() {
        let support = evidence.field(&format!("/items/{at}/price")).support().unwrap_or_default();
        println!("{sku}: {price}, which {:.0} % say", support * 100.0);
    }
    for found in evidence.disagreements() {
        let said = found.candidates.iter().map(|one| format!("{} ({})", one.value, one.replicate_ids.join(" ")));
        println!("at {}: {}", found.pointer, said.collect::<Vec<_>>().join(", "));
    }
    for replicate in evidence.bundle().replicates.iter().filter(|replicate| !replicate.quality.valid) {
        println!("{} does not count: {}", replicate.id, replicate.quality.errors.join("; "));
    }
    println!("{}", evidence.decision().reason());
    Ok(())
}

/// Answers as a model would that is asked for JSON.
struct Scripted(ProviderInfo);

#[async_trait]
impl Provider for Scripted {
    fn info(&self) -> &ProviderInfo {
        &self.0
    }

    async fn chat(self: Arc<Self>, request: ChatRequest, sink: ChatSink) -> Result<ChatResponse, Error> {
        let ResponseFormat::JsonSchema { schema, strict: true, .. } = request.response_format() else {
            return Err(Error::invalid("/response_format", "no strict schema is asked for"));
        };
        assert_eq!(schema["required"], json!(["issued", "items", "remark", "total"]));
        let reading = reading(request.context().replicate()).to_string();
        sink.event(Instant::now(), ChatEvent::Text(reading));
        sink.event(Instant::now(), ChatEvent::End { reason: FinishReason::Stop });
        sink.finish()
    }
}

fn reading(replicate: Option<u32>) -> Value {
    let (bolt, nut, dear_nut) = (("A-1", 40.0), ("B-2", 60.0), ("B-2", 66.0));
    let (issued, total, items, remark) = match replicate {
        Some(2) => ("1 March 2024", 100.0, vec![nut, bolt], "thank you"),
        Some(3) => ("2024-03-01", 106.0, vec![bolt, dear_nut], ""),
        Some(4) => ("2024-03-01", 90.0, vec![bolt, nut], "to be checked"),
        Some(5) => ("2024-03-01", 40.0, vec![bolt], ""),
        _ => ("2024-03-01", 100.0, vec![bolt, nut], "net 30 days"),
    };
    let items: Vec<Value> = items.iter().map(|(sku, price)| json!({ "sku": sku, "price": price })).collect();
    json!({ "issued": issued, "total": total, "items": items, "remark": remark })
}
