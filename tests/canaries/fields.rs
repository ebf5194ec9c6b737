//! Entities with a canary in each secret field.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use gateway_migration_operator::kong::model::entity_kinds::{ENTITY_KINDS, named};
use gateway_migration_operator::kong::model::{Entity, EntityKind, Snapshot};
use gateway_migration_operator::migration::subject::EntityKey;
use serde_json::{Map, Value, json};

/// Secret fields of plugins, as their schemas mark them.
const MARKS: &str = include_str!("../../src/kong/plan/data/plugin-secrets.json");

/// Where secrets are found that no schema marks: kind and body, with `%` for the canary.
const UNMARKED: &[(&str, &str)] = &[
    (
        "plugins",
        r#"{"name": "request-transformer", "config": {"add": {"headers": ["Authorization: Basic %"]}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "request-transformer", "config": {"replace": {"headers": ["x-upstream-key:%"]}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "request-transformer", "config": {"append": {"querystring": ["api_key:%"]}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "request-transformer", "config": {"add": {"body": ["password:%"]}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "request-transformer-advanced", "config": {"add": {"headers": ["Cookie: id=%"]}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "http-log", "config": {"http_endpoint": "https://logs", "headers": {"Authorization": "%"}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "http-log", "config": {"http_endpoint": "https://logs", "headers": {"X-Api-Key": "%"}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "http-log", "config": {"http_endpoint": "https://logger:%@logs.example.com/in"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "zipkin", "config": {"http_endpoint": "https://spans.example.com/?api-key=%"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "opentelemetry", "config": {"traces_endpoint": "https://a:%@spans.example.com", "headers": {"x-auth": "%"}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "request-callout", "config": {"callouts": [{"name": "c", "request": {"url": "https://%@api.example.com", "headers": {"custom": {"x-key": "%"}}, "query": {"custom": {"token": "%"}}}}]}}"#,
    ),
    (
        "plugins",
        r#"{"name": "openid-connect", "config": {"userinfo_headers_values": ["%"], "discovery_headers_values": ["%"], "token_headers_values": ["%"], "authorization_query_args_values": ["%"], "token_post_args_values": ["%"], "introspection_post_args_values": ["%"]}}"#,
    ),
    (
        "plugins",
        r#"{"name": "openid-connect", "config": {"issuer": "https://user:%@id.example.com"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "oauth2-introspection", "config": {"authorization_value": "Basic %", "custom_introspection_headers": {"x-api-key": "%"}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "ai-proxy-advanced", "config": {"vectordb": {"pgvector": {"ssl_cert_key": "%"}}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "ai-mcp-proxy", "config": {"tools": [{"headers": {"authorization": ["Bearer %"]}, "query": {"apikey": ["%"]}}]}}"#,
    ),
    (
        "plugins",
        r#"{"name": "ai-custom-guardrail", "config": {"request": {"url": "https://g/?token=%", "headers": {"x-token": "%"}, "body": {"secret": "%"}}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "request-termination", "config": {"body": "{\"access_token\": \"%\"}"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "solace-consume", "config": {"session": {"authentication": {"basic_auth_header": "%"}}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "forward-proxy", "config": {"auth_password": "%", "http_proxy_host": "http://u:%@proxy"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "rate-limiting", "config": {"minute": 5, "policy": "redis", "redis_password": "%"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "rate-limiting", "config": {"minute": 5, "policy": "redis", "redis_password": "%", "redis": {"password": "%b"}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "response-transformer", "config": {"add": {"headers": ["Set-Cookie:session=%"], "json": ["api_key:%"]}}}"#,
    ),
    (
        "plugins",
        r#"{"name": "our-own", "config": {"licence": "%", "deep": [{"x": ["%"], "map": {"any": "%"}}]}}"#,
    ),
    (
        "plugins",
        r#"{"name": "not-uploaded", "config": {"licence": "%"}}"#,
    ),
    (
        "plugins",
        r#"{"name": "our-own", "config": {"on": true}, "api_token": "%"}"#,
    ),
    (
        "services",
        r#"{"host": "h", "name": "s", "path": "/in?api_key=%"}"#,
    ),
    (
        "services",
        r#"{"host": "h", "name": "t", "url": "https://user:%@example.com/in"}"#,
    ),
    (
        "services",
        r#"{"host": "user:%@localhost", "name": "u", "auth_token": "%"}"#,
    ),
    (
        "services",
        r#"{"host": "h", "name": "v", "upstream_headers": {"Authorization": ["Bearer %"]}}"#,
    ),
    (
        "routes",
        r#"{"name": "r", "paths": ["/"], "headers": {"x-api-key": ["%"]}}"#,
    ),
    (
        "upstreams",
        r#"{"name": "u", "healthchecks": {"active": {"headers": {"Authorization": ["Basic %"], "x-auth": ["%"]}}}}"#,
    ),
    ("upstreams", r#"{"name": "v", "client_secret": "%"}"#),
    (
        "consumers",
        r#"{"username": "c", "password": "%", "meta": {"private": "%"}}"#,
    ),
    (
        "vaults",
        r#"{"name": "our-vault", "prefix": "own", "config": {"anything": "%"}}"#,
    ),
    ("snis", r#"{"name": "example.com", "certificate_password": "%"}"#),
];

/// A canary and where it is.
#[derive(Debug)]
pub struct Planted {
    /// The entity.
    pub entity: EntityKey,
    /// Entity and field, for a person.
    pub place: String,
    /// The text.
    pub canary: String,
}

/// Makes entities; each canary is a text of its own.
struct Planter<'a> {
    prefix: &'a str,
    snapshot: Snapshot,
    planted: Vec<Planted>,
}

/// All entities, and the canaries in them. Two prefixes give the same entities with other secrets.
pub fn planted(prefix: &str) -> Result<(Snapshot, Vec<Planted>)> {
    let mut planter = Planter {
        prefix,
        snapshot: Snapshot::default(),
        planted: Vec::new(),
    };
    planter.insert("consumers", "consumer", json!({"username": "owner"}))?;
    planter.insert("consumer_groups", "group", json!({"name": "group"}))?;
    for kind in ENTITY_KINDS.iter().filter(|kind| !kind.secrets.is_empty()) {
        for field in kind.secrets {
            planter.plant_kind(kind, field)?;
        }
    }
    let marks: BTreeMap<String, Vec<String>> = serde_json::from_str(MARKS)?;
    for (plugin, fields) in &marks {
        for field in fields {
            planter.plant_mark(plugin, field)?;
        }
    }
    for (kind, body) in UNMARKED {
        let canary = planter.canary(kind);
        let body = serde_json::from_str(&body.replace('%', &canary)).with_context(|| (*body).to_owned())?;
        planter.record(kind, body, canary)?;
    }
    Ok((planter.snapshot, planter.planted))
}

impl Planter<'_> {
    fn canary(&self, what: &str) -> String {
        format!("canary-{}-{what}-{}-", self.prefix, self.planted.len())
    }

    fn id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.planted.len())
    }

    /// A secret field of a kind, as text; a record where the field is one.
    fn plant_kind(&mut self, kind: &EntityKind, field: &str) -> Result<()> {
        let canary = self.canary(kind.name);
        let value = match field {
            "config" => json!({"password": canary, "host": canary, "deep": {"list": [canary]}}),
            "pem" => json!({"private_key": canary, "public_key": canary}),
            _ => json!(canary),
        };
        let mut body = Map::from_iter([(field.to_owned(), value)]);
        for foreign in kind.foreign_keys {
            let parent = foreign.kind.trim_end_matches('s');
            body.insert(foreign.field.to_owned(), json!({"id": parent}));
        }
        let name = if kind.name == "vaults" { "hcv" } else { "named" };
        for (field, value) in [
            ("name", json!(name)),
            ("prefix", json!("secrets")),
            ("username", json!("u")),
            ("kid", json!("1")),
            ("type", json!("redis-ee")),
        ] {
            body.entry(field).or_insert(value);
        }
        body.remove("set");
        self.record(kind.name, Value::Object(body), canary)
    }

    /// A secret field of a plugin, at its path: `config.a[].b`.
    fn plant_mark(&mut self, plugin: &str, field: &str) -> Result<()> {
        let canary = self.canary(plugin);
        let value = field.rsplit('.').fold(json!(canary), |value, part| {
            let name = part.trim_end_matches("[]");
            let value = if part.ends_with("[]") {
                json!([value])
            } else {
                value
            };
            json!({ name: value })
        });
        let mut body = value;
        body["name"] = json!(plugin);
        self.record("plugins", body, canary)
    }

    /// Each plugin stands on a route of its own, because of its unique scope.
    fn record(&mut self, kind: &'static str, mut body: Value, canary: String) -> Result<()> {
        let id = self.id();
        if kind == "plugins" {
            self.insert(
                "services",
                &format!("service-{id}"),
                json!({"name": format!("service-{id}"), "host": "h.example.com"}),
            )?;
            body["service"] = json!({"id": format!("service-{id}")});
        }
        let place = body.to_string();
        let key = self.insert(kind, &id, body)?;
        self.planted.push(Planted {
            place: format!("{key} {place}"),
            entity: key,
            canary,
        });
        Ok(())
    }

    fn insert(&mut self, kind: &str, id: &str, mut body: Value) -> Result<EntityKey> {
        body["id"] = json!(id);
        let body = body.as_object().cloned().context("a body")?;
        let kind = named(kind).with_context(|| format!("no kind {kind}"))?;
        let entity = Entity::from_body(kind, body).context("an entity")?;
        let key = entity.key();
        self.snapshot.insert(entity);
        Ok(key)
    }
}
