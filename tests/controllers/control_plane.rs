//! `KonnectGatewayControlPlane` on a real API server and a simulated Konnect.

mod deletion;
mod faults;
mod lifecycle;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::{
    konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth,
    konnect_gateway_control_plane::KonnectGatewayControlPlane as ControlPlane,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use crate::world::{SERVER, TOKEN, World, is};

const LIST: &str = "GET /v2/control-planes";
const READ: &str = "GET /v2/control-planes/{id}";
const CREATE: &str = "POST /v2/control-planes";
const NAME: &str = "inventory";

fn conditions(object: &ControlPlane) -> &[Condition] {
    object
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default()
}

fn has<'a>(type_: &'a str, status: &'a str, reason: &'a str) -> impl Fn(&ControlPlane) -> bool + 'a {
    move |object| is(conditions(object), type_, status, reason)
}

fn id_of(object: &ControlPlane) -> Result<String> {
    object
        .status
        .as_ref()
        .and_then(|status| status.id.clone())
        .context("no id in status")
}

async fn apply_auth(world: &World, token: &str) -> Result<()> {
    let spec = json!({"spec": {"type": "token", "token": token, "serverURL": SERVER}});
    world.apply::<Auth>("konnect", spec).await?;
    Ok(())
}

async fn apply(world: &World, request: Value) -> Result<ControlPlane> {
    apply_annotated(world, request, json!({})).await
}

async fn apply_annotated(world: &World, mut spec: Value, annotations: Value) -> Result<ControlPlane> {
    spec["konnect"] = json!({"authRef": {"name": "konnect"}});
    let manifest = json!({"metadata": {"annotations": annotations}, "spec": spec});
    world.apply::<ControlPlane>(NAME, manifest).await
}

async fn until_programmed(world: &World) -> Result<ControlPlane> {
    world
        .until(NAME, "programmed", has("Ready", "True", "Programmed"))
        .await
}

/// A world with a control plane that the operator made.
async fn programmed(spec: Value) -> Result<(World, ControlPlane)> {
    let world = World::start().await?;
    apply_auth(&world, TOKEN).await?;
    apply(&world, spec).await?;
    let object = until_programmed(&world).await?;
    Ok((world, object))
}

/// A world in which somebody else made a control plane in Konnect before; returns its id too.
async fn with_foreign(body: Value) -> Result<(World, String)> {
    let mut world = World::without_operator().await?;
    let seeded = world.konnect.seed_control_plane(&body)?;
    let id = seeded["id"].as_str().context("no id")?.to_owned();
    world.start_operator(|_| {});
    apply_auth(&world, TOKEN).await?;
    Ok((world, id))
}

/// Makes the operator look once more, and waits until it has.
async fn look_again(world: &World) -> Result<()> {
    let before = world
        .server
        .stats()
        .by_route
        .get(READ)
        .copied()
        .unwrap_or_default();
    world
        .annotate::<ControlPlane>(NAME, json!({"touched": before.to_string()}))
        .await?;
    world.until_asked(READ, before + 1).await
}
