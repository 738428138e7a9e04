use orch_evidence::Consensus;

#[derive(Consensus)]
#[consensus(check = "adds_up")]
struct Answer {
    price: f64,
}

fn adds_up(prices: &Vec<f64>) -> Result<(), String> {
    drop(prices.len());
    Ok(())
}

fn main() {}
