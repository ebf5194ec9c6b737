//! The Konnect client against the simulated Konnect, over real sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gateway_migration_operator::http::object_text::ObjectText;
use gateway_migration_operator::http::{
    Budget, EndpointMap, Error, Failure, FieldErrorKind, InvalidToken, RetryPolicy, Transport,
    TransportOptions,
};
use gateway_migration_operator::kong::konnect::{
    AuthType, Client, CreateControlPlane, Filter, PatchControlPlane, ServerUrl,
};
use gateway_migration_operator::kong::model::ClusterType;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use simulators::konnect::{Konnect, Options, Servers, TokenState};
use simulators::server::{Behaviour, ServeOptions};

const TOKEN: &str = "kpat_canary";
const SERVICE: &str = "0d5b1c5f-4a11-4b7c-9a3e-8a440b2b1d4e";
const ROUTE: &str = "1d5b1c5f-4a11-4b7c-9a3e-8a440b2b1d4e";
const CONSUMER: &str = "2d5b1c5f-4a11-4b7c-9a3e-8a440b2b1d4e";
const OTHER: &str = "3d5b1c5f-4a11-4b7c-9a3e-8a440b2b1d4e";

struct Bed {
    konnect: Konnect,
    servers: Servers,
    client: Client,
}

impl Bed {
    async fn start() -> anyhow::Result<Self> {
        let konnect = Konnect::new(Options {
            tokens: vec![TOKEN.to_owned()],
            ..Options::default()
        });
        let servers = Servers::start(&konnect, ServeOptions::default()).await?;
        let client = client(&servers, TOKEN)?;
        Ok(Self {
            konnect,
            servers,
            client,
        })
    }

    /// The same with a control plane, and its id.
    async fn with_control_plane() -> anyhow::Result<(Self, String)> {
        let bed = Self::start().await?;
        let id = bed.client.create_control_plane(&named("inventory")).await?.id;
        Ok((bed, id))
    }

    fn misbehave(&self, faults: &[&str]) -> anyhow::Result<()> {
        for server in [&self.servers.region, &self.servers.global] {
            server.set_behaviour(Behaviour::with_faults(faults)?);
        }
        Ok(())
    }
}

