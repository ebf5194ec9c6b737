//! The decisions of a manifest, as the planner takes them.

use serde_json::json;

use crate::api::workspace_migration::{
    ConflictPolicySpec, DriftPolicySpec, IdPolicySpec, Mode, PresetName, PresetSpec, PruneLimitSpec,
    SelectionSpec, WaiverSpec, WorkspaceMigrationSpec,
};
use crate::kong::model::entity_kinds::{ENTITY_KINDS, named};
use crate::kong::plan::input::{
    Change, ConflictPolicy, Conflicts, DriftPolicy, Exclusion, IdPolicy, Policy, PruneLimit, Selection,
    Transform,
};
use crate::kong::plan::preset::Preset;
use crate::migration::waivers::Waiver;

/// Why a spec is no policy. The text says what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// The spec names a kind that does not exist.
    #[error("{field} names {kind:?}, which is no entity kind; kinds are {}", kind_names())]
    UnknownKind {
        /// Field of the spec.
        field: &'static str,
        /// The name.
        kind: String,
    },
    /// A preset for a kind that it cannot change.
    #[error("spec.transforms, {reason:?}: the preset changes {}, and select.kind is {kind:?}", kinds.join(", "))]
    PresetKind {
        /// Reason of the transform, by which a user knows it.
        reason: String,
        /// The kind that is selected.
        kind: String,
        /// The kinds it can change.
        kinds: Vec<&'static str>,
    },
    /// A transform whose patch is none.
    #[error("spec.transforms, {reason:?}: {problem}; write the patch as RFC 6902 says")]
    Transform {
        /// Reason of the transform, by which a user knows it.
        reason: String,
        /// What is wrong.
        problem: String,
    },
}

fn kind_names() -> String {
    let names: Vec<_> = ENTITY_KINDS.iter().map(|kind| kind.name).collect();
    names.join(", ")
}

/// The policy of a spec, for the control plane of this id. Custom plugins are missing: where their schemas are, the spec names only.
///
/// # Errors
/// A kind that does not exist, or a transform whose patch is none.
pub fn policy(spec: &WorkspaceMigrationSpec, control_plane: &str) -> Result<Policy, InvalidPolicy> {
    for (field, kind) in kinds(spec) {
        if named(kind).is_none() {
            return Err(InvalidPolicy::UnknownKind {
                field,
                kind: kind.to_owned(),
            });
        }
    }
    Ok(Policy {
        select: spec.source.select.as_ref().map(selection).unwrap_or_default(),
        ids: match spec.id_policy {
            IdPolicySpec::Preserve => IdPolicy::Preserve,
            IdPolicySpec::Derive => IdPolicy::Derive {
                control_plane: control_plane.to_owned(),
            },
        },
        conflicts: Conflicts {
            default: conflict(spec.conflict_policy),
            by_kind: spec
                .conflict_policy_per_kind
                .iter()
                .map(|own| (own.kind.clone(), conflict(own.policy)))
                .collect(),
        },
        drift: drift(spec),
        transforms: spec.transforms.iter().map(transform).collect::<Result<_, _>>()?,
        // Their texts are not in the spec.
        custom_plugins: Vec::new(),
        prune: spec.prune,
        prune_limit: spec.prune_limit.as_ref().map(prune_limit).unwrap_or_default(),
    })
}

/// A waiver of the spec in the words of the planner.
#[must_use]
pub fn accepted(waiver: &WaiverSpec) -> Waiver {
    Waiver {
        id: waiver.id.clone(),
        subject: waiver.subject.clone(),
        reason: waiver.reason.clone(),
        expires: waiver.expires.as_ref().map(|time| time.0),
    }
}

/// Every kind that the spec names, with the field.
fn kinds(spec: &WorkspaceMigrationSpec) -> Vec<(&'static str, &str)> {
    let select = spec.source.select.as_ref();
    let selected = select
        .into_iter()
        .flat_map(|select| &select.kinds)
        .map(|kind| ("spec.source.select.kinds", kind));
    let excluded = select.into_iter().flat_map(|select| &select.exclude);
    let excluded = excluded.map(|exclusion| ("spec.source.select.exclude", &exclusion.kind));
    let exceptions = spec
        .conflict_policy_per_kind
        .iter()
        .map(|own| ("spec.conflictPolicyPerKind", &own.kind));
    let transformed = spec
        .transforms
        .iter()
        .map(|transform| ("spec.transforms", &transform.select.kind));
    let all = selected.chain(excluded).chain(exceptions).chain(transformed);
    all.map(|(field, kind)| (field, kind.as_str())).collect()
}

fn selection(selected: &SelectionSpec) -> Selection {
    let exclusion = |one: &crate::api::workspace_migration::ExclusionSpec| Exclusion {
        kind: one.kind.clone(),
        name: one.name.clone(),
    };
    Selection {
        tags: selected.tags.clone(),
        kinds: selected.kinds.clone(),
        exclude: selected.exclude.iter().map(exclusion).collect(),
    }
}

/// Only mode Sync has a policy of its own for what somebody changed in the target.
fn drift(spec: &WorkspaceMigrationSpec) -> DriftPolicy {
    match (spec.mode, spec.sync.as_ref().map(|sync| sync.drift)) {
        (Mode::Plan | Mode::Apply, _) => DriftPolicy::AsConflict,
        (Mode::Sync, None | Some(DriftPolicySpec::Report)) => DriftPolicy::Report,
        (Mode::Sync, Some(DriftPolicySpec::Correct)) => DriftPolicy::Correct,
    }
}

