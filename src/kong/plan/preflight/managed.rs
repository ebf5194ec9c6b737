//! Entities that somebody else manages: left alone, and named.

use serde::Deserialize;

use super::facts::{Facts, texts};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::migration::finding::{Finding, rules};
use crate::migration::subject::EntityKey;

rules! {
    MANAGED_BY_KONNECT: Warning, waivable, "managed-by-konnect",
        "Konnect made this entity itself; it is left alone.",
        "Nothing to do: Konnect makes its own where it needs one.",
        "A plugin with the tag konnect-managed-plugin.";
    MANAGED_BY_INGRESS_CONTROLLER: Warning, waivable, "managed-by-ingress-controller",
        "An ingress controller writes this entity from Kubernetes objects; it is left alone.",
        "Link the ingress controller to a control plane of its own in Konnect instead.",
        "A service with the tag managed-by-ingress-controller.";
    TARGET_MANAGED_BY_KONNECT: Error, waivable, "target-managed-by-konnect",
        "The target holds an entity of this id that Konnect manages; the source's is not written.",
        "Choose another control plane, or remove the entity from the source.",
        "Source and target both hold a plugin, and the target's has the tag konnect-managed-plugin.";
}

/// Tags that Konnect puts on what it manages (Kong's own reconciler skips them).
const KONNECT: &[&str] = &["konnect-managed", "konnect-managed-plugin"];
/// What all of them contain.
const KONNECT_IN_ALL: &str = "konnect-managed";
const INGRESS_CONTROLLER: &str = "managed-by-ingress-controller";
/// Beginning of the tags in which an ingress controller writes the Kubernetes object's kind, name, namespace and uid.
const KUBERNETES: &str = "k8s-";

/// The tag by which Konnect says that it manages the entity itself.
pub(in crate::kong::plan) fn by_konnect(entity: &Entity) -> Option<&str> {
    texts(entity, "tags").find(|tag| KONNECT.contains(tag))
}

/// The tags of the target's entity of that key; nothing else of it is read.
fn target_tags(key: &EntityKey, facts: &Facts<'_>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Tagged {
        tags: Option<Vec<String>>,
    }
    let target = facts.input.target.entities.get(key);
    let target = target.filter(|target| target.may_say(KONNECT_IN_ALL));
    let tagged = target.and_then(|target| target.parse::<Tagged>().ok());
    tagged.and_then(|tagged| tagged.tags).unwrap_or_default()
}

/// Tells who manages the entity, on either side.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    let ingress = |tag: &&str| *tag == INGRESS_CONTROLLER || tag.starts_with(KUBERNETES);
    let target = target_tags(&entity.key(), facts);
    let found = if let Some(tag) = by_konnect(entity) {
        Some((&MANAGED_BY_KONNECT, tag))
    } else if let Some(tag) = texts(entity, "tags").find(ingress) {
        Some((&MANAGED_BY_INGRESS_CONTROLLER, tag))
    } else {
        target
            .iter()
            .map(String::as_str)
            .find(|tag| KONNECT.contains(tag))
            .map(|tag| (&TARGET_MANAGED_BY_KONNECT, tag))
    };
    if let Some((rule, tag)) = found {
        verdict.keep_back(Finding::new(rule, entity.subject(), format!("tag {tag}")).at("tags"));
    }
}
