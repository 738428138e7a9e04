use orch_evidence::Consensus;

#[derive(Consensus)]
struct Item {
    sku: String,
}

#[derive(Consensus)]
struct Answer {
    #[consensus(keyed = "id")]
    items: Option<Vec<Item>>,
}

fn main() {}
