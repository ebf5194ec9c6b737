//! Sources of every sort.

use anyhow::Result;
use serde_json::json;
use simulators::kong_admin::{Edition, Options};

use super::Scenario;
use crate::support::{apply, id, sample};

const OPEN_SOURCE: &str = "
_format_version: '3.0'
services:
- name: orders
  url: https://orders.example.com:8443/v1
  tags: [team-a]
  routes:
  - {name: orders, protocols: [https], paths: [/orders, '~/orders/\\d+$'], plugins: [{name: key-auth, config: {key_names: [apikey]}}]}
- name: legacy
  host: legacy
  routes: [{name: legacy, paths: [/legacy], protocols: [http]}]
consumers:
- {username: alice, keyauth_credentials: [{key: alice-key}], acls: [{group: staff}]}
- username: bob
  oauth2_credentials: [{name: app, client_id: app, client_secret: s3cret, redirect_uris: ['https://app.example.com']}]
upstreams:
- {name: pool, targets: [{target: '10.0.0.1:80'}, {target: 'pool.internal', weight: 7}]}
plugins:
- {name: prometheus}
- {name: rate-limiting, config: {minute: 60, policy: cluster}}
";

#[tokio::test]
async fn an_open_source_gateway() -> Result<()> {
    let options = Options {
        edition: Edition::OpenSource,
        ..Options::default()
    };
    Scenario::gateway(options, "default", OPEN_SOURCE)
        .await?
        .check("open-source")
        .await
        .map(drop)
}

const OLD: &str = "
_format_version: '1.1'
services:
- name: stock
  url: http://stock.example.com
  routes:
  - {name: stock, paths: ['/stock/\\d+', /plain]}
  - {name: typed, paths: [/typed], methods: [GET]}
consumers:
- {username: carol, jwt_secrets: [{key: carol, secret: carols-secret, algorithm: HS256}]}
upstreams: [{name: stock.pool, targets: [{target: '10.0.0.1:80'}]}]
plugins:
- {name: correlation-id, config: {header_name: x-request-id, generator: uuid, echo_downstream: true}}
";

#[tokio::test]
async fn a_gateway_of_2_8() -> Result<()> {
    let options = Options {
        version: Some("2.8.1.4-enterprise-edition".to_owned()),
        ..Options::default()
    };
    let scenario = Scenario::gateway(options, "shop", OLD).await?;
    let log = json!({
        "http_endpoint": "http://logs.example.com", "method": "POST", "content_type": "application/json", "timeout": 1000,
        "keepalive": 1000, "flush_timeout": 2, "retry_count": 15, "queue_size": 1, "headers": null, "custom_fields_by_lua": null,
    });
    let log = json!({
        "id": id(1), "name": "http-log", "enabled": true, "protocols": ["http", "https"], "run_on": "first", "config": log,
        "service": null, "route": null, "consumer": null, "tags": null, "created_at": 1_746_196_414,
    });
    scenario.bed.kong.put("shop", "plugins", log)?;
    scenario.check("kong-2-8").await.map(drop)
}

const DECK: &str = "
_format_version: '3.0'
_info: {select_tags: [shop]}
services:
- id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b001
  name: cart
  url: https://cart.example.com
  routes: [{name: cart, paths: [/cart], strip_path: false}]
  plugins:
  - {name: request-transformer, config: {add: {headers: ['x-team:shop']}}}
  - {name: rate-limiting-advanced, config: {limit: [5], window_size: [60], strategy: local, sync_rate: -1, enforce_consumer_groups: true, consumer_groups: [gold]}}
consumer_groups:
- {name: gold, plugins: [{name: rate-limiting-advanced, config: {limit: [50], window_size: [60], window_type: sliding}}]}
- {name: idle}
consumers:
- {username: dave, groups: [{name: gold}], keyauth_credentials: [{key: daves-key}]}
certificates:
- id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b002
  cert: CERTIFICATE
  key: '{vault://secrets/key}'
  snis: [{name: cart.example.com}]
vaults: [{name: env, prefix: secrets, config: {prefix: SHOP_}}]
";

#[tokio::test]
async fn a_file_of_deck() -> Result<()> {
    let certificate = sample("inventory", "/certificates")?.remove(0);
    let file = DECK.replace("CERTIFICATE", &certificate["cert"].to_string());
    Scenario::file(None, &file)
        .await?
        .check("deck-file")
        .await
        .map(drop)
}

