//! When a standby may take the Lease: pure, counted on the local monotonic clock.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

use super::LeaseOptions;

/// What a standby does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// There is no Lease.
    Create,
    /// It is free, ours from an earlier life, or has run out.
    Take,
    /// Its holder is alive as far as we can tell.
    Wait,
}

/// The Lease as last seen to change, and when that was on our own clock.
#[derive(Debug, Default)]
pub(super) struct Sighting {
    version: Option<String>,
    expires: Option<Instant>,
}

impl Sighting {
    /// Decides on the Lease as found at `now`.
    pub(super) fn judge(&mut self, lease: Option<&Lease>, options: &LeaseOptions, now: Instant) -> Claim {
        let Some(lease) = lease else { return Claim::Create };
        match holder(lease) {
            None => return Claim::Take,
            Some(holder) if *holder == options.identity => return Claim::Take,
            Some(_) => {}
        }
        let version = lease.metadata.resource_version.clone();
        if self.expires.is_none() || self.version != version {
            self.version = version;
            self.expires = Some(now + promised(lease, options));
        }
        if self.expires.is_some_and(|expires| now >= expires) {
            Claim::Take
        } else {
            Claim::Wait
        }
    }

    /// How long to pause: until the holder's time is up, or the usual pause when that is unknown.
    pub(super) fn remaining(&self, usual: Duration) -> Duration {
        self.expires
            .map_or(usual, |expires| expires.saturating_duration_since(Instant::now()))
            .max(Duration::from_millis(50))
    }
}

/// The holder's name; an empty one means that the Lease was let go.
pub(super) fn holder(lease: &Lease) -> Option<&String> {
    lease
        .spec
        .as_ref()?
        .holder_identity
        .as_ref()
        .filter(|name| !name.is_empty())
}

/// How long the holder asked others to wait.
fn promised(lease: &Lease, options: &LeaseOptions) -> Duration {
    lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(options.duration, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::coordination::v1::LeaseSpec;

    fn lease(holder: &str, version: &str) -> Lease {
        let mut lease = Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(15),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        };
        lease.metadata.resource_version = Some(version.to_owned());
        lease
    }

    fn options() -> LeaseOptions {
        LeaseOptions::new("kong", "operator", "me")
    }

    #[test]
    fn an_absent_a_free_and_an_own_lease_are_claimed_at_once() {
        let now = Instant::now();
        let mut sighting = Sighting::default();
        assert_eq!(sighting.judge(None, &options(), now), Claim::Create);
        assert_eq!(
            sighting.judge(Some(&lease("", "1")), &options(), now),
            Claim::Take
        );
        assert_eq!(
            sighting.judge(Some(&lease("me", "1")), &options(), now),
            Claim::Take
        );
    }

    #[test]
    fn a_silent_holder_loses_it_after_the_promised_time() {
        let start = Instant::now();
        let mut sighting = Sighting::default();
        let silent = lease("other", "1");
        assert_eq!(sighting.judge(Some(&silent), &options(), start), Claim::Wait);
        assert_eq!(
            sighting.judge(Some(&silent), &options(), start + Duration::from_secs(14)),
            Claim::Wait
        );
        assert_eq!(
            sighting.judge(Some(&silent), &options(), start + Duration::from_secs(15)),
            Claim::Take
        );
    }

    #[test]
    fn every_renewal_starts_the_wait_anew() {
        let start = Instant::now();
        let mut sighting = Sighting::default();
        assert_eq!(
            sighting.judge(Some(&lease("other", "1")), &options(), start),
            Claim::Wait
        );
        let later = start + Duration::from_secs(14);
        assert_eq!(
            sighting.judge(Some(&lease("other", "2")), &options(), later),
            Claim::Wait
        );
        assert_eq!(
            sighting.judge(
                Some(&lease("other", "2")),
                &options(),
                later + Duration::from_secs(14)
            ),
            Claim::Wait
        );
    }
}
