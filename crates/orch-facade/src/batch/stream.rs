use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;
use orch_core::Meter;
use tokio::time::Instant;

use super::{BatchItem, BatchSummary};
use crate::Run;

/// A batch at work: a stream of its items. It works while it is polled.
///
/// # Cancellation
/// Dropping it starts nothing more and cancels the runs in progress. Those with an idempotency key, [`RunAll::key`]'s included,
/// are finished all the same and remembered, for they are paid for anyway, unless the client's
/// [`OnAbandon`](orch_reliability::OnAbandon) says otherwise.
///
/// [`RunAll::key`]: super::RunAll::key
pub struct Batch {
    items: BoxStream<'static, BatchItem>,
    account: Meter,
    started: Started,
    begun: Instant,
    ended: BatchSummary,
}

/// How many runs began, told by the stream that starts them.
#[derive(Clone, Debug, Default)]
pub(super) struct Started(Arc<AtomicUsize>);

impl Started {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) async fn one(index: usize, run: Run) -> BatchItem {
    BatchItem { index, result: run.await }
}

impl Batch {
    pub(super) fn new(items: BoxStream<'static, BatchItem>, account: Meter, started: Started, begun: Instant) -> Self {
        Self { items, account, started, begun, ended: BatchSummary::default() }
    }

    /// The next item; `None` after the last one.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<BatchItem> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// What the batch did so far, and what was bought.
    #[must_use]
    pub fn summary(&self) -> BatchSummary {
        BatchSummary {
            started: self.started.0.load(Ordering::Relaxed),
            usage: self.account.usage(),
            elapsed: self.begun.elapsed(),
            ..self.ended.clone()
        }
    }

    /// Works to the end and gives what the batch did; the items that were not read are dropped.
    pub async fn finish(mut self) -> BatchSummary {
        while self.next().await.is_some() {}
        self.summary()
    }
}

impl Stream for Batch {
    type Item = BatchItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<BatchItem>> {
        let next = std::task::ready!(self.items.as_mut().poll_next(cx));
        if let Some(item) = &next {
            self.ended.count(&item.result);
        }
        Poll::Ready(next)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("summary", &self.summary()).finish_non_exhaustive()
    }
}
