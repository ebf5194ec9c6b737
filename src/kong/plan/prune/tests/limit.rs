//! More is gone than one pass may delete.

use super::*;
use crate::kong::plan::input::PruneLimit;

/// A world of so many migrated services, of which the source has lost so many.
fn services(all: usize, lost: usize) -> PruneWorld {
    let bodies: Vec<_> = (0..all)
        .map(|number| ("services", json!({"id": format!("s{number:02}"), "host": "h"})))
        .collect();
    let mut world = PruneWorld::migrated(&bodies);
    for number in 0..lost {
        world.lose("services", &format!("s{number:02}"));
    }
    world
}

fn observed(world: &PruneWorld) -> Option<String> {
    let findings = world.plan().plan.findings;
    let limit = findings.into_iter().find(|finding| finding.id == PRUNE_LIMIT.id);
    limit.map(|finding| finding.observed)
}

#[test]
fn beyond_the_share_nothing_is_deleted_and_the_counts_are_told() {
    assert_eq!(services(40, 12).deleted().len(), 12);
    let world = services(40, 13);
    assert!(world.deleted().is_empty());
    let text = "13 of the 40 entities that this migration created would be deleted (13 services), and spec.pruneLimit allows 12 \
                (30%, and 10 in any case)";
    assert_eq!(observed(&world).as_deref(), Some(text));
    assert_eq!(withheld(&world.plan().plan).unwrap().id, PRUNE_LIMIT.id);
}

#[test]
fn a_few_may_always_go_unless_the_user_says_otherwise() {
    let mut world = services(11, 10);
    assert_eq!(world.deleted().len(), 10);
    assert_eq!(observed(&world), None);
    for limit in [
        PruneLimit::Percent(90),
        PruneLimit::Count(9),
        PruneLimit::Count(0),
    ] {
        world.policy.prune_limit = limit;
        assert!(world.deleted().is_empty(), "{limit}");
    }
    for limit in [PruneLimit::Percent(91), PruneLimit::Count(10)] {
        world.policy.prune_limit = limit;
        assert_eq!(world.deleted().len(), 10, "{limit}");
    }
}

#[test]
fn what_is_kept_back_makes_no_room_and_what_is_not_gone_goes_on() {
    let mut world = services(40, 20);
    world
        .source
        .insert(entity("services", json!({"id": "new", "host": "h"})));
    assert!(world.deleted().is_empty());
    assert_eq!(world.plan().plan.count(Action::Create), 1);
    // What somebody changed would not be deleted, and does not count.
    for number in 0..8 {
        let theirs = json!({"id": format!("s{number:02}"), "host": "theirs"});
        world.target.insert(entity("services", theirs));
    }
    assert_eq!(world.deleted().len(), 12);
}

#[test]
fn an_interrupted_run_stays_within_its_limit_and_under_its_hash() {
    for done in 0..13 {
        let mut world = services(40, 12);
        let planned = world.plan();
        world.ledger.intend(&planned, &world.target, NOW);
        for key in planned.deletions.keys().take(done) {
            world.target.remove(key);
        }
        let rest = world.plan();
        assert_eq!((rest.deletions.len(), observed(&world)), (12 - done, None));
        assert_eq!(rest.plan.hash, planned.plan.hash);
    }
}

#[test]
fn what_a_run_creates_does_not_move_the_limit_before_it_is_settled() {
    let mut world = services(40, 13);
    for number in 0..20 {
        let body = json!({"id": format!("n{number:02}"), "host": "h"});
        world.source.insert(entity("services", body));
    }
    let planned = world.plan();
    world.ledger.intend(&planned, &world.target, NOW);
    for desired in planned.desired.values().take(10) {
        world.target.insert_packed(desired.entity.clone());
    }
    let rest = world.plan();
    assert_eq!((rest.deletions.len(), &rest.plan.hash), (0, &planned.plan.hash));
    // By then the migration has created more.
    world.run();
    assert_eq!(world.deleted().len(), 13);
}
