//! Why an entity that the source has no more stays in the target.

use crate::migration::finding::rules;

rules! {
    GONE_FROM_SOURCE: Info, waivable, "gone-from-source",
        "This migration created the entity, and the source has it no more; it stays in the target.",
        "Set spec.prune to true to have such entities deleted, or delete it in Konnect.",
        "Somebody deleted service cart in the source after it had been migrated.";
    PRUNE_SOURCE_UNREAD: Warning, waivable, "prune-source-unread",
        "The source did not show all that it has, so nothing is deleted in the target.",
        "Give the Admin API token a role that may read this kind, or find out why its list fails.",
        "GET /payments/rbac/users answers 403, and service cart is not listed any more.";
    PRUNE_SOURCE_EMPTY: Warning, waivable, "prune-source-empty",
        "The workspace lists nothing at all, so nothing is deleted in the target.",
        "Check spec.source.workspace and the rights of the token. If the workspace was emptied on purpose, undo the migration with spec.rollback.",
        "The workspace was deleted and made anew.";
    PRUNE_LIMIT: Warning, binding, "prune-limit",
        "The source has more entities no more than one pass may delete, so nothing is deleted in the target.",
        "Check that the source is the right one and whole. If all of them shall go, set spec.pruneLimit to their number or to a share such as 80%, and take it back afterwards.",
        "Somebody emptied the workspace all but one service, or restored the database from a backup that is too old.";
    PRUNE_KIND_ABSENT: Warning, waivable, "prune-kind-absent",
        "The source has no list of this kind any more, so its entities are not deleted in the target.",
        "Check the edition and the version of the source; delete the entities in Konnect if they are not wanted.",
        "The gateway was started without its Enterprise licence, and lists no consumer groups.";
    PRUNE_TARGET_CHANGED: Warning, waivable, "prune-target-changed",
        "The source has the entity no more, and somebody changed it in the target after this migration wrote it; it is not deleted.",
        "Delete it in Konnect, or set spec.conflictPolicy of the kind to Overwrite, which gives the source the last word.",
        "Somebody changed the host of service cart in Konnect, and somebody deleted it in the source.";
    PRUNE_OWNERSHIP_UNKNOWN: Warning, waivable, "prune-ownership-unknown",
        "The source has the entity no more. A former version of the operator was interrupted while it wrote it, and kept no fingerprint of it, so nothing tells who wrote what the target holds; it is not deleted.",
        "Look at it in Konnect. If this migration wrote it, say so: `gateway-migration-operator ledger claim NAME --subject KIND/ID`. Else leave it, or delete it in Konnect.",
        "Version 0.1.0 was killed while it created service cart; the operator was upgraded, and somebody deleted service cart in the source meanwhile.";
    PRUNE_NOT_CREATED: Info, waivable, "prune-not-created",
        "The source has the entity no more, and it was in the target before this migration; it is not deleted.",
        "Delete it in Konnect if it is not wanted.",
        "The target had a service cart that was adopted, and somebody deleted it in the source.";
    PRUNE_STILL_REFERENCED: Warning, waivable, "prune-still-referenced",
        "The source has the entity no more, and an entity that stays in the target refers to it, or names it; it is not deleted.",
        "Delete the entity that refers to it, or point it elsewhere.",
        "Somebody added a route to service cart in Konnect, and somebody deleted the service in the source.";
    PRUNE_DESELECTED: Warning, waivable, "prune-deselected",
        "This migration created the entity, and spec.source.select leaves it out now; it is not deleted, and no longer follows the source.",
        "Take it into spec.source.select again, or delete it in Konnect.",
        "spec.source.select excludes consumers, which were migrated before.";
    PRUNE_SOURCE_HAS_IT: Info, waivable, "prune-source-has-it",
        "The source did not list the entity, but has it: it changed while it was read. It is not deleted.",
        "Nothing; the next pass reads the source again.",
        "A consumer was deleted and made again between two pages of the list.";
    PRUNE_UNCONFIRMED: Warning, waivable, "prune-unconfirmed",
        "The source does not say whether it has the entity, so it is not deleted.",
        "Give the Admin API token a role that may read single entities of this kind in the workspace.",
        "GET /payments/services/{id} answers 403.";
}
