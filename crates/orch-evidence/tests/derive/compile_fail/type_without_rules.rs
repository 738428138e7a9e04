use orch_evidence::Consensus;

struct Item;

#[derive(Consensus)]
struct Answer {
    items: Vec<Item>,
}

fn main() {}
