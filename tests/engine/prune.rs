//! What the source has no more is deleted, and what it has never is, however it changes while it is read.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use gateway_migration_operator::http::Throttle;
use gateway_migration_operator::kong::admin;
use gateway_migration_operator::kong::engine::{Applied, DeclarativeFile, Migration, Observed, Source};
use gateway_migration_operator::kong::model::Snapshot;
use gateway_migration_operator::kong::plan::{Ledger, Planned, Policy};
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::subject::EntityKey;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::kong_admin::KongAdmin;
use simulators::server::Behaviour;

use super::{apply, migration};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A number as an id.
fn id(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02x}")
}

fn service(number: u8, name: &str) -> Value {
    json!({"id": id(number), "name": name, "host": "h.example.com", "port": 80, "protocol": "http"})
}

/// Five services, a route to the first, an upstream with five targets, two consumers of which one has a key.
fn shop() -> Value {
    let services: Vec<Value> = (1..=5).map(|n| service(n, &format!("service-{n}"))).collect();
    let target = |n: u8| {
        json!({"id": id(0x20 + n), "target": format!("10.0.0.{n}:80"), "weight": 100, "upstream": {"id": id(0x20)},
            "created_at": 1_700_000_000 + u32::from(n)})
    };
    let targets: Vec<Value> = (1..=5).map(target).collect();
    let path = format!("/upstreams/{}/targets", id(0x20));
    json!({
        "/services": services,
        "/routes": [{"id": id(0x11), "name": "route", "paths": ["/r"], "service": {"id": id(1)}}],
        "/upstreams": [{"id": id(0x20), "name": "backend"}],
        "/consumers": [{"id": id(0x31), "username": "bob"}, {"id": id(0x32), "username": "eve"}],
        "/key-auths": [{"id": id(0x41), "key": "k-bob", "consumer": {"id": id(0x31)}}],
        path: targets,
    })
}

/// A migration that follows, pass by pass.
struct Following {
    bed: Bed,
    migration: Migration,
    ledger: Ledger,
    policy: Policy,
}

impl Following {
    /// The shop, migrated. The source shows two entities on a page.
    async fn start() -> Result<Self> {
        let source = simulators::kong_admin::Options {
            most_per_page: 2,
            ..Default::default()
        };
        let target = simulators::konnect::Options {
            tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
            ..Default::default()
        };
        let bed = Bed::start_from(source, target).await?;
        bed.kong.load("shop", &shop())?;
        let mut migration = migration(&bed, "shop").await?;
        // One list after the other, so that a change comes between two that the test knows.
        migration.throttle = Throttle::new(1);
        let mut following = Self {
            migration,
            bed,
            ledger: Ledger::default(),
            policy: Policy {
                prune: true,
                ..Policy::default()
            },
        };
        let (planned, applied) = following.pass().await?;
        ensure!(
            applied.created >= 15 && applied.refused.is_empty(),
            "{}: {applied:?}",
            planned.plan.summary()
        );
        Ok(following)
    }

    /// Reads, plans, does, and settles the ledger.
    async fn pass(&mut self) -> Result<(Planned, Applied)> {
        let observed = Observed {
            source: self.migration.observe_source().await?,
            target: self.target().await?,
        };
        let planned = observed.plan(&self.policy, NOW, &[], &self.ledger);
        self.ledger.intend(&planned, &observed.target, NOW);
        let applied = apply(&self.migration, &planned).await;
        if applied.interrupted.is_none() {
            self.ledger.settle(&planned, &self.target().await?, NOW);
        }
        Ok((planned, applied))
    }

    async fn target(&self) -> Result<Snapshot> {
        Ok(self.migration.observe_target().await?)
    }

    fn source(&self) -> Result<&admin::Client> {
        match &self.migration.source {
            Source::AdminApi(client) => Ok(client),
            Source::Declarative(_) => bail!("a file"),
        }
    }

