use orch_evidence::Consensus;

#[derive(Consensus)]
#[consensus(weight = 2.0)]
struct Answer {
    price: f64,
}

#[derive(Consensus)]
struct Other {
    #[consensus(check = "positive")]
    price: f64,
}

fn main() {}