const DB_LESS: &str = "
_format_version: '3.0'
_transform: true
services: [{name: orders, host: orders.example.com, port: 80, protocol: http}]
routes: [{name: orders, hosts: [a.example.com], service: orders}]
consumers: [{username: erin}]
basicauth_credentials: [{consumer: erin, username: erin, password: in-clear}]
consumer_groups: [{name: gold}]
consumer_group_consumers: [{consumer: erin, consumer_group: gold}]
consumer_group_plugins: [{name: rate-limiting-advanced, consumer_group: gold, config: {limit: [50], window_size: [30]}}]
plugins:
- {name: basic-auth, route: orders, config: {hide_credentials: true}}
- {name: rate-limiting-advanced, service: orders, config: {limit: [5], window_size: [60], strategy: local, enforce_consumer_groups: true, consumer_groups: [gold, lost]}}
licenses: [{payload: x}]
rbac_roles: [{name: reader}]
";

#[tokio::test]
async fn a_db_less_file() -> Result<()> {
    let scenario = Scenario::file(Some("3.3"), DB_LESS).await?;
    scenario.check("db-less-file").await?;
    let konnect = &scenario.bed.konnect;
    let logs_in = konnect.verify_basic_auth(&scenario.migration.control_plane, "erin", "in-clear");
    assert!(logs_in, "the password of the file holds");
    Ok(())
}

const EXPRESSIONS: &str = "
_format_version: '3.0'
services:
- name: search
  host: search.example.com
  routes:
  - {name: by-path, protocols: [https], expression: 'http.path ^= \"/search\"', priority: 20}
  - {name: by-host, protocols: [https], hosts: [search.example.com], regex_priority: 3}
";

#[tokio::test]
async fn a_router_of_expressions() -> Result<()> {
    let options = Options {
        router_flavor: "expressions".to_owned(),
        ..Options::default()
    };
    Scenario::gateway(options, "shop", EXPRESSIONS)
        .await?
        .check("expressions")
        .await
        .map(drop)
}

const GROUPS: &str = "
_format_version: '3.0'
services:
- {name: a, host: a.example.com, plugins: [{name: rate-limiting-advanced, config: {limit: [7], window_size: [60], strategy: local, sync_rate: -1}}]}
- {name: b, host: b.example.com}
consumers: [{username: both, groups: [{name: gold}, {name: silver}]}, {username: one, groups: [{name: gold}]}]
consumer_groups:
- {id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b00a, name: gold}
- {id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b00b, name: silver}
- {id: 5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b00c, name: unused}
plugins:
- {name: rate-limiting-advanced, config: {limit: [5], window_size: [60], strategy: local, sync_rate: -1, enforce_consumer_groups: true, consumer_groups: [gold, silver]}}
- {name: rate-limiting-advanced, consumer: one, config: {limit: [6], window_size: [60], strategy: local, sync_rate: -1, enforce_consumer_groups: true, consumer_groups: [unused]}}
";

#[tokio::test]
async fn limits_of_consumer_groups_before_3_4() -> Result<()> {
    let options = Options {
        version: Some("3.3.1.0-enterprise-edition".to_owned()),
        ..Options::default()
    };
    let scenario = Scenario::gateway(options, "shop", GROUPS).await?;
    let of = |group: char, limit: u32| {
        let path = format!(
            "/consumer_groups/5a1c1a53-6f5f-4e0c-9f2e-1f6a36f5b00{group}/overrides/plugins/rate-limiting-advanced"
        );
        let config = json!({"limit": [limit], "window_size": [60], "window_type": "sliding", "retry_after_jitter_max": 0});
        json!({path: [{"name": "rate-limiting-advanced", "config": config}]})
    };
    for (group, limit) in [('a', 500), ('b', 50), ('c', 1)] {
        scenario.bed.kong.load("shop", &of(group, limit))?;
    }
    scenario.check("group-limits").await.map(drop)
}

#[tokio::test]
async fn a_token_that_may_not_read_everything() -> Result<()> {
    let scenario = Scenario::usual(SMALL).await?;
    for path in ["/shop/consumers", "/shop/oauth2", "/shop/rbac/users"] {
        scenario.bed.kong.forbid(path);
    }
    let planned = scenario.check("forbidden-kinds").await?;
    assert!(planned.plan.critical().is_some(), "nothing may be applied");
    Ok(())
}

const SMALL: &str = "
_format_version: '3.0'
services: [{name: cart, host: cart.example.com, routes: [{name: cart, paths: [/cart]}]}]
consumers: [{username: frank, keyauth_credentials: [{key: franks-key}], plugins: [{name: rate-limiting, config: {minute: 5, policy: local}}]}]
";

#[tokio::test]
async fn a_run_that_was_interrupted() -> Result<()> {
    let scenario = Scenario::of(simulators::bed::Bed::start().await?, "inventory").await?;
    let mut first = scenario.plan().await?;
    let half = first.plan.operations.len() / 2;
    first.plan.operations.truncate(half);
    apply(&scenario.migration, &first).await;
    // What the source has got since.
    let mut late = sample("inventory", "/services")?.remove(1);
    late["id"] = json!(id(1));
    late["name"] = json!("late");
    scenario.bed.kong.put("inventory", "services", late)?;
    scenario.check("half-done").await.map(drop)
}
