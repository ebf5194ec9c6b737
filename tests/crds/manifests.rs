//! A manifest as a file is refused where an API server refuses it: the command line holds it against the same rules.

use anyhow::{Context as _, ensure};
use gateway_migration_operator::manifest;
use serde_json::{Value, json};

use crate::table::{self, Case, merge};

/// Refusals that a file does not meet: the field is judged where it is used, or by the command itself (`cli/decisions.rs`), or is for the
/// operator alone, as references to Secrets are.
const ELSEWHERE: &[&str] = &[
    "spec.source.adminAPI.url",
    "spec.source.adminAPI.tokenSecretRef",
    "is not implemented yet",
];

fn is_refused(base: &Value, patch: &Value) -> anyhow::Result<Option<String>> {
    let mut object = base.clone();
    merge(&mut object, patch);
    let identity = json!({
        "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": "shop"},
    });
    merge(&mut object, &identity);
    Ok(manifest::read(&serde_saphyr::to_string(&object)?)
        .err()
        .map(|refusal| refusal.to_string()))
}

fn check(base: &Value, case: &Case) -> anyhow::Result<()> {
    for patch in &case.accept {
        let refusal = is_refused(base, patch)?;
        ensure!(refusal.is_none(), "{patch} is refused: {refusal:?}");
    }
    if ELSEWHERE.iter().any(|part| case.refusal.contains(part)) {
        return Ok(());
    }
    for patch in &case.refuse {
        ensure!(is_refused(base, patch)?.is_some(), "{patch} is accepted");
    }
    Ok(())
}

#[test]
fn the_command_line_refuses_what_the_api_server_refuses() {
    let tables = table::all().unwrap();
    let table = tables
        .iter()
        .find(|table| table.kind == "WorkspaceMigration")
        .context("no table")
        .unwrap();
    // A file has no past from which something could not change.
    let fresh = table.cases.iter().filter(|case| case.from.is_none());
    let mistakes: Vec<_> = fresh
        .filter_map(|case| Some(format!("{}: {}", case.refusal, check(&table.base, case).err()?)))
        .collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn a_preset_that_lacks_something_is_named_with_its_place() {
    let transforms = json!([{
        "select": {"kind": "plugins"}, "reason": "r",
        "preset": {"name": "RateLimitingToRedis", "redis": {"host": "redis", "password": "canary"}},
    }]);
    let patch = json!({"spec": {"transforms": transforms}});
    let base = json!({"spec": {"source": {"adminAPI": {"url": "https://kong"}}, "target": {"controlPlaneRef": {"name": "x"}}}});
    let refusal = is_refused(&base, &patch).unwrap().unwrap();
    assert!(
        refusal.contains("spec.transforms[0].preset.redis.password") && !refusal.contains("canary"),
        "{refusal}"
    );
}