/// The schema lets only counts and shares in.
fn prune_limit(written: &PruneLimitSpec) -> PruneLimit {
    match written {
        PruneLimitSpec::Count(count) => PruneLimit::Count(usize::try_from(*count).unwrap_or(usize::MAX)),
        PruneLimitSpec::Percent(_) => written
            .percent()
            .map_or(PruneLimit::Count(0), PruneLimit::Percent),
    }
}

const fn conflict(choice: ConflictPolicySpec) -> ConflictPolicy {
    match choice {
        ConflictPolicySpec::Fail => ConflictPolicy::Fail,
        ConflictPolicySpec::Adopt => ConflictPolicy::Adopt,
        ConflictPolicySpec::Overwrite => ConflictPolicy::Overwrite,
        ConflictPolicySpec::Skip => ConflictPolicy::Skip,
    }
}

fn transform(written: &crate::api::workspace_migration::TransformSpec) -> Result<Transform, InvalidPolicy> {
    let change = match &written.preset {
        Some(written) => Change::Preset(preset(written)),
        None => Change::Patch(serde_json::from_value(json!(written.patch)).map_err(|error| {
            InvalidPolicy::Transform {
                reason: written.reason.clone(),
                problem: error.to_string(),
            }
        })?),
    };
    if let Change::Preset(preset) = &change
        && !preset.kinds().contains(&written.select.kind.as_str())
    {
        return Err(InvalidPolicy::PresetKind {
            reason: written.reason.clone(),
            kind: written.select.kind.clone(),
            kinds: preset.kinds(),
        });
    }
    Ok(Transform {
        kind: written.select.kind.clone(),
        name: written.select.name.clone(),
        tags: written.select.tags.clone(),
        change,
        reason: written.reason.clone(),
    })
}

fn preset(written: &PresetSpec) -> Preset {
    let domain = |domain: &Option<String>| domain.clone().unwrap_or_default();
    match written.name {
        PresetName::RateLimitingToLocal => Preset::RateLimitingToLocal,
        PresetName::RateLimitingToRedis => {
            let redis = written.redis.iter().flat_map(|redis| {
                [
                    ("host", json!(redis.host)),
                    ("port", json!(redis.port)),
                    ("username", json!(redis.username)),
                    ("password", json!(redis.password)),
                    ("ssl", json!(redis.ssl)),
                    ("ssl_verify", json!(redis.ssl_verify)),
                    ("server_name", json!(redis.server_name)),
                    ("database", json!(redis.database)),
                ]
            });
            let said = redis.filter(|(_, value)| !value.is_null());
            Preset::RateLimitingToRedis(said.map(|(field, value)| (field.to_owned(), value)).collect())
        }
        PresetName::RegexPathsToTilde => Preset::RegexPathsToTilde,
        PresetName::HostSuffix => Preset::HostSuffix {
            from: domain(&written.from),
            to: domain(&written.to),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(extra: serde_json::Value) -> WorkspaceMigrationSpec {
        let mut spec = json!({"source": {"adminAPI": {"url": "https://kong"}}, "target": {"controlPlaneRef": {"name": "x"}}});
        if let (Some(spec), Some(extra)) = (spec.as_object_mut(), extra.as_object()) {
            spec.extend(extra.clone());
        }
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn a_plain_manifest_has_the_default_policy() {
        assert_eq!(policy(&spec(json!({})), "cp").unwrap(), Policy::default());
    }

    #[test]
    fn exceptions_by_kind_win() {
        let spec = spec(
            json!({"conflictPolicy": "Skip", "conflictPolicyPerKind": [{"kind": "services", "policy": "Adopt"}]}),
        );
        let conflicts = policy(&spec, "cp").unwrap().conflicts;
        assert_eq!(
            (conflicts.of("services"), conflicts.of("routes")),
            (ConflictPolicy::Adopt, ConflictPolicy::Skip)
        );
    }

    #[test]
    fn a_kind_that_does_not_exist_is_not_ignored() {
        let error = policy(
            &spec(json!({"conflictPolicyPerKind": [{"kind": "service", "policy": "Skip"}]})),
            "cp",
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("service") && error.to_string().contains("services"),
            "{error}"
        );
    }

    #[test]
    fn a_preset_changes_kinds_of_its_own() {
        let with = |kind: &str| {
            let preset =
                json!({"name": "RateLimitingToRedis", "redis": {"host": "redis.example", "serverName": "r"}});
            policy(
                &spec(json!({"transforms": [{"select": {"kind": kind}, "preset": preset, "reason": "why"}]})),
                "cp",
            )
        };
        let fields = json!({"host": "redis.example", "port": 6379, "server_name": "r"});
        let fields = fields.as_object().unwrap().clone();
        assert_eq!(
            with("plugins").unwrap().transforms[0].change,
            Change::Preset(Preset::RateLimitingToRedis(fields))
        );
        let error = with("routes").unwrap_err().to_string();
        assert!(error.contains("why") && error.contains("plugins"), "{error}");
    }

    #[test]
    fn a_patch_that_is_none_is_named_by_its_reason() {
        let transform = json!({"select": {"kind": "routes"}, "patch": [{"op": "replace", "path": "no-slash", "value": 1}], "reason": "why"});
        let error = policy(&spec(json!({"transforms": [transform]})), "cp").unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }
}
