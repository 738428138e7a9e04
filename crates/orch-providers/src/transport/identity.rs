//! How a call is told apart at the other end: an id of its own, and the trace that it belongs to.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::{HeaderValue, Request};
use orch_core::CallContext;
use tower_http::request_id::{MakeRequestId, RequestId};

/// The id of one attempt: the run, the part of it, and the number of the attempt.
#[derive(Clone, Debug)]
pub(super) struct CallId(String);

impl CallId {
    pub(super) fn of(call: &CallContext) -> Self {
        let (run, part) = (call.request_id(), call.part_path());
        let mut id = String::with_capacity(run.len() + part.len() + 8);
        id.push_str(run);
        id.extend(part.chars().map(|letter| if letter == '/' { '-' } else { letter }));
        id.push_str("-a");
        let attempt = write!(id, "{}", call.attempt());
        attempt.expect("a text takes whatever is written");
        Self(id)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// W3C trace context: the run's trace, with this attempt as the parent of what the server does. None when the run's
/// trace id is not one of that standard.
pub(super) fn trace_parent(call: &CallContext) -> Option<HeaderValue> {
    let trace = call.trace_id();
    let valid = trace.len() == 32
        && trace.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && trace.bytes().any(|byte| byte != b'0');
    let mut hasher = DefaultHasher::new();
    (call.request_id(), call.part_path(), call.attempt()).hash(&mut hasher);
    // Zero is no span id.
    let span = hasher.finish() | 1;
    let digit = |place: u32| b"0123456789abcdef"[(span >> (4 * place) & 15) as usize];
    let mut parent = Vec::with_capacity(55);
    parent.extend_from_slice(b"00-");
    parent.extend_from_slice(trace.as_bytes());
    parent.push(b'-');
    parent.extend((0..16).rev().map(digit));
    parent.extend_from_slice(b"-01");
    valid.then(|| HeaderValue::from_maybe_shared(Bytes::from(parent)).ok()).flatten()
}

/// Takes the id that the request carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromCall;

impl MakeRequestId for FromCall {
    fn make_request_id<B>(&mut self, request: &Request<B>) -> Option<RequestId> {
        let id = request.extensions().get::<CallId>()?;
        HeaderValue::from_str(&id.0).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use orch_core::Part;

    use super::*;

    #[test]
    fn every_part_and_attempt_has_an_id_of_its_own() {
        let call = CallContext::new().with_request_id("run");
        let mut second = call.child(Part::Replicate(2, 9));
        assert_eq!(CallId::of(&call).as_str(), "run-a1");
        assert_eq!(CallId::of(&second).as_str(), "run-r2-a1");
        second.begin_attempt(3, second.started());
        assert_eq!(CallId::of(&second).as_str(), "run-r2-a3");
    }

    #[test]
    fn the_trace_is_passed_on_if_it_is_one_of_the_standards() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = |trace: &str| {
            let call = CallContext::new().with_request_id("run").with_trace_id(trace);
            trace_parent(&call)
        };
        let sent = parent(id).unwrap();
        assert!(sent.to_str().unwrap().starts_with(&format!("00-{id}-")) && sent.len() == 55, "{sent:?}");
        assert_eq!(parent(id), Some(sent));
        for other in ["trace-456", "00000000000000000000000000000000", "4BF92F3577B34DA6A3CE929D0E0E4736"] {
            assert_eq!(parent(other), None, "{other}");
        }
    }
}
