//! The Kong Admin client against the simulated Kong, over real sockets.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use gateway_migration_operator::http::object_text::ObjectText;
use gateway_migration_operator::http::{Error, Failure, RetryPolicy, Transport, TransportOptions};
use gateway_migration_operator::kong::admin::{Client, Edition, InvalidClient, ListOutcome};
use secrecy::SecretString;
use serde_json::json;
use simulators::kong_admin::{Edition as Simulated, KongAdmin, Options};
use simulators::server::{Behaviour, Running, ServeOptions, serve};

const TOKEN: &str = "canary-admin-token";

struct Bed {
    kong: KongAdmin,
    server: Running,
}

impl Bed {
    /// A Kong with two workspaces of samples, or an open-source one with the same entities outside workspaces.
    async fn start(edition: Simulated) -> anyhow::Result<Self> {
        let kong = KongAdmin::new(Options {
            edition,
            token: Some(TOKEN.to_owned()),
            ..Options::default()
        });
        kong.load("default", &serde_json::from_str(simulators::kong_admin::DEFAULT)?)?;
        if edition == Simulated::Enterprise {
            kong.load("sales", &serde_json::from_str(simulators::kong_admin::SALES)?)?;
        }
        let server = serve(kong.router(), ServeOptions::default()).await?;
        Ok(Self { kong, server })
    }

    fn client_with(&self, token: Option<&str>) -> anyhow::Result<Client> {
        let retry = RetryPolicy {
            base: Duration::from_millis(1),
            ..RetryPolicy::default()
        };
        let transport = Transport::new(TransportOptions {
            retry,
            ..TransportOptions::default()
        })?;
        let token = token.map(SecretString::from);
        Ok(Client::new(&transport, &self.server.url(), token.as_ref())?)
    }

    fn client(&self) -> anyhow::Result<Client> {
        self.client_with(Some(TOKEN))
    }

    fn misbehave(&self, faults: &[&str]) -> anyhow::Result<()> {
        self.server.set_behaviour(Behaviour::with_faults(faults)?);
        Ok(())
    }
}

fn failed<T: std::fmt::Debug>(outcome: Result<T, Error>) -> anyhow::Result<Error> {
    outcome.err().context("it should have failed")
}

fn entities(listing: ListOutcome) -> anyhow::Result<Vec<serde_json::Map<String, serde_json::Value>>> {
    match listing {
        ListOutcome::Present(entities) => Ok(entities.iter().map(ObjectText::fields).collect()),
        other => anyhow::bail!("it should be a list, but is {other:?}"),
    }
}

#[tokio::test]
async fn the_node_tells_version_edition_and_topology() -> anyhow::Result<()> {
    let node = Bed::start(Simulated::Enterprise).await?.client()?.node().await?;
    assert_eq!(
        (node.version.as_str(), node.edition),
        ("3.9.1.1-enterprise-edition", Edition::Enterprise)
    );
    assert_eq!(node.router_flavor.as_deref(), Some("traditional_compatible"));
    assert!(node.plugins.contains("key-auth") && !node.is_dbless());

    let node = Bed::start(Simulated::OpenSource).await?.client()?.node().await?;
    assert_eq!(
        (node.version.as_str(), node.edition),
        ("3.9.1", Edition::Community)
    );
    Ok(())
}

#[tokio::test]
async fn workspaces_are_listed_with_ids_and_absent_in_open_source() -> anyhow::Result<()> {
    let client = Bed::start(Simulated::Enterprise).await?;
    let found = client
        .client()?
        .workspaces()
        .await?
        .context("Enterprise has workspaces")?;
    let names: BTreeSet<_> = found.iter().map(|workspace| workspace.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["default", "sales"]));
    assert!(found.iter().all(|workspace| !workspace.id.is_empty()));
    let one = client
        .client()?
        .workspace("sales")
        .await?
        .context("it is there")?;
    assert!(found.contains(&one));
    assert_eq!(client.client()?.workspace("nowhere").await?, None);

    let open_source = Bed::start(Simulated::OpenSource).await?;
    assert_eq!(open_source.client()?.workspaces().await?, None);
    Ok(())
}

#[tokio::test]
async fn a_list_is_complete_over_many_pages() -> anyhow::Result<()> {
    let bed = Bed::start(Simulated::Enterprise).await?;
    bed.kong.load("bulk", &json!({}))?;
    for number in 0..2_345_u32 {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        bed.kong.put(
            "bulk",
            "consumers",
            json!({"id": id, "username": format!("consumer-{number}")}),
        )?;
    }
    let found = entities(bed.client()?.list(Some("bulk"), "consumers").await?)?;
    let names: BTreeSet<_> = found
        .iter()
        .map(|entity| entity["username"].to_string())
        .collect();
    assert_eq!((found.len(), names.len()), (2_345, 2_345));
    assert_eq!(bed.server.stats().total, 3, "1,000 at a time");
    Ok(())
}

