//! One guarded way to a server: a small HTTP service inside tower-http layers, caps on what comes back,
//! framing of event streams, and the hints that servers give.
//!
//! It knows HTTP, not providers: what a header or a body means is a wire's business. It sends a request once;
//! repeating, waiting and timing are left to the layers outside, except for the limit on connecting.

mod api_key;
mod base_url;
mod body;
mod client;
mod duration;
mod events;
mod guard;
mod hints;
mod identity;
mod rfc3339;
mod route;

pub use self::api_key::ApiKey;
pub(crate) use self::api_key::shown_variable;
pub(crate) use self::base_url::{BaseUrl, Endpoint, shown_text};
pub(crate) use self::body::{Body, BodyError, beginning, read_beginning, read_text};
pub(crate) use self::client::{Settings, Transport};
pub(crate) use self::duration::stated_wait;
pub(crate) use self::events::Events;
pub(crate) use self::guard::Caps;
pub use self::hints::retry_after;
pub(crate) use self::hints::{limit_reset, limits, retry_override};
pub(crate) use self::route::Route;
