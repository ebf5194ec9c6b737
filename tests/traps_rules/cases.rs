//! The table of cases.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use gateway_migration_operator::kong::plan::rule_families::RULE_FAMILIES;
use serde::Deserialize;

use super::scenario::Scenario;

/// Raised after the plan, where Konnect answers (`tests/engine/`, `kong::plan::verify`), by a policy (`kong/plan/diff/tests.rs`), from what
/// a whole source holds (`kong/plan/inventory.rs`, `tests/traps`), when a declarative file is read (`kong/engine/source.rs`), or by a rollback
/// (`kong/plan/rollback/tests.rs`, `tests/migration/rollback/`).
const PROVEN_ELSEWHERE: &[&str] = &[
    "refused-by-target",
    "taken-by-another",
    "changed-before-write",
    "not-tried",
    "delete-refused",
    "differs-after-write",
    "adopt-differs",
    "target-changed",
    "drift-left",
    "drift-removed",
    "drift-removed-named",
    "blocked-by-drift",
    "drift-corrected",
    "target-overwritten",
    "skipped-by-policy",
    "dependency-excluded",
    "password-not-movable",
    "transform-drops-name",
    "transform-failed",
    "transform-unused",
    "transformed",
    "declared-list-unknown",
    "declared-list-not-moved",
    "declared-name-not-found",
    "declared-password-hash-without-consumer-id",
    "declared-setting-ignored",
    "declared-version-unknown",
    "declared-default-unknown",
    "unmovable-kind-failed",
    "kind-not-moved",
    "moved-as-another-kind",
    "name-waits-for-update",
    "prune-source-has-it",
    "prune-unconfirmed",
    "rollback-changed-since",
    "rollback-still-referenced",
    "rollback-reference-gone",
    "rollback-name-held",
    "rollback-secret-unknown",
    "rollback-managed-by-konnect",
    "rollback-leaves-adopted",
    "rollback-leaves-foreign",
    "rollback-ownership-unknown",
    "deletion-leaves-overwritten",
    "rollback-refused",
];

/// One rule's worlds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    raised: Scenario,
    silent: Scenario,
    /// Field that the finding names.
    #[serde(default)]
    field: Option<String>,
}

fn table() -> Result<BTreeMap<String, Case>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traps_rules/cases");
    let mut table = BTreeMap::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let text = fs::read_to_string(&path)?;
        let cases: BTreeMap<String, Case> =
            serde_saphyr::from_str(&text).with_context(|| format!("{}", path.display()))?;
        table.extend(cases);
    }
    Ok(table)
}

#[test]
fn every_rule_is_raised_by_one_world_and_not_by_another() -> Result<()> {
    for (id, case) in table()? {
        let raised = case.raised.plan()?.plan.findings;
        let found: Vec<_> = raised.iter().filter(|finding| finding.id == id).collect();
        assert!(
            !found.is_empty(),
            "{id} is not raised, but {:?}",
            raised.iter().map(|f| &f.id).collect::<Vec<_>>()
        );
        if case.field.is_some() {
            assert!(
                found.iter().any(|finding| finding.field == case.field),
                "{id}: {found:?}"
            );
        }
        let silent = case.silent.plan()?.plan.findings;
        assert!(
            silent.iter().all(|finding| finding.id != id),
            "{id} is raised where it must not be: {silent:?}"
        );
    }
    Ok(())
}

#[test]
fn every_rule_has_a_case_and_every_case_a_rule() -> Result<()> {
    let cases: BTreeSet<_> = table()?
        .into_keys()
        .chain(PROVEN_ELSEWHERE.iter().map(|id| (*id).to_owned()))
        .collect();
    let rules: BTreeSet<_> = RULE_FAMILIES.rules().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(cases, rules);
    Ok(())
}