    /// Whether the control plane has an entity.
    async fn has(&self, kind: &str, number: u8) -> Result<bool> {
        let key = EntityKey::new(kind.to_owned(), id(number));
        Ok(self.target().await?.contains(&key))
    }

    /// What is deleted in Konnect, as list and id.
    fn deletes(&self) -> Vec<String> {
        let writes = self.bed.konnect_server.writes().into_iter();
        let deletes = writes.filter_map(|write| Some(write.target.strip_prefix("DELETE ")?.to_owned()));
        deletes
            .filter_map(|path| Some(path.split_once("core-entities/")?.1.to_owned()))
            .collect()
    }

    /// Two passes in peace: both sides hold the same, and the second one writes nothing.
    async fn converges(&mut self) -> Result<()> {
        self.pass().await?;
        let (planned, _) = self.pass().await?;
        ensure!(planned.plan.writes() == 0, "{}", planned.plan.summary());
        let source = self.migration.observe_source().await?.snapshot;
        let target = self.target().await?;
        let keys = |side: &Snapshot| side.keys().cloned().collect::<BTreeSet<_>>();
        ensure!(keys(&source) == keys(&target), "{:?}", planned.plan.operations);
        Ok(())
    }
}

fn found(applied: &Applied) -> Vec<String> {
    let findings = applied.findings();
    findings
        .map(|finding| format!("{} {}", finding.id, finding.subject.key))
        .collect()
}

#[tokio::test]
async fn what_the_source_lost_goes_with_what_hangs_on_it() -> Result<()> {
    let mut following = Following::start().await?;
    following.bed.kong.delete("shop", "routes", &id(0x11));
    following.bed.kong.delete("shop", "services", &id(1));
    following.bed.kong.delete("shop", "consumers", &id(0x31));
    following.bed.kong.delete("shop", "targets", &id(0x23));
    let (planned, applied) = following.pass().await?;
    assert_eq!(planned.plan.count(Action::Delete), 5);
    assert_eq!((applied.deleted, applied.refused.len()), (5, 0));
    following.converges().await
}

#[tokio::test]
async fn a_target_that_slips_between_two_pages_lives() -> Result<()> {
    let mut following = Following::start().await?;
    // The newest come first, and a page begins at a count: when the newest goes, the third is on no page.
    let list = format!("/shop/upstreams/{}/targets", id(0x20));
    following.bed.kong.after(&list, |kong| {
        kong.delete("shop", "targets", &id(0x25));
    });
    let (planned, applied) = following.pass().await?;
    assert_eq!(
        planned.plan.count(Action::Delete),
        1,
        "{}",
        planned.plan.summary()
    );
    assert_eq!(applied.deleted, 0);
    assert_eq!(
        found(&applied),
        [format!("prune-source-has-it targets/{}", id(0x23))]
    );
    assert!(following.deletes().is_empty());
    following.converges().await?;
    assert_eq!(
        following.deletes(),
        [format!("upstreams/{}/targets/{}", id(0x20), id(0x25))]
    );
    Ok(())
}

#[tokio::test]
async fn an_entity_that_was_away_for_one_page_lives() -> Result<()> {
    let mut following = Following::start().await?;
    following.bed.kong.after("/shop/consumers", |kong| {
        kong.delete("shop", "consumers", &id(0x31));
    });
    // Credentials are read after consumers, and before plugins.
    following.bed.kong.after("/shop/plugins", |kong| {
        let _ = kong.put("shop", "consumers", json!({"id": id(0x31), "username": "bob"}));
        let key = json!({"id": id(0x41), "key": "k-bob", "consumer": {"id": id(0x31)}});
        let _ = kong.put("shop", "key-auths", key);
    });
    let (_, applied) = following.pass().await?;
    assert_eq!(
        found(&applied),
        [format!("prune-source-has-it key-auths/{}", id(0x41))]
    );
    assert!(following.deletes().is_empty());
    following.converges().await
}

