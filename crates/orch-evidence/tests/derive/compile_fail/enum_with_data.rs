use orch_evidence::Consensus;

#[derive(Consensus)]
enum Answer {
    Nothing,
    Price(f64),
}

fn main() {}
