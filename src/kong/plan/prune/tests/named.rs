//! What others call by name, in their configuration.

use super::*;

fn plugin(id: &str, name: &str, config: Value) -> Entity {
    entity("plugins", json!({"id": id, "name": name, "config": config}))
}

/// A consumer, a key set with a key, and an upstream with a target: all migrated, and lost by the source since.
fn lost() -> PruneWorld {
    let mut world = PruneWorld::migrated(&[
        ("consumers", json!({"id": "c", "username": "nobody"})),
        ("key-sets", json!({"id": "k", "name": "partners"})),
        (
            "keys",
            json!({"id": "y", "name": "y", "kid": "y", "jwk": "{}", "set": {"id": "k"}}),
        ),
        ("upstreams", json!({"id": "u", "name": "backend"})),
        (
            "targets",
            json!({"id": "t", "target": "a:1", "upstream": {"id": "u"}}),
        ),
        ("services", json!({"id": "s", "host": "h"})),
    ]);
    for (kind, id) in [
        ("consumers", "c"),
        ("key-sets", "k"),
        ("keys", "y"),
        ("upstreams", "u"),
        ("targets", "t"),
    ] {
        world.lose(kind, id);
    }
    assert_eq!(world.deleted().len(), 5);
    world
}

fn told(world: &PruneWorld) -> Vec<String> {
    let findings = world.plan().plan.findings.into_iter();
    let held = findings.filter(|finding| finding.id == PRUNE_STILL_REFERENCED.id);
    held.map(|finding| format!("{}: {}", finding.subject.key, finding.observed))
        .collect()
}

#[test]
fn what_a_foreign_plugin_names_by_name_or_id_stays() {
    for text in ["nobody", "c"] {
        let mut world = lost();
        world
            .target
            .insert(plugin("p", "key-auth", json!({"anonymous": text})));
        assert_eq!(
            told(&world),
            ["consumers/c: plugins/key-auth (p) names it in config.anonymous"]
        );
        assert_eq!(world.deleted().len(), 4);
    }
}

#[test]
fn what_is_named_keeps_what_it_consists_of() {
    let mut world = lost();
    world
        .target
        .insert(plugin("p", "jwe-decrypt", json!({"key_sets": ["partners"]})));
    let theirs = json!({"id": "x", "name": "theirs", "host": "backend"});
    world.target.insert(entity("services", theirs));
    assert_eq!(
        told(&world),
        [
            "key-sets/k: plugins/jwe-decrypt (p) names it in config.key_sets[]",
            "keys/y: plugins/jwe-decrypt (p) names key-sets/k, of which it is a part",
            "targets/t: services/theirs (x) names upstreams/u, of which it is a part",
            "upstreams/u: services/theirs (x) names it in host",
        ]
    );
    assert_eq!(world.deleted(), ["consumers/c"]);
}

#[test]
fn what_the_source_itself_still_names_goes_there_as_here() {
    let mut world = shop();
    let named = json!({"id": "u", "name": "h"});
    world.source.insert(entity("upstreams", named));
    world.run();
    world.lose("upstreams", "u");
    assert_eq!(world.deleted(), ["upstreams/u"]);
    assert_eq!(told(&world), Vec::<String>::new());
}

#[test]
fn who_is_pointed_elsewhere_by_the_run_is_waited_for() {
    let mut world = PruneWorld::migrated(&[
        ("consumers", json!({"id": "c", "username": "nobody"})),
        (
            "plugins",
            json!({"id": "p", "name": "key-auth", "config": {"anonymous": "c"}}),
        ),
    ]);
    world.lose("consumers", "c");
    world
        .source
        .insert(plugin("p", "key-auth", json!({"anonymous": null})));
    let planned = world.plan();
    let deletion = planned.deletions.values().next().unwrap();
    let released: Vec<_> = deletion.released_by.iter().map(ToString::to_string).collect();
    assert_eq!(released, ["plugins/p"]);
}

#[test]
fn a_name_that_another_entity_takes_over_is_answered_and_an_id_is_not() {
    let again = |world: &mut PruneWorld| {
        let upstream = json!({"id": "v", "name": "backend"});
        world.source.insert(entity("upstreams", upstream));
        let consumer = json!({"id": "d", "username": "nobody"});
        world.source.insert(entity("consumers", consumer));
    };
    let mut world = lost();
    again(&mut world);
    let theirs = json!({"id": "x", "name": "theirs", "host": "backend"});
    world.target.insert(entity("services", theirs));
    world
        .target
        .insert(plugin("p", "key-auth", json!({"anonymous": "nobody"})));
    assert_eq!((told(&world), world.deleted().len()), (Vec::new(), 5));
    let mut by_id = lost();
    again(&mut by_id);
    by_id
        .target
        .insert(plugin("p", "key-auth", json!({"anonymous": "c"})));
    assert_eq!(
        told(&by_id),
        ["consumers/c: plugins/key-auth (p) names it in config.anonymous"]
    );
    assert_eq!(
        by_id.found(&crate::kong::plan::planner_rules::NAME_TAKEN),
        ["consumers/d"]
    );
}

#[test]
fn what_is_kept_as_a_part_keeps_what_it_refers_to() {
    let mut world = PruneWorld::migrated(&[
        ("consumers", json!({"id": "c", "username": "anna"})),
        ("consumer_groups", json!({"id": "g", "name": "gold"})),
        (
            "consumer_group_members",
            json!({"id": "g/c", "consumer": {"id": "c"}, "consumer_group": {"id": "g"}}),
        ),
        ("services", json!({"id": "s", "host": "h"})),
    ]);
    for (kind, id) in [
        ("consumers", "c"),
        ("consumer_groups", "g"),
        ("consumer_group_members", "g/c"),
    ] {
        world.lose(kind, id);
    }
    assert_eq!(world.deleted().len(), 3);
    // Somebody's plugin names the group, so the membership is told to stay: Konnect deletes it with its consumer.
    let config = json!({"consumer_groups": ["gold"]});
    world.target.insert(plugin("p", "rate-limiting-advanced", config));
    assert!(
        told(&world)
            .iter()
            .any(|line| line.starts_with("consumer_group_members/g/c: "))
    );
    assert_eq!(world.deleted(), Vec::<String>::new());
}
