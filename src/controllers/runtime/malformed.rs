//! Objects that the API server stores and this version cannot read. They are named, and do not hold up the others.
//!
//! One that is being deleted is let go only where its deletion certainly changes nothing outside the cluster: what would have to be deleted
//! there is in the part that cannot be read.

use std::time::Duration;

use kube::{
    Api, Resource, ResourceExt,
    api::{ApiResource, DynamicObject},
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::controller::Action,
};
use serde_json::json;

use super::{context::Context, error::chain, going_namespace, publisher, runner::Reconciler};
use crate::{
    api::{annotations::FORCE_DELETE, conditions::reason, events},
    k8s::{conditions::ConditionSet, events::Note, finalizer, status::ReconciledObject},
};

/// Pause before an object is let go that could not be let go at once.
const RETRY: Duration = Duration::from_secs(10);

/// Says what cannot be read, and lets go of what is being deleted and may go.
pub(super) async fn handle<R: Reconciler>(
    context: &Context,
    manager: &str,
    object: &DeserializeGuard<R::Object>,
    invalid: &InvalidObject,
) -> Action {
    tracing::warn!(error = invalid.error, "an object cannot be read");
    let unread = format!("The manifest cannot be read: {}.", invalid.error);
    let Some(finalizer) = R::FINALIZER.filter(|finalizer| is_held(object, finalizer)) else {
        let message = format!("{unread} Correct that field.");
        report(context, manager, object, reason::INVALID_SPEC, message).await;
        return Action::await_change();
    };
    match let_go::<R>(context, object, finalizer).await {
        Ok(true) => {
            let message = format!(
                "{unread} The object is deleted all the same, and nothing else is: {} as it is.",
                R::LEAVES
            );
            tracing::warn!("{message}");
            let note = Note::warning(events::LEFT_BEHIND, "Delete", message);
            context.events.publish(&note, &object.object_ref(&())).await;
            Action::await_change()
        }
        Ok(false) => {
            let message = format!(
                "{unread} What has to be deleted with the object is not known without it: correct that field. \
                 To let go, annotate the object with {FORCE_DELETE}=true: {} then as it is.",
                R::LEAVES
            );
            report(context, manager, object, reason::DELETION_BLOCKED, message).await;
            Action::await_change()
        }
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                "an object that cannot be read is not let go yet"
            );
            Action::requeue(RETRY)
        }
    }
}

/// Deletion waits for this finalizer.
fn is_held(object: &impl ResourceExt, finalizer: &str) -> bool {
    let deleting = object.meta().deletion_timestamp.is_some();
    deleting && object.finalizers().iter().any(|name| name == finalizer)
}

/// Removes the finalizer where that is certain to be right, or the namespace goes; true when the object may go.
async fn let_go<R: Reconciler>(
    context: &Context,
    object: &DeserializeGuard<R::Object>,
    finalizer: &str,
) -> Result<bool, kube::Error> {
    let namespace = object.namespace().unwrap_or_default();
    let kind = ApiResource::erase::<R::Object>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), &namespace, &kind);
    let Some(stored) = api.get_opt(&object.name_any()).await? else {
        return Ok(true);
    };
    if !R::leaves_all(&stored) && going_namespace::going(context, &namespace).await.is_none() {
        return Ok(false);
    }
    finalizer::remove(&api, &stored, finalizer).await?;
    Ok(true)
}

/// Says it in status and in an event. Best effort: the next change of the object is looked at anew.
async fn report<K: ReconciledObject>(
    context: &Context,
    manager: &str,
    object: &DeserializeGuard<K>,
    reason: &'static str,
    message: String,
) {
    let meta = object.meta();
    let mut conditions = ConditionSet::new(&[], meta.generation.unwrap_or_default(), context.clock.now());
    conditions.mark_stalled(reason, &message);
    let api = context.namespaced::<DeserializeGuard<K>>(&object.namespace().unwrap_or_default());
    let status = json!({"conditions": conditions.to_vec()});
    if let Err(error) = publisher::apply(&api, manager, meta, &status).await {
        tracing::warn!(%error, "its status could not be written");
    }
    let note = Note::warning(reason, "Read", message);
    context.events.publish(&note, &object.object_ref(&())).await;
}
