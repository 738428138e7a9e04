use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(weight = 0)]
    price: f64,
    #[consensus(ignore, weight = 2.0)]
    remark: String,
}

fn main() {}
