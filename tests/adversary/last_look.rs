//! What is overwritten or deleted is looked at once more just before, and what others have put below it keeps it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::kong::engine::FoundInstead;
use gateway_migration_operator::kong::model::Entity;
use gateway_migration_operator::kong::model::lists_below::{self, ListBelow};
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::rollback::Undo;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::konnect::Konnect;
use simulators::server::{Act, Behaviour};

use crate::scene::{Scene, first_of_each_kind, flat, path_of, tag, tagged};

/// What somebody does to entities between the look of a plan and the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meddling {
    /// They get other tags.
    Change,
    /// They are deleted.
    Delete,
}

fn meddle(konnect: &Konnect, control_plane: &str, entity: &Entity, meddling: Meddling) -> Result<()> {
    let path = path_of(entity)?;
    match meddling {
        Meddling::Change => konnect.replace(control_plane, &path, &tagged(entity, "somebody else")),
        Meddling::Delete => konnect.remove(control_plane, &path),
    }
}

#[tokio::test]
async fn n08_what_somebody_changed_since_the_plan_is_not_overwritten() -> Result<()> {
    for (workspace, _) in Bed::WORKSPACES {
        let mut scene = Scene::start(workspace).await?;
        scene.overwrite();
        scene.fill(tag).await?;
        let (planned, held) = scene.plan().await?;
        let mut ones = first_of_each_kind(&held);
        ones.retain(|one| planned.seen.contains_key(&one.key()));
        ensure!(ones.len() > 3, "{workspace}: {} kinds", ones.len());
        for one in &ones {
            meddle(
                &scene.bed.konnect,
                &scene.migration.control_plane,
                one,
                Meddling::Change,
            )?;
        }
        let before = scene.contents();
        let applied = scene.carry_out(&planned).await?;
        let after = scene.contents();
        for one in &ones {
            let path = flat(one);
            assert_eq!(after[&path], before[&path], "{workspace}: {path}");
        }
        let changed: Vec<_> = applied.refused.iter().filter(|one| !one.dependent).collect();
        assert!(
            changed
                .iter()
                .all(|one| one.found == Some(FoundInstead::Changed)
                    && one.finding().id == "changed-before-write"),
            "{changed:#?}"
        );
        // What refers to one of them waits for it.
        let refused = |one: &&Entity| applied.refused.iter().any(|told| told.subject.key == one.key());
        assert!(
            changed.len() > 3 && ones.iter().all(|one| refused(&one)),
            "{workspace}: {:?}",
            applied.refused
        );
    }
    Ok(())
}

