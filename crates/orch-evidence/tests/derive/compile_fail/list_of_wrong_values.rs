use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(one_of("low", 3))]
    level: String,
    #[consensus(one_of())]
    empty: String,
}

fn main() {}
