//! A client from one file, or from environment variables (feature `config`).
//!
//! ```
//! use orch_facade::config::Config;
//! use orch_facade::{Client, Error, Output, Request, ToolSpec, tool_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What only code can say: functions, under the names that the file mentions.
//! let ask = tool_fn(ToolSpec::pure("ask"), |_: Request| async { Ok::<_, Error>(Output::from("Oslo")) });
//! let text = r#"
//!     [bundles.capital]
//!     tool = "ask"
//!     options = { k = 5 }
//!
//!     [reliability.retry]
//!     max_attempts = 5
//!     initial_delay = "1s"
//! "#;
//! let config = Config::toml(text).environment().code(Client::builder().tool(ask));
//! config.check()?;                                    // everything that is wrong, at once
//! let attempts = config.effective()?;
//! assert_eq!(attempts.get("reliability.retry.max_attempts").unwrap().origin.to_string(), "line 7");
//! let client = config.build()?;
//! let outcome = client.run("Which is the capital of Norway?").tool("capital").await?;
//! assert_eq!(outcome.evidence()?.summary.consensus, Some("Oslo".into()));
//!
//! let error = Config::toml("[reliability]\ndeadlin = 30").check().unwrap_err();
//! assert_eq!(error.to_string(), "line 2: reliability.deadlin: unknown key, did you mean `deadline`?");
//! # Ok(())
//! # }
//! ```
//!
//! Code is overruled by the file, the file by the environment, and both by what a run itself is told
//! ([`Run`](crate::Run)). Every section, key, unit and default stands in `docs/configuration.md`.

mod assemble;
mod code;
mod effective;
mod environment;
mod finding;
mod origin;
mod pointer;
mod read;
mod reload;
mod schema;
mod secret;
mod sections;
mod shown;
mod sources;
mod spelling;
mod tree;

pub use self::effective::{Effective, Setting};
pub use self::finding::{Finding, Findings};
pub use self::origin::Origin;
pub use self::reload::ReloadingClient;
pub use self::schema::schema;
pub use self::sources::Config;
