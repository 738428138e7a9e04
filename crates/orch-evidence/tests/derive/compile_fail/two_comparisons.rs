use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(exact)]
    #[consensus(date)]
    day: String,
    #[consensus(set, ordered)]
    steps: Vec<String>,
}

fn main() {}
