//! Objects that the API server stores and this version cannot read. They are named, and do not hold up the others.

use kube::{
    Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::{DeserializeGuard, error_boundary::InvalidObject},
};
use serde_json::json;

use super::context::Context;
use crate::{
    api::conditions::reason,
    k8s::{conditions::ConditionSet, events::Note, status::ReconciledObject},
};

/// Says in status and in an event what cannot be read. Best effort: the next change of the object is looked at anew.
pub(super) async fn report<K: ReconciledObject>(
    context: &Context,
    manager: &str,
    object: &DeserializeGuard<K>,
    invalid: &InvalidObject,
) {
    let message = format!(
        "The manifest cannot be read: {}. Correct that field.",
        invalid.error
    );
    tracing::warn!(error = invalid.error, "an object cannot be read");
    let meta = object.meta();
    let mut conditions = ConditionSet::new(&[], meta.generation.unwrap_or_default(), context.clock.now());
    conditions.mark_stalled(reason::INVALID_SPEC, &message);
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": meta.name, "uid": meta.uid},
        "status": {"conditions": conditions.to_vec()},
    });
    let api = context.namespaced::<DeserializeGuard<K>>(&object.namespace().unwrap_or_default());
    let params = PatchParams::apply(manager).force();
    if let Err(error) = api
        .patch_status(&object.name_any(), &params, &Patch::Apply(&body))
        .await
    {
        tracing::warn!(%error, "its status could not be written");
    }
    let note = Note::warning(reason::INVALID_SPEC, "Read", message);
    context.events.publish(&note, &object.object_ref(&())).await;
}
