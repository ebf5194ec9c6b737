//! What the kind's CEL rules and patterns demand beyond its schema, for a manifest that no API server has seen.
//!
//! The rules stand beside the fields in `api/workspace_migration`; `tests/crds` holds both against one table of cases. What is not
//! implemented yet is the command line's own business, and a URL is judged where it is used.
//!
//! Why by hand: kube's `cel` would evaluate the rules of the definition itself, but makes a release binary larger by 2.3 MB (measured in a small program with our
//! profile), and knows nothing of a schema's types and names, so that `schema.rs` would stay.

use std::time::Duration;

use crate::api::workspace_migration::{
    DeclarativeConfig, PresetName, PresetSpec, PruneLimitSpec, SourceSpec, Sync, TransformSpec,
    WorkspaceMigrationSpec,
};
use crate::kong::model::KongVersion;

/// What is wrong with a spec that fits its schema, each with its place.
#[must_use]
pub fn faults(spec: &WorkspaceMigrationSpec) -> Vec<String> {
    let transforms = spec.transforms.iter().enumerate();
    let transforms = transforms.flat_map(|(at, transform)| of_transform(at, transform));
    let sync = spec.sync.as_ref().and_then(of_sync);
    let limit = spec.prune_limit.as_ref().and_then(of_prune_limit);
    of_source(&spec.source)
        .into_iter()
        .chain(transforms)
        .chain(sync)
        .chain(limit)
        .collect()
}

fn of_source(source: &SourceSpec) -> Vec<String> {
    let mut faults = Vec::new();
    if source.admin_api.is_some() == source.declarative_config.is_some() {
        faults.push(
            "exactly one of spec.source.adminAPI and spec.source.declarativeConfig must be set".to_owned(),
        );
    }
    faults.extend(source.declarative_config.iter().flat_map(of_file));
    faults
}

fn of_file(file: &DeclarativeConfig) -> Vec<String> {
    let at = "spec.source.declarativeConfig";
    let mut faults = Vec::new();
    if file.secret_ref.is_some() == file.config_map_ref.is_some() {
        faults.push(format!(
            "exactly one of {at}.secretRef and {at}.configMapRef must be set"
        ));
    }
    let unreadable = |version: &String| KongVersion::parse(version).is_none();
    if file.kong_version.as_ref().is_some_and(unreadable) {
        faults.push(format!("{at}.kongVersion is no version such as 3.9"));
    }
    faults
}

fn of_transform(at: usize, transform: &TransformSpec) -> Vec<String> {
    let at = format!("spec.transforms[{at}]");
    match &transform.preset {
        Some(_) if !transform.patch.is_empty() => {
            vec![format!("exactly one of {at}.patch and {at}.preset must be set")]
        }
        Some(preset) => of_preset(&at, preset),
        None if transform.patch.is_empty() => {
            vec![format!("exactly one of {at}.patch and {at}.preset must be set")]
        }
        None => Vec::new(),
    }
}

fn of_preset(at: &str, preset: &PresetSpec) -> Vec<String> {
    let mut faults = Vec::new();
    if preset.redis.is_some() != (preset.name == PresetName::RateLimitingToRedis) {
        faults.push(format!(
            "{at}.preset.redis must be set for RateLimitingToRedis, and for no other preset"
        ));
    }
    let hosts = preset.name == PresetName::HostSuffix;
    if preset.from.is_some() != hosts || preset.to.is_some() != hosts {
        faults.push(format!(
            "{at}.preset.from and .to must be set for HostSuffix, and for no other preset"
        ));
    }
    let password = preset.redis.as_ref().and_then(|redis| redis.password.as_deref());
    let in_clear = |password: &str| !password.starts_with("{vault://") || !password.ends_with('}');
    if password.is_some_and(in_clear) {
        faults.push(format!(
            "{at}.preset.redis.password is no reference to a vault such as {{vault://env/redis-password}}"
        ));
    }
    faults
}

fn of_sync(sync: &Sync) -> Option<String> {
    match sync.interval() {
        None => Some("spec.sync.interval is no duration such as 1m or 30s".to_owned()),
        Some(short) if short < Duration::from_secs(5) => {
            Some("spec.sync.interval must be at least 5s".to_owned())
        }
        Some(_) => None,
    }
}

fn of_prune_limit(limit: &PruneLimitSpec) -> Option<String> {
    let right = matches!(limit, PruneLimitSpec::Count(_)) || limit.percent().is_some();
    (!right).then(|| "spec.pruneLimit must be a number of entities, or a share from 0% to 100%".to_owned())
}
