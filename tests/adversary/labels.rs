//! 11: a Secret is used for what its own labels say, whoever names it.

use anyhow::Result;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::config::CredentialLabels;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use simulators::bed::Bed;

use crate::support::World;
use crate::tenant::until_gone;

const SERVER: &str = "us.api.konghq.com";

#[tokio::test(flavor = "multi_thread")]
async fn n11_an_unlabelled_secret_is_sent_nowhere_until_its_owner_labels_it() -> Result<()> {
    let mut world = World::prepare("labels").await?;
    // The world's own configuration would ask Konnect, too.
    world
        .labelled_secret("konnect-token", Bed::KONNECT_TOKEN, json!({}))
        .await?;
    let labels = json!({"app": "billing", "konghq.com/credential": "key-auth"});
    world
        .labelled_secret("billing", Bed::KONNECT_TOKEN, labels)
        .await?;
    world.auth("theirs", "billing", SERVER).await?;
    world.start_operator()?;
    for name in ["konnect", "theirs"] {
        for condition in ["ResolvedRefs", "Ready"] {
            world
                .auth_says(name, condition, "False", "SecretNotPermitted")
                .await?;
        }
        world
            .auth_says(name, "Stalled", "True", "SecretNotPermitted")
            .await?;
    }
    let said = world
        .auth_says("konnect", "Ready", "False", "SecretNotPermitted")
        .await?;
    let line = format!(
        "kubectl -n {} label secret konnect-token konghq.com/credential=konnect",
        world.namespace
    );
    assert!(said.contains(&line), "{said}");
    assert_eq!(world.asked_of_konnect(), 0);
    // The line of the message, as its owner types it.
    let patch = json!({"metadata": {"labels": {"konghq.com/credential": "konnect"}}});
    world
        .api::<Secret>()
        .patch("konnect-token", &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    world.auth_says("konnect", "Ready", "True", "Valid").await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_a_service_accounts_token_is_never_sent_whatever_it_is_labelled() -> Result<()> {
    for rule in [CredentialLabels::Enforce, CredentialLabels::Warn] {
        let mut world = World::prepare("accounts").await?;
        world
            .api::<Secret>()
            .delete("konnect-token", &DeleteParams::default())
            .await?;
        world.apply::<ServiceAccount>("robot", json!({})).await?;
        let labels =
            json!({"konghq.com/credential": "konnect", "gatewaymigration.dev/credential": "kong-admin"});
        world
            .apply::<Secret>(
                "robot-token",
                json!({
                    "type": "kubernetes.io/service-account-token",
                    "metadata": {"labels": labels, "annotations": {"kubernetes.io/service-account.name": "robot"}},
                    "stringData": {"token": Bed::KONNECT_TOKEN},
                }),
            )
            .await?;
        world.auth("theirs", "robot-token", SERVER).await?;
        world.start_operator_with(|config| config.credential_labels = rule)?;
        let said = world
            .auth_says("theirs", "Ready", "False", "SecretNotPermitted")
            .await?;
        assert!(said.contains("never sent anywhere"), "{said}");
        assert_eq!(world.asked_of_konnect(), 0);
        world.stop().await?;
    }
    Ok(())
}

/// A migration of the workspace `inventory` whose source names the Secret of the Konnect token in one of the ways.
fn naming_the_konnect_token(world: &World, way: &str) -> Value {
    let mut migration = world.migration("inventory", "Plan");
    let source = &mut migration["spec"]["source"];
    let entry = json!({"name": "konnect-token", "key": "token"});
    match way {
        "token" => source["adminAPI"]["tokenSecretRef"] = entry,
        "certificate" => {
            source["adminAPI"]["tls"]["clientCertificateSecretRef"] = json!({"name": "konnect-token"});
        }
        _ => *source = json!({"declarativeConfig": {"secretRef": entry}, "workspace": "inventory"}),
    }
    migration
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_a_label_for_one_use_opens_no_other() -> Result<()> {
    let mut world = World::prepare("uses").await?;
    world.control_plane("inventory").await?;
    world.start_operator()?;
    for (way, noun, value) in [
        ("token", "a token for an Admin API", "kong-admin"),
        (
            "certificate",
            "a client certificate for an Admin API",
            "client-certificate",
        ),
        ("file", "a declarative file", "declarative-config"),
    ] {
        world.create(naming_the_konnect_token(&world, way)).await?;
        let seen = world
            .migration_until("inventory", "refused", |seen| {
                seen.is("Ready", "False", "SecretNotPermitted")
            })
            .await?;
        assert!(seen.is("SourceReady", "False", "SecretNotPermitted"), "{way}");
        assert!(seen.is("Stalled", "True", "SecretNotPermitted"), "{way}");
        let said = seen.message("SourceReady");
        assert!(said.contains(noun), "{said}");
        let line = format!("label secret konnect-token gatewaymigration.dev/credential={value}");
        assert!(said.contains(&line), "{said}");
        assert!(!said.contains(Bed::KONNECT_TOKEN), "{said}");
        world
            .api::<WorkspaceMigration>()
            .delete("inventory", &DeleteParams::default())
            .await?;
        until_gone::<WorkspaceMigration>(&world.client, &world.namespace, "inventory").await?;
    }
    assert_eq!(world.connected_to_kong(), 0);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_with_warn_what_has_no_label_is_read_and_told() -> Result<()> {
    let mut world = World::prepare("warned").await?;
    world
        .labelled_secret("konnect-token", Bed::KONNECT_TOKEN, json!({}))
        .await?;
    world
        .labelled_secret("kong-admin", Bed::KONG_TOKEN, json!({}))
        .await?;
    world.control_plane("inventory").await?;
    world.create(world.migration("inventory", "Plan")).await?;
    world.start_operator_with(|config| config.credential_labels = CredentialLabels::Warn)?;
    world.auth_says("konnect", "Ready", "True", "Valid").await?;
    let said = world
        .auth_says("konnect", "CredentialsLabelled", "False", "SecretNotPermitted")
        .await?;
    assert!(said.contains("konghq.com/credential=konnect"), "{said}");
    let seen = world
        .migration_until("inventory", "planned", |seen| seen.is("Ready", "True", "Planned"))
        .await?;
    assert!(seen.is("CredentialsLabelled", "False", "SecretNotPermitted"));
    let said = seen.message("CredentialsLabelled");
    assert!(said.contains("label secret kong-admin"), "{said}");
    let events = world.api::<Event>().list(&ListParams::default()).await?;
    let told = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("UnlabelledSecret"));
    assert_eq!(told.count(), 2);
    // Once labelled, nothing more is said.
    world.secret("kong-admin", &[("token", Bed::KONG_TOKEN)]).await?;
    world.look_again("inventory").await?;
    world
        .migration_until("inventory", "labelled", |seen| {
            seen.condition("CredentialsLabelled").is_none()
        })
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_what_was_written_with_a_secret_is_cleaned_up_with_it_labelled_or_not() -> Result<()> {
    let mut world = World::prepare("upgraded").await?;
    world.control_plane("inventory").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["deletionPolicy"] = json!("DeleteMigrated");
    world.create(migration).await?;
    world.start_operator()?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    let id = world.control_plane_id("inventory").await?;
    // As after an upgrade from a version that asked for no labels.
    world
        .labelled_secret("konnect-token", Bed::KONNECT_TOKEN, json!({}))
        .await?;
    world
        .auth_says("konnect", "Ready", "False", "SecretNotPermitted")
        .await?;
    world
        .api::<WorkspaceMigration>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    until_gone::<WorkspaceMigration>(&world.client, &world.namespace, "inventory").await?;
    world
        .api::<KonnectGatewayControlPlane>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    until_gone::<KonnectGatewayControlPlane>(&world.client, &world.namespace, "inventory").await?;
    assert_eq!(world.bed.konnect.control_planes(), Vec::<Value>::new(), "{id}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n11_deleting_an_object_sends_no_secret_that_never_worked() -> Result<()> {
    let mut world = World::prepare("switched").await?;
    world.control_plane("inventory").await?;
    world
        .labelled_secret("billing", "kpat_billing", json!({"app": "billing"}))
        .await?;
    world.start_operator()?;
    world.control_plane_is("inventory", "Programmed").await?;
    // The configuration worked; now it names somebody else's Secret, and what hangs on it is deleted.
    world.auth("konnect", "billing", SERVER).await?;
    world
        .auth_says("konnect", "Ready", "False", "SecretNotPermitted")
        .await?;
    let before = world.asked_of_konnect();
    world
        .api::<KonnectGatewayControlPlane>()
        .delete("inventory", &DeleteParams::default())
        .await?;
    let annotation = json!({"metadata": {"annotations": {"example.com/looked-at": "again"}}});
    world
        .api::<KonnectGatewayControlPlane>()
        .patch("inventory", &PatchParams::default(), &Patch::Merge(annotation))
        .await?;
    let blocked = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            let found = world.api::<KonnectGatewayControlPlane>().get("inventory").await?;
            let conditions = found.status.map(|status| status.conditions).unwrap_or_default();
            if let Some(said) = conditions
                .into_iter()
                .find(|said| said.message.contains("is not labelled for use as"))
            {
                return anyhow::Ok(said.message);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    blocked.await??;
    assert_eq!(world.asked_of_konnect(), before);
    world.stop().await
}