#[tokio::test]
async fn an_entity_that_came_back_keeps_what_it_needs_in_the_target() -> Result<()> {
    let mut following = Following::start().await?;
    following.bed.kong.delete("shop", "routes", &id(0x11));
    following.bed.kong.delete("shop", "services", &id(1));
    following.bed.kong.after("/shop/plugins", |kong| {
        let route = json!({"id": id(0x11), "name": "route", "paths": ["/r"], "service": {"id": id(2)}});
        let _ = kong.put("shop", "routes", route);
    });
    let (planned, applied) = following.pass().await?;
    assert_eq!(planned.plan.count(Action::Delete), 2);
    // The service is gone, but in Konnect the route refers to it still.
    assert_eq!(
        found(&applied),
        [
            format!("prune-source-has-it routes/{}", id(0x11)),
            format!("prune-source-has-it services/{}", id(1)),
        ]
    );
    assert!(following.deletes().is_empty());
    following.converges().await
}

#[tokio::test]
async fn a_delete_and_a_creation_of_one_name_go_in_one_pass() -> Result<()> {
    let mut following = Following::start().await?;
    let kong = following.bed.kong.clone();
    kong.delete("shop", "routes", &id(0x11));
    kong.delete("shop", "services", &id(1));
    kong.put("shop", "services", service(9, "service-1"))?;
    let route = json!({"id": id(0x12), "name": "route", "paths": ["/r"], "service": {"id": id(9)}});
    kong.put("shop", "routes", route)?;
    kong.delete("shop", "consumers", &id(0x31));
    kong.put("shop", "consumers", json!({"id": id(0x33), "username": "bob"}))?;
    let (planned, applied) = following.pass().await?;
    assert_eq!(applied.refused, [], "{}", planned.plan.summary());
    assert_eq!((applied.created, applied.deleted), (3, 4));
    following.converges().await
}

#[tokio::test]
async fn a_parent_is_kept_when_what_leaves_it_could_not_be_written() -> Result<()> {
    let mut following = Following::start().await?;
    let kong = following.bed.kong.clone();
    // The key goes to another consumer, and its old one is deleted: in Konnect that delete would take the key along.
    let moved = json!({"id": id(0x41), "key": "k-bob", "consumer": {"id": id(0x32)}});
    kong.put("shop", "key-auths", moved)?;
    kong.delete("shop", "consumers", &id(0x31));
    let refuse = format!("PUT /key-auth/{}=400", id(0x41));
    following
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(&[&refuse])?);
    let (planned, applied) = following.pass().await?;
    assert_eq!(
        planned.plan.count(Action::Delete),
        1,
        "{}",
        planned.plan.summary()
    );
    assert_eq!(applied.deleted, 0);
    assert!(following.has("key-auths", 0x41).await? && following.has("consumers", 0x31).await?);
    assert!(found(&applied).contains(&format!("delete-refused consumers/{}", id(0x31))));
    following.bed.konnect_server.set_behaviour(Behaviour::default());
    following.converges().await?;
    assert!(following.has("key-auths", 0x41).await?);
    Ok(())
}

#[tokio::test]
async fn a_source_that_does_not_answer_for_single_entities_keeps_them() -> Result<()> {
    let mut following = Following::start().await?;
    following.bed.kong.delete("shop", "services", &id(2));
    following.bed.kong.delete("shop", "services", &id(3));
    following.bed.kong.forbid(&format!("/shop/services/{}", id(2)));
    let (_, applied) = following.pass().await?;
    assert_eq!(applied.deleted, 1);
    assert_eq!(found(&applied), [format!("prune-unconfirmed services/{}", id(2))]);
    following.bed.kong.allow_all();
    let fault = format!("GET /services/{}=500", id(2));
    following
        .bed
        .kong_server
        .set_behaviour(Behaviour::with_faults(&[&fault])?);
    let (_, applied) = following.pass().await?;
    assert!(
        applied.interrupted.is_some() && applied.deleted == 0,
        "{applied:?}"
    );
    following.bed.kong_server.set_behaviour(Behaviour::default());
    following.converges().await
}

