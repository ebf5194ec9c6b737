//! Leader election by a `Lease`: one replica writes, the others stand by.
//!
//! Two clocks never meet here. The holder counts its own monotonic deadline from the moment *before* it sent the last
//! renewal that succeeded; a standby counts from the moment it last saw the Lease change. So neither a skewed wall clock
//! nor a hanging API server makes two leaders. A watch tells a standby at once when the holder lets go.
//!
//! Why an election of our own, and what it cannot do: `docs/decisions/0006-a-lease-on-a-monotonic-clock.md`.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::refusal::said;
use crate::clock::Clock;

mod decision;

use decision::{Claim, Sighting};

/// How the election runs.
#[derive(Debug, Clone)]
pub struct LeaseOptions {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who we are; unique per replica.
    pub identity: String,
    /// How long a standby waits after the last sign of life. Whole seconds.
    pub duration: Duration,
    /// How long the holder trusts its last renewal; shorter than `duration`, so that it stops first.
    pub renew_deadline: Duration,
    /// Pause between renewals.
    pub retry_period: Duration,
}

impl LeaseOptions {
    /// The usual timing of Kubernetes components: 15 s, 10 s, 2 s.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// Makes sure that a holder stops before a standby starts.
    ///
    /// # Errors
    /// When the times are not whole, or not in order.
    pub fn check_timing(&self) -> Result<(), InvalidTiming> {
        let whole = self.duration.subsec_nanos() == 0;
        let ordered = Duration::ZERO < self.retry_period
            && self.retry_period < self.renew_deadline
            && self.renew_deadline < self.duration;
        if whole && ordered {
            Ok(())
        } else {
            Err(InvalidTiming)
        }
    }
}

/// Times by which two replicas could lead at once, or none for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "--leader-elect-lease-duration has to be whole seconds and longer than --leader-elect-renew-deadline, and that longer than --leader-elect-retry-period"
)]
pub struct InvalidTiming;

/// Whether this replica may write now. Cheap to clone and to ask. The two ways out ask it before each
/// attempt: [`super::lead`], and the fence of the remote servers.
#[derive(Debug, Clone)]
pub struct Leadership {
    until: watch::Receiver<Tenure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenure {
    None,
    Until(Instant),
    Unlimited,
}

impl Leadership {
    /// Leadership without an election, for a single replica.
    pub fn unlimited() -> Self {
        let (sender, until) = watch::channel(Tenure::Unlimited);
        drop(sender);
        Self { until }
    }

    /// Leadership that ends then, for tests.
    #[cfg(test)]
    pub(super) fn until(deadline: Instant) -> Self {
        let (sender, until) = watch::channel(Tenure::Until(deadline));
        drop(sender);
        Self { until }
    }

    /// Whether this replica leads at this moment.
    pub fn is_held(&self) -> bool {
        match *self.until.borrow() {
            Tenure::None => false,
            Tenure::Until(deadline) => Instant::now() < deadline,
            Tenure::Unlimited => true,
        }
    }

    /// Returns once this replica leads; never, when the election has ended without it.
    pub async fn acquired(&mut self) {
        if self
            .until
            .wait_for(|tenure| *tenure != Tenure::None)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

/// One replica's part in the election.
#[derive(Debug)]
pub struct Election {
    api: Api<Lease>,
    options: LeaseOptions,
    clock: Arc<dyn Clock>,
    tenure: watch::Sender<Tenure>,
}

/// How an election ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElectionEnd {
    /// Asked to stop; the Lease was let go when we held it.
    Stopped,
    /// The Lease could not be renewed in time, or somebody else has it: all writing must have stopped.
    Lost,
}

impl Election {
    /// Prepares the election, and the handle that tells whether we lead.
    pub fn new(client: Client, options: LeaseOptions, clock: Arc<dyn Clock>) -> (Self, Leadership) {
        let api = Api::namespaced(client, &options.namespace);
        let (tenure, until) = watch::channel(Tenure::None);
        (
            Self {
                api,
                options,
                clock,
                tenure,
            },
            Leadership { until },
        )
    }

    /// Stands for election, then holds the Lease until `stop` or loss. `stop` should be cancelled only after the last
    /// write has ended: the Lease is let go then, and a standby takes over at once.
    pub async fn run(self, stop: CancellationToken) -> ElectionEnd {
        let lease = tokio::select! {
            lease = self.acquire() => lease,
            () = stop.cancelled() => return ElectionEnd::Stopped,
        };
        tracing::info!(identity = self.options.identity, "leading");
        let ended = self.hold(lease, &stop).await;
        self.tenure.send_replace(Tenure::None);
        ended
    }