fn client(servers: &Servers, token: &str) -> anyhow::Result<Client> {
    let retry = RetryPolicy {
        base: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let endpoints = EndpointMap::parse(servers.endpoints())?;
    let transport = Transport::new(TransportOptions {
        endpoints,
        retry,
        ..TransportOptions::default()
    })?;
    let server_url = ServerUrl::parse("us.api.konghq.com")?;
    Ok(Client::new(
        &transport,
        &server_url,
        &SecretString::from(token),
        Arc::new(Budget::new(8)),
    )?)
}

fn named(name: &str) -> CreateControlPlane {
    CreateControlPlane {
        name: name.to_owned(),
        ..CreateControlPlane::default()
    }
}

fn failed<T: std::fmt::Debug>(outcome: Result<T, Error>) -> anyhow::Result<Error> {
    let error = outcome.err().context("it should have failed")?;
    anyhow::ensure!(
        !format!("{error} {error:?}").contains("canary"),
        "a secret shows: {error:?}"
    );
    Ok(error)
}

fn map(entity: Value) -> anyhow::Result<Map<String, Value>> {
    Ok(serde_json::from_value(entity)?)
}

fn service(name: &str) -> anyhow::Result<Map<String, Value>> {
    map(json!({"name": name, "host": "stock.example.com", "port": 443, "protocol": "https"}))
}

async fn listed(bed: &Bed, control_plane: &str, path: &str) -> anyhow::Result<Vec<Map<String, Value>>> {
    let texts = bed.client.list_entities(control_plane, path).await?;
    Ok(texts.iter().map(ObjectText::fields).collect())
}

#[tokio::test]
async fn a_token_is_checked_and_told_from_one_without_rights() -> anyhow::Result<()> {
    let bed = Bed::start().await?;
    assert_eq!(
        bed.client.organization().await?.id,
        Options::default().organisation.id
    );

    let wrong = client(&bed.servers, "kpat_canary_wrong")?;
    assert_eq!(
        *failed(wrong.organization().await)?.failure(),
        Failure::Unauthorized
    );

    bed.konnect.set_token(TOKEN, TokenState::NoRights);
    bed.client.organization().await?;
    let error = failed(bed.client.list_control_planes(&Filter::default()).await)?;
    assert_eq!(*error.failure(), Failure::Forbidden, "{error}");

    bed.konnect.revoke_token(TOKEN);
    assert_eq!(
        *failed(bed.client.organization().await)?.failure(),
        Failure::Unauthorized
    );
    assert!(matches!(client(&bed.servers, " \n"), Err(error) if error.is::<InvalidToken>()));
    Ok(())
}

#[tokio::test]
async fn a_control_plane_is_created_found_changed_and_deleted() -> anyhow::Result<()> {
    let bed = Bed::start().await?;
    let labels = BTreeMap::from([("k8s-uid".to_owned(), "u-1".to_owned())]);
    let wanted = CreateControlPlane {
        description: Some("stock".to_owned()),
        cluster_type: Some(ClusterType::ControlPlane),
        auth_type: Some(AuthType::PinnedClientCerts),
        labels: labels.clone(),
        ..named("inventory")
    };
    let created = bed.client.create_control_plane(&wanted).await?;
    bed.client.create_control_plane(&named("sales")).await?;
    assert_eq!((created.name.as_str(), &created.labels), ("inventory", &labels));
    assert!(created.config.control_plane_endpoint.starts_with("https://"));
    assert_eq!(created.config.cluster_type, ClusterType::ControlPlane);

    assert_eq!(
        bed.client.get_control_plane(&created.id).await?.as_ref(),
        Some(&created)
    );
    let by_id = Filter {
        id: Some(created.id.clone()),
        ..Filter::default()
    };
    for filter in [Filter::name("inventory"), Filter::label("k8s-uid", "u-1"), by_id] {
        assert_eq!(
            bed.client.list_control_planes(&filter).await?,
            std::slice::from_ref(&created),
            "{filter:?}"
        );
    }
    for filter in [Filter::name("invent"), Filter::label("k8s-uid", "u-2")] {
        assert_eq!(bed.client.list_control_planes(&filter).await?, [], "{filter:?}");
    }

    let patch = PatchControlPlane {
        description: Some("new".to_owned()),
        ..PatchControlPlane::default()
    };
    let patched = bed.client.patch_control_plane(&created.id, &patch).await?;
    assert_eq!((patched.description.as_str(), &patched.labels), ("new", &labels));

    let error = failed(bed.client.create_control_plane(&named("sales")).await)?;
    assert!(matches!(error.failure(), Failure::Conflict { .. }), "{error}");

    bed.client.delete_control_plane(&created.id).await?;
    bed.client.delete_control_plane(&created.id).await?;
    assert_eq!(bed.client.get_control_plane(&created.id).await?, None);
    let error = failed(bed.client.patch_control_plane(&created.id, &patch).await)?;
    assert_eq!(*error.failure(), Failure::NotFound, "{error}");
    Ok(())
}

#[tokio::test]
async fn control_planes_are_listed_over_many_pages() -> anyhow::Result<()> {
    let bed = Bed::start().await?;
    for number in 0..250 {
        bed.konnect
            .seed_control_plane(&json!({"name": format!("cp-{number}")}))?;
    }
    let found = bed.client.list_control_planes(&Filter::default()).await?;
    let names: BTreeSet<_> = found.iter().map(|control_plane| &control_plane.name).collect();
    assert_eq!(
        (found.len(), names.len(), bed.servers.region.stats().total),
        (250, 250, 3)
    );
    Ok(())
}

#[tokio::test]
async fn an_entity_keeps_its_id_through_put_get_list_and_delete() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    let put = bed
        .client
        .put_entity(&cp, "services", SERVICE, &[], &service("stock")?)
        .await?;
    assert_eq!(
        (put["id"].as_str(), put["name"].as_str()),
        (Some(SERVICE), Some("stock"))
    );
    let path = format!("services/{SERVICE}");
    assert_eq!(bed.client.get_entity(&cp, &path).await?, Some(put.clone()));
    assert_eq!(listed(&bed, &cp, "services").await?, [put]);

    bed.client.delete_entity(&cp, &path).await?;
    bed.client.delete_entity(&cp, &path).await?;
    assert_eq!(bed.client.get_entity(&cp, &path).await?, None);
    Ok(())
}

