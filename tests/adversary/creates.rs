//! A create never overwrites, whatever lists leave out and whatever a server does with a POST.

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::migration::plan::Action;
use serde_json::json;
use simulators::bed::Bed;
use simulators::konnect::{Options, PostWithId};
use simulators::server::{Act, Behaviour};

use crate::scene::{Scene, contents, flat, foreign, leave_out_all, path_of, servers, tag, tagged};

/// Route of the memberships of a group.
const MEMBERS: &str = "/consumer_groups/{id}/consumers";

#[tokio::test]
async fn n02_what_a_list_left_out_is_not_overwritten_by_any_server() -> Result<()> {
    for (server, options) in servers() {
        // What differs by server differs by no kind.
        let workspaces = if server == "refuses" { 3 } else { 1 };
        for (workspace, _) in Bed::WORKSPACES.into_iter().rev().take(workspaces) {
            let mut scene = Scene::start(workspace).await?;
            scene.fill(tag).await?;
            let theirs = scene.contents();
            scene.bed.konnect.set_post_with_id(options.post_with_id);
            // One that has learnt nothing of this server.
            scene.forget()?;
            let held = scene.migration.observe_target().await?;
            leave_out_all(&scene.bed.konnect, &held, 1);
            let (planned, seen) = scene.plan().await?;
            assert!(
                seen.is_empty() && planned.plan.count(Action::Create) > 20,
                "{server}"
            );
            let applied = scene.carry_out(&planned).await?;
            assert_eq!(scene.contents(), theirs, "{server}: {workspace}");
            assert_eq!(applied.written(), 0, "{server}: {workspace}: {applied:?}");
            let findings: Vec<_> = applied.findings().collect();
            let taken = findings
                .iter()
                .filter(|finding| finding.id == "taken-by-another")
                .count();
            ensure!(
                taken > 3 && taken == foreign(&applied).len(),
                "{server}: {findings:#?}"
            );
            let others = ["taken-by-another", "blocked-by-dependency"];
            assert!(
                findings
                    .iter()
                    .all(|finding| others.contains(&finding.id.as_str())),
                "{server}: {findings:#?}"
            );
            let (rollback, held) = scene.plan_rollback().await?;
            scene.undo(&rollback, &held).await;
            assert_eq!(scene.contents(), theirs, "{server}: {workspace}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn n02_what_is_there_and_equal_is_shared_with_whoever_made_it() -> Result<()> {
    for (server, options) in servers() {
        let mut scene = Scene::start("inventory").await?;
        scene.fill(|_| ()).await?;
        let theirs = scene.contents();
        scene.bed.konnect.set_post_with_id(options.post_with_id);
        scene.forget()?;
        let held = scene.migration.observe_target().await?;
        leave_out_all(&scene.bed.konnect, &held, 1);
        let (planned, _) = scene.plan().await?;
        let applied = scene.carry_out(&planned).await?;
        assert_eq!(
            (applied.written(), &applied.refused),
            (0, &Vec::new()),
            "{server}"
        );
        assert_eq!(
            applied.shared().count(),
            planned.plan.count(Action::Create),
            "{server}"
        );
        let (rollback, held) = scene.plan_rollback().await?;
        assert!(rollback.is_done(), "{server}: {}", rollback.summary());
        scene.undo(&rollback, &held).await;
        assert_eq!(scene.contents(), theirs, "{server}");
    }
    Ok(())
}

#[tokio::test]
async fn n02_an_attempt_of_ours_whose_answer_was_lost_is_no_one_elses() -> Result<()> {
    for lost in ["reset", "drop", "reset-body", "502", "504"] {
        let mut scene = Scene::start("inventory").await?;
        let fault = "POST /core-entities/=503;times=2;skip=3";
        let lost = format!("POST /core-entities/={lost};after;times=8;skip=7");
        scene
            .bed
            .konnect_server
            .set_behaviour(Behaviour::with_faults(&[fault, &lost])?);
        let (planned, applied) = scene.pass().await?;
        assert_eq!(
            (&applied.refused, applied.shared().count()),
            (&Vec::new(), 0),
            "{lost}"
        );
        assert_eq!(applied.created, planned.plan.count(Action::Create), "{lost}");
        scene.bed.konnect_server.set_behaviour(Behaviour::default());
        let (rollback, held) = scene.plan_rollback().await?;
        let undone = scene.undo(&rollback, &held).await;
        assert_eq!(
            (undone.deleted, undone.refused),
            (applied.created, Vec::new()),
            "{lost}"
        );
        assert!(scene.contents().is_empty(), "{lost}");
    }
    Ok(())
}

#[tokio::test]
async fn n02_what_comes_between_the_list_and_the_write_is_not_overwritten() -> Result<()> {
    for (server, options) in servers() {
        let mut scene = Scene::start_with("inventory", options).await?;
        let (planned, _) = scene.plan().await?;
        let mut services = planned
            .desired
            .values()
            .filter(|one| one.entity.kind.name == "services");
        let service = services.next_back().context("a service")?.entity.unpack();
        let (konnect, control_plane) = (scene.bed.konnect.clone(), scene.migration.control_plane.clone());
        let theirs = json!({"name": "theirs", "host": "theirs.example.com"});
        konnect.replace(&control_plane, &path_of(&service)?, &theirs)?;
        let before = scene.contents();
        let applied = scene.carry_out(&planned).await?;
        let after = scene.contents();
        let path = path_of(&service)?;
        assert_eq!(after[&path], before[&path], "{server}");
        let direct: Vec<_> = applied.refused.iter().filter(|one| !one.dependent).collect();
        assert_eq!(direct.len(), 1, "{server}: {:?}", applied.refused);
        assert_eq!(direct[0].finding().id, "taken-by-another");
        assert_eq!(foreign(&applied), [&service.key()]);
    }
    Ok(())
}

#[tokio::test]
async fn n02_what_comes_just_before_the_write_is_refused_by_the_server_itself() -> Result<()> {
    for (server, options) in servers().filter(|(name, _)| name.starts_with("refuses")) {
        let mut scene = Scene::start_with("inventory", options).await?;
        let (planned, _) = scene.plan().await?;
        let creates: Vec<_> = planned.desired.values().map(|one| one.entity.unpack()).collect();
        let (konnect, control_plane) = (scene.bed.konnect.clone(), scene.migration.control_plane.clone());
        // Before every POST somebody makes all that they can of what is yet to be written, and says so in a tag.
        let act = Act::before("POST /core-entities/", move |_| {
            let there = contents(&konnect, &control_plane);
            for entity in &creates {
                let Ok(path) = path_of(entity) else { continue };
                if entity.body.contains_key("tags") && !there.contains_key(&flat(entity)) {
                    // What refers to something that is not there yet is refused.
                    let _ = konnect.replace(&control_plane, &path, &tagged(entity, "theirs"));
                }
            }
        })?;
        scene.bed.konnect_server.meanwhile(act);
        let applied = scene.carry_out(&planned).await?;
        assert!(foreign(&applied).len() > 3, "{server}: {applied:?}");
        let contents = scene.contents();
        for key in foreign(&applied) {
            let entity = planned.desired.values().find(|one| one.entity.key() == *key);
            let entity = entity.context("an entity")?.entity.unpack();
            assert_eq!(
                contents[&flat(&entity)]["tags"],
                json!(["theirs"]),
                "{server}: {key}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn n02_what_came_back_under_another_id_is_taken_back_and_asked_for_from_then_on() -> Result<()> {
    for (workspace, _) in Bed::WORKSPACES {
        let options = Options {
            post_with_id: PostWithId::AssignsIds,
            ..Options::default()
        };
        let mut scene = Scene::start_with(workspace, options).await?;
        let (planned, applied) = scene.pass().await?;
        assert_eq!(applied.refused, [], "{workspace}");
        assert_eq!(applied.created, planned.plan.count(Action::Create));
        assert_eq!(
            scene.migration.observe_target().await?.len(),
            applied.created,
            "{workspace}"
        );
        let requests = scene.requests();
        let count = |method: &str| -> u64 {
            let of_method = requests.iter().filter(|(route, _)| {
                route.starts_with(method) && route.contains("/core-entities/") && !route.ends_with(MEMBERS)
            });
            of_method.map(|(_, count)| count).sum()
        };
        // One shows what a POST does; the rest is asked for and put, but for schemas, which have no id.
        let schemas = planned
            .desired
            .values()
            .filter(|one| one.entity.kind.id_field != "id")
            .count();
        assert_eq!(
            (count("DELETE "), count("POST ")),
            (1, 1 + schemas as u64),
            "{workspace}"
        );
        let (planned, _) = scene.pass().await?;
        assert_eq!(planned.plan.writes(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn n02_a_server_shows_once_what_a_post_does_and_is_asked_anew_after_a_restart() -> Result<()> {
    for (server, reads) in [("refuses", 1), ("overwrites", 0)] {
        let (_, options) = servers().find(|(name, _)| *name == server).context("a server")?;
        let mut scene = Scene::start_with("default", options).await?;
        let (_, applied) = scene.pass().await?;
        assert_eq!(applied.refused, []);
        let requests = scene.requests().into_iter();
        let members = requests.filter(|(route, _)| route.starts_with("POST ") && route.ends_with(MEMBERS));
        let members: u64 = members.map(|(_, count)| count).sum();
        let asked = if reads == 1 {
            1
        } else {
            applied.created as u64 - members
        };
        assert_eq!(scene.single_reads(), asked, "{server}");
        scene.bed.konnect_server.reset_stats();
        let id = |n: u8| format!("51de6f12-d9f9-445d-8534-0000000000{n:02}");
        for (number, expected) in [(1, 1 - reads), (2, 1 - reads), (3, 1)] {
            if number == 3 {
                scene.forget()?;
            }
            let body = json!({"id": id(number), "name": format!("more-{number}"), "host": "h"});
            scene.bed.kong.put("default", "services", body)?;
            scene.bed.konnect_server.reset_stats();
            let (_, applied) = scene.pass().await?;
            assert_eq!(
                (applied.created, scene.single_reads()),
                (1, expected),
                "{server} {number}"
            );
        }
    }
    Ok(())
}
