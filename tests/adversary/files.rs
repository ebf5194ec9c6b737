//! 15: a file takes memory by its size, and not by what it stands for.

use anyhow::Result;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::support::World;
use crate::tenant::until_gone;

const HEAD: &str = "_format_version: \"3.0\"\n";

/// A migration of a file that is refused with its size and the limit, and stays so.
async fn refuses(world: &World, reference: Value, bytes: usize) -> Result<()> {
    let mut migration = world.migration("inventory", "Plan");
    migration["spec"]["source"] = json!({"declarativeConfig": reference, "workspace": "default"});
    world.create(migration).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("Ready", "False", "InvalidDeclarativeConfig")
        })
        .await?;
    assert!(seen.is("Stalled", "True", "InvalidDeclarativeConfig"));
    let said = seen.message("SourceReady");
    assert!(
        said.contains(&format!("of {bytes} bytes")) && said.contains("MiB, the limit"),
        "{said}"
    );
    world
        .api::<WorkspaceMigration>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    until_gone::<WorkspaceMigration>(&world.client, &world.namespace, "inventory").await
}

async fn start(name: &str) -> Result<World> {
    let mut world = World::prepare(name).await?;
    world.control_plane("inventory").await?;
    world.start_operator()?;
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn n15_aliases_of_aliases_in_a_config_map_are_refused() -> Result<()> {
    let world = start("aliases").await?;
    let mut text = format!("{HEAD}_a0: &a0 {}\n", "x".repeat(300_000));
    for level in 1..9 {
        let of = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("_a{level}: &a{level} [{of}]\n"));
    }
    world
        .apply::<ConfigMap>("dump", json!({"data": {"kong.yaml": text}}))
        .await?;
    let reference = json!({"configMapRef": {"name": "dump", "key": "kong.yaml"}});
    refuses(&world, reference, text.len()).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n15_many_aliases_of_one_text_in_a_secret_are_refused() -> Result<()> {
    let world = start("texts").await?;
    let of = vec!["*a"; 5_000].join(", ");
    let text = format!(
        "{HEAD}_a: &a {}\nservices: [{{name: a, tags: [{of}]}}]",
        "x".repeat(300_000)
    );
    world.secret("dump", &[("kong.yaml", &text)]).await?;
    let reference = json!({"secretRef": {"name": "dump", "key": "kong.yaml"}});
    refuses(&world, reference, text.len()).await?;
    assert!(world.api::<Secret>().get_opt("dump").await?.is_some());
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n15_defaults_and_shared_configurations_without_measure_are_refused() -> Result<()> {
    let world = start("defaults").await?;
    let large = "x".repeat(300_000);
    let mut defaults = format!("{HEAD}_info: {{defaults: {{service: {{path: /{large}}}}}}}\nservices:\n");
    let mut shared = format!("{HEAD}_plugin_configs: {{a: {{b: {large}}}}}\nplugins:\n");
    for number in 0..3_000 {
        defaults.push_str(&format!("- {{name: s{number}, host: a}}\n"));
        shared.push_str(&format!("- {{name: p{number}, _config: a}}\n"));
    }
    for text in [defaults, shared] {
        world
            .apply::<ConfigMap>("dump", json!({"data": {"kong.yaml": text}}))
            .await?;
        let reference = json!({"configMapRef": {"name": "dump", "key": "kong.yaml"}});
        refuses(&world, reference, text.len()).await?;
    }
    world.stop().await
}
