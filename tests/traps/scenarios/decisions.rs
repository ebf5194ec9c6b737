//! What a user may decide.

use anyhow::Result;
use gateway_migration_operator::kong::plan::input::{
    Change, ConflictPolicy, Conflicts, Exclusion, IdPolicy, Selection, Transform,
};
use gateway_migration_operator::migration::waivers::Waiver;
use serde_json::{Value, json};
use simulators::bed::Bed;

use super::Scenario;
use crate::support::{apply, plan};

const SHOP: &str = "
_format_version: '3.0'
services:
- name: cart
  host: cart.example.com
  tags: [shop]
  routes: [{name: cart, paths: [/cart], tags: [shop]}]
- name: stock
  host: stock.example.com
  routes: [{name: stock, paths: [/stock], tags: [shop]}]
consumers:
- {username: grace, tags: [shop], keyauth_credentials: [{key: graces-key}], basicauth_credentials: [{username: grace, password: 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12}]}
- {username: guest}
plugins:
- {name: key-auth, tags: [shop], config: {anonymous: guest, key_names: [apikey]}}
- {name: rate-limiting, config: {minute: 60, policy: cluster}}
";

/// A control plane that somebody has used: an equal service, another one of a name that is taken, a consumer.
fn seed(scenario: &Scenario) -> Result<()> {
    let control_plane = &scenario.migration.control_plane;
    let put = |path: &str, id: &str, fields: Value| -> Result<()> {
        let mut body = fields;
        body["id"] = json!(format!("5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b0{id}"));
        scenario.bed.konnect.seed(control_plane, path, &body).map(drop)
    };
    let service = |name: &str, host: &str| {
        json!({"name": name, "host": host, "port": 80, "protocol": "http", "retries": 5, "connect_timeout": 60000,
            "read_timeout": 60000, "write_timeout": 60000, "enabled": true, "tags": ["shop"]})
    };
    put("services", "01", service("cart", "cart.example.com"))?;
    put("services", "02", service("stock", "elsewhere.example.com"))?;
    put("consumers", "03", json!({"username": "grace", "tags": ["shop"]}))
}

async fn conflicts(default: ConflictPolicy) -> Result<Scenario> {
    let mut scenario = Scenario::usual(SHOP).await?;
    seed(&scenario)?;
    scenario.policy.conflicts = Conflicts {
        default,
        ..Conflicts::default()
    };
    Ok(scenario)
}

#[tokio::test]
async fn names_that_are_taken_are_adopted_where_both_are_equal() -> Result<()> {
    conflicts(ConflictPolicy::Adopt)
        .await?
        .check("conflicts-adopt")
        .await
        .map(drop)
}

#[tokio::test]
async fn names_that_are_taken_are_skipped_but_those_of_consumers_fail() -> Result<()> {
    let mut scenario = conflicts(ConflictPolicy::Skip).await?;
    let exceptions = &mut scenario.policy.conflicts.by_kind;
    exceptions.insert("consumers".to_owned(), ConflictPolicy::Fail);
    scenario.check("conflicts-skip").await.map(drop)
}

#[tokio::test]
async fn derived_ids() -> Result<()> {
    let mut scenario = Scenario::usual(SHOP).await?;
    scenario.policy.ids = IdPolicy::Derive {
        control_plane: "9524ec7d-36d9-465d-a8c5-83a3c9390458".to_owned(),
    };
    scenario.check("derived-ids").await.map(drop)
}

#[tokio::test]
async fn a_selection_that_excludes_what_others_need() -> Result<()> {
    let mut scenario = Scenario::usual(SHOP).await?;
    scenario.policy.select = Selection {
        tags: vec!["shop".to_owned()],
        kinds: Vec::new(),
        exclude: vec![Exclusion {
            kind: "services".to_owned(),
            name: Some("stock".to_owned()),
        }],
    };
    scenario.check("selection").await.map(drop)
}

#[tokio::test]
async fn transforms_that_fit_and_that_do_not() -> Result<()> {
    let mut scenario = Scenario::usual(SHOP).await?;
    let transform = |kind: &str, name: Option<&str>, patch: Value, reason: &str| -> Result<Transform> {
        Ok(Transform {
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
            tags: Vec::new(),
            change: Change::Patch(serde_json::from_value(patch)?),
            reason: reason.to_owned(),
        })
    };
    let local = json!([{"op": "replace", "path": "/config/policy", "value": "local"}]);
    let host = json!([{"op": "replace", "path": "/host", "value": "cart.internal.example.com"}]);
    let nothing = json!([{"op": "remove", "path": "/no_such_field"}]);
    scenario.policy.transforms = vec![
        transform("plugins", Some("rate-limiting"), local, "counters of each node")?,
        transform("services", Some("cart"), host, "internal names")?,
        transform("services", Some("stock"), nothing.clone(), "a slip")?,
        transform("upstreams", None, nothing, "none left")?,
    ];
    scenario.check("transforms").await.map(drop)
}

#[tokio::test]
async fn waivers_that_hold_have_expired_or_accept_nothing() -> Result<()> {
    let mut scenario = Scenario::usual(SHOP).await?;
    let waiver = |id: &str, subject: Option<&str>, expires: Option<&str>| -> Result<Waiver> {
        Ok(Waiver {
            id: id.to_owned(),
            subject: subject.map(str::to_owned),
            reason: format!("{id} is known"),
            expires: expires.map(str::parse).transpose()?,
        })
    };
    scenario.waivers = vec![
        waiver("plugin-value-unsupported", Some("plugins/rate-limiting"), None)?,
        waiver("host-is-short-name", None, None)?,
        waiver("plugin-value-unsupported", None, Some("2026-01-01T00:00:00Z"))?,
        waiver("no-such-rule", None, None)?,
    ];
    scenario.check("waivers").await.map(drop)
}

#[tokio::test]
async fn two_workspaces_that_meet_in_one_control_plane() -> Result<()> {
    let bed = Bed::start().await?;
    let mut scenario = Scenario::of(bed, "sales").await?;
    let other = crate::support::migration(&scenario.bed, "inventory").await?;
    apply(&other, &plan(&other).await?).await;
    scenario.migration.control_plane = other.control_plane;
    scenario.check("two-workspaces").await.map(drop)
}
