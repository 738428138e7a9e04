use serde_json::Value;
use tokio::time::Instant;

/// A request as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Which request of the server it is, counted from 1.
    pub number: usize,
    /// Which connection of the server it came on, counted from 1: the same for requests that share one.
    pub connection: usize,
    /// The method, such as `POST`.
    pub method: String,
    /// The path, with the query if there is one.
    pub path: String,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; null when it is no JSON.
    pub body: Value,
    /// When it had arrived.
    pub at: Instant,
}

impl Received {
    /// The first value of a header, whose name may be in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let of_name = |(found, _): &&(String, String)| found.eq_ignore_ascii_case(name);
        self.headers.iter().find(of_name).map(|(_, value)| value.as_str())
    }

    /// The path without its query.
    pub(super) fn route(&self) -> &str {
        self.path.split_once('?').map_or(&self.path, |(path, _)| path)
    }
}
