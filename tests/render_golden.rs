//! Every form of the plans of the sample workspaces, as golden files: what users, programs and other tools read.
//!
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test --test render_golden`, accepts new ones.

use anyhow::{Context as _, Result};
use gateway_migration_operator::http::{TlsOptions, Transport, TransportOptions};
use gateway_migration_operator::kong::admin;
use gateway_migration_operator::kong::engine::read::read_source;
use gateway_migration_operator::kong::model::entity_kind::Gateway;
use gateway_migration_operator::kong::model::entity_kinds::named;
use gateway_migration_operator::kong::model::{Entity, KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::document::{PlanEnds, plan_report};
use gateway_migration_operator::kong::plan::input::{ConflictPolicy, Conflicts};
use gateway_migration_operator::kong::plan::render::{deck, kong_operator, terraform, text};
use gateway_migration_operator::kong::plan::rollback::report::{RollbackEnds, rollback_report};
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, Ledger, PlanInput, Policy, RollbackInput, build_plan, build_rollback,
};
use gateway_migration_operator::migration::render::{diff, json, rollback as rollback_text, terminal};
use gateway_migration_operator::migration::report::{PlanReport, Secrets};
use gateway_migration_operator::migration::rollback::{ChangedSince, Extent, RollbackReport};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json as value};
use simulators::bed::Bed;

/// The plan of a sample workspace, as it is read from the simulated gateway, into an empty control plane.
async fn report(workspace: &str, secrets: Secrets) -> Result<PlanReport<PlanEnds>> {
    let bed = Bed::start().await?;
    let trusted = TlsOptions {
        ca_pem: Some(bed.ca_pem.clone()),
        ..TlsOptions::default()
    };
    let transport = Transport::new(TransportOptions::default())?.with_tls(&trusted)?;
    let token = SecretString::from(Bed::KONG_TOKEN);
    let client = admin::Client::new(&transport, &bed.kong_server.url(), Some(&token))?;
    let gateway = Gateway {
        version: KongVersion::parse("3.9.1"),
        enterprise: true,
    };
    let planned = build_plan(&PlanInput {
        notes: &[],
        source: &read_source(&client, Some(workspace), gateway, 16).await?,
        target: &Default::default(),
        ledger: &Default::default(),
        version: KongVersion::parse("3.9.1"),
        policy: &Policy::default(),
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    });
    let ends = PlanEnds {
        workspace: workspace.to_owned(),
        source_version: "3.9.1".to_owned(),
        control_plane: "9524ec7d-36d9-465d-a8c5-83a3c9390458".to_owned(),
        control_plane_name: Some("shop".to_owned()),
        control_plane_ref: None,
    };
    Ok(plan_report(&planned, ends, secrets))
}

fn entity(kind: &str, body: Value) -> Result<Entity> {
    let kind = named(kind).context("no such kind")?;
    let body = body.as_object().cloned().context("an object")?;
    Entity::from_body(kind, body).context("an entity")
}

fn service(id: &str, host: &str) -> Result<Entity> {
    let body = value!({"id": id, "name": format!("service-{id}"), "host": host});
    entity("services", body)
}

fn key(key: &str) -> Result<Entity> {
    entity(
        "key-auths",
        value!({"id": "k", "key": key, "consumer": {"id": "c"}}),
    )
}

/// A source, and a target that has some of it with another content.
fn both_sides() -> Result<(Snapshot, Snapshot)> {
    let consumer = || entity("consumers", value!({"id": "c", "username": "theirs"}));
    let route = value!({"id": "r", "name": "created", "paths": ["/r"], "service": {"id": "used"}});
    let address = value!({"id": "t", "target": "10.0.0.1:80", "upstream": {"id": "u"}});
    let source = [
        service("overwritten", "ours.example.com")?,
        service("gone", "ours.example.com")?,
        service("changed", "ours.example.com")?,
        service("used", "ours.example.com")?,
        entity("routes", route)?,
        entity("upstreams", value!({"id": "u", "name": "named"}))?,
        entity("targets", address)?,
        consumer()?,
        key("canary-ours")?,
    ];
    let target = [
        service("overwritten", "theirs.example.com")?,
        service("gone", "theirs.example.com")?,
        consumer()?,
        key("canary-theirs")?,
    ];
    Ok((source.into_iter().collect(), target.into_iter().collect()))
}

/// Overwrites and creates in the target all that the source has.
fn migrated(source: &Snapshot, target: &mut Snapshot) -> Ledger {
    let mut ledger = Ledger::default();
    let planned = build_plan(&PlanInput {
        notes: &[],
        source,
        target,
        ledger: &ledger,
        version: KongVersion::parse("3.9.1"),
        policy: &Policy {
            conflicts: Conflicts {
                default: ConflictPolicy::Overwrite,
                ..Conflicts::default()
            },
            ..Policy::default()
        },
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    });
    ledger.intend(&planned, target, Timestamp::UNIX_EPOCH);
    for desired in planned.desired.values() {
        target.insert_packed(desired.entity.clone());
    }
    ledger.settle(&planned, target, Timestamp::UNIX_EPOCH);
    ledger
}

/// Undoing a migration of which somebody has changed, removed and used something since.
fn rollback() -> Result<RollbackReport<RollbackEnds>> {
    let (source, mut target) = both_sides()?;
    let ledger = migrated(&source, &mut target);
    target.remove(&named("services").context("services")?.key("gone"));
    target.insert(service("changed", "changed.example.com")?);
    target.insert(service("foreign", "named")?);
    let route = value!({"id": "f", "name": "theirs", "service": {"id": "used"}});
    target.insert(entity("routes", route)?);
    let input = RollbackInput {
        ledger: &ledger,
        target: &target,
        extent: Extent::Everything,
        changed: ChangedSince::Keep,
    };
    let ends = ("shop", "9524ec7d-36d9-465d-a8c5-83a3c9390458");
    Ok(rollback_report(&build_rollback(&input), &input, ends))
}

#[test]
fn every_step_of_a_rollback_is_shown_and_no_secret() -> Result<()> {
    let report = rollback()?;
    let style = terminal::Style {
        colour: false,
        full: false,
    };
    for (form, text) in [
        ("terminal", text::rollback(&report, style)),
        ("json", rollback_text::json(&report)?),
    ] {
        assert!(!text.contains("canary"), "{text}");
        golden(&format!("rollback.{form}"), &text);
    }
    let stored = serde_json::to_vec(&report)?;
    assert_eq!(rollback_text::read(&stored)?, report);
    assert!(rollback_text::read::<RollbackEnds>(b"{\"format\": \"gatewaymigration.dev/plan/v1\"}").is_err());
    Ok(())
}

fn golden(name: &str, text: &str) {
    insta::with_settings!({snapshot_path => "render_golden", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, text);
    });
}

#[tokio::test]
async fn every_form_of_every_sample() -> Result<()> {
    let style = terminal::Style {
        colour: false,
        full: false,
    };
    for workspace in ["default", "inventory", "sales"] {
        let report = report(workspace, Secrets::Masked).await?;
        for (form, text) in [
            ("terminal", text::terminal(&report, style)),
            ("json", json::render(&report)?),
            ("markdown", text::markdown(&report)),
            ("diff", diff::render(&report)),
            ("deck", deck::render(&report)?),
            ("kong-operator", kong_operator::render(&report)?),
            ("terraform", terraform::render(&report)),
        ] {
            assert!(!text.contains("PRIVATE KEY"), "{workspace}.{form}");
            golden(&format!("{workspace}.{form}"), &text);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_stored_report_is_read_as_it_was_written() -> Result<()> {
    let report = report("inventory", Secrets::Masked).await?;
    assert_eq!(json::read(&serde_json::to_vec(&report)?)?, report);
    let other = br#"{"format": "gatewaymigration.dev/plan/v9"}"#;
    let error = json::read::<PlanEnds>(other).err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("plan/v9")));
    Ok(())
}

#[tokio::test]
async fn a_deck_file_with_secrets_holds_every_entity_of_the_planned_target() -> Result<()> {
    for workspace in ["default", "inventory", "sales"] {
        let report = report(workspace, Secrets::Included).await?;
        let file: Value = serde_saphyr::from_str(&deck::render(&report)?)?;
        assert_eq!(
            file,
            deck::document(&report),
            "{workspace}: YAML changes no value"
        );
        let text = file.to_string();
        for entity in &report.entities {
            let id = entity.key.id.rsplit('/').next().unwrap_or_default();
            assert!(text.contains(id), "{workspace}: {} is missing", entity.key);
        }
        assert!(!text.contains("${{ env") && !text.contains("***"));
    }
    Ok(())
}

#[tokio::test]
async fn colours_are_marks_around_the_same_text() -> Result<()> {
    let report = report("sales", Secrets::Masked).await?;
    let [plain, mut coloured] = [false, true].map(|colour| {
        let style = terminal::Style { colour, full: true };
        text::terminal(&report, style)
    });
    assert_ne!(plain, coloured);
    for code in [0, 1, 2, 31, 32, 33, 34] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(plain, coloured);
    Ok(())
}
