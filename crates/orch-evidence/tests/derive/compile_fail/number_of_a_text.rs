use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(number(rel = 0.1))]
    names: Vec<String>,
}

fn main() {}