    /// Waits until the Lease is ours.
    async fn acquire(&self) -> Lease {
        let config = watcher::Config::default().fields(&format!("metadata.name={}", self.options.name));
        let mut events = std::pin::pin!(watcher(self.api.clone(), config).default_backoff());
        let mut sighting = Sighting::default();
        loop {
            let pause = match timeout(self.options.renew_deadline, self.try_acquire(&mut sighting)).await {
                Ok(Ok(Some(lease))) => return lease,
                Ok(Ok(None)) => sighting.remaining(self.options.retry_period),
                Ok(Err(error)) => {
                    tracing::warn!(
                        error = said(&error),
                        "the Lease could not be read or taken; trying again"
                    );
                    self.options.retry_period
                }
                Err(_) => Duration::ZERO,
            };
            // A change of the Lease ends the pause early, most of all a holder that lets go.
            let _ = timeout(pause, events.next()).await;
        }
    }

    async fn try_acquire(&self, sighting: &mut Sighting) -> Result<Option<Lease>, kube::Error> {
        let asked = Instant::now();
        let found = self.api.get_opt(&self.options.name).await?;
        let claimed = match sighting.judge(found.as_ref(), &self.options, asked) {
            Claim::Wait => return Ok(None),
            Claim::Create => self.api.create(&PostParams::default(), &self.build(None)).await,
            Claim::Take => self.replace(found.as_ref()).await,
        };
        match claimed {
            Ok(lease) => {
                self.tenure
                    .send_replace(Tenure::Until(asked + self.options.renew_deadline));
                Ok(Some(lease))
            }
            // Somebody was faster.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Renews until told to stop, or until the deadline of the last success has passed.
    async fn hold(&self, mut lease: Lease, stop: &CancellationToken) -> ElectionEnd {
        let mut deadline = Instant::now() + self.options.renew_deadline;
        if let Tenure::Until(until) = *self.tenure.borrow() {
            deadline = until;
        }
        loop {
            tokio::select! {
                () = sleep(self.options.retry_period) => {}
                () = sleep_until(deadline) => {}
                () = stop.cancelled() => {
                    self.release(&lease, deadline).await;
                    return ElectionEnd::Stopped;
                }
            }
            let asked = Instant::now();
            match timeout_at(deadline, self.renew(&lease)).await {
                Ok(Ok(Some(renewed))) => {
                    lease = renewed;
                    deadline = asked + self.options.renew_deadline;
                    self.tenure.send_replace(Tenure::Until(deadline));
                }
                Ok(Ok(None)) => {
                    tracing::error!("another replica has taken the Lease");
                    return ElectionEnd::Lost;
                }
                Ok(Err(error)) if Instant::now() < deadline => {
                    tracing::warn!(
                        error = said(&error),
                        "the Lease could not be renewed; trying again"
                    );
                }
                Ok(Err(_)) | Err(_) => {
                    tracing::error!("the Lease could not be renewed in time");
                    return ElectionEnd::Lost;
                }
            }
        }
    }

    /// Renews once; `None` when the Lease is no longer ours.
    async fn renew(&self, lease: &Lease) -> Result<Option<Lease>, kube::Error> {
        match self.replace(Some(lease)).await {
            Ok(renewed) => Ok(Some(renewed)),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                // Our own renewal may have arrived although its answer did not.
                match self.api.get_opt(&self.options.name).await? {
                    Some(found) if decision::holder(&found) == Some(&self.options.identity) => {
                        self.replace(Some(&found)).await.map(Some)
                    }
                    Some(_) | None => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Lets go, so that a standby need not wait for the Lease to run out.
    async fn release(&self, lease: &Lease, deadline: Instant) {
        let mut free = lease.clone();
        if let Some(spec) = free.spec.as_mut() {
            spec.holder_identity = None;
            spec.renew_time = Some(MicroTime(self.now()));
        }
        let params = PostParams::default();
        match timeout_at(deadline, self.api.replace(&self.options.name, &params, &free)).await {
            Ok(Ok(_)) => tracing::info!("let the Lease go"),
            Ok(Err(error)) => {
                tracing::warn!(
                    error = said(&error),
                    "could not let the Lease go; it runs out by itself"
                );
            }
            Err(_) => tracing::warn!("could not let the Lease go in time; it runs out by itself"),
        }
    }

    async fn replace(&self, old: Option<&Lease>) -> Result<Lease, kube::Error> {
        self.api
            .replace(&self.options.name, &PostParams::default(), &self.build(old))
            .await
    }

    /// The Lease with us as its holder, written over `old`.
    fn build(&self, old: Option<&Lease>) -> Lease {
        let spec = old.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let ours = spec.holder_identity.as_ref() == Some(&self.options.identity);
        let now = MicroTime(self.now());
        let metadata = old.map_or_else(
            || ObjectMeta {
                name: Some(self.options.name.clone()),
                ..ObjectMeta::default()
            },
            |lease| lease.metadata.clone(),
        );
        let seconds = i32::try_from(self.options.duration.as_secs()).unwrap_or(i32::MAX);
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(self.options.identity.clone()),
                lease_duration_seconds: Some(seconds),
                acquire_time: if ours {
                    spec.acquire_time
                } else {
                    Some(now.clone())
                },
                renew_time: Some(now),
                lease_transitions: Some(
                    spec.lease_transitions.unwrap_or(0) + i32::from(!ours && old.is_some()),
                ),
                ..LeaseSpec::default()
            }),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
