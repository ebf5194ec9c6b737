//! Secrets pass through, and show up nowhere: not in status, events, logs or metrics, not even when a server quotes them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use gateway_migration_operator::api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};
use simulators::bed::Bed;
use simulators::cluster::Cluster;
use simulators::kong_admin::INVENTORY;
use simulators::server::Behaviour;

use super::process::Operator;
use super::support::World;

/// Texts that no one but the target may see, beside both tokens and a private key. Each is in one entity: list and place in
/// it, as in [`INVENTORY`] with [`planted`]'s changes.
const CANARIES: [(&str, &str); 17] = [
    ("/key-auths", "canary-of-key-auth"),
    ("/basic-auths", "canary-of-basic-auth"),
    ("/hmac-auths", "canary-of-hmac-auth"),
    ("/jwts", "canary-of-jwt"),
    ("/keys", "canary-of-jwk"),
    ("/partials", "canary-of-partial"),
    ("/vaults", "canary-of-vault"),
    ("/plugins", "canary-of-log-header"),
    ("/plugins", "canary-of-log-address"),
    ("/plugins", "canary-of-redis"),
    ("/plugins", "canary-of-upstream-header"),
    ("/plugins", "canary-of-client-secret"),
    ("/plugins", "canary-of-user-info-header"),
    ("/plugins", "canary-of-span-address"),
    ("/services", "canary-of-service-path"),
    ("/routes", "canary-of-route-header"),
    ("/upstreams", "canary-of-health-check"),
];

/// The sample workspace with a canary in each secret field.
fn planted() -> Result<Value> {
    let mut dump: Value = serde_json::from_str(INVENTORY)?;
    dump["/key-auths"][0]["key"] = json!("canary-of-key-auth");
    dump["/basic-auths"][0]["password"] = json!("canary-of-basic-auth");
    dump["/hmac-auths"][0]["secret"] = json!("canary-of-hmac-auth");
    dump["/jwts"][0]["secret"] = json!("canary-of-jwt");
    dump["/keys"][0]["jwk"] =
        json!(r#"{"kty": "oct", "kid": "scanner-2026", "alg": "HS256", "k": "canary-of-jwk"}"#);
    dump["/partials"][0]["config"]["password"] = json!("canary-of-partial");
    dump["/vaults"][0]["name"] = json!("hcv");
    dump["/vaults"][0]["config"] = json!({
        "host": "vault.example.com", "port": 8200, "protocol": "https", "kv": "v2", "mount": "secret",
        "auth_method": "token", "token": "canary-of-vault",
    });
    let plugins = dump["/plugins"].as_array_mut().context("plugins")?;
    plugins.push(plugin(
        1,
        "http-log",
        json!({
            "http_endpoint": "https://logger:canary-of-log-address@logs.example.com/in",
            "headers": {"authorization": "Bearer canary-of-log-header"},
        }),
    ));
    plugins.push(plugin(2, "rate-limiting", json!({
        "minute": 5, "policy": "redis", "redis": {"host": "redis.example.com", "password": "canary-of-redis"},
    })));
    let headers = json!(["x-upstream-key:canary-of-upstream-header"]);
    plugins.push(plugin(
        3,
        "request-transformer",
        json!({"add": {"headers": headers}}),
    ));
    plugins.push(plugin(4, "openid-connect", json!({
        "issuer": "https://id.example.com", "client_id": ["shop"], "client_secret": ["canary-of-client-secret"],
        "userinfo_headers_names": ["x-caller"], "userinfo_headers_values": ["canary-of-user-info-header"],
    })));
    plugins.push(plugin(
        5,
        "zipkin",
        json!({"http_endpoint": "https://spans.example.com/in?api_key=canary-of-span-address"}),
    ));
    dump["/services"][1]["path"] = json!("/in?api_key=canary-of-service-path");
    dump["/routes"][3]["headers"] = json!({"x-api-key": ["canary-of-route-header"]});
    dump["/upstreams"][0]["healthchecks"]["active"]["headers"] =
        json!({"Authorization": ["Basic canary-of-health-check"]});
    Ok(dump)
}

fn plugin(number: u8, name: &str, config: Value) -> Value {
    json!({
        "id": format!("0c6a7d0e-5a3b-4f0e-8f53-0000000000{number:02}"), "name": name, "config": config, "enabled": true,
        "protocols": ["grpc", "grpcs", "http", "https"], "created_at": 1_746_196_414,
    })
}

/// Refusals by Konnect that quote what they refuse: one for each entity that holds a secret.
fn refusals(dump: &Value) -> Result<Vec<String>> {
    let certificate = &dump["/certificates"][0];
    let mut quotes: BTreeMap<&str, String> = BTreeMap::new();
    quotes.insert(text(certificate, "id")?, text(certificate, "key")?.to_owned());
    for (list, canary) in CANARIES {
        let entities = dump[list].as_array().context(list)?;
        let holds = |entity: &&Value| entity.to_string().contains(canary);
        let id = text(entities.iter().find(holds).context(canary)?, "id")?;
        quotes.entry(id).or_default().push_str(&format!(" {canary} "));
    }
    Ok(quotes.iter().map(|(id, quote)| refusal(id, quote)).collect())
}

fn refusal(id: &str, quote: &str) -> String {
    let said = format!("'{quote}' is not what it should be");
    let detail = json!({"@type": "x", "type": "ERROR_TYPE_FIELD", "field": "value", "messages": [said]});
    let body = json!({"code": 3, "message": said, "details": [detail]});
    format!("POST .*=400;times=1;with={id};body={body}")
}

fn text<'v>(entity: &'v Value, field: &str) -> Result<&'v str> {
    entity[field].as_str().with_context(|| format!("no {field}"))
}

