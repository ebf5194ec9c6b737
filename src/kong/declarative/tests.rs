//! Files as people have them.

use serde_json::{Value, json};

use super::*;
use crate::kong::model::entity::reference;
use crate::kong::model::{Entity, Packed};
use crate::migration::subject::EntityKey;

fn read(text: &str) -> Document {
    parse(text, DEFAULT_WORKSPACE).unwrap()
}

fn refused(text: &str) -> String {
    parse(text, DEFAULT_WORKSPACE).unwrap_err().to_string()
}

fn of_kind(document: &Document, kind: &'static str) -> Vec<Entity> {
    document.snapshot.of_kind(kind).map(Packed::unpack).collect()
}

fn one(document: &Document, kind: &'static str) -> Entity {
    let found = of_kind(document, kind);
    assert_eq!(found.len(), 1, "{kind}");
    found[0].clone()
}

fn topics(document: &Document) -> Vec<Topic> {
    document.remarks.iter().map(|remark| remark.topic).collect()
}

/// Kong 3.9.1 answered `POST /config` with these ids (recorded exchange 14).
#[test]
fn derived_ids_are_those_that_a_gateway_without_database_gives() {
    let document = read(
        r#"{"_format_version": "3.0", "_transform": true,
        "services": [{"name": "svc-a", "url": "http://a.example.com/p", "tags": ["t"], "routes": [{"name": "rt-a", "paths": ["/a"], "plugins": [{"name": "key-auth"}]}]}],
        "consumers": [{"username": "alice", "keyauth_credentials": [{"key": "k1"}], "acls": [{"group": "g"}]}],
        "upstreams": [{"name": "up-a", "targets": [{"target": "10.0.0.1:80"}]}], "plugins": [{"name": "prometheus"}]}"#,
    );
    for (kind, id) in [
        ("services", "f9002eba-00eb-5072-8729-258268737aa6"),
        ("routes", "26a5a89c-4fef-51e7-a4f3-52122c5870e5"),
        ("consumers", "b32379d9-3d28-5683-a79c-72139be6e34f"),
        ("upstreams", "813a069d-f345-58be-b632-ded8e8df3c05"),
        ("targets", "23a1c525-1fc1-5bf5-a8b5-80a9f317a4fa"),
        ("acls", "1b96d7a2-960b-51bb-aed5-5c95097c3ba4"),
        ("plugins", "4a5a23d0-c958-55f2-90ab-bc3f6e07c336"),
        ("plugins", "18f2f6e2-5e0a-5bfa-93be-849850c0c527"),
    ] {
        let key = EntityKey::new(kind, id);
        assert!(document.snapshot.contains(&key), "{key}");
    }
    assert_eq!(document.snapshot.len(), 9);
    assert_eq!(document.remarks, []);
    let service = &one(&document, "services").body;
    assert_eq!(
        (
            &service["protocol"],
            &service["host"],
            &service["port"],
            &service["path"]
        ),
        (&json!("http"), &json!("a.example.com"), &json!(80), &json!("/p"))
    );
}

#[test]
fn another_workspace_has_other_ids() {
    let text = "_format_version: '3.0'\nservices: [{name: a, host: h}]";
    let id = |workspace| parse(text, workspace).unwrap().snapshot.keys().next().cloned();
    assert_eq!(id("sales"), id("sales"));
    assert_ne!(id("sales"), id(DEFAULT_WORKSPACE));
}

