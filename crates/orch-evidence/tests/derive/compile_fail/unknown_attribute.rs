use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(tolerance = 0.1)]
    price: f64,
}

fn main() {}