/// Everything that the operator has let anybody see, by name.
async fn told(world: &World, operator: &Operator) -> Result<Vec<(&'static str, String)>> {
    let all = ListParams::default();
    Ok(vec![
        (
            "migrations",
            serde_json::to_string(&world.api::<WorkspaceMigration>().list(&all).await?.items)?,
        ),
        (
            "control planes",
            serde_json::to_string(&world.api::<KonnectGatewayControlPlane>().list(&all).await?.items)?,
        ),
        (
            "auth",
            serde_json::to_string(&world.api::<KonnectAPIAuthConfiguration>().list(&all).await?.items)?,
        ),
        (
            "events",
            serde_json::to_string(&world.api::<Event>().list(&all).await?.items)?,
        ),
        ("log", operator.log()?),
        ("metrics", operator.metrics().await?),
    ])
}

/// Fails when a canary is seen, or when a place is empty and proves nothing.
fn assert_no_canary(told: &[(&str, String)], canaries: &[&str]) -> Result<()> {
    for (place, text) in told {
        if text.len() < 10 {
            bail!("{place} holds nothing");
        }
        for canary in canaries {
            if let Some(at) = text.find(canary) {
                let around: String = text[..at].chars().rev().take(300).collect();
                bail!(
                    "{canary} is in {place}, after …{}",
                    around.chars().rev().collect::<String>()
                );
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_the_target_and_nobody_else() -> Result<()> {
    let world = World::prepare("canaries").await?;
    let dump = planted()?;
    world.bed.kong.clear("inventory");
    world.bed.kong.load("inventory", &dump)?;
    world.control_plane("inventory").await?;
    let refusals = refusals(&dump)?;
    // Both sides quote the tokens that they were sent, and answer properly when asked again.
    let quoted = [
        format!(
            "GET core-entities=503;times=2;retry-after=1;body={{\"message\":\"{}\"}}",
            Bed::KONNECT_TOKEN
        ),
        format!(
            "GET /inventory/services=500;times=8;body={{\"message\":\"{}\"}}",
            Bed::KONG_TOKEN
        ),
    ];
    let faults: Vec<&str> = refusals.iter().chain(&quoted[..1]).map(String::as_str).collect();
    world
        .bed
        .konnect_server
        .set_behaviour(Behaviour::with_faults(&faults)?);
    world
        .bed
        .kong_server
        .set_behaviour(Behaviour::with_faults(&[&quoted[1]])?);

    let operator = Operator::start(&world)?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "partly applied", |seen| {
            seen.is("Applied", "False", "PartiallyApplied")
        })
        .await?;
    assert_eq!(
        seen.finding_count("refused-by-target"),
        Some(refusals.len() as u64)
    );
    let private_key = text(&dump["/certificates"][0], "key")?
        .lines()
        .nth(1)
        .context("a private key")?;
    let canaries: Vec<&str> = CANARIES
        .iter()
        .map(|(_, canary)| *canary)
        .chain([Bed::KONG_TOKEN, Bed::KONNECT_TOKEN, private_key])
        .collect();
    assert_no_canary(&told(&world, &operator).await?, &canaries)?;

    world
        .change("inventory", json!({"throttle": {"maxInFlight": 8}}))
        .await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    assert_no_canary(&told(&world, &operator).await?, &canaries)?;
    assert!(operator.log()?.contains("\"level\":\"DEBUG\""));
    assert!(operator.metrics().await?.contains("gateway_migration_leading 1"));
    let id = world.control_plane_id("inventory").await?;
    for (list, canary) in CANARIES {
        let held = serde_json::to_string(&world.bed.konnect.entities(&id, &list[1..]))?;
        assert!(held.contains(canary), "{canary} did not reach the target");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_wait_works_as_documented() -> Result<()> {
    let world = World::start("kubectl-wait").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let namespace = world.namespace.clone();
    let output = tokio::task::spawn_blocking(move || -> Result<_> {
        let arguments = [
            "wait",
            "--for=condition=Ready",
            "workspacemigration/inventory",
            "-n",
            &namespace,
            "--timeout=120s",
        ];
        Ok(Cluster::shared()?.kubectl(&arguments)?.output()?)
    })
    .await??;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        said.trim(),
        "workspacemigration.gatewaymigration.dev/inventory condition met"
    );
    world.stop().await
}
