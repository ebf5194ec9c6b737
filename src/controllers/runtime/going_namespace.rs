//! Deletion of a namespace with everything in it: what cannot be cleaned up is let go, or the namespace would never end. What an object
//! refers to may be gone before the object is looked at, and nothing can be made again in a namespace that goes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::{Api, Resource, ResourceExt};

use super::{
    context::Context,
    error::{Class, chain},
    outcome::{Outcome, ReconcileFailure},
    runner::Reconciler,
};
use crate::{
    api::events,
    k8s::{events::Note, finalizer},
};

/// How long clean-up is tried when what it needs does not answer.
const TRIED_FOR: Duration = Duration::from_secs(300);

/// Lets the object go when it is being deleted with its namespace and its clean-up cannot come to an end: at once when what it refers to
/// is gone, after five minutes when something else keeps failing. True when it was let go.
///
/// Outside a namespace that goes, and where that cannot be asked for, nothing happens.
pub(super) async fn let_go<R: Reconciler>(
    context: &Context,
    object: &R::Object,
    result: &Result<Outcome, ReconcileFailure>,
) -> bool {
    let Some((finalizer, deleted)) = R::FINALIZER
        .filter(|finalizer| object.finalizers().iter().any(|held| held == finalizer))
        .zip(object.meta().deletion_timestamp.as_ref())
    else {
        return false;
    };
    let Some(why) = hopeless(result, deleted.0, context.clock.now()) else {
        return false;
    };
    let name = object.namespace().unwrap_or_default();
    let Some(namespace) = going(context, &name).await else {
        return false;
    };
    let api = context.namespaced::<R::Object>(&name);
    // Read again, because this pass may have written its status.
    let removed = match api.get_opt(&object.name_any()).await {
        Ok(Some(stored)) => finalizer::remove(&api, &stored, finalizer).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(error = chain(&error), "the object is not let go yet");
        return false;
    }
    let message = format!(
        "{} {name}/{} went with its namespace, and nothing was cleaned up for it: {}. What clean-up said: {why}",
        R::Object::kind(&()),
        object.name_any(),
        R::LEAVES_OUTSIDE,
    );
    tracing::warn!("{message}");
    context.metrics.left_behind(R::NAME);
    let about = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Namespace".to_owned()),
        name: Some(name),
        uid: namespace.uid(),
        ..ObjectReference::default()
    };
    let note = Note::warning(events::LEFT_BEHIND, "Delete", message);
    context.events.publish(&note, &about).await;
    true
}

/// Whether the namespace is being deleted; that it may not be asked for is no reason to let go of anything.
pub(super) async fn going(context: &Context, name: &str) -> Option<Namespace> {
    match Api::<Namespace>::all(context.client.clone()).get_opt(name).await {
        Ok(namespace) => namespace.filter(|namespace| namespace.metadata.deletion_timestamp.is_some()),
        Err(error) => {
            tracing::debug!(error = chain(&error), "whether the namespace goes is not known");
            None
        }
    }
}

/// What keeps the clean-up from ending, when waiting for it has no sense any more.
fn hopeless(
    result: &Result<Outcome, ReconcileFailure>,
    deleted: Timestamp,
    now: Timestamp,
) -> Option<String> {
    let tried_for = SignedDuration::try_from(TRIED_FOR).unwrap_or(SignedDuration::MAX);
    let long = now.duration_since(deleted) >= tried_for;
    match result {
        Err(failure) if failure.class == Class::MissingReference => Some(failure.message.clone()),
        // The object changed under us, or another replica leads: read anew, and nothing has been said of the clean-up.
        Err(failure) if failure.class == Class::Conflict => None,
        Err(failure) if long => Some(failure.message.clone()),
        Ok(Outcome::Blocked(verdict) | Outcome::Held(verdict)) if long => Some(verdict.message.clone()),
        Err(_)
        | Ok(
            Outcome::Done(_)
            | Outcome::Wait(_)
            | Outcome::Held(_)
            | Outcome::Blocked(_)
            | Outcome::Unchanged(_)
            | Outcome::Gone,
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(class: Class) -> Result<Outcome, ReconcileFailure> {
        Err(ReconcileFailure {
            class,
            reason: "Because",
            message: "why".to_owned(),
        })
    }

    #[test]
    fn what_refers_to_nothing_goes_at_once_and_all_else_is_tried_for_five_minutes() {
        for (result, at_once, later) in [
            (failed(Class::MissingReference), true, true),
            (failed(Class::Transient), false, true),
            (failed(Class::Throttled(None)), false, true),
            (failed(Class::DependencyNotReady), false, true),
            (failed(Class::Unauthorized), false, true),
            (failed(Class::Invalid), false, true),
            (failed(Class::Refused), false, true),
            (failed(Class::Bug), false, true),
            (failed(Class::Conflict), false, false),
            (Ok(Outcome::blocked("DeletionBlocked", "why")), false, true),
            (Ok(Outcome::held("Suspended", "why")), false, true),
            (Ok(Outcome::wait("Queued", "its turn comes")), false, false),
            (Ok(Outcome::Gone), false, false),
        ] {
            let after = |seconds| {
                let now = Timestamp::from_second(seconds).unwrap();
                hopeless(&result, Timestamp::UNIX_EPOCH, now).is_some()
            };
            assert_eq!((after(299), after(300)), (at_once, later), "{result:?}");
        }
    }
}
