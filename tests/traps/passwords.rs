//! Trap 4: basic-auth passwords are salted with the consumer's id.

use anyhow::Result;
use gateway_migration_operator::kong::plan::Policy;
use gateway_migration_operator::kong::plan::input::IdPolicy;
use serde_json::json;
use simulators::bed::Bed;
use simulators::kong_admin::BASIC_AUTH_PASSWORDS;

use super::support::{apply, found, held, migration, move_all, plan, plan_with, sample};

#[tokio::test]
async fn consumers_keep_their_ids_and_passwords() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "sales").await?;
    move_all(&bed, &migration).await?;
    for credential in sample("sales", "/basic-auths")? {
        let moved = held(
            &bed,
            &migration,
            "basic-auths",
            credential["id"].as_str().unwrap_or_default(),
        );
        assert_eq!(
            moved["password"], credential["password"],
            "the hash passes through"
        );
        assert_eq!(moved["consumer"], credential["consumer"]);
    }
    for (_, user, password) in BASIC_AUTH_PASSWORDS.iter().filter(|known| known.0 == "sales") {
        assert!(
            bed.konnect
                .verify_basic_auth(&migration.control_plane, user, password),
            "{user}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_password_whose_consumer_id_cannot_be_kept_is_reported_and_not_written() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "sales").await?;
    let credential = sample("sales", "/basic-auths")?.remove(0);
    let consumer = sample("sales", "/consumers")?
        .into_iter()
        .find(|consumer| consumer["id"] == credential["consumer"]["id"])
        .unwrap_or_default();
    let foreign = json!({"username": consumer["username"]});
    bed.konnect
        .seed(&migration.control_plane, "consumers", &foreign)?;
    let planned = plan(&migration).await?;
    let id = credential["id"].as_str().unwrap_or_default();
    let key = format!("basic-auths/{id}");
    assert!(found(&planned, "blocked-by-dependency").contains(&key));
    apply(&migration, &planned).await;
    assert!(held(&bed, &migration, "basic-auths", id).is_null());

    let derive = Policy {
        ids: IdPolicy::Derive {
            control_plane: migration.control_plane.clone(),
        },
        ..Policy::default()
    };
    let derived = plan_with(&migration, &derive).await?;
    assert_eq!(found(&derived, "password-not-movable").len(), 2);
    Ok(())
}
