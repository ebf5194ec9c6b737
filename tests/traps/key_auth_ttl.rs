//! Trap 7: `ttl` of a key counts down.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use serde_json::json;
use simulators::bed::Bed;
use simulators::kong_admin::{Clock, Options};
use simulators::konnect;

use super::support::{WORKSPACE, ensure_quiet, held, id, like, migration, move_all};

#[tokio::test]
async fn a_ttl_that_ticks_is_no_change() -> Result<()> {
    let now = Arc::new(AtomicI64::new(1_751_500_000_000));
    let source = Options {
        clock: Clock::Manual(now.clone()),
        ..Options::default()
    };
    let target = konnect::Options {
        tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
        ..konnect::Options::default()
    };
    let bed = Bed::start_from(source, target).await?;
    let consumer = like(
        "sales",
        "/consumers",
        json!({"id": id(1), "username": "short", "custom_id": null}),
    )?;
    let key = like(
        "sales",
        "/key-auths",
        json!({"id": id(2), "consumer": {"id": id(1)}, "key": "k-1", "ttl": 3600}),
    )?;
    bed.kong
        .load(WORKSPACE, &json!({"/consumers": [consumer], "/key-auths": [key]}))?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = move_all(&bed, &migration).await?;
    assert_eq!(held(&bed, &migration, "key-auths", &id(2))["ttl"], 3600);
    now.fetch_add(600_000, Ordering::SeqCst);
    ensure_quiet(&bed, &migration, planned.desired.len()).await
}
