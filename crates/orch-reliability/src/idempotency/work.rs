//! The work of a flight: claim, execute under a heartbeat, store the result, tell everyone.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use orch_core::store::{Claim, Key, Lease, OwnerId, Record, StoreError, Takeover};
use orch_core::{AskedBy, CallContext, Class, Deadline, Effect, Error, ErrorKind, Event};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

use super::bounded::Bounded;
use super::flights::{Landing, conflict};
use super::heartbeat::Heartbeat;
use super::landed::Landed;
use super::seat::{in_progress, passed};
use super::{IdempotencyConfig, Replay, record};
use crate::CatchPanicLayer;

/// The shortest pause between two claims, whatever a store answers.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// What the work needs to know.
pub(super) struct Work<T: 'static> {
    pub(super) store: Bounded,
    pub(super) config: IdempotencyConfig,
    pub(super) effect: Effect,
    pub(super) landing: Landing<T>,
}

/// What the store says about a key.
enum Clearance<T> {
    /// Execute; under a lease, unless the store cannot be used.
    Execute(Option<Lease>),
    /// The answer is known.
    Answer(Landed<T>),
}

impl<T: Replay> Work<T> {
    /// From the claim to the landing.
    pub(super) async fn run<S, R>(self, inner: S, request: R)
    where
        S: Service<R, Response = T>,
        S::Error: Into<Error>,
    {
        // Whoever waits for a client to come to rest waits for this too.
        let _place = self.context().take_place();
        let landed = match self.clearance().await {
            Clearance::Execute(lease) => {
                let result = self.execute(inner, request, lease.as_ref()).await;
                match lease {
                    Some(lease) => self.settle(result, &lease).await,
                    None => result.map_or_else(Landed::Failed, Landed::Fresh),
                }
            }
            Clearance::Answer(landed) => landed,
        };
        self.landing.land(landed);
    }

    fn key(&self) -> &Key {
        self.landing.flight().key()
    }

    fn context(&self) -> &CallContext {
        self.landing.flight().context()
    }

    /// The key as it may be logged.
    fn shown_key(&self) -> String {
        self.context().redactor().text(&self.key().to_string()).into_owned()
    }

    async fn clearance(&self) -> Clearance<T> {
        let owner = OwnerId::fresh();
        let takeover = match self.effect {
            Effect::Pure | Effect::IdempotentDownstream => Takeover::Allowed,
            Effect::AtMostOnce => Takeover::Never,
        };
        loop {
            let claim = self
                .store
                .claim(self.key(), self.landing.flight().fingerprint(), owner, self.config.lease, takeover)
                .await;
            let refusal = match claim {
                Ok(Claim::Claimed(lease) | Claim::TakenOver(lease)) => return self.take_off(lease).await,
                Ok(Claim::Done(record)) => return self.replay(&record),
                Ok(Claim::Busy { retry_in }) => match self.wait(retry_in).await {
                    Ok(()) => continue,
                    Err(error) => error,
                },
                Ok(Claim::Conflict { .. }) => conflict(self.key()),
                Ok(Claim::Unknown) => Error::new(ErrorKind::OutcomeUnknown { key: self.key().as_str().into() }),
                Err(error) => return self.without_store(&error.to_string()),
            };
            return Clearance::Answer(Landed::Failed(refusal));
        }
    }

    /// Everyone may have gone while the store was asked.
    async fn take_off(&self, lease: Lease) -> Clearance<T> {
        if self.landing.takes_off() {
            return Clearance::Execute(Some(lease));
        }
        self.release(&lease).await;
        Clearance::Answer(Landed::Failed(Error::new(ErrorKind::Cancelled)))
    }

    fn replay(&self, record: &Record) -> Clearance<T> {
        match record::read(record) {
            Ok(response) => Clearance::Answer(Landed::Replay(response)),
            Err(reason) => self.without_store(&reason),
        }
    }

    /// What repeats without harm works without a store; everything else is refused.
    fn without_store(&self, reason: &str) -> Clearance<T> {
        if self.effect != Effect::Pure {
            let error = Error::new(ErrorKind::StoreUnavailable { reason: reason.into() });
            return Clearance::Answer(Landed::Failed(error));
        }
        self.degraded(reason);
        if self.landing.takes_off() {
            Clearance::Execute(None)
        } else {
            Clearance::Answer(Landed::Failed(Error::new(ErrorKind::Cancelled)))
        }
    }

