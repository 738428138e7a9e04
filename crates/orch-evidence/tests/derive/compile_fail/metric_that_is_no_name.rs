use orch_evidence::Consensus;

#[derive(Consensus)]
struct Answer {
    #[consensus(text = "jaro winkler!")]
    name: String,
}

fn main() {}
