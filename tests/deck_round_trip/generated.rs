//! Generated workspaces: text that YAML takes for something else, values of every shape, references of every kind.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::kong::engine::DeclarativeFile;
use gateway_migration_operator::kong::model::entity_kinds::{MEMBERS, PLUGIN_SCHEMAS, named};
use gateway_migration_operator::kong::model::{Entity, KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::document::{PlanEnds, plan_report};
use gateway_migration_operator::kong::plan::render::deck;
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, PlanInput, Planned, Policy, build_plan,
};
use gateway_migration_operator::migration::finding::Finding;
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::report::Secrets;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const VERSION: KongVersion = KongVersion { major: 3, minor: 9 };
const WORKSPACE: &str = "default";

/// The plan of a source with what reading it brought to light.
fn plan(source: &Snapshot, notes: &[Finding], target: &Snapshot) -> Planned {
    build_plan(&PlanInput {
        notes,
        source,
        target,
        ledger: &Default::default(),
        version: Some(VERSION),
        policy: &Policy::default(),
        catalogue: Catalogue::bundled(),
        circumstances: &Circumstances::default(),
    })
}

/// A control plane with the schemas of the custom plugins and nothing else.
fn prepared() -> Result<Snapshot> {
    let kind = named(PLUGIN_SCHEMAS).context("schemas of plugins")?;
    let schema = |number| {
        let body = Map::from_iter([("name".to_owned(), json!(format!("our-own-{number}")))]);
        Entity::from_body(kind, body).context("a name")
    };
    (0..4).map(schema).collect()
}

/// What the target holds after all creations.
fn applied(planned: &Planned, before: &Snapshot) -> Snapshot {
    let entities = planned.desired.values().map(|desired| {
        let mut entity = desired.entity.unpack();
        if entity.kind.name != MEMBERS {
            entity.body.insert("id".to_owned(), json!(&*entity.id));
        }
        entity
    });
    before.iter().chain(entities).collect()
}

fn exported(planned: &Planned) -> Result<String> {
    let ends = PlanEnds {
        workspace: WORKSPACE.to_owned(),
        ..PlanEnds::default()
    };
    Ok(deck::render(&plan_report(planned, ends, Secrets::Included))?)
}

/// Migrates, exports, reads the export and plans it against the target: nothing is left to do.
fn check(source: &Snapshot) -> Result<()> {
    let first = plan(source, &[], &prepared()?);
    ensure!(
        first.desired.len() == source.entities.len(),
        "only {} of {} move",
        first.desired.len(),
        source.entities.len()
    );
    let file = exported(&first)?;
    let again = DeclarativeFile::new(SecretString::from(file.clone()), Some(VERSION)).observe(WORKSPACE);
    let again = again.with_context(|| file.clone())?;
    let second = plan(&again.snapshot, &again.notes, &applied(&first, &prepared()?));
    for operation in &second.plan.operations {
        ensure!(operation.action == Action::Unchanged, "{operation:#?}\n{file}");
    }
    let moved: BTreeSet<_> = first
        .desired
        .keys()
        .filter(|key| key.kind != "graphql_costs")
        .collect();
    let found: BTreeSet<_> = second.desired.keys().collect();
    ensure!(moved == found, "{moved:?}\n{found:?}\n{file}");
    Ok(())
}

fn id(kind: &str, number: usize) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}{number}").as_bytes()).to_string()
}

/// Text that survives only careful quoting.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{1,8}",
        2 => prop::sample::select(vec![
            "", " ", "~", "null", "Null", "true", "no", "off", "y", "0", "007", "0o17", "0x1F", "1e3", ".5", "-.inf", ".nan",
            "12:30:45", "2026-01-01", "- a", "a: b", "a #b", "#", "!tag", "&a", "*a", "|", ">", "%", "@", "`", "'", "\"",
            "{a}", "[a]", "<<", "=", "\\", "a\nb", "a\n", "\na", " a", "a ", "a\n\n", "\t", "\u{85}", "\u{2028}", "\u{feff}a",
            "\u{1}", "\u{7f}", "ü😀", "---", "...", "a\r\nb", "${x}", "{{x}}", "__type", "_config",
        ]).prop_map(str::to_owned),
        1 => "[ -~\n\u{80}-\u{ff}]{0,20}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |number| serde_json::Number::from_f64(number)
            .map(Value::Number)),
        text().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What differs from one generated workspace to the next.
#[derive(Clone, Debug)]
struct Seeds {
    texts: Vec<String>,
    values: Vec<Value>,
    flags: u32,
    size: usize,
}

