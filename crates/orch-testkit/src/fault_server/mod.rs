//! A server on loopback that fails as chat providers do, for tests of any HTTP client.
//!
//! A [`FaultServer`] answers each request by the next [`Answer`] of its script, in the words of the wire that the
//! request came on: OpenAI Chat Completions, OpenAI Responses or Anthropic Messages ([`Wire`]), streamed when the
//! body asks for it. It writes bytes as they are told, so it also writes what no HTTP library would: half an event,
//! half a character, a line without an end. It notes every request, counts the connections, and knows when a client
//! left before its answer was whole.
//!
//! ```
//! use orch_testkit::fault_server::{Answer, At, Failure, FaultServer, Hint};
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let server = FaultServer::script([
//!     Answer::from(Failure::new(429).hint(Hint::Seconds(Duration::from_secs(3)))),
//!     Answer::text("the answer").cut(At::Pieces(1)),
//! ]);
//!
//! // Any client will do; this one shows what it gets.
//! let mut said = Vec::new();
//! for _ in 0..2 {
//!     let body = r#"{"model":"tiny","stream":true,"messages":[]}"#;
//!     let mut client = TcpStream::connect(server.address()).await?;
//!     let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
//!     client.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
//!     let mut answer = String::new();
//!     client.read_to_string(&mut answer).await?;
//!     said.push(answer);
//! }
//! assert!(said[0].starts_with("HTTP/1.1 429 ") && said[0].contains("retry-after: 3\r\n"));
//! assert!(said[1].contains(r#""content":"the ""#) && !said[1].contains("answer"));
//! assert_eq!(server.requests()[1].body["model"], "tiny");
//! # Ok(())
//! # }
//! ```

mod answer;
mod connection;
mod failure;
mod frame;
mod hint;
mod http;
mod log;
mod plan;
mod received;
mod script;
mod server;
mod wire;

pub use self::answer::{Answer, At, Finish, LineEnd};
pub use self::failure::{ErrorForm, Failure};
pub use self::hint::Hint;
pub use self::received::Received;
pub use self::server::FaultServer;
pub use self::wire::Wire;

#[cfg(test)]
mod tests;