#[tokio::test]
async fn entities_are_listed_over_many_pages() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    for number in 0..2_100 {
        bed.konnect.seed(
            &cp,
            "consumers",
            &json!({"username": format!("consumer-{number}")}),
        )?;
    }
    bed.servers.region.reset_stats();
    let found = listed(&bed, &cp, "consumers").await?;
    let names: BTreeSet<_> = found
        .iter()
        .map(|consumer| consumer["username"].to_string())
        .collect();
    assert_eq!(
        (found.len(), names.len(), bed.servers.region.stats().total),
        (2_100, 2_100, 3)
    );
    Ok(())
}

#[tokio::test]
async fn group_members_are_posted_and_one_group_is_unwrapped() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    bed.client
        .put_entity(&cp, "consumers", CONSUMER, &[], &map(json!({"username": "ann"}))?)
        .await?;
    bed.client
        .put_entity(&cp, "consumer_groups", OTHER, &[], &map(json!({"name": "gold"}))?)
        .await?;
    let members = format!("consumer_groups/{OTHER}/consumers");
    bed.client
        .post_entity(&cp, &members, &[], &map(json!({"consumer": CONSUMER}))?)
        .await?;
    assert_eq!(bed.konnect.group_members(&cp, OTHER), [CONSUMER]);
    assert_eq!(bed.client.list_entities(&cp, &members).await?.len(), 1);
    let group = bed
        .client
        .get_entity(&cp, &format!("consumer_groups/{OTHER}"))
        .await?
        .context("it is there")?;
    assert_eq!(group["name"], "gold");
    bed.client
        .delete_entity(&cp, &format!("{members}/{CONSUMER}"))
        .await?;
    assert!(bed.client.list_entities(&cp, &members).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_password_hash_travels_only_with_the_query() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    bed.client
        .put_entity(&cp, "consumers", CONSUMER, &[], &map(json!({"username": "ann"}))?)
        .await?;
    let path = format!("consumers/{CONSUMER}/basic-auth");
    let hash = "7c4a8d09ca3762af61e59520943dc26494f8941b";
    let credential = map(json!({"username": "ann", "password": hash}))?;
    let kept = bed
        .client
        .put_entity(&cp, &path, OTHER, &[("skip_hash", "true")], &credential)
        .await?;
    assert_eq!(kept["password"], hash);
    let hashed = bed.client.put_entity(&cp, &path, OTHER, &[], &credential).await?;
    assert_ne!(hashed["password"], hash);
    Ok(())
}

