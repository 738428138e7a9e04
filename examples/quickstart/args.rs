//! The options, each checked before anything runs: a bad one is named with its value and ends the program with code 2.

use std::path::PathBuf;

use clap::Parser;

/// Asks a question about a document K times and says what the answers agree on, where they differ,
/// and how sure one may be.
#[derive(Clone, Debug, Parser)]
#[command(name = "quickstart")]
pub(crate) struct Args {
    /// The document [default: the field notes that ship with the example]
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,

    /// The question
    #[arg(long, value_name = "QUESTION", default_value = "What does a circuit breaker do?", value_parser = question)]
    pub(crate) ask: String,

    /// How many replicates, at most: 1 to 64
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) k: u32,

    /// How far answers may differ and still count as the same: 0 to 1
    #[arg(long, default_value_t = 0.2, value_parser = unit_interval)]
    pub(crate) epsilon: f64,

    /// The seed of everything that is drawn by chance
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,

    /// How many calls get an injected fault (429 with Retry-After, 500 or a delay): 0 to 1, 0 turns them off
    #[arg(long, value_name = "RATE", default_value_t = 0.25, value_parser = unit_interval)]
    pub(crate) faults: f64,

    /// The run may use so many tokens
    #[arg(long, value_name = "TOKENS", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) budget_tokens: u64,

    /// The run may cost so many dollars [default: no limit]
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) budget_usd: Option<f64>,

    /// The run may take so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout_ms: u64,

    /// Start all replicates at once instead of two and then one at a time
    #[arg(long)]
    pub(crate) parallel: bool,

    /// Print `{run, replay, conflict}` as JSON, alone on stdout
    #[arg(long)]
    pub(crate) json: bool,

    /// An OpenAI-compatible server to ask instead of the local answerer, such as `http://127.0.0.1:8080/v1`
    #[arg(long, value_name = "URL", requires = "model")]
    pub(crate) base_url: Option<String>,

    /// The server's model
    #[arg(long, value_name = "NAME", requires = "base_url")]
    pub(crate) model: Option<String>,

    /// The environment variable that holds the server's key
    #[arg(long, value_name = "VAR", requires = "base_url")]
    pub(crate) api_key_env: Option<String>,

    /// The model's price, dollars per million tokens of input and of output
    #[arg(long, value_name = "IN,OUT", requires = "base_url", value_parser = price, conflicts_with = "free")]
    pub(crate) price: Option<(f64, f64)>,

    /// The model costs nothing
    #[arg(long, requires = "base_url")]
    pub(crate) free: bool,

    /// A JSON Schema that the server's answers must follow
    #[arg(long, value_name = "PATH", requires = "base_url")]
    pub(crate) schema: Option<PathBuf>,

    /// Ask the server for whole answers instead of streams
    #[arg(long, requires = "base_url")]
    pub(crate) no_stream: bool,

    /// The server's answers have at most so many tokens
    #[arg(long, value_name = "TOKENS", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_tokens: u64,
}

fn question(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("a question must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "not a number".to_owned())
}

fn unit_interval(text: &str) -> Result<f64, String> {
    number(text).and_then(|n| if (0.0..=1.0).contains(&n) { Ok(n) } else { Err("must be 0 to 1".to_owned()) })
}

fn dollars(text: &str) -> Result<f64, String> {
    let amount = number(text)?;
    if amount.is_finite() && amount > 0.0 { Ok(amount) } else { Err("must be a finite amount above zero".to_owned()) }
}

fn price(text: &str) -> Result<(f64, f64), String> {
    let (input, output) = text.split_once(',').ok_or("two numbers with a comma between them, such as 0.15,0.60")?;
    let (input, output) = (number(input)?, number(output)?);
    let fine = |amount: f64| amount.is_finite() && amount >= 0.0;
    if fine(input) && fine(output) { Ok((input, output)) } else { Err("must be finite and not negative".to_owned()) }
}
