use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(text = "jaro_winkel")]
    name: String,
}

fn main() {}
