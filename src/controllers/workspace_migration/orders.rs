//! What somebody decides while a pass is under way: the object is watched for as long as the pass lasts.

use std::sync::{Arc, OnceLock};

use futures::StreamExt as _;
use kube::ResourceExt;
use kube::runtime::watcher::watch_object;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::workspace_migration::WorkspaceMigration;
use crate::controllers::context::Context;
use crate::engine::Throttle;
use crate::http::Limits;

/// Why a pass ends before its plan is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// This process stops, or has lost the lead.
    OperatorStops,
    /// The object is deleted, or is another one by now.
    Deleted,
    /// `spec.suspend` is true.
    Suspended,
    /// Another field of the spec changed: the next pass goes by the new one.
    Changed,
}

/// The orders for one pass. Dropping them ends the watch.
#[derive(Debug)]
pub(super) struct Orders {
    /// Cancelled when the pass shall end at its next safe point.
    pub stop: CancellationToken,
    /// The limits of the spec as it is now.
    pub throttle: Throttle,
    ended: Arc<OnceLock<Ended>>,
    _watch: JoinSet<()>,
}

impl Orders {
    /// Begins to watch. `object` is what the pass was begun with.
    pub fn heed(context: &Context, object: &WorkspaceMigration) -> Self {
        let stop = context.stop.child_token();
        let throttle = Throttle::until(limits(object), stop.clone());
        let ended = Arc::new(OnceLock::new());
        let api = context.namespaced(&object.namespace().unwrap_or_default());
        let follow = follow(
            watch_object::<WorkspaceMigration>(api, &object.name_any()),
            object.clone(),
            throttle.clone(),
        );
        let (decided, told) = (Arc::clone(&ended), stop.clone());
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            if let Some(why) = follow.await {
                // Set once, by this task alone.
                let _ = decided.set(why);
                told.cancel();
            }
        });
        Self {
            stop,
            throttle,
            ended,
            _watch: watch,
        }
    }

    /// Why the pass shall end, if it shall.
    pub fn ended(&self) -> Option<Ended> {
        self.stop
            .is_cancelled()
            .then(|| self.ended.get().copied().unwrap_or(Ended::OperatorStops))
    }

    /// Reads, which may be dropped at any point, until they are done or the pass shall end.
    pub async fn unless_ended<T>(&self, reading: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            read = reading => Ok(read),
            () = self.stop.cancelled() => Err(self.ended().unwrap_or(Ended::OperatorStops)),
        }
    }
}

/// Passes limits on until a version of the object ends the pass.
async fn follow<E: std::fmt::Debug>(
    versions: impl futures::Stream<Item = Result<Option<WorkspaceMigration>, E>>,
    begun_with: WorkspaceMigration,
    throttle: Throttle,
) -> Option<Ended> {
    let mut versions = std::pin::pin!(versions);
    while let Some(version) = versions.next().await {
        match version {
            Ok(now) => {
                if let Some(why) = ends(&begun_with, now.as_ref()) {
                    return Some(why);
                }
                throttle.set_limits(now.as_ref().map_or(Limits::in_flight(1), limits));
            }
            // The watch resumes by itself.
            Err(error) => tracing::debug!(?error, "the watch for changes of the spec is interrupted"),
        }
    }
    None
}

/// Whether a version of the object ends the pass that was begun with another. The throttle alone may change.
fn ends(begun_with: &WorkspaceMigration, now: Option<&WorkspaceMigration>) -> Option<Ended> {
    let Some(now) = now.filter(|now| now.uid() == begun_with.uid()) else {
        return Some(Ended::Deleted);
    };
    if now.metadata.deletion_timestamp.is_some() {
        return Some(Ended::Deleted);
    }
    if now.spec.suspend {
        return Some(Ended::Suspended);
    }
    let mut as_begun = now.spec.clone();
    as_begun.throttle.clone_from(&begun_with.spec.throttle);
    (as_begun != begun_with.spec).then_some(Ended::Changed)
}

/// The limits of a spec.
pub(super) fn limits(object: &WorkspaceMigration) -> Limits {
    let throttle = object.spec.throttle.as_ref();
    Limits {
        max_in_flight: usize::try_from(object.spec.max_in_flight()).unwrap_or(usize::MAX),
        requests_per_second: throttle.map_or(0, |throttle| throttle.requests_per_second),
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};

    use super::*;

    fn version(spec: Value) -> WorkspaceMigration {
        let mut object = json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration",
            "metadata": {"name": "x", "uid": "one"},
            "spec": {"source": {"adminAPI": {"url": "https://kong"}}, "target": {"controlPlaneRef": {"name": "x"}}, "mode": "Apply"},
        });
        if let (Some(own), Value::Object(extra)) = (object["spec"].as_object_mut(), spec) {
            own.extend(extra);
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_ends_a_pass() {
        let begun = version(json!({}));
        let ends = |now: &WorkspaceMigration| ends(&begun, Some(now));
        assert_eq!(ends(&begun), None);
        assert_eq!(ends(&version(json!({"suspend": true}))), Some(Ended::Suspended));
        assert_eq!(ends(&version(json!({"mode": "Plan"}))), Some(Ended::Changed));
        assert_eq!(ends(&version(json!({"throttle": {"maxInFlight": 2}}))), None);
        let mut deleted = version(json!({}));
        deleted.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(ends(&deleted), Some(Ended::Deleted));
        let mut namesake = version(json!({}));
        namesake.metadata.uid = Some("two".into());
        assert_eq!(ends(&namesake), Some(Ended::Deleted));
        assert_eq!(super::ends(&begun, None), Some(Ended::Deleted));
    }

    #[tokio::test]
    async fn limits_are_passed_on_until_the_pass_ends() {
        let throttle = Throttle::new(16);
        let versions = [
            Ok(Some(version(json!({"throttle": {"maxInFlight": 2}})))),
            Err("gone away"),
            Ok(Some(version(json!({"throttle": {"maxInFlight": 3}})))),
            Ok(Some(version(
                json!({"suspend": true, "throttle": {"maxInFlight": 4}}),
            ))),
        ];
        let ended = follow(stream::iter(versions), version(json!({})), throttle.clone()).await;
        assert_eq!((ended, throttle.in_flight()), (Some(Ended::Suspended), 3));
    }
}
