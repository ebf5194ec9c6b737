//! 11: what the operator sends goes where its administrator lets it go, whatever address, name or DNS a user brings.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::http::HostList;
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::{Value, json};
use simulators::bed::Bed;

use crate::support::World;
use crate::tenant::until_gone;

/// A migration whose Admin API is at this URL; without TLS settings, so that only the address matters.
fn at(world: &World, url: &str) -> Value {
    let mut migration = world.migration("inventory", "Plan");
    let admin_api = &mut migration["spec"]["source"]["adminAPI"];
    admin_api["url"] = json!(url);
    migration
}

async fn delete(world: &World) -> Result<()> {
    world
        .api::<WorkspaceMigration>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    until_gone::<WorkspaceMigration>(&world.client, &world.namespace, "inventory").await
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_a_konnect_token_goes_to_konnect_and_to_no_server_of_a_user() -> Result<()> {
    let mut world = World::prepare("servers").await?;
    let own = world.bed.konnect_server.url();
    let own = own.trim_start_matches("https://");
    let servers = [
        ("name", "us.konnect.evil.example".to_owned()),
        ("suffix", "us.api.konghq.com.evil.example".to_owned()),
        ("prefix", "us.evilkonghq.com".to_owned()),
        // Resolves to this machine in many places.
        (
            "local",
            format!("us.localhost:{}", own.rsplit(':').next().context("a port")?),
        ),
    ];
    for (name, server) in &servers {
        world
            .auth(name, "konnect-token", &format!("https://{server}"))
            .await?;
    }
    world.start_operator()?;
    for (name, server) in &servers {
        for (condition, status) in [("APIAuthValid", "False"), ("Ready", "False"), ("Stalled", "True")] {
            let said = world.auth_says(name, condition, status, "HostNotAllowed").await?;
            let host = server.split(':').next().context("a host")?;
            let flag = format!("--allow-hosts {host}");
            assert!(said.contains(&flag) && said.contains("*.konghq.com"), "{said}");
        }
    }
    // The same token, to Konnect.
    world.auth_says("konnect", "Ready", "True", "Valid").await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_no_spelling_of_this_machine_or_its_cloud_is_an_admin_api() -> Result<()> {
    let mut world = World::prepare("addresses").await?;
    world.control_plane("inventory").await?;
    // The flag that lets the other tests reach their simulators is not given here.
    world.start_operator_with(|config| config.allowed_hosts = HostList::default())?;
    let port = world.bed.kong_server.addr().port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "localhost",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "metadata.google.internal",
    ] {
        world
            .create(at(&world, &format!("https://{host}:{port}")))
            .await?;
        let seen = world
            .migration_until("inventory", host, |seen| {
                seen.is("Ready", "False", "HostNotAllowed")
            })
            .await?;
        assert!(seen.is("Stalled", "True", "HostNotAllowed"), "{host}");
        assert!(seen.is("SourceReady", "False", "HostNotAllowed"), "{host}");
        let said = seen.message("SourceReady");
        assert!(said.contains("--allow-hosts "), "{said}");
        delete(&world).await?;
    }
    assert_eq!(world.connected_to_kong(), 0);
    world.stop().await
}

/// A DNS of an adversary: every name leads to this machine.
struct Rebinding;

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let here = [SocketAddr::from(([127, 0, 0, 1], 0))];
        Box::pin(async move { Ok(Box::new(here.into_iter()) as Addrs) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_a_name_that_leads_to_this_machine_is_not_connected_to() -> Result<()> {
    let mut world = World::prepare("rebinding").await?;
    world.control_plane("inventory").await?;
    let port = world.bed.kong_server.addr().port();
    let url = format!("https://kong.adversary.example:{port}");
    // Also where the end of the name is allowed: whoever has a name below it decides where it leads.
    for allowed in ["", ".adversary.example"] {
        world.start_operator_with(|config| {
            config.transport.resolver = Some(Arc::new(Rebinding));
            config.allowed_hosts = allowed.parse().unwrap_or_default();
        })?;
        world.create(at(&world, &url)).await?;
        let seen = world
            .migration_until("inventory", "refused", |seen| {
                seen.is("Ready", "False", "HostNotAllowed")
            })
            .await?;
        let said = seen.message("SourceReady");
        assert!(said.contains("leads to 127.0.0.1"), "{said}");
        delete(&world).await?;
        world.stop_operator().await?;
    }
    assert_eq!(world.connected_to_kong(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_an_admin_token_goes_to_the_hosts_that_its_secret_lists() -> Result<()> {
    let mut world = World::prepare("listed").await?;
    world.control_plane("inventory").await?;
    world.start_operator()?;
    for (listed, goes) in [
        ("kong.example.com, .kong.svc", false),
        ("nothing/8", false),
        ("127.0.0.1", true),
    ] {
        world
            .apply::<Secret>(
                "kong-admin",
                json!({
                    "metadata": {
                        "labels": {"gatewaymigration.dev/credential": "kong-admin"},
                        "annotations": {"gatewaymigration.dev/hosts": listed},
                    },
                    "stringData": {"token": Bed::KONG_TOKEN},
                }),
            )
            .await?;
        world.create(world.migration("inventory", "Plan")).await?;
        if goes {
            world
                .migration_until("inventory", "planned", |seen| seen.is("Ready", "True", "Planned"))
                .await?;
        } else {
            let seen = world
                .migration_until("inventory", "refused", |seen| {
                    seen.is("SourceReady", "False", "SecretNotPermitted")
                        && seen.is("Stalled", "True", "SecretNotPermitted")
                })
                .await?;
            assert!(seen.message("SourceReady").contains("127.0.0.1"), "{listed}");
            assert_eq!(world.connected_to_kong(), 0);
        }
        delete(&world).await?;
    }
    world.stop().await
}