#[test]
fn nested_and_flat_files_say_the_same() {
    let nested = read(
        "
_format_version: '3.0'
services:
- name: s
  host: h
  routes:
  - name: r
    paths: [/r]
    plugins: [{name: cors, config: {}}]
consumer_groups:
- name: g
  consumers: [{username: c}]
  plugins: [{name: rate-limiting-advanced, enabled: false, protocols: [https], config: {limit: [1]}}]
consumers:
- username: c
  basicauth_credentials: [{username: u, password: p}]
certificates:
- cert: C
  key: K
  snis: [{name: a.example.com}]
key_sets:
- name: ks
  keys: [{name: k, kid: '1'}]
",
    );
    let flat = read(
        "
_format_version: '3.0'
services: [{name: s, host: h}]
routes: [{name: r, paths: [/r], service: s}]
plugins:
- {name: cors, route: r, config: {}}
- {name: rate-limiting-advanced, consumer_group: {name: g}, enabled: false, protocols: [https], config: {limit: [1]}}
consumer_groups: [{name: g}]
consumer_group_consumers: [{consumer: c, consumer_group: g}]
consumers: [{username: c, custom_id: null}]
basicauth_credentials: [{username: u, password: p, consumer: {username: c}}]
certificates: [{cert: C, key: K, snis: [a.example.com]}]
key_sets: [{name: ks}]
keys: [{name: k, kid: '1', set: {name: ks}}]
",
    );
    let keys = |document: &Document| document.snapshot.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&nested), keys(&flat));
    assert_eq!(nested.snapshot.len(), 12);
    for entity in nested.snapshot.iter() {
        let key = entity.key();
        let other = flat.snapshot.get(&key).unwrap().body;
        assert!(
            entity.body.iter().all(|(field, value)| other[field] == *value),
            "{key}"
        );
    }
    let group = of_kind(&nested, "plugins")
        .into_iter()
        .find(|plugin| reference(&plugin.body, "consumer_group").is_some())
        .unwrap();
    assert_eq!(
        (&group.body["enabled"], &group.body["protocols"]),
        (&json!(false), &json!(["https"]))
    );
}

#[test]
fn members_may_be_named_on_either_side() {
    let inside = read(
        "_format_version: '3.0'\nconsumers: [{username: c, groups: [{name: g}]}]\nconsumer_groups: [{name: g}]",
    );
    let outside = read(
        "_format_version: '3.0'\nconsumers: [{username: c}]\nconsumer_groups: [{name: g, consumers: [c]}]",
    );
    assert_eq!(
        one(&inside, "consumer_group_members").id,
        one(&outside, "consumer_group_members").id
    );
    let both = refused(
        "_format_version: '3.0'\nconsumers: [{username: c, groups: [{name: g}]}]\nconsumer_groups: [{name: g, consumers: [c]}]",
    );
    assert!(
        both.contains("consumers[0].groups[0]") && both.contains("same ends"),
        "{both}"
    );
}

#[test]
fn ids_of_the_file_stay() {
    let id = "11111111-1111-4111-8111-111111111111";
    let document = read(&format!(
        "_format_version: '1.1'\nservices: [{{id: {id}, name: s, host: h}}]\nroutes: [{{name: r, paths: [/r], service: {{id: {id}}}}}]"
    ));
    assert_eq!(&*one(&document, "services").id, id);
    assert_eq!(reference(&one(&document, "routes").body, "service"), Some(id));
    assert!(
        refused("_format_version: '3.0'\nservices: [{id: one, host: h}]")
            .contains("services[0] has an id that is no UUID")
    );
}

#[test]
fn lists_of_references_are_resolved() {
    let ca = "22222222-2222-4222-8222-222222222222";
    let document = read(&format!(
        "_format_version: '3.0'\nca_certificates: [{{id: {ca}, cert: C}}]\npartials: [{{name: redis, type: redis-ce, config: {{}}}}]\n\
         services: [{{name: s, host: h, ca_certificates: [{ca}]}}]\nplugins: [{{name: rate-limiting, partials: [{{name: redis, path: config.redis}}]}}]"
    ));
    assert_eq!(one(&document, "services").body["ca_certificates"], json!([ca]));
    let partial = &one(&document, "partials").id;
    assert_eq!(
        one(&document, "plugins").body["partials"],
        json!([{"id": partial, "path": "config.redis"}])
    );
}

#[test]
fn a_name_that_is_not_in_the_file_blocks_the_entity_and_is_told() {
    let document = read("_format_version: '3.0'\nroutes: [{name: r, paths: [/r], service: none}]");
    assert_eq!(topics(&document), [Topic::NameNotFound]);
    let remark = &document.remarks[0];
    assert!(
        remark.observed.contains("routes[0]") && remark.observed.contains("\"none\""),
        "{}",
        remark.observed
    );
    assert_eq!(remark.field.as_deref(), Some("service"));
    let missing = one(&document, "routes").references().remove(0);
    assert!(!document.snapshot.contains(&missing));
}

