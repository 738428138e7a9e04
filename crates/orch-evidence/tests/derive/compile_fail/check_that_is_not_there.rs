use orch_evidence::Consensus;

#[derive(Consensus)]
#[consensus(check = "adds_up")]
struct Answer {
    price: f64,
}

fn main() {}
