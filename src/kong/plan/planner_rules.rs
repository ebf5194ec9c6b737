//! The planner's own rules. Those of one entity or one workspace stand beside their checks in [`super::preflight`], by family.

use crate::migration::finding::rules;

rules! {
    KIND_UNREADABLE: Critical, binding, "kind-unreadable",
        "The source refused to list a kind, so nothing is known of its entities.",
        "Give the Admin API token a role that may read this kind in the workspace.",
        "GET /payments/consumers answers 403.";
    UNMOVABLE_KIND_UNREADABLE: Warning, waivable, "unmovable-kind-unreadable",
        "The source refused to list a kind that Konnect cannot hold, so what stays behind is not known.",
        "Give the Admin API token a role that may read this kind, or check by hand.",
        "GET /payments/oauth2 answers 403.";
    UNMOVABLE_KIND_FAILED: Warning, waivable, "unmovable-kind-failed",
        "Listing a kind that Konnect cannot hold failed, so what stays behind is not known.",
        "Look at the source's log for the reason, or check by hand.",
        "GET /event-hooks answers 500.";
    KIND_NOT_MOVED: Warning, waivable, "kind-not-moved",
        "These are no configuration of a gateway and stay behind.",
        "Set up in Konnect what is still needed, as the reason says.",
        "Four RBAC users.";
    MOVED_AS_ANOTHER_KIND: Warning, waivable, "moved-as-another-kind",
        "Konnect does not have this kind; the entity moves as one of another kind with the same effect.",
        "Look at what it becomes; remove the old one from the source when the migration is done.",
        "A key-auth-enc credential becomes a key-auth credential.";
    ENTITY_NOT_MOVABLE: Error, waivable, "entity-not-movable",
        "Konnect has no counterpart for this kind; the entity stays behind.",
        "Replace it before the cut-over, for example OAuth 2.0 by OpenID Connect.",
        "An OAuth 2.0 credential.";
    FIELD_NOT_IN_TARGET: Error, waivable, "field-not-in-target",
        "Konnect's API has no such field; its value stays behind.",
        "Check whether anything depends on the value.",
        "A consumer with quota = 7.";
    ALIAS_DIFFERS: Error, waivable, "deprecated-alias-differs",
        "A deprecated field and its successor hold different values; the successor's is sent.",
        "Make both equal in the source, or empty the deprecated one.",
        "A rate-limiting plugin with redis_host = a and redis.host = b.";
    TARGET_ADDS_FIELD: Warning, waivable, "target-adds-field",
        "Konnect adds a field that the source version does not have, with another effect.",
        "Check the value in the target; where it is not wanted, set it there after the migration.",
        "An http-log plugin of 3.9 gets ssl_verify = true.";
    REFERENCE_MISSING: Error, waivable, "reference-missing",
        "The entity refers to one that the source did not list; it is not written.",
        "Check the token's rights, or mend the reference in the source.",
        "A route of a service that is in another workspace.";
    BLOCKED_BY_DEPENDENCY: Error, waivable, "blocked-by-dependency",
        "The entity refers to one that is not in the target; it is not written.",
        "Solve the finding of the entity it refers to.",
        "A plugin on a route that is not moved.";
    NAME_WAITS_FOR_UPDATE: Error, waivable, "name-waits-for-update",
        "The unique name is held in the target by an entity that the source has renamed since, and that may not be overwritten.",
        "Solve the finding of the holder; this entity is then written after it.",
        "The source renamed service cart to basket and made a new service cart, and somebody changed the old one in the target.";
    NAME_TAKEN: Error, waivable, "name-taken",
        "Another entity in the target holds the same unique name under another id.",
        "Rename or remove the entity in the target, or choose an empty control plane.",
        "Source and target both have a service cart, under different ids.";
    TARGET_DIFFERS: Error, waivable, "target-differs",
        "The target has the entity with other content, and this migration did not write it; it is left as it is.",
        "Make both sides equal, or set spec.conflictPolicy of the kind to Overwrite (its before-image is kept) or Skip.",
        "The target's service cart has another host.";
    TARGET_CHANGED: Error, waivable, "target-changed",
        "Somebody changed the entity in the target after this migration wrote it; it is left as it is.",
        "Find out who writes there; set spec.conflictPolicy of the kind to Overwrite to put the source's content back, or Skip to leave it.",
        "Somebody changed the host of service cart in Konnect.";
    OWNERSHIP_UNKNOWN: Error, waivable, "ownership-unknown",
        "A former version of the operator was interrupted while it wrote the entity, and kept no fingerprint of it; the target holds another content now, so nothing tells who wrote it. It counts as somebody else's and is left as it is.",
        "Look at it in Konnect. If this migration wrote it, say so: `gateway-migration-operator ledger claim NAME --subject KIND/ID`. Else make both sides equal, or set spec.conflictPolicy of the kind to Overwrite (its before-image is kept) or Skip.",
        "Version 0.1.0 was killed while it created service cart; the operator was upgraded, and the source's service cart has another host by now.";
    DRIFT_LEFT: Warning, waivable, "drift-left",
        "Somebody changed the entity in the target after this migration wrote it; spec.sync.drift Report leaves it as it is.",
        "Make both sides equal, or set spec.sync.drift to Correct to put the source's content back.",
        "Mode Sync, and somebody changed the host of service cart in Konnect.";
    DRIFT_REMOVED: Warning, waivable, "drift-removed",
        "Somebody removed the entity from the target after this migration wrote it; spec.sync.drift Report does not make it again.",
        "Remove it from the source too, or set spec.sync.drift to Correct to have it made again.",
        "Mode Sync, and somebody deleted route cart in Konnect.";
    DRIFT_REMOVED_NAMED: Warning, waivable, "drift-removed-named",
        "The entity names another that somebody removed from the target and spec.sync.drift Report does not make again; it does not work as before.",
        "Solve the finding of the entity that it names.",
        "Mode Sync, and a plugin names a vault that somebody deleted in Konnect.";
    BLOCKED_BY_DRIFT: Warning, waivable, "blocked-by-drift",
        "The entity needs what somebody changed or removed in the target and spec.sync.drift Report leaves so; it is not written.",
        "Solve the finding of the entity that it needs.",
        "Mode Sync, and the source has a new route of a service that somebody deleted in Konnect.";
    DRIFT_CORRECTED: Warning, waivable, "drift-corrected",
        "Somebody changed or removed the entity in the target after this migration wrote it; spec.sync.drift Correct puts the source's content back, and what was changed is kept in the ledger.",
        "Find out who writes there.",
        "Mode Sync, and somebody changed the host of service cart in Konnect.";
    TARGET_OVERWRITTEN: Warning, waivable, "target-overwritten",
        "The target's own content of the entity is replaced by the source's; a before-image is kept, and spec.rollback restores it.",
        "Look at the fields that change before you let it be written.",
        "conflictPolicy Overwrite, and the target's service cart has another host.";
    ADOPT_DIFFERS: Error, waivable, "adopt-differs",
        "The entity in the target that holds the unique name is not equal, so it cannot be adopted.",
        "Make both equal, or set the conflict policy of the kind to Overwrite.",
        "conflictPolicy Adopt, and the target's service cart has another host and another id.";
    SKIPPED_BY_POLICY: Warning, waivable, "skipped-by-policy",
        "The target holds another version of the entity; the conflict policy leaves it as it is.",
        "Nothing, if that is meant; else change spec.conflictPolicy.",
        "conflictPolicy Skip, and the target's service cart has another host.";
    DEPENDENCY_EXCLUDED: Error, waivable, "dependency-excluded",
        "The entity refers to one that the selection excludes; it is not written.",
        "Take the exclusion out of spec.source.select, or exclude this entity too.",
        "A route whose service spec.source.select excludes.";
    PASSWORD_NOT_MOVABLE: Error, waivable, "password-not-movable",
        "The password cannot move, because its consumer gets another id; the credential stays behind.",
        "Keep the ids (spec.idPolicy: Preserve, no adoption of the consumer), or set a new password in the target.",
        "A basic-auth credential with idPolicy Derive.";
    TRANSFORM_FAILED: Error, waivable, "transform-failed",
        "A transform does not fit the entity; it is not written.",
        "Correct the patch or the selector in spec.transforms.",
        "A patch that replaces a field which the service does not have.";
    TRANSFORM_UNUSED: Info, waivable, "transform-unused",
        "A transform selects no entity.",
        "Take it out of spec.transforms, or correct its selector.",
        "A transform for services with the tag eu, and no such service.";
    TRANSFORM_DROPS_NAME: Warning, waivable, "transform-drops-name",
        "A transform took away the name of another entity, which the entity no longer refers to.",
        "Check that this is meant; else select fewer entities, or transform the named entity alike.",
        "The preset HostSuffix on a service whose host is the name of an upstream.";
    TRANSFORMED: Info, waivable, "transformed",
        "The entity is changed on the way, as spec.transforms says.",
        "Nothing; this is for the record.",
        "A service whose host a transform changes.";
    REFUSED_BY_TARGET: Error, binding, "refused-by-target",
        "Konnect refused the entity.",
        "Mend the field in the source as the reason says; the next pass tries again.",
        "PUT of a route answers 400.";
    TAKEN_BY_ANOTHER: Error, binding, "taken-by-another",
        "The entity was to be created, and the target has one of its id with another content, which its list did not show; it is left as it is.",
        "Nothing where the next pass finds both equal; else find out who writes there, and make both sides equal or set spec.conflictPolicy of the kind.",
        "Somebody made service cart in Konnect under the id that it has in the source, while the control plane was read.";
    CHANGED_BEFORE_WRITE: Error, binding, "changed-before-write",
        "Somebody changed or deleted the entity in the target after the plan was made and before it was written; it is left as it is.",
        "Find out who writes there; the next pass makes a new plan from what is there now.",
        "Somebody changed the host of service cart in Konnect while its update waited for its turn.";
    DELETE_REFUSED: Error, binding, "delete-refused",
        "The entity could not be deleted in Konnect.",
        "See what stands against it, as the reason says: mostly an entity that refers to it, to be deleted or pointed elsewhere. The next pass tries again.",
        "DELETE of a service answers 400, because somebody has added a route to it.";
    NOT_TRIED: Warning, binding, "not-tried",
        "The run ended before the entity's turn came.",
        "Solve what ended the run; the next run writes it.",
        "failurePolicy Stop, and Konnect refused another entity.";
    DIFFERS_AFTER_WRITE: Error, binding, "differs-after-write",
        "The entity in the target is not equal to the source after the migration.",
        "Somebody else writes to the control plane, or Konnect changed the value; compare both and mend one.",
        "The target's service cart has another host after the run.";
    DEFAULT_CHANGES_UNKNOWN: Info, waivable, "drift-unknown",
        "The source did not report a version, so changes of plugin defaults were checked against the oldest one known.",
        "Compare plugins of older gateways by hand.",
        "GET / of the Admin API has no version.";
}