#[test]
fn duplicates_are_refused_by_place_and_without_values() {
    let same_name = refused("_format_version: '3.0'\nconsumers: [{username: a}, {username: a}]");
    assert!(
        same_name.contains("consumers[1] has the same username as consumers[0]"),
        "{same_name}"
    );
    let secret = refused(
        "_format_version: '3.0'\nconsumers: [{username: a, keyauth_credentials: [{key: canary}, {key: canary}]}]",
    );
    assert!(
        secret.contains("keyauth_credentials[1] has the same key") && !secret.contains("canary"),
        "{secret}"
    );
    let routes = refused("_format_version: '3.0'\nroutes: [{paths: [/a]}, {paths: [/a]}]");
    assert!(routes.contains("routes[1]"), "{routes}");
    let key = refused("_format_version: '3.0'\nservices: []\nservices: []");
    assert!(key.contains("line 3") && key.contains("twice"), "{key}");
    assert!(refused(r#"{"_format_version": "3.0", "services": [], "services": []}"#).contains("twice"));
}

#[test]
fn faults_of_the_whole_file_say_what_to_do() {
    assert!(refused("_format_version: '9.9'").contains("has _format_version 9.9"));
    assert!(refused("services: []").contains("has _format_version missing"));
    assert!(refused("just text").contains("_format_version"));
    assert!(refused("a: [canary").contains("not readable as YAML at line 1"));
    assert!(refused("kind: canary\n---\nkind: canary\n").contains("a second document begins there"));
    assert!(!refused("a: [canary").contains("canary"));
    assert!(refused("{\"a\": canary").contains("not readable as JSON at line 1"));
    assert!(
        refused("_format_version: '3.0'\n_workspace: sales").contains("set spec.source.workspace to sales")
    );
    assert!(refused("_format_version: '3.0'\nservices: {name: s}").contains("services is no list"));
    assert!(refused("_format_version: '3.0'\nservices: [s]").contains("services[0] is no record"));
    let contradiction = "_format_version: '3.0'\nservices: [{name: a, host: h, routes: [{name: r, service: b}]}, {name: b, host: h}]";
    assert!(refused(contradiction).contains("services[0].routes[0] names another service"));
}

#[test]
fn formats_without_quotes_are_read_too() {
    assert_eq!(read("_format_version: 3.0").format, Format::V3_0);
    assert_eq!(read("_format_version: 1.1").format, Format::V1_1);
    assert_eq!(read("_format_version: '2.1'").format, Format::V2_1);
}

#[test]
fn what_is_not_moved_is_named_with_its_count() {
    let document = read(
        "_format_version: '3.0'\n_konnect: {control_plane_name: x}\n_info: {default_lookup_tags: {}}\nservice_packages: [{name: x}]\nservces: [{}, {}]",
    );
    assert_eq!(
        topics(&document),
        [
            Topic::UnknownList,
            Topic::ListNotMoved,
            Topic::SettingIgnored,
            Topic::SettingIgnored
        ]
    );
    assert!(document.remarks[0].observed.contains("2 entries in servces"));
}

#[test]
fn defaults_and_select_tags_of_the_file_are_written_out() {
    let document = read(
        "
_format_version: '3.0'
_info:
  select_tags: [team-a, team-b]
  defaults:
    service: {retries: 2, port: 8080}
    upstream: {healthchecks: {active: {type: tcp, timeout: 3}}}
_plugin_configs: {shared: {minute: 5, policy: local}}
services: [{name: s, host: h, port: 81, tags: [team-a, own]}]
upstreams: [{name: u, healthchecks: {active: {timeout: 9}}}]
plugins: [{name: rate-limiting, _config: shared, config: {minute: 6}}]
",
    );
    let service = &one(&document, "services").body;
    assert_eq!((&service["retries"], &service["port"]), (&json!(2), &json!(81)));
    assert_eq!(service["tags"], json!(["team-a", "own", "team-b"]));
    let upstream = &one(&document, "upstreams").body;
    assert_eq!(
        upstream["healthchecks"],
        json!({"active": {"type": "tcp", "timeout": 9}})
    );
    let plugin = &one(&document, "plugins").body;
    assert_eq!(plugin["config"], json!({"minute": 6, "policy": "local"}));
    assert!(!plugin.contains_key("_config"));
}

#[test]
fn regular_expressions_of_kong_2_are_reported() {
    let routes = "routes: [{name: r, paths: [/plain/v1.0, '/users/\\d+$', '~/marked/.*']}]";
    let old = read(&format!("_format_version: '1.1'\n{routes}"));
    assert_eq!(topics(&old), [Topic::RegexPathUnmarked]);
    assert!(old.remarks[0].observed.contains("/users/\\d+$"));
    assert_eq!(read(&format!("_format_version: '3.0'\n{routes}")).remarks, []);
}

#[test]
fn passwords_in_clear_become_what_the_gateway_stores() {
    let id = "33333333-3333-4333-8333-333333333333";
    let file = |extra: &str, password: &str| {
        read(&format!(
            "_format_version: '3.0'\n{extra}\nconsumers: [{{id: {id}, username: c, basicauth_credentials: [{{username: u, password: {password}}}]}}]"
        ))
    };
    let password = |document: &Document| one(document, "basic-auths").body["password"].clone();
    // SHA-1 of "secret" followed by the consumer's id.
    let digest = "6a957fbb6db2360faa8367d80a7057953e0d602e";
    assert_eq!(password(&file("", "secret")), json!(digest));
    assert_eq!(password(&file("", digest)), json!(digest));
    assert_eq!(
        password(&file("_transform: false", "other-form")),
        json!("other-form")
    );
    let lost = read(&format!(
        "_format_version: '3.0'\nconsumers: [{{username: c, basicauth_credentials: [{{username: u, password: {digest}}}]}}]"
    ));
    assert_eq!(topics(&lost), [Topic::PasswordHashWithoutConsumerId]);
}

#[test]
fn unknown_fields_travel_with_their_entity() {
    let document = read("_format_version: '3.0'\nservices: [{name: s, host: h, brand_new: {a: [1, null]}}]");
    assert_eq!(
        one(&document, "services").body["brand_new"],
        json!({"a": [1, null]})
    );
    assert_eq!(one(&document, "services").body.get("url"), None::<&Value>);
}

#[test]

fn limits_of_groups_in_a_db_less_file_are_overrides() {
    let document = read(
        "_format_version: '3.0'
consumer_groups: [{name: gold}]
consumer_group_plugins: [{name: rate-limiting-advanced, consumer_group: gold, config: {limit: [50], window_size: [60]}}]",
    );
    let group = one(&document, "consumer_groups").id.clone();
    let found = one(&document, "consumer_group_overrides");
    assert_eq!(found.body["consumer_group"], json!({"id": group}));
    assert!(document.remarks.is_empty());
}

#[test]
fn a_variable_that_only_deck_replaces_is_refused_before_it_is_written_as_a_secret() {
    let error = refused(
        r#"
_format_version: '3.0'
consumers: [{username: a, keyauth_credentials: [{key: '${{ env "DECK_KEY" }}'}]}]
"#,
    );
    assert!(
        error.contains("consumers[0].keyauth_credentials[0] has a variable of decK in key")
            && error.contains("deck file render"),
        "{error}"
    );
    read("_format_version: '3.0'\nplugins: [{name: our-own, config: {template: '${{ x }} env'}}]");
}

#[test]
fn an_id_is_meant_before_a_name_that_looks_like_it() {
    let document = read(
        "
_format_version: '3.0'
services:
- {id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b001, name: a, host: h}
- {id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b002, name: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b001, host: h}
plugins: [{name: cors, service: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b001}]
",
    );
    assert_eq!(
        reference(&one(&document, "plugins").body, "service"),
        Some("5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b001")
    );
}
