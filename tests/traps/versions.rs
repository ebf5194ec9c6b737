//! Sources of every minor version at which something changed, from 2.8 to 3.15.

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::kong::model::KongVersion;
use simulators::kong_admin::Edition;

use super::support::{WORKSPACE, found, gateway, migration, move_all};

const SHOP: &str = "
_format_version: '3.0'
services:
- name: cart
  host: pool
  protocol: http
  routes:
  - {name: cart, protocols: [http, https], paths: [/cart], plugins: [{name: key-auth, config: {key_names: [apikey], hide_credentials: true}}]}
upstreams:
- {name: pool, targets: [{target: '10.0.0.1:80'}]}
consumers:
- {username: grace, keyauth_credentials: [{key: graces-key}], acls: [{group: staff}]}
plugins:
- {name: correlation-id, config: {header_name: x-request-id, generator: uuid, echo_downstream: true}}
";

/// Lists that came or went, with the first version that has them and the first that no longer has.
const LISTS: &[(&str, &str, &str)] = &[
    ("/vaults-beta", "2.8", "3.0"),
    ("/vaults", "3.0", "99.0"),
    ("/keys", "3.1", "99.0"),
    ("/key-sets", "3.1", "99.0"),
    ("/filter-chains", "3.4", "99.0"),
    ("/cloned-plugins", "3.11", "99.0"),
];

async fn check(version: &str) -> Result<()> {
    let bed = gateway(version, Edition::Enterprise, false).await?;
    bed.kong.load_declarative(WORKSPACE, SHOP)?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = move_all(&bed, &migration).await?;
    for rule in [
        "kind-unreadable",
        "unmovable-kind-unreadable",
        "unmovable-kind-failed",
        "field-not-in-target",
    ] {
        ensure!(
            found(&planned, rule).is_empty(),
            "{rule}: {:?}",
            found(&planned, rule)
        );
    }
    let own = KongVersion::parse(version).context("a version")?;
    let of = |text: &str| KongVersion::parse(text).context("a version");
    for (list, since, until) in LISTS {
        let has = own >= of(since)? && own < of(until)?;
        let routes = bed.kong_server.stats().by_route;
        ensure!(
            routes.keys().any(|route| route.ends_with(list)) == has,
            "{list}: {routes:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_version_from_2_8_to_3_15_is_asked_for_what_it_has_and_moves() -> Result<()> {
    for version in [
        "2.8.4.5-enterprise-edition",
        "3.0.0.0-enterprise-edition",
        "3.1.1.6",
        "3.4.3.19",
        "3.7.1.4",
        "3.9.1.1",
        "3.10.0.1",
        "3.11.0.0",
        "3.14.0.0",
        "3.15.0.0",
    ] {
        check(version).await.with_context(|| format!("Kong {version}"))?;
    }
    Ok(())
}