    /// Another process works on the key: waits until that may have changed.
    async fn wait(&self, retry_in: Duration) -> Result<(), Error> {
        let since = Instant::now();
        self.landing.is_elsewhere(Deadline::after(since, retry_in).instant());
        let pause = retry_in.max(SHORTEST_WAIT);
        let changed = async {
            // A store that answers "busy" and has nothing to wait for must not keep this task spinning.
            let answer = self.store.wait(self.key(), pause);
            let (answer, ()) = tokio::join!(answer, tokio::time::sleep(SHORTEST_WAIT));
            if answer.is_err() {
                tokio::time::sleep(pause).await;
            }
        };
        let waited = tokio::select! {
            biased;
            () = self.context().cancellation().cancelled() => Err(Error::new(ErrorKind::Cancelled)),
            _ = passed(self.context().deadline()) => Err(in_progress(self.key(), retry_in)),
            () = changed => Ok(()),
        };
        self.context().note_wait(AskedBy::Flight, since);
        waited
    }

    async fn execute<S, R>(&self, inner: S, request: R, lease: Option<&Lease>) -> Result<T, Error>
    where
        S: Service<R, Response = T>,
        S::Error: Into<Error>,
    {
        tokio::select! {
            biased;
            result = CatchPanicLayer::new().layer(inner).oneshot(request) => result,
            () = self.context().cancellation().cancelled() => Err(Error::new(ErrorKind::Cancelled)),
            _ = passed(self.context().deadline()) => Err(Error::new(ErrorKind::DeadlineExceeded)),
            never = self.heartbeat(lease) => match never {},
        }
    }

    /// Starts when the work waits for the first time.
    async fn heartbeat(&self, lease: Option<&Lease>) -> Infallible {
        let start = |lease: &Lease| Heartbeat::start(self.store.clone(), self.landing.flight(), lease.clone());
        let _beats = lease.map(start);
        pending().await
    }

    async fn settle(&self, result: Result<T, Error>, lease: &Lease) -> Landed<T> {
        match result {
            Ok(response) => self.store_response(Landed::Fresh(response), lease).await,
            Err(error) => match error.finished().and_then(T::from_output) {
                Some(response) => self.store_response(Landed::Overrun(error, response), lease).await,
                None => {
                    self.give_up(&error, lease).await;
                    Landed::Failed(error)
                }
            },
        }
    }

    async fn store_response(&self, landed: Landed<T>, lease: &Lease) -> Landed<T> {
        let (Landed::Fresh(response) | Landed::Overrun(_, response)) = &landed else { return landed };
        let record = match record::write(response) {
            Ok(record) => record,
            Err(error) => {
                self.degraded(&format!("the result cannot be stored: {error}"));
                self.end_claim(self.effect == Effect::AtMostOnce, lease).await;
                return landed;
            }
        };
        match self.store.complete(self.key(), lease, record, self.config.ttl).await {
            Ok(true) => landed,
            Ok(false) => {
                let error = Error::new(ErrorKind::LeaseLost { key: self.key().as_str().into() });
                Landed::Failed(match response.to_output() {
                    Some(output) => error.with_output(output),
                    None => error,
                })
            }
            Err(error) => {
                self.degraded(&error.to_string());
                landed
            }
        }
    }

    /// A failure is not stored.
    async fn give_up(&self, error: &Error, lease: &Lease) {
        let effect = error.effect().unwrap_or(self.effect);
        self.end_claim(effect == Effect::AtMostOnce && may_have_happened(error), lease).await;
    }

    /// Gives the key free for the next caller, or leaves it in doubt.
    async fn end_claim(&self, in_doubt: bool, lease: &Lease) {
        if in_doubt {
            // A lease that ends now: the next claim, which must not take over, finds an unknown outcome.
            let over = Lease { ttl: Duration::ZERO, ..lease.clone() };
            self.note(self.store.renew(self.key(), &over).await);
        } else {
            self.release(lease).await;
        }
    }

    async fn release(&self, lease: &Lease) {
        self.note(self.store.release(self.key(), lease).await);
    }

    /// The lease ends by itself in the end.
    fn note(&self, result: Result<bool, StoreError>) {
        if let Err(error) = result {
            self.degraded(&format!("the key stays claimed until its lease ends: {error}"));
        }
    }

    fn degraded(&self, reason: &str) {
        let shown = self.context().redactor().text(reason);
        tracing::warn!(key = %self.shown_key(), reason = %shown, "idempotency degraded");
        self.context().emit(|| Event::IdempotencyDegraded { reason: reason.into() });
    }
}

/// Whether the tool may have had its effect although it failed.
fn may_have_happened(error: &Error) -> bool {
    let doubtful = matches!(
        error.class(),
        Class::Transient
            | Class::StreamBroken
            | Class::Timeout
            | Class::BadOutput
            | Class::Cancelled
            | Class::DeadlineExceeded
            | Class::Panicked
    );
    doubtful && !error.not_executed()
}