#[tokio::test]
async fn nested_lists_page_too() -> anyhow::Result<()> {
    let bed = Bed::start(Simulated::OpenSource).await?;
    let client = bed.client()?;
    let upstreams = entities(client.list(None, "upstreams").await?)?;
    let upstream = upstreams
        .first()
        .and_then(|upstream| upstream["id"].as_str())
        .context("a sample upstream")?;
    let path = format!("upstreams/{upstream}/targets");
    let before = entities(client.list(None, &path).await?)?.len();
    for number in 0..1_500_u32 {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let target = json!({"id": id, "target": format!("10.0.{}.{}:80", number / 250, number % 250),
            "upstream": {"id": upstream}, "created_at": 1_700_000_000 + number});
        bed.kong.put("default", "targets", target)?;
    }
    let found = entities(client.list(None, &path).await?)?;
    let ids: BTreeSet<_> = found.iter().map(|target| target["id"].to_string()).collect();
    assert_eq!((found.len(), ids.len()), (before + 1_500, before + 1_500));
    Ok(())
}

#[tokio::test]
async fn absent_forbidden_and_missing_workspace_are_told_apart() -> anyhow::Result<()> {
    let open_source = Bed::start(Simulated::OpenSource).await?;
    assert_eq!(
        open_source.client()?.list(None, "consumer_groups").await?,
        ListOutcome::Absent
    );

    let bed = Bed::start(Simulated::Enterprise).await?;
    let client = bed.client()?;
    assert!(matches!(
        client.list(Some("sales"), "services").await?,
        ListOutcome::Present(_)
    ));
    bed.kong.forbid("/sales/services");
    assert_eq!(
        client.list(Some("sales"), "services").await?,
        ListOutcome::Forbidden
    );
    let error = failed(client.list(Some("nowhere"), "services").await)?;
    assert_eq!(*error.failure(), Failure::NotFound, "{error}");
    bed.kong.forbid("/workspaces");
    assert_eq!(*failed(client.workspaces().await)?.failure(), Failure::Forbidden);
    Ok(())
}

#[tokio::test]
async fn a_missing_or_wrong_token_is_unauthorized() -> anyhow::Result<()> {
    let bed = Bed::start(Simulated::Enterprise).await?;
    bed.client_with(Some(" canary-admin-token\n"))?.node().await?;
    for token in [None, Some("canary-wrong-token")] {
        let error = failed(bed.client_with(token)?.node().await)?;
        assert_eq!(*error.failure(), Failure::Unauthorized, "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_that_fails_is_repeated_or_fails_the_whole_list() -> anyhow::Result<()> {
    let bed = Bed::start(Simulated::Enterprise).await?;
    let client = bed.client()?;
    let complete = client.list(Some("sales"), "plugins").await?;
    for passing in [
        "plugins=503;times=2",
        "plugins=drop;times=1",
        "plugins=429;times=1;retry-after=0",
    ] {
        bed.misbehave(&[passing])?;
        assert_eq!(
            client.list(Some("sales"), "plugins").await?,
            complete,
            "{passing}"
        );
    }
    for (lasting, failure) in [
        ("plugins=500", Failure::Server),
        ("plugins=garbage", Failure::Garbage),
        ("plugins=404;body=<html>", Failure::Garbage),
        ("plugins=200;body={}", Failure::Garbage),
        (
            r#"plugins=200;body={"data":[{"id":"a"}],"next":"/plugins?page=2"}"#,
            Failure::Garbage,
        ),
        (
            "plugins=200;body={\"data\":[],\"offset\":\"again\"}",
            Failure::Garbage,
        ),
    ] {
        bed.misbehave(&[lasting])?;
        let error = failed(client.list(Some("sales"), "plugins").await)?;
        assert_eq!(*error.failure(), failure, "{lasting}: {error}");
    }
    Ok(())
}

#[test]
fn urls_and_tokens_that_cannot_work_are_refused_without_repeating_them() -> anyhow::Result<()> {
    let transport = Transport::new(TransportOptions::default())?;
    for url in [
        "",
        "kong-admin:8001",
        "ftp://kong",
        "https://u:canary@kong",
        "https://kong?x=canary",
    ] {
        let error = Client::new(&transport, url, None).err().context(url)?;
        assert!(
            matches!(error, InvalidClient::Url(_)) && !error.to_string().contains("canary"),
            "{error}"
        );
    }
    let token = SecretString::from("canary\ncanary");
    let error = Client::new(&transport, "https://kong", Some(&token))
        .err()
        .context("two lines")?;
    assert!(
        matches!(error, InvalidClient::Token(_)) && !error.to_string().contains("canary"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_printed_for_debugging_holds_no_entity_and_no_token() -> anyhow::Result<()> {
    let bed = Bed::start(Simulated::OpenSource).await?;
    let client = bed.client()?;
    let credentials = client.list(None, "key-auths").await?;
    let count = entities(credentials.clone())?.len();
    assert_eq!(format!("{credentials:?}"), format!("Present({count} entities)"));
    assert!(!format!("{client:?}").contains("canary"));
    Ok(())
}