impl Seeds {
    fn text(&self, at: usize) -> &str {
        self.texts.get(at % self.texts.len()).map_or("", String::as_str)
    }

    fn value(&self, at: usize) -> &Value {
        self.values.get(at % self.values.len()).unwrap_or(&Value::Null)
    }

    /// A value, or null.
    fn maybe(&self, at: usize, value: Value) -> Value {
        if self.flags >> (at % 32) & 1 == 1 {
            value
        } else {
            Value::Null
        }
    }

    fn reference(&self, at: usize, kind: &str, number: usize) -> Value {
        self.maybe(at, json!({"id": id(kind, number)}))
    }
}

fn seeds() -> impl Strategy<Value = Seeds> {
    let texts = prop::collection::vec(text(), 1..12);
    let values = prop::collection::vec(value(), 1..6);
    (texts, values, any::<u32>(), 1..4_usize).prop_map(|(texts, values, flags, size)| Seeds {
        texts,
        values,
        flags,
        size,
    })
}

/// A workspace with entities of every kind that decK has a form for.
fn workspace(seeds: &Seeds) -> Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    for number in 0..seeds.size {
        for (kind, body) in unit(seeds, number) {
            let kind = named(kind).with_context(|| format!("no kind {kind}"))?;
            let mut body: Map<String, Value> = body.as_object().cloned().context("an object")?;
            if kind.name != MEMBERS {
                body.insert("id".to_owned(), json!(id(kind.name, number)));
                body.insert(
                    "tags".to_owned(),
                    seeds.maybe(number + 9, json!([seeds.text(number), "x"])),
                );
            }
            snapshot.insert(&Entity::from_body(kind, body).context("an id")?);
        }
    }
    Ok(snapshot)
}

fn unit(seeds: &Seeds, n: usize) -> Vec<(&'static str, Value)> {
    let (text, value) = (
        |at: usize| seeds.text(n + at).to_owned(),
        |at: usize| seeds.value(n + at).clone(),
    );
    let name = |kind: &str| format!("{kind}-{n}");
    let to = |kind: &str| json!({"id": id(kind, n)});
    let mut all = vec![
        (
            "vaults",
            json!({"name": "env", "prefix": name("v"), "description": text(0), "config": {"prefix": text(1), "ttl": null}}),
        ),
        (
            "ca_certificates",
            json!({"cert": format!("-----BEGIN CERTIFICATE-----\n{n}\n-----END CERTIFICATE-----\n")}),
        ),
        (
            "certificates",
            json!({"cert": text(2), "key": text(3), "cert_alt": seeds.maybe(0, json!(text(4))), "key_alt": null}),
        ),
        ("key-sets", json!({"name": seeds.maybe(1, json!(name("set")))})),
        (
            "partials",
            json!({"name": name("partial"), "type": "redis-ee", "config": {"host": text(5), "port": 6379}}),
        ),
        (
            "consumers",
            json!({"username": named_like(seeds, 23, "consumers", n), "custom_id": seeds.maybe(2, json!(name("custom"))), "x_new": value(0)}),
        ),
        (
            "consumer_groups",
            json!({"name": named_like(seeds, 24, "consumer_groups", n)}),
        ),
        (
            "snis",
            json!({"name": format!("sni{n}.example.com"), "certificate": to("certificates")}),
        ),
        (
            "keys",
            json!({"name": name("key"), "kid": name("kid"), "set": seeds.reference(3, "key-sets", n), "jwk": text(6), "pem": null}),
        ),
        ("services", service(seeds, n)),
        ("upstreams", upstream(seeds, n)),
        (
            "key-auths",
            json!({"key": format!("{}{n}", text(7)), "ttl": null, "consumer": to("consumers")}),
        ),
        (
            "basic-auths",
            json!({"username": name("user"), "password": format!("{n:040x}"), "consumer": to("consumers")}),
        ),
        (
            "hmac-auths",
            json!({"username": name("hmac"), "secret": text(8), "consumer": to("consumers")}),
        ),
        (
            "jwts",
            json!({"key": name("iss"), "secret": text(9), "algorithm": "RS256", "rsa_public_key": text(10), "consumer": to("consumers")}),
        ),
        (
            "acls",
            json!({"group": format!("{}{n}", text(11)), "consumer": to("consumers")}),
        ),
        (
            "mtls-auths",
            json!({"subject_name": name("cn"), "consumer": to("consumers"), "ca_certificate": seeds.reference(4, "ca_certificates", n)}),
        ),
        (
            MEMBERS,
            json!({"consumer": to("consumers"), "consumer_group": to("consumer_groups")}),
        ),
        ("routes", route(seeds, n)),
        (
            "targets",
            json!({"target": format!("10.0.0.{n}:80"), "weight": n, "upstream": to("upstreams")}),
        ),
        (
            "degraphql_routes",
            json!({"uri": format!("/q{n}"), "query": text(12), "methods": ["GET"], "service": to("services")}),
        ),
        (
            "graphql_costs",
            json!({"type_path": name("t"), "service": to("services")}),
        ),
    ];
    all.push(("plugins", plugin(seeds, n)));
    all
}

