//! A canary in every secret field of every kind and plugin, and where secrets are found that no schema marks: none of them
//! is in a plan, in its findings, or in any form of a masked report.

mod fields;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use fields::{Planted, planted};
use gateway_migration_operator::kong::model::entity_kinds::{PLUGIN_SCHEMAS, named};
use gateway_migration_operator::kong::model::{Entity, KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::document::{PlanEnds, plan_report};
use gateway_migration_operator::kong::plan::input::{ConflictPolicy, Conflicts};
use gateway_migration_operator::kong::plan::render::{deck, kong_operator, terraform, text};
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, PlanInput, Planned, Policy, build_plan,
};
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::render::{diff, json, terminal};
use gateway_migration_operator::migration::report::Secrets;

fn plan(source: &Snapshot, target: &Snapshot) -> Planned {
    plan_with(source, target, &Policy::default())
}

fn plan_with(source: &Snapshot, target: &Snapshot, policy: &Policy) -> Planned {
    build_plan(&PlanInput {
        source,
        notes: &[],
        target,
        ledger: &Default::default(),
        // The oldest version with published schemas, so that deprecated fields and drift are told too.
        version: KongVersion::parse("3.4"),
        policy,
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

/// A control plane that knows one custom plugin.
fn schemas() -> Result<Snapshot> {
    let kind = named(PLUGIN_SCHEMAS).context("the kind of plugin schemas")?;
    let body = serde_json::from_str(r#"{"name": "our-own", "lua_schema": "return {}"}"#)?;
    Ok(Entity::from_body(kind, body).into_iter().collect())
}

/// Every form in which somebody may see a plan, by name.
fn shown(planned: &Planned, secrets: Secrets) -> Result<Vec<(&'static str, String)>> {
    let report = plan_report(planned, PlanEnds::default(), secrets);
    let style = terminal::Style {
        colour: false,
        full: true,
    };
    Ok(vec![
        ("plan", serde_json::to_string(&planned.plan)?),
        ("debug", format!("{planned:?}")),
        ("report", serde_json::to_string(&report)?),
        ("terminal", text::terminal(&report, style)),
        ("json", json::render(&report)?),
        ("markdown", text::markdown(&report)),
        ("diff", diff::render(&report)),
        ("deck", deck::render(&report)?),
        ("kong-operator", kong_operator::render(&report)?),
        ("terraform", terraform::render(&report)),
    ])
}

/// Fails with every canary that is seen, and where.
fn ensure_unseen(planned: &Planned, planted: &[Planted]) -> Result<()> {
    let mut seen = Vec::new();
    for (form, text) in shown(planned, Secrets::Masked)? {
        ensure!(text.len() > 10, "{form} is empty and proves nothing");
        if !text.contains("canary-") {
            continue;
        }
        for planted in planted.iter().filter(|planted| text.contains(&planted.canary)) {
            seen.push(format!("{form}: {}", planted.place));
        }
    }
    ensure!(seen.is_empty(), "secrets are shown:\n{}", seen.join("\n"));
    Ok(())
}

#[test]
fn no_form_of_a_first_plan_shows_a_secret() -> Result<()> {
    let (source, planted) = planted("new")?;
    let planned = plan(&source, &schemas()?);
    ensure_unseen(&planned, &planted)
}

#[test]
fn no_form_of_a_plan_with_differences_shows_a_secret_of_either_side() -> Result<()> {
    let (source, new) = planted("new")?;
    let (mut target, old) = planted("old")?;
    target.entities.append(&mut schemas()?.entities);
    let overwriting = Policy {
        conflicts: Conflicts {
            default: ConflictPolicy::Overwrite,
            ..Conflicts::default()
        },
        ..Policy::default()
    };
    let planned = plan_with(&source, &target, &overwriting);
    assert!(
        planned.plan.count(Action::Update) > 100,
        "{}",
        planned.plan.summary()
    );
    let told = planned.plan.operations.iter().any(|operation| {
        let mut changes = operation.changes.iter();
        changes.any(|change| change.from == "***" && change.to == "***")
    });
    assert!(told, "a changed secret is a change, too");
    ensure_unseen(&planned, &new)?;
    ensure_unseen(&planned, &old)
}

/// Every canary was there to be seen.
#[test]
fn a_report_with_secrets_has_every_canary_that_moves() -> Result<()> {
    let (source, planted) = planted("new")?;
    let planned = plan(&source, &schemas()?);
    let forms = shown(&planned, Secrets::Included)?;
    let (_, report) = forms
        .iter()
        .find(|(form, _)| *form == "report")
        .context("report")?;
    // Konnect has no place for some of the fields; that is told, and they are not sent.
    let placeless: BTreeSet<_> = planned
        .plan
        .findings
        .iter()
        .filter(|finding| finding.id == "field-not-in-target")
        .map(|finding| &finding.subject.key)
        .collect();
    let sent = |planted: &&Planted| {
        planned.desired.contains_key(&planted.entity) && !placeless.contains(&planted.entity)
    };
    let silent: Vec<&str> = planted
        .iter()
        .filter(sent)
        .filter(|planted| !report.contains(&planted.canary))
        .map(|planted| planted.place.as_str())
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(planted.iter().filter(sent).count() > 300);
    Ok(())
}
