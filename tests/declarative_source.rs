//! Two readers of one declarative file: the operator's own, and the simulated gateway that loads it and is then read by its
//! Admin API. They share no code, and must see the same workspace.

use anyhow::{Context as _, Result};
use gateway_migration_operator::http::{Transport, TransportOptions};
use gateway_migration_operator::kong::admin;
use gateway_migration_operator::kong::engine::{DeclarativeFile, read::read_source};
use gateway_migration_operator::kong::model::entity_kind::Gateway;
use gateway_migration_operator::kong::model::{KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::compare;
use secrecy::SecretString;
use simulators::kong_admin::{KongAdmin, Options};
use simulators::server::{ServeOptions, serve};

const NESTED: &str = "
_format_version: '3.0'
services:
- name: orders
  url: https://orders.example.com:8443/v1
  tags: [team-a]
  routes:
  - name: orders
    paths: [/orders, '~/orders/\\d+']
    plugins:
    - {name: key-auth, config: {key_names: [apikey]}}
- {id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b001, name: kept, host: kept.example.com, retries: 1}
consumers:
- username: alice
  keyauth_credentials: [{id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b002, key: k1}]
  acls: [{group: g}]
  groups: [{name: gold}]
consumer_groups:
- name: gold
  plugins: [{name: cors, enabled: false, config: {}}]
upstreams:
- name: pool
  slots: 100
  healthchecks: {active: {timeout: 3}}
  targets: [{target: '10.0.0.1:80'}, {target: '10.0.0.2:80', weight: 7}]
plugins:
- {name: prometheus}
";

const FLAT: &str = "
_format_version: '3.0'
services: [{name: orders, host: orders.example.com}]
routes: [{name: orders, hosts: [a.example.com], service: orders}]
plugins: [{name: key-auth, route: orders}, {name: cors, service: orders, consumer: alice}]
consumers: [{username: alice}]
acls: [{consumer: alice, group: g}]
# Kong gives a credential with a generated key a random id, so the file must have one.
jwt_secrets: [{id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b003, consumer: alice, key: issuer, secret: s}]
consumer_groups: [{name: gold}]
consumer_group_consumers: [{consumer: alice, consumer_group: gold}]
upstreams: [{name: pool}]
targets: [{upstream: pool, target: '10.0.0.1:80'}]
";

/// The workspace as the operator reads the file.
fn declared(text: &str) -> Result<Snapshot> {
    let file = DeclarativeFile::new(SecretString::from(text), KongVersion::parse("3.9"));
    Ok(file.observe("default")?.snapshot)
}

/// The workspace as a gateway has it that loaded the file.
async fn loaded(text: &str) -> Result<Snapshot> {
    let kong = KongAdmin::new(Options::default());
    kong.load_declarative("default", text)?;
    let server = serve(kong.router(), ServeOptions::default()).await?;
    let transport = Transport::new(TransportOptions::default())?;
    let client = admin::Client::new(&transport, &server.url(), None)?;
    let gateway = Gateway {
        version: KongVersion::parse("3.9"),
        enterprise: true,
    };
    Ok(read_source(&client, Some("default"), gateway, 8).await?)
}

#[tokio::test]
async fn the_operator_and_a_gateway_read_a_file_alike() -> Result<()> {
    for text in [NESTED, FLAT] {
        let (declared, loaded) = (declared(text)?, loaded(text).await?);
        let keys = |snapshot: &Snapshot| snapshot.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&declared), keys(&loaded));
        for ours in declared.iter() {
            let key = ours.key();
            let theirs = loaded.get(&key).context("missing")?;
            let differences = compare::differences(ours.kind, &ours.body, &theirs.body);
            assert_eq!(differences, [], "{key}");
            // A plugin's configuration is filled only where the newest defaults are others.
            if ours.kind.name != "plugins" {
                let back = compare::differences(ours.kind, &theirs.body, &ours.body);
                assert_eq!(back, [], "{key}: the gateway has more");
            }
        }
    }
    Ok(())
}
