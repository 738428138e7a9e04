use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(number)]
    price: f64,
}

fn main() {}
