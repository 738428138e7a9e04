use std::sync::Arc;

use orch_core::{CallContext, Error, LimitHint, wall_clock};
use serde_json::Value;

use super::failure::request_id;
use super::{HttpProvider, Speaker, Wire};
use crate::transport::{limits, read_text};

/// What a server answered at an endpoint that does not stream.
pub(crate) struct Answer<T> {
    pub(crate) content: T,
    pub(crate) request_id: Option<Arc<str>>,
    pub(crate) limits: Option<LimitHint>,
}

impl<W: Wire> HttpProvider<W> {
    /// How much of an answer to so many texts is read.
    pub(crate) fn cap_of_embeddings(&self, texts: usize) -> usize {
        self.transport.caps().embeddings(texts)
    }

    /// The wire.
    pub(crate) fn wire(&self) -> &W {
        &self.wire
    }

    /// Posts once to another endpoint of the same server, and reads the whole answer, up to `cap` bytes.
    ///
    /// # Errors
    /// What the server said if its status is no success, why there is no whole answer, or what `read` makes of it.
    pub(crate) async fn ask<T>(
        &self,
        endpoint: &str,
        body: &Value,
        cap: usize,
        call: &CallContext,
        read: impl FnOnce(&str, Speaker<'_>) -> Result<T, Error>,
    ) -> Result<Answer<T>, Error> {
        let (head, body) =
            self.post(&self.transport.endpoint(endpoint)?, body.to_string().into_bytes(), false, call).await?;
        let text = read_text(body, cap).await;
        let text = text.map_err(|error| error.into_error(self.info.name()))?;
        let limits = limits(&head.headers, wall_clock());
        let request_id = request_id(&head.headers).map(Into::into);
        match read(&text, self.speaker(&head)) {
            Ok(content) => Ok(Answer { content, request_id, limits }),
            Err(error) => Err(limits.map_or(error.clone(), |limits| error.with_limits(limits))),
        }
    }
}