#[tokio::test]
async fn a_membership_and_a_credential_are_asked_for_where_they_are() -> Result<()> {
    let mut following = Following::start().await?;
    let kong = following.bed.kong.clone();
    let members = format!("/consumer_groups/{}/consumers", id(0x51));
    kong.load(
        "shop",
        &json!({
            "/consumer_groups": [{"id": id(0x51), "name": "gold"}],
            members: [{"id": id(0x31)}, {"id": id(0x32)}],
        }),
    )?;
    let (_, applied) = following.pass().await?;
    assert_eq!(applied.created, 3);
    kong.delete("shop", "key-auths", &id(0x41));
    kong.delete("shop", "consumers", &id(0x32));
    let (planned, applied) = following.pass().await?;
    assert_eq!(
        (applied.deleted, applied.refused.len()),
        (3, 0),
        "{}",
        planned.plan.summary()
    );
    following.converges().await
}

#[tokio::test]
async fn a_file_that_lost_an_entity_is_believed_at_once() -> Result<()> {
    let mut following = Following::start().await?;
    let file = |services: &str| {
        let text = format!("_format_version: '3.0'\nservices: [{services}]\n");
        Source::Declarative(DeclarativeFile::new(SecretString::from(text), None))
    };
    let service = |number| format!("{{id: {}, name: of-file-{number}, host: h}}", id(number));
    following.ledger = Ledger::default();
    following.migration.source = file(&format!("{}, {}", service(0x61), service(0x62)));
    let (_, applied) = following.pass().await?;
    assert_eq!(applied.created, 2);
    following.migration.source = file(&service(0x62));
    let (_, applied) = following.pass().await?;
    assert_eq!((applied.deleted, found(&applied)), (1, Vec::new()));
    assert!(!following.has("services", 0x61).await? && following.has("services", 0x62).await?);
    Ok(())
}

/// Small numbers that look random, the same for a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Deletes a service or target, or makes one again.
fn disturb(kong: &KongAdmin, dice: &mut Dice) {
    let number = u8::try_from(1 + dice.next(5)).unwrap_or(1);
    match dice.next(4) {
        0 => {
            kong.delete("shop", "targets", &id(0x20 + number));
        }
        1 => {
            let target = json!({"id": id(0x20 + number), "target": format!("10.0.0.{number}:80"), "weight": 100,
                "upstream": {"id": id(0x20)}, "created_at": 1_700_000_000 + u32::from(number)});
            let _ = kong.put("shop", "targets", target);
        }
        // The first one has a route.
        2 => {
            kong.delete("shop", "services", &id(number.max(2)));
        }
        _ => {
            let _ = kong.put("shop", "services", service(number, &format!("service-{number}")));
        }
    }
}

#[tokio::test]
async fn nothing_that_lives_is_deleted_however_the_source_changes_while_it_is_paged() -> Result<()> {
    for seed in 0..4 {
        let mut following = Following::start().await?;
        let targets = format!("/shop/upstreams/{}/targets", id(0x20));
        let mut dice = Dice(seed);
        for _ in 0..4 {
            for list in [
                "/shop/services",
                "/shop/services",
                &targets,
                &targets,
                "/shop/routes",
            ] {
                let mut own = Dice(dice.next(u64::from(u32::MAX)));
                following
                    .bed
                    .kong
                    .after(list, move |kong| disturb(kong, &mut own));
            }
            let before = following.deletes().len();
            following.pass().await?;
            let deletes = following.deletes();
            for path in deletes.get(before..).context("deletes are never forgotten")? {
                let lives = following.source()?.has(Some("shop"), path).await?;
                assert_eq!(lives, Some(false), "seed {seed}: {path} was deleted and lives");
            }
        }
        following.bed.kong.forget_changes();
        following
            .converges()
            .await
            .with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}
