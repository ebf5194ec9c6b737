//! One migration between the servers of a bed, without a cluster: planned, and carried out.

use std::time::Duration;

use anyhow::Result;
use gateway_migration_operator::http::Throttle;
use gateway_migration_operator::http::{
    Budget, EndpointMap, RetryPolicy, TlsOptions, Transport, TransportOptions,
};
use gateway_migration_operator::kong::engine::{Applied, Migration, Observed, OnRefusal};
use gateway_migration_operator::kong::plan::{Planned, Policy};
use gateway_migration_operator::kong::{admin, konnect};
use gateway_migration_operator::migration::progress::Progress;
use secrecy::SecretString;
use simulators::bed::Bed;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The way to the servers of a bed.
pub fn transport(bed: &Bed) -> Result<Transport> {
    Ok(Transport::new(TransportOptions {
        extra_roots: vec![("the bed's CA".to_owned(), bed.ca_pem.clone().into_bytes())],
        endpoints: EndpointMap::parse([format!("us.api.konghq.com={}", bed.konnect_server.url())])?,
        retry: RetryPolicy {
            base: Duration::from_millis(1),
            ..RetryPolicy::default()
        },
        ..TransportOptions::default()
    })?)
}

/// A client of the bed's Konnect.
pub fn client(transport: &Transport) -> Result<konnect::Client> {
    Ok(konnect::Client::new(
        transport,
        &konnect::ServerUrl::parse("us.api.konghq.com")?,
        &SecretString::from(Bed::KONNECT_TOKEN),
        Budget::new(16).into(),
    )?)
}

/// A migration of a workspace into a control plane of its own.
pub async fn migration(bed: &Bed, workspace: &str) -> Result<Migration> {
    let transport = transport(bed)?;
    let trusted = transport.with_tls(&TlsOptions {
        ca_pem: Some(bed.ca_pem.clone()),
        ..TlsOptions::default()
    })?;
    let token = SecretString::from(Bed::KONG_TOKEN);
    let target = client(&transport)?;
    let wanted = konnect::CreateControlPlane {
        name: workspace.to_owned(),
        ..Default::default()
    };
    Ok(Migration {
        source: admin::Client::new(&trusted, &bed.kong_server.url(), Some(&token))?.into(),
        workspace: workspace.to_owned(),
        control_plane: target.create_control_plane(&wanted).await?.id,
        target,
        throttle: Throttle::new(16),
        on_refusal: OnRefusal::GoOn,
    })
}

/// The plan for what both sides hold now.
pub async fn plan_with(migration: &Migration, policy: &Policy) -> Result<Planned> {
    let source = migration.observe_source().await?;
    let target = migration.observe_target().await?;
    let observed = Observed { source, target };
    // Certificates of the samples are valid then.
    Ok(observed.plan(policy, "2026-11-21T00:00:00Z".parse()?, &[], &Default::default()))
}

/// The same without any policy.
pub async fn plan(migration: &Migration) -> Result<Planned> {
    plan_with(migration, &Policy::default()).await
}

/// Carries a plan out.
pub async fn apply(migration: &Migration, planned: &Planned) -> Applied {
    let (progress, _) = watch::channel(Progress::before(&planned.plan));
    migration
        .apply(planned, &CancellationToken::new(), &progress)
        .await
}