#[tokio::test]
async fn n08_what_somebody_deleted_since_the_plan_is_not_made_again_by_an_update() -> Result<()> {
    let mut scene = Scene::start("inventory").await?;
    scene.overwrite();
    scene.fill(tag).await?;
    let (planned, held) = scene.plan().await?;
    let plugins: Vec<_> = held.of_kind("plugins").map(|packed| packed.unpack()).collect();
    for plugin in &plugins {
        meddle(
            &scene.bed.konnect,
            &scene.migration.control_plane,
            plugin,
            Meddling::Delete,
        )?;
    }
    let applied = scene.carry_out(&planned).await?;
    assert_eq!(applied.refused.len(), plugins.len());
    assert!(
        applied
            .refused
            .iter()
            .all(|one| one.found == Some(FoundInstead::Nothing) && one.finding().id == "changed-before-write")
    );
    assert!(
        scene
            .bed
            .konnect
            .entities(&scene.migration.control_plane, "plugins")
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn n08_what_somebody_made_as_it_shall_be_is_left_without_a_write() -> Result<()> {
    let mut scene = Scene::start("inventory").await?;
    scene.overwrite();
    scene.fill(tag).await?;
    let (planned, _) = scene.plan().await?;
    let wanted: Vec<_> = planned.desired.values().map(|one| one.entity.unpack()).collect();
    let services: Vec<_> = wanted.iter().filter(|one| one.kind.name == "services").collect();
    for service in &services {
        let body = Value::Object(service.body.clone());
        let path = path_of(service)?;
        scene
            .bed
            .konnect
            .replace(&scene.migration.control_plane, &path, &body)?;
    }
    scene.bed.konnect_server.reset_stats();
    let applied = scene.carry_out(&planned).await?;
    assert_eq!(applied.refused, []);
    let requests = scene.requests().into_keys();
    let puts: Vec<_> = requests.filter(|route| route.starts_with("PUT ")).collect();
    assert!(puts.len() > 3 && !puts.iter().any(|route| route.ends_with("/services/{id}")));
    let (planned, _) = scene.pass().await?;
    assert_eq!(planned.plan.writes(), 0);
    Ok(())
}

#[tokio::test]
async fn n08_what_somebody_changed_since_the_look_of_a_rollback_is_not_undone() -> Result<()> {
    for (workspace, _) in Bed::WORKSPACES {
        let mut scene = Scene::start(workspace).await?;
        scene.pass().await?;
        let (rollback, held) = scene.plan_rollback().await?;
        assert_eq!(rollback.count(Undo::Delete), held.len());
        let ones = first_of_each_kind(&held);
        for one in &ones {
            meddle(
                &scene.bed.konnect,
                &scene.migration.control_plane,
                one,
                Meddling::Change,
            )?;
        }
        let before = scene.contents();
        let undone = scene.undo(&rollback, &held).await;
        let after = scene.contents();
        for one in &ones {
            let path = flat(one);
            assert_eq!(after.get(&path), before.get(&path), "{workspace}: {path}");
        }
        assert_eq!(undone.deleted + undone.refused.len(), held.len(), "{workspace}");
        assert!(
            undone.refused.iter().all(|one| one.found.is_some()),
            "{:?}",
            undone.refused
        );
        // Looked at again, all of it is kept for a reason that is told.
        let (rollback, _) = scene.plan_rollback().await?;
        assert_eq!(
            (rollback.steps.len(), rollback.kept),
            (0, undone.refused.len()),
            "{workspace}"
        );
    }
    Ok(())
}

/// A foreign entity for a list below another one.
fn child(list: ListBelow, above: &Entity, konnect: &Konnect, control_plane: &str) -> Result<(String, Value)> {
    let (kind, path) = match list {
        ListBelow::Nested { kind, path } => (kind, format!("{}/{}/{path}", above.kind, above.id)),
        ListBelow::Flat { kind, .. } => {
            let consumer = konnect.seed(control_plane, "consumers", &json!({"username": "theirs"}))?;
            let id = consumer["id"].as_str().context("an id")?;
            (kind, format!("consumers/{id}/mtls-auth"))
        }
    };
    let body = match (kind, above.kind.name) {
        ("key-auths", _) => json!({"key": "theirs"}),
        ("basic-auths", _) => json!({"username": "theirs", "password": "theirs"}),
        ("hmac-auths", _) => json!({"username": "theirs"}),
        ("jwts", _) => json!({"key": "theirs"}),
        ("acls", _) => json!({"group": "theirs"}),
        ("mtls-auths", "ca_certificates") => {
            json!({"subject_name": "theirs", "ca_certificate": {"id": &*above.id}})
        }
        ("mtls-auths", _) => json!({"subject_name": "theirs"}),
        ("plugins", "consumer_groups") => {
            json!({"name": "rate-limiting-advanced", "config": {"limit": [5], "window_size": [60], "sync_rate": -1}})
        }
        ("plugins", _) => json!({"name": "request-size-limiting", "config": {"allowed_payload_size": 8}}),
        ("consumer_group_members", "consumers") => {
            let group = konnect.seed(control_plane, "consumer_groups", &json!({"name": "theirs"}))?;
            json!({"group": group["id"]})
        }
        ("consumer_group_members", _) => {
            let consumer = konnect.seed(control_plane, "consumers", &json!({"username": "theirs"}))?;
            json!({"consumer": consumer["id"]})
        }
        ("routes", _) => json!({"name": "theirs", "paths": ["/theirs"]}),
        ("targets", _) => json!({"target": "10.9.9.9:80"}),
        ("snis", _) => json!({"name": "theirs.example.com"}),
        ("keys", _) => {
            json!({"name": "theirs", "kid": "theirs", "jwk": r#"{"kty":"oct","kid":"theirs","k":"dGhlaXJz"}"#})
        }
        ("degraphql_routes", _) => json!({"uri": "/theirs", "query": "query { theirs }"}),
        ("graphql_costs", _) => json!({"type_path": "Query.theirs"}),
        (other, _) => anyhow::bail!("no body for {other}"),
    };
    konnect.seed(control_plane, &path, &body)?;
    Ok((path, body))
}

/// An entity of this kind that the scene's migration made.
fn made(held: &gateway_migration_operator::kong::model::Snapshot, kind: &'static str) -> Option<Entity> {
    held.of_kind(kind).next().map(|packed| packed.unpack())
}

/// For each list below an entity: somebody adds to it after the rollback has looked, just before the entity itself is read the last time.
#[tokio::test]
async fn n08_what_somebody_puts_below_an_entity_keeps_it_in_a_rollback() -> Result<()> {
    let mut tried = 0;
    for (above, list) in lists_below::all() {
        for (workspace, _) in Bed::WORKSPACES {
            let mut scene = Scene::start(workspace).await?;
            let source = scene.migration.observe_source().await?.snapshot;
            if made(&source, above.name).is_none() {
                continue;
            }
            scene.pass().await?;
            let (rollback, held) = scene.plan_rollback().await?;
            let Some(parent) = made(&held, above.name) else {
                continue;
            };
            tried += 1;
            let theirs = std::sync::Mutex::new(None);
            let theirs = Arc::new(theirs);
            let act = {
                let (konnect, control_plane) =
                    (scene.bed.konnect.clone(), scene.migration.control_plane.clone());
                let (parent, theirs) = (parent.clone(), Arc::clone(&theirs));
                Act::before(&format!("GET /{}/{}$", parent.kind, parent.id), move |_| {
                    let made = child(list, &parent, &konnect, &control_plane);
                    *theirs.lock().unwrap() = Some(made.map_err(|error| format!("{error:#}")));
                })?
                .only(1)
            };
            scene.bed.konnect_server.meanwhile(act);
            let undone = scene.undo(&rollback, &held).await;
            let made = theirs.lock().unwrap().take().context("nobody came")?;
            let what = format!("{above} with {list:?} in {workspace}");
            ensure!(made.is_ok(), "{what}: {made:?}");
            let contents = scene.contents();
            ensure!(contents.contains_key(&flat(&parent)), "{what}: it went");
            let kept: Vec<_> = undone
                .refused
                .iter()
                .filter(|one| one.subject.key == parent.key())
                .collect();
            ensure!(
                matches!(kept.as_slice(), [one] if matches!(one.found, Some(FoundInstead::Below(_)))),
                "{what}: {:?}",
                undone.refused
            );
            break;
        }
    }
    // All but what no sample has.
    assert!(tried >= 16, "{tried} lists tried");
    Ok(())
}

#[tokio::test]
async fn n08_nothing_below_keeps_nothing() -> Result<()> {
    for (workspace, _) in Bed::WORKSPACES {
        let mut scene = Scene::start(workspace).await?;
        scene.pass().await?;
        let (rollback, held) = scene.plan_rollback().await?;
        let undone = scene.undo(&rollback, &held).await;
        assert_eq!(
            (undone.deleted, undone.refused),
            (held.len(), Vec::new()),
            "{workspace}"
        );
        assert!(scene.contents().is_empty(), "{workspace}");
    }
    Ok(())
}

#[tokio::test]
async fn n08_a_list_that_still_shows_what_was_deleted_keeps_nothing() -> Result<()> {
    let mut scene = Scene::start("inventory").await?;
    scene.pass().await?;
    let (rollback, held) = scene.plan_rollback().await?;
    let consumer = made(&held, "consumers").context("a consumer")?;
    let gone = json!({"data": [{"id": "51de6f12-d9f9-445d-8534-5c5457870a35", "key": "gone", "consumer": {"id": &*consumer.id}}]});
    let stale = format!("GET /consumers/{}/key-auth$=200;body={gone}", consumer.id);
    scene
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(&[&stale])?);
    let undone = scene.undo(&rollback, &held).await;
    assert_eq!((undone.deleted, undone.refused), (held.len(), Vec::new()));
    Ok(())
}

#[tokio::test]
async fn n08_what_somebody_deleted_meanwhile_counts_as_undone() -> Result<()> {
    let mut scene = Scene::start("inventory").await?;
    scene.pass().await?;
    let (rollback, held) = scene.plan_rollback().await?;
    for plugin in held.of_kind("plugins") {
        let plugin = plugin.unpack();
        meddle(
            &scene.bed.konnect,
            &scene.migration.control_plane,
            &plugin,
            Meddling::Delete,
        )?;
    }
    let undone = scene.undo(&rollback, &held).await;
    assert_eq!((undone.deleted, undone.refused), (held.len(), Vec::new()));
    Ok(())
}

/// A write that waits for its repeat is looked for again before it: somebody came while it waited.
#[tokio::test]
async fn n08_a_write_that_is_repeated_is_looked_for_again() -> Result<()> {
    for failure in ["503", "429", "reset", "drop"] {
        for deletes in [true, false] {
            let mut scene = Scene::start("inventory").await?;
            scene.overwrite();
            if deletes {
                scene.pass().await?;
            } else {
                scene.fill(tag).await?;
            }
            let held = scene.migration.observe_target().await?;
            let service = made(&held, "services").context("a service")?;
            let method = if deletes { "DELETE" } else { "PUT" };
            let fault = format!("{method} /services/{}$={failure};times=1", service.id);
            scene
                .bed
                .konnect_server
                .set_behaviour(Behaviour::with_faults(&[&fault])?);
            let looks = Arc::new(AtomicU64::new(0));
            let act = {
                let (konnect, control_plane) =
                    (scene.bed.konnect.clone(), scene.migration.control_plane.clone());
                let (service, looks) = (service.clone(), Arc::clone(&looks));
                Act::before(&format!("GET /services/{}$", service.id), move |beside| {
                    looks.store(beside.number, Ordering::Relaxed);
                    if beside.number == 2 {
                        let _ = meddle(&konnect, &control_plane, &service, Meddling::Change);
                    }
                })?
            };
            scene.bed.konnect_server.meanwhile(act);
            let refused = if deletes {
                let (rollback, held) = scene.plan_rollback().await?;
                scene.undo(&rollback, &held).await.refused
            } else {
                let (planned, _) = scene.plan().await?;
                scene.carry_out(&planned).await?.refused
            };
            let contents = scene.contents();
            assert_eq!(
                contents[&flat(&service)]["tags"],
                json!(["somebody else"]),
                "{method} {failure}"
            );
            let found = refused.iter().find(|one| one.subject.key == service.key());
            assert_eq!(
                found.context("told")?.found,
                Some(FoundInstead::Changed),
                "{method} {failure}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn n08_what_the_source_lost_stays_where_somebody_has_changed_it_or_put_something_below() -> Result<()> {
    for (meddled, expected) in [
        ("changed", "prune-target-changed"),
        ("below", "prune-still-referenced"),
    ] {
        let mut scene = Scene::start("inventory").await?;
        scene.policy.prune = true;
        let extra = json!({"id": "51de6f12-d9f9-445d-8534-5c5457870a35", "username": "leaving"});
        scene.bed.kong.put("inventory", "consumers", extra)?;
        scene.pass().await?;
        scene
            .bed
            .kong
            .delete("inventory", "consumers", "51de6f12-d9f9-445d-8534-5c5457870a35");
        let (planned, held) = scene.plan().await?;
        assert_eq!(
            planned.plan.count(Action::Delete),
            1,
            "{}",
            planned.plan.summary()
        );
        let consumers = held.of_kind("consumers").map(|packed| packed.unpack());
        let leaving = consumers
            .into_iter()
            .find(|one| one.is_named("leaving"))
            .context("leaving")?;
        let (konnect, control_plane) = (&scene.bed.konnect, &scene.migration.control_plane);
        match meddled {
            "changed" => meddle(konnect, control_plane, &leaving, Meddling::Change)?,
            _ => {
                let key = format!("consumers/{}/key-auth", leaving.id);
                konnect.seed(control_plane, &key, &json!({"key": "theirs"}))?;
            }
        }
        let before = scene.contents();
        let applied = scene.carry_out(&planned).await?;
        assert_eq!(scene.contents(), before, "{meddled}");
        let findings: Vec<_> = applied.findings().map(|finding| finding.id.to_string()).collect();
        assert_eq!(
            (findings, &applied.refused),
            (vec![expected.to_owned()], &Vec::new()),
            "{meddled}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn n08_a_look_costs_one_read_for_each_overwrite_and_none_for_a_create() -> Result<()> {
    let mut scene = Scene::start("default").await?;
    let (_, applied) = scene.pass().await?;
    assert_eq!((applied.created > 100, scene.single_reads()), (true, 1));
    scene.bed.konnect_server.reset_stats();
    let (planned, _) = scene.plan_from(tag).await?;
    scene.bed.konnect_server.reset_stats();
    let applied = scene.carry_out(&planned).await?;
    assert!(applied.updated > 50 && applied.refused.is_empty(), "{applied:?}");
    let updated = u64::try_from(applied.updated)?;
    assert_eq!(scene.single_reads(), updated);
    let puts = scene
        .requests()
        .into_iter()
        .filter(|(route, _)| route.starts_with("PUT "));
    assert_eq!(puts.map(|(_, count)| count).sum::<u64>(), updated);
    Ok(())
}
