//! What somebody decides while a pass is under way: the object is watched for as long as the pass lasts. And how the pass of a suspended
//! migration ends.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use futures::StreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::annotations::force_delete;
use crate::api::conditions::{APPLIED, reason};
use crate::api::migration::{MigrationKind, MigrationStatus, Phase};
use crate::controllers::runtime::context::Context;
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::outcome::Outcome;
use crate::http::{Limits, Throttle};
use crate::k8s::conditions::ConditionStatus::{False, Unknown};
use crate::k8s::status::ObjectStatus;

/// `status.progress.waitingFor` of a suspended migration.
const SUSPENDED: &str = "spec.suspend to be false";

/// Why a pass ends before its plan is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This process stops, or has lost the lead.
    OperatorStops,
    /// The object is deleted, or is another one by now.
    Deleted,
    /// `spec.suspend` is true.
    Suspended,
    /// Another field of the spec changed, or how the object is to be deleted: the next pass goes by the new one.
    Changed,
    /// The object that stands for the target is being deleted.
    TargetDeleted {
        /// Its name.
        name: String,
    },
}

/// What may end one pass, or change its limits. Dropping it ends the watches.
#[derive(Debug)]
pub struct Interrupts {
    /// Cancelled when the pass shall end at its next safe point.
    pub stop: CancellationToken,
    /// The limits of the spec as it is now.
    pub throttle: Throttle,
    ended: Arc<OnceLock<Ended>>,
    watches: JoinSet<()>,
}

impl Interrupts {
    /// Begins to watch. `object` is what the pass was begun with.
    pub fn watch<K: MigrationKind>(context: &Context, object: &K) -> Self {
        let stop = context.stop.child_token();
        let throttle = Throttle::until(limits(object), stop.clone());
        let ended = Arc::new(OnceLock::new());
        let api = context.namespaced(&object.namespace().unwrap_or_default());
        let follow = follow(
            watch_object::<K>(api, &object.name_any()),
            object.clone(),
            throttle.clone(),
        );
        let mut interrupts = Self {
            stop,
            throttle,
            ended,
            watches: JoinSet::new(),
        };
        interrupts.end_by(follow);
        interrupts
    }

