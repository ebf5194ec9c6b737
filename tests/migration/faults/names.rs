//! The row of the matrix about the name server, which goes and comes back while entities are written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use gateway_migration_operator::http::EndpointMap;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::case::{Case, ENTITIES, Kstatus, Shown};
use crate::support::World;

/// Names that can be made not to be found, as they are not while the name server is away.
#[derive(Debug, Default)]
struct Names {
    lost: AtomicBool,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        // No name server knows `.invalid` (RFC 6761): the system's own words for a name that is not found.
        let host = match self.lost.load(Ordering::Relaxed) {
            true => format!("{}.invalid", name.as_str()),
            false => name.as_str().to_owned(),
        };
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(Box::new(found) as Addrs)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn konnect_is_not_found_in_the_middle() -> Result<()> {
    let world = World::prepare("target-dns").await?;
    let port = world.bed.konnect_server.addr().port();
    let konnect = EndpointMap::parse([
        format!("us.api.konghq.com=https://localhost:{port}"),
        format!("global.api.konghq.com={}", world.bed.konnect_global.url()),
    ])?;
    let names = Arc::new(Names::default());
    let own = names.clone();
    let mut case = Case::ready_in(world, |config| {
        config.transport.endpoints = konnect;
        config.transport.resolver = Some(own);
    })
    .await?;
    case.slow_target(50);
    case.migrate().await?;
    case.written(20).await?;
    names.lost.store(true, Ordering::Relaxed);
    // A name is looked up for a new connection only.
    case.world.bed.konnect_server.suspend().await;
    case.world.bed.konnect_server.resume().await?;
    case.mend();
    // The pass that was under way tells of the connections that it lost; the next one finds none.
    case.until("told of the name", |seen| {
        seen.message("TargetReady").contains("failed to lookup address")
    })
    .await?;
    case.shows(&Shown {
        condition: "TargetReady",
        reason: "KonnectAPIOpFailed",
        kstatus: Kstatus::InProgress,
        says: &["us.api.konghq.com", "no connection", "check the address", "DNS"],
    })
    .await?;
    assert!((20..ENTITIES).contains(&(case.writes().len() as u64)));
    names.lost.store(false, Ordering::Relaxed);
    case.converges().await
}