#[tokio::test]
async fn refusals_say_field_kind_and_reason() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    let mut bad = service("stock")?;
    bad.insert("port".to_owned(), json!(70_000));
    let error = failed(bed.client.put_entity(&cp, "services", SERVICE, &[], &bad).await)?;
    assert_eq!(
        error.field_errors().first().map(|field| field.field.as_str()),
        Some("port"),
        "{error}"
    );
    assert!(error.reason().starts_with("refused (400): port: "), "{error}");

    let route = map(json!({"name": "r", "paths": ["/x"], "service": {"id": SERVICE}}))?;
    let error = failed(bed.client.put_entity(&cp, "routes", ROUTE, &[], &route).await)?;
    assert!(error.is_missing_reference(), "{error:?}");
    assert_eq!(
        error.field_errors().first().map(|field| field.kind),
        Some(FieldErrorKind::Reference)
    );

    bed.client
        .put_entity(&cp, "services", SERVICE, &[], &service("stock")?)
        .await?;
    let error = failed(
        bed.client
            .put_entity(&cp, "services", OTHER, &[], &service("stock")?)
            .await,
    )?;
    assert_eq!(
        *error.failure(),
        Failure::Conflict {
            field: Some("name".to_owned())
        },
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_taken_credential_is_a_conflict_that_does_not_show_it() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    bed.client
        .put_entity(&cp, "consumers", CONSUMER, &[], &map(json!({"username": "ann"}))?)
        .await?;
    let path = format!("consumers/{CONSUMER}/key-auth");
    let key = map(json!({"key": "canary-key"}))?;
    bed.client.put_entity(&cp, &path, SERVICE, &[], &key).await?;
    let error = failed(bed.client.put_entity(&cp, &path, OTHER, &[], &key).await)?;
    assert_eq!(
        *error.failure(),
        Failure::Conflict {
            field: Some("key".to_owned())
        },
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_repeated_write_whose_first_answer_was_lost_changes_nothing() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    bed.misbehave(&["PUT /services=drop;times=1;after"])?;
    bed.client
        .put_entity(&cp, "services", SERVICE, &[], &service("stock")?)
        .await?;
    assert_eq!(bed.konnect.entities(&cp, "services").len(), 1);

    bed.misbehave(&["POST /v2/control-planes$=drop;times=1;after"])?;
    let error = failed(bed.client.create_control_plane(&named("sales")).await)?;
    assert_eq!(*error.failure(), Failure::Unreachable, "{error}");
    assert_eq!(
        bed.client
            .list_control_planes(&Filter::name("sales"))
            .await?
            .len(),
        1,
        "found, not made twice"
    );
    Ok(())
}

/// A list that is cut short must not look complete, in whatever words its continuation comes.
#[tokio::test]
async fn a_continuation_that_is_not_understood_is_no_end() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    for body in [
        r#"{"data":[{"id":"a"}],"next":"/routes?page=2"}"#,
        r#"{"data":[{"id":"a"}],"links":{"next":"/routes?page=2"}}"#,
        r#"{"data":[],"has_more":true}"#,
    ] {
        bed.misbehave(&[&format!("GET /core-entities/routes=200;body={body}")])?;
        let error = failed(bed.client.list_entities(&cp, "routes").await)?;
        assert_eq!(*error.failure(), Failure::Garbage, "{body}: {error}");
        assert!(error.to_string().contains("more follows"), "{error}");
        assert!(
            bed.client.holds_any(&cp, "routes").await.is_err() || body.contains("\"a\""),
            "{body}"
        );
    }
    for body in [
        r#"{"data":[],"meta":{"page":{"number":1,"size":100,"total":3}}}"#,
        r#"{"data":[{"id":"a","name":"a","config":{"control_plane_endpoint":"https://a.us.cp0.konghq.com","telemetry_endpoint":"https://a.us.tp0.konghq.com","cluster_type":"CLUSTER_TYPE_CONTROL_PLANE","auth_type":"pinned_client_certs"}}],"meta":{"page":{"number":1,"size":100,"total":3}}}"#,
    ] {
        bed.misbehave(&[&format!("GET /v2/control-planes=200;body={body}")])?;
        let error = failed(bed.client.list_control_planes(&Filter::default()).await)?;
        assert_eq!(*error.failure(), Failure::Garbage, "{body}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_that_never_end_are_garbage() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    bed.misbehave(&["GET /services=200;body={\"data\":[],\"offset\":\"again\"}"])?;
    let error = failed(bed.client.list_entities(&cp, "services").await)?;
    assert_eq!(*error.failure(), Failure::Garbage, "{error}");
    let lists = bed
        .servers
        .region
        .stats()
        .by_route
        .get("GET /v2/control-planes/{id}/core-entities/services")
        .copied();
    assert_eq!(lists, Some(2));
    Ok(())
}

#[tokio::test]
async fn certificates_are_pinned_listed_and_removed() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    assert_eq!(bed.client.list_data_plane_certificates(&cp).await?, []);
    let pem = rcgen::generate_simple_self_signed(["data-plane".to_owned()])?
        .cert
        .pem();
    let pinned = bed.client.create_data_plane_certificate(&cp, &pem, None).await?;
    assert_eq!(
        bed.client.list_data_plane_certificates(&cp).await?,
        std::slice::from_ref(&pinned)
    );
    bed.client.delete_data_plane_certificate(&cp, &pinned.id).await?;
    bed.client.delete_data_plane_certificate(&cp, &pinned.id).await?;
    assert_eq!(bed.client.list_data_plane_certificates(&cp).await?, []);
    let error = failed(
        bed.client
            .create_data_plane_certificate(&cp, "nonsense", None)
            .await,
    )?;
    assert!(matches!(error.failure(), Failure::Rejected(_)), "{error}");
    Ok(())
}