    /// Ends the pass, too, when the object that stands for its target is deleted: for passes that go forward. Undoing empties the target, and
    /// goes on.
    #[must_use]
    pub fn watch_target<T>(mut self, api: Api<T>, name: String) -> Self
    where
        T: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let versions = watch_object(api, &name);
        self.end_by(async move {
            until_deleted(versions)
                .await
                .then_some(Ended::TargetDeleted { name })
        });
        self
    }

    /// Ends the pass when a watch says so. The first reason counts.
    fn end_by(&mut self, watch: impl Future<Output = Option<Ended>> + Send + 'static) {
        let (decided, told) = (Arc::clone(&self.ended), self.stop.clone());
        self.watches.spawn(async move {
            if let Some(why) = watch.await {
                decided.get_or_init(|| why);
                told.cancel();
            }
        });
    }

    /// Why the pass shall end, if it shall.
    pub fn ended(&self) -> Option<Ended> {
        // Cancelled without a reason of its own: by the parent token, which is the operator's.
        self.stop
            .is_cancelled()
            .then(|| self.ended.get().cloned().unwrap_or(Ended::OperatorStops))
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
async fn follow<K: MigrationKind, E: Debug>(
    versions: impl futures::Stream<Item = Result<Option<K>, E>>,
    begun_with: K,
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

/// True as soon as an object that was there is being deleted, or gone. One that was never there is for others to report.
async fn until_deleted<K: Resource, E>(versions: impl futures::Stream<Item = Result<Option<K>, E>>) -> bool {
    let mut versions = std::pin::pin!(versions);
    let mut seen = false;
    while let Some(version) = versions.next().await {
        match version {
            Ok(Some(now)) if now.meta().deletion_timestamp.is_none() => seen = true,
            Ok(Some(_)) => return true,
            Ok(None) if seen => return true,
            // The watch resumes by itself.
            Ok(None) | Err(_) => {}
        }
    }
    false
}

/// Whether a version of the object ends the pass that was begun with another. The throttle alone may change.
fn ends<K: MigrationKind>(begun_with: &K, now: Option<&K>) -> Option<Ended> {
    let Some(now) = now.filter(|now| now.uid() == begun_with.uid()) else {
        return Some(Ended::Deleted);
    };
    let deleting = |object: &K| object.meta().deletion_timestamp.is_some();
    let changed = begun_with.ends_with(now);
    if deleting(begun_with) {
        // Deletion is not suspended; but whoever lets go need not wait for its end.
        let lets_go = force_delete(now.annotations()) && !force_delete(begun_with.annotations());
        return (changed || lets_go).then_some(Ended::Changed);
    }
    if deleting(now) {
        return Some(Ended::Deleted);
    }
    if now.is_suspended() {
        return Some(Ended::Suspended);
    }
    changed.then_some(Ended::Changed)
}

fn limits(object: &impl MigrationKind) -> Limits {
    let limits = object.limits();
    Limits {
        max_in_flight: usize::try_from(limits.max_in_flight).unwrap_or(usize::MAX),
        requests_per_second: limits.requests_per_second,
    }
}

/// `spec.suspend` is true: nothing is read or written. `done` says what became of the entities that the progress counts, as in "are in the
/// control plane"; `unfinished` that a run has begun and not come to its end.
pub fn pause<S: ObjectStatus + MigrationStatus>(
    done: &str,
    unfinished: bool,
    draft: &mut Draft<S>,
) -> Outcome {
    let progress = draft.status.progress_mut().get_or_insert_default();
    progress.in_flight = 0;
    progress.rate = None;
    progress.eta = None;
    progress.waiting_for = Some(SUSPENDED.to_owned());
    let done = match progress.summary.as_str() {
        "" => String::new(),
        summary => format!(" {summary} entities {done}."),
    };
    if unfinished {
        let message = format!("Suspended.{done}");
        draft.conditions.set(APPLIED, False, reason::SUSPENDED, message);
    }
    *draft.status.phase_mut() = Some(Phase::Paused);
    Outcome::held(
        reason::SUSPENDED,
        format!("Suspended.{done} Set spec.suspend to false to go on."),
    )
}

/// Amends what the condition says of a run that was under way and ended early; nothing is decided by it.
pub fn amend_applied<S: ObjectStatus>(message: &str, draft: &mut Draft<S>) {
    let applied = draft.conditions.get(APPLIED);
    if applied.is_some_and(|applied| applied.status != "True" && applied.reason != reason::ROLLING_BACK) {
        draft.conditions.set(APPLIED, Unknown, reason::APPLYING, message);
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::workspace_migration::WorkspaceMigration;

    fn version(spec: Value) -> WorkspaceMigration {
        let mut object = json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration",
            "metadata": {"name": "x", "uid": "one"},
            "spec": {"source": {"adminAPI": {"url": "https://gateway"}}, "target": {"controlPlaneRef": {"name": "x"}}, "mode": "Apply"},
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

    #[test]
    fn what_ends_a_pass_that_deletes() {
        let deleted = |spec: Value| {
            let mut object = version(spec);
            object.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
            object
        };
        let begun = deleted(json!({"deletionPolicy": "DeleteMigrated"}));
        let ends = |now: &WorkspaceMigration| ends(&begun, Some(now));
        assert_eq!(ends(&begun), None);
        assert_eq!(
            ends(&deleted(json!({"deletionPolicy": "Orphan"}))),
            Some(Ended::Changed)
        );
        let mut forced = begun.clone();
        forced
            .annotations_mut()
            .insert("gatewaymigration.dev/force-delete".into(), "true".into());
        assert_eq!(ends(&forced), Some(Ended::Changed));
        assert_eq!(super::ends(&begun, None), Some(Ended::Deleted));
    }

    #[tokio::test]
    async fn a_target_that_was_never_there_does_not_end_a_pass_and_one_that_goes_does() {
        let mut going = version(json!({}));
        going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        for (versions, ends) in [
            (
                vec![Ok(None), Ok(Some(version(json!({})))), Err("gone away")],
                false,
            ),
            (vec![Ok(Some(version(json!({})))), Ok(None)], true),
            (vec![Err("gone away"), Ok(Some(going))], true),
        ] {
            assert_eq!(until_deleted(stream::iter(versions)).await, ends);
        }
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
