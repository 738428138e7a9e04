use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(set)]
    price: Option<f64>,
}

fn main() {}