#[tokio::test]
async fn validation_writes_nothing_and_the_expected_hash_moves_with_writes() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    bed.client
        .validate_entity(&cp, "services", &service("stock")?)
        .await?;
    let error = failed(
        bed.client
            .validate_entity(&cp, "services", &map(json!({"port": "x"}))?)
            .await,
    )?;
    assert!(!error.field_errors().is_empty(), "{error}");
    assert_eq!(bed.konnect.entities(&cp, "services"), Vec::<Value>::new());

    let before = bed.client.expected_config_hash(&cp).await?;
    bed.client
        .put_entity(&cp, "services", SERVICE, &[], &service("stock")?)
        .await?;
    assert_ne!(
        bed.client.expected_config_hash(&cp).await?.expected_hash,
        before.expected_hash
    );
    Ok(())
}

#[tokio::test]
async fn uploaded_plugin_schemas_are_listed_and_written_by_name() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    assert!(bed.client.list_plugin_schemas(&cp).await?.is_empty());
    let lua = "return { name = \"stamp\", fields = { { config = { type = \"record\", fields = {} } } } }";
    let body = json!({"lua_schema": lua})
        .as_object()
        .cloned()
        .unwrap_or_default();
    for _ in 0..2 {
        bed.client
            .put_entity(&cp, "plugin-schemas", "stamp", &[], &body)
            .await?;
        let listed = bed.client.list_plugin_schemas(&cp).await?;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].fields()["name"], "stamp");
        assert_eq!(listed[0].fields()["lua_schema"], lua);
    }
    bed.client.delete_entity(&cp, "plugin-schemas/stamp").await?;
    assert!(bed.client.list_plugin_schemas(&cp).await?.is_empty());
    Ok(())
}

/// A name in the place of an id would be looked up as one: what it names might be somebody else's.
#[tokio::test]
async fn what_is_no_id_is_never_sent_in_the_place_of_one() -> anyhow::Result<()> {
    let (bed, cp) = Bed::with_control_plane().await?;
    let theirs = json!({"id": SERVICE, "name": "payments", "host": "theirs.example.com"});
    bed.konnect.seed(&cp, "services", &theirs)?;
    let before = bed.servers.region.stats().total;
    let body = map(json!({"host": "ours.example.com"}))?;
    let (client, simple) = (&bed.client, SERVICE.replace('-', ""));
    for name in [
        "payments",
        "",
        "..",
        "a/b",
        "payments?x=y",
        "%2e%2e",
        "pay\nments",
        &simple,
    ] {
        let path = format!("services/{name}");
        let below = format!("services/{name}/routes");
        let mut errors = vec![
            failed(client.put_entity(&cp, "services", name, &[], &body).await)?,
            failed(client.list_entities(&cp, &below).await)?,
            failed(client.holds_any(&cp, &below).await)?,
            failed(client.put_entity(&cp, &below, SERVICE, &[], &body).await)?,
            failed(client.post_entity(&cp, &below, &[], &body).await)?,
            failed(client.delete_entity(&cp, &format!("{below}/{SERVICE}")).await)?,
            failed(client.get_control_plane(name).await)?,
            failed(
                client
                    .patch_control_plane(name, &PatchControlPlane::default())
                    .await,
            )?,
            failed(client.delete_control_plane(name).await)?,
            failed(client.list_entities(name, "services").await)?,
            failed(client.list_data_plane_certificates(name).await)?,
            failed(client.delete_data_plane_certificate(&cp, name).await)?,
            failed(client.expected_config_hash(name).await)?,
        ];
        if !name.is_empty() {
            errors.push(failed(client.get_entity(&cp, &path).await)?);
            errors.push(failed(client.delete_entity(&cp, &path).await)?);
        }
        for error in errors {
            assert_eq!(error.failure(), &Failure::NotAnId, "{name:?}: {error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
    assert_eq!(bed.servers.region.stats().total, before, "nothing was sent");
    assert_eq!(bed.konnect.entities(&cp, "services").len(), 1);
    Ok(())
}
