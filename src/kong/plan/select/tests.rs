//! Cases of selections.

use serde_json::json;

use super::super::input::{Change, Selection, Transform};
use super::super::test_support::snapshot;
use super::*;

fn taken(selection: &Selection) -> Vec<String> {
    let source = snapshot(&[
        ("services", json!({"id": "s", "name": "api", "host": "h"})),
        ("services", json!({"id": "t", "name": "other", "host": "h"})),
        (
            "routes",
            json!({"id": "r", "tags": ["shop"], "service": {"id": "s"}}),
        ),
        ("consumers", json!({"id": "c", "tags": ["shop"], "username": "u"})),
        ("key-auths", json!({"id": "k", "consumer": {"id": "c"}})),
        ("consumer_groups", json!({"id": "g", "name": "gold"})),
        (
            "consumer_group_members",
            json!({"consumer_group": {"id": "g"}, "consumer": {"id": "c"}}),
        ),
    ]);
    taken_of(&source, selection, Vec::new())
}

fn taken_of(source: &Snapshot, selection: &Selection, transforms: Vec<Transform>) -> Vec<String> {
    let policy = Policy {
        select: selection.clone(),
        transforms,
        ..Policy::default()
    };
    let selected = select(source, &policy, None, &Names::of(source));
    source
        .keys()
        .filter(|key| selected.contains(key))
        .map(ToString::to_string)
        .collect()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn everything_takes_part_by_default() {
    assert_eq!(taken(&Selection::default()).len(), 7);
}

#[test]
fn tags_take_what_is_owned_and_what_is_referred_to() {
    let selection = Selection {
        tags: strings(&["shop"]),
        ..Selection::default()
    };
    assert_eq!(
        taken(&selection),
        ["consumers/c", "key-auths/k", "routes/r", "services/s"]
    );
}

#[test]
fn kinds_take_their_dependencies() {
    let selection = Selection {
        kinds: strings(&["routes"]),
        ..Selection::default()
    };
    assert_eq!(taken(&selection), ["routes/r", "services/s"]);
    let selection = Selection {
        kinds: strings(&["consumers", "consumer_groups"]),
        ..Selection::default()
    };
    assert_eq!(
        taken(&selection),
        ["consumer_group_members/g/c", "consumer_groups/g", "consumers/c"]
    );
}

#[test]
fn an_exclusion_wins_over_a_dependency() {
    let exclude = vec![Exclusion {
        kind: "services".into(),
        name: Some("api".into()),
    }];
    let selection = Selection {
        kinds: strings(&["routes"]),
        exclude,
        ..Selection::default()
    };
    assert_eq!(taken(&selection), ["routes/r"]);
}

/// A plugin on a route of a service whose host is an upstream, that names a guest, and takes its secret from a vault.
fn by_name() -> Snapshot {
    snapshot(&[
        ("services", json!({"id": "s", "name": "api", "host": "pool"})),
        ("routes", json!({"id": "r", "service": {"id": "s"}})),
        (
            "plugins",
            json!({"id": "p", "name": "key-auth", "tags": ["shop"], "route": {"id": "r"},
                "config": {"anonymous": "guest", "realm": "{vault://secrets/realm}"}}),
        ),
        ("consumers", json!({"id": "c", "username": "guest"})),
        ("consumers", json!({"id": "d", "username": "somebody"})),
        (
            "vaults",
            json!({"id": "v", "prefix": "secrets", "name": "hcv", "config": {"token": "{vault://tokens/hcv}"}}),
        ),
        ("vaults", json!({"id": "w", "prefix": "tokens", "name": "env"})),
        (
            "upstreams",
            json!({"id": "u", "name": "pool", "client_certificate": {"id": "x"}}),
        ),
        ("upstreams", json!({"id": "o", "name": "other"})),
        (
            "targets",
            json!({"id": "t", "target": "a:80", "upstream": {"id": "u"}}),
        ),
        (
            "targets",
            json!({"id": "n", "target": "a:80", "upstream": {"id": "o"}}),
        ),
        ("certificates", json!({"id": "x", "cert": "c"})),
    ])
}

fn shop() -> Selection {
    Selection {
        tags: strings(&["shop"]),
        ..Selection::default()
    }
}

#[test]
fn what_is_named_comes_along_with_what_it_needs_itself() {
    assert_eq!(
        taken_of(&by_name(), &shop(), Vec::new()),
        [
            "certificates/x",
            "consumers/c",
            "plugins/p",
            "routes/r",
            "services/s",
            "targets/t",
            "upstreams/u",
            "vaults/v",
            "vaults/w",
        ]
    );
}

#[test]
fn every_place_that_names_an_entity_brings_it_along() {
    let plugin = |name: &str, config| ("plugins", json!({"id": "p", "name": name, "config": config}));
    for (plugin, named) in [
        (plugin("basic-auth", json!({"anonymous": "c"})), "consumers/c"),
        (
            plugin(
                "mtls-auth",
                json!({"default_consumer": "guest", "ca_certificates": []}),
            ),
            "consumers/c",
        ),
        (
            plugin("mtls-auth", json!({"ca_certificates": ["a"]})),
            "ca_certificates/a",
        ),
        (
            plugin("rate-limiting-advanced", json!({"consumer_groups": ["gold"]})),
            "consumer_groups/g",
        ),
        (
            plugin("jwe-decrypt", json!({"key_sets": ["partners"]})),
            "key-sets/k",
        ),
        (
            plugin("openid-connect", json!({"tls_client_auth_cert_id": "x"})),
            "certificates/x",
        ),
        (
            plugin("http-log", json!({"client_certificate": {"id": "x"}})),
            "certificates/x",
        ),
        (
            plugin(
                "jwt-signer",
                json!({"channel_token_keyset_client_certificate": {"id": "x"}}),
            ),
            "certificates/x",
        ),
        (
            plugin("route-by-header", json!({"rules": [{"upstream_name": "pool"}]})),
            "upstreams/u",
        ),
        (plugin("canary", json!({"upstream_host": "pool"})), "upstreams/u"),
        (
            plugin("our-own", json!({"deep": [{"text": "{vault://secrets/x}"}]})),
            "vaults/v",
        ),
    ] {
        let source = snapshot(&[
            plugin.clone(),
            ("consumers", json!({"id": "c", "username": "guest"})),
            ("ca_certificates", json!({"id": "a"})),
            ("consumer_groups", json!({"id": "g", "name": "gold"})),
            ("key-sets", json!({"id": "k", "name": "partners"})),
            ("certificates", json!({"id": "x"})),
            ("upstreams", json!({"id": "u", "name": "pool"})),
            ("vaults", json!({"id": "v", "prefix": "secrets"})),
        ]);
        let selection = Selection {
            kinds: strings(&["plugins"]),
            ..Selection::default()
        };
        let mut expected = vec![named.to_owned(), "plugins/p".to_owned()];
        expected.sort();
        assert_eq!(taken_of(&source, &selection, Vec::new()), expected, "{plugin:?}");
    }
}

#[test]
fn an_excluded_name_does_not_come_along() {
    let exclude = |kind: &str, name: &str| Exclusion {
        kind: kind.into(),
        name: Some(name.into()),
    };
    let selection = Selection {
        exclude: vec![exclude("consumers", "guest"), exclude("upstreams", "pool")],
        ..shop()
    };
    assert_eq!(
        taken_of(&by_name(), &selection, Vec::new()),
        ["plugins/p", "routes/r", "services/s", "vaults/v", "vaults/w"]
    );
}

#[test]
fn what_a_transform_makes_of_a_reference_counts() {
    let transform = |kind: &str, path: &str, value: &str| Transform {
        kind: kind.into(),
        name: None,
        tags: Vec::new(),
        change: Change::Patch(
            serde_json::from_value(json!([{"op": "replace", "path": path, "value": value}])).unwrap(),
        ),
        reason: "why".into(),
    };
    let taken = taken_of(
        &by_name(),
        &shop(),
        vec![
            transform("services", "/host", "other"),
            transform("plugins", "/config/anonymous", "somebody"),
        ],
    );
    for (key, comes) in [
        ("upstreams/o", true),
        ("targets/n", true),
        ("consumers/d", true),
        ("upstreams/u", false),
        ("consumers/c", false),
    ] {
        assert_eq!(taken.iter().any(|taken| taken == key), comes, "{key}: {taken:?}");
    }
}
