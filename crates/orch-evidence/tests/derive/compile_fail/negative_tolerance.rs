use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(number(abs = 0.5, rel = -0.1))]
    price: f64,
}

fn main() {}