/// A name of its own, or the id of the next entity of the kind, whom a reference could mean then.
fn named_like(seeds: &Seeds, at: usize, kind: &str, n: usize) -> String {
    if seeds.flags >> at & 1 == 1 {
        id(kind, n + 1)
    } else {
        format!("{kind}-{n}")
    }
}

fn service(seeds: &Seeds, n: usize) -> Value {
    json!({
        "name": seeds.maybe(5, json!(named_like(seeds, 25, "services", n))), "host": format!("h{n}.example.com"), "port": 80, "protocol": "https",
        "path": seeds.maybe(6, json!("/a b")), "retries": 5, "connect_timeout": 1, "read_timeout": 2, "write_timeout": 3,
        "enabled": n.is_multiple_of(2), "tls_verify": seeds.maybe(7, json!(true)), "tls_verify_depth": null,
        "client_certificate": seeds.reference(8, "certificates", n),
        "ca_certificates": seeds.maybe(9, json!([id("ca_certificates", n)])),
    })
}

fn route(seeds: &Seeds, n: usize) -> Value {
    json!({
        "name": seeds.maybe(10, json!(format!("route-{n}"))), "paths": [format!("/{n}"), "~/x\\d+$"], "hosts": seeds.maybe(11, json!(["*.example.com"])),
        "methods": null, "protocols": ["http", "https"], "headers": seeds.maybe(12, json!({"x-a": [seeds.text(n), "1"]})), "snis": null,
        "sources": null, "destinations": null, "https_redirect_status_code": 426, "path_handling": "v1", "preserve_host": true,
        "request_buffering": true, "response_buffering": false, "strip_path": false, "regex_priority": 7,
        "service": seeds.reference(13, "services", n),
    })
}

fn upstream(seeds: &Seeds, n: usize) -> Value {
    json!({
        "name": format!("pool-{n}"), "algorithm": "round-robin", "hash_on": "none", "hash_fallback": "none", "hash_on_cookie_path": "/",
        "slots": 100, "use_srv_name": false, "host_header": seeds.maybe(14, json!("h.example.com")),
        "client_certificate": seeds.reference(15, "certificates", n),
        "healthchecks": {
            "threshold": 0.5,
            "active": {
                "type": "http", "http_path": "/", "timeout": 1, "concurrency": 10, "https_verify_certificate": true, "https_sni": null,
                "headers": seeds.maybe(16, json!({"x": [seeds.text(n + 1)]})),
                "healthy": {"http_statuses": [200], "interval": 0, "successes": 0},
                "unhealthy": {"http_statuses": [500], "interval": 0, "http_failures": 0, "tcp_failures": 0, "timeouts": 0},
            },
            "passive": {
                "type": "http", "healthy": {"http_statuses": [200], "successes": 0},
                "unhealthy": {"http_statuses": [500], "http_failures": 0, "tcp_failures": 0, "timeouts": 0},
            },
        },
    })
}

/// A plugin of no published schema, so that any configuration travels, in one of the scopes.
fn plugin(seeds: &Seeds, n: usize) -> Value {
    json!({
        "name": format!("our-own-{n}"), "instance_name": seeds.maybe(17, json!(format!("instance-{n}"))), "enabled": n % 2 == 1,
        "protocols": ["grpc", "http"], "config": {"any": seeds.value(n), "text": seeds.text(n + 2)},
        "ordering": seeds.maybe(18, json!({"before": {"access": ["cors"]}})), "condition": null,
        "service": seeds.reference(19, "services", n), "route": seeds.reference(20, "routes", n),
        "consumer": seeds.reference(21, "consumers", n), "consumer_group": seeds.reference(22, "consumer_groups", n),
    })
}

proptest! {
    // A case plans a whole workspace twice.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_export_of_any_workspace_plans_to_nothing(seeds in seeds()) {
        let checked = workspace(&seeds).and_then(|source| check(&source));
        prop_assert!(checked.is_ok(), "{:?}", checked.err());
    }
}
