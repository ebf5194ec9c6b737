//! Why something stays as it is when a migration is undone.

use crate::migration::finding::rules;

rules! {
    CHANGED_SINCE: Warning, binding, "rollback-changed-since",
        "Somebody changed the entity in the target after this migration wrote it; undoing the migration leaves it as it is.",
        "Find out who changed it; set spec.rollbackPolicy to UndoChanged to undo it all the same, or settle it by hand.",
        "A service that the migration created and whose host somebody has changed in Konnect since.";
    STILL_REFERENCED: Warning, binding, "rollback-still-referenced",
        "Something that stays in the target refers to the entity, and would be refused or deleted with it; the entity is left there.",
        "Remove what refers to it, or let it refer to something else; the next pass undoes the rest.",
        "Somebody added a route to a service that the migration created.";
    REFERENCE_GONE: Warning, binding, "rollback-reference-gone",
        "What the entity was before refers to one that the target does not have any more; it is left as it is.",
        "Make the entity that is missing again, under its id; the next pass undoes the rest.",
        "A route was overwritten, and somebody has deleted the service that it had before.";
    NAME_HELD: Warning, binding, "rollback-name-held",
        "Another entity that stays in the target holds a unique value which the entity had before; it is left as it is.",
        "Rename or remove the other one; the next pass undoes the rest.",
        "A service was renamed by the migration, and somebody has made another one of its old name since.";
    SECRET_UNKNOWN: Warning, binding, "rollback-secret-unknown",
        "Konnect did not show the secret that the entity had before, so it cannot be put back; the entity is left as it is.",
        "Set the former secret by hand, where you have it.",
        "An hmac-auth credential that Konnect listed without its secret was overwritten.";
    MANAGED_SINCE: Warning, binding, "rollback-managed-by-konnect",
        "Konnect itself manages the entity by now; it is left alone.",
        "Nothing to do: remove it through the feature of Konnect that manages it.",
        "A plugin that the migration created bears the tag konnect-managed-plugin.";
    ADOPTED_STAYS: Info, binding, "rollback-leaves-adopted",
        "The entity was in the target before the migration, and equal; it stays.",
        "Nothing; this is for the record.",
        "Source and target both had the same CA certificate.";
    FOREIGN_STAYS: Info, binding, "rollback-leaves-foreign",
        "This migration was about to create the entity and was interrupted. The target holds another content under its id, which this migration has not written; it stays.",
        "Nothing; this is for the record. Delete it in Konnect if nobody needs it.",
        "A migration was suspended, and somebody made a service of the same id by hand meanwhile.";
    OWNER_UNKNOWN: Warning, binding, "rollback-ownership-unknown",
        "A former version of the operator was interrupted while it wrote the entity, and kept no fingerprint of it, so nothing tells who wrote what the target holds; the entity is left there.",
        "Look at it in Konnect. If this migration wrote it, say so: `gateway-migration-operator ledger claim NAME --subject KIND/ID`; the next pass undoes it. Else leave it.",
        "Version 0.1.0 was killed while it created service cart, the operator was upgraded, and spec.rollback is set.";
    OVERWRITTEN_STAYS: Warning, binding, "deletion-leaves-overwritten",
        "The entity was in the target before the migration, which overwrote it; spec.deletionPolicy deletes what was created and restores nothing.",
        "To have its former content back, set spec.rollback before you delete the migration.",
        "conflictPolicy Overwrite replaced the host of service cart, and the migration is deleted.";
    UNDO_REFUSED: Error, binding, "rollback-refused",
        "Konnect refused to undo the entity.",
        "Solve what the reason says, in Konnect; the next pass tries again.",
        "DELETE of a service answers 400, because a route was added a moment before.";
}
