//! Trust in both directions.

use std::sync::Arc;

use anyhow::Context as _;
use gateway_migration_operator::http::{
    Budget, ClientIdentity, Failure, TlsOptions, Transport, TransportError, TransportOptions,
};
use gateway_migration_operator::kong::admin;
use secrecy::SecretString;
use simulators::server::{Running, ServeOptions, Tls, serve};

use super::{app, client_with, failed, options};

async fn tls_server(tls: Tls) -> anyhow::Result<Running> {
    serve(
        app(),
        ServeOptions {
            tls: Some(tls),
            ..ServeOptions::default()
        },
    )
    .await
}

#[tokio::test]
async fn an_extra_root_is_trusted_and_http2_shares_one_connection() -> anyhow::Result<()> {
    let server = tls_server(Tls::generate(&["127.0.0.1", "localhost"])?).await?;
    let ca = server.ca_pem().context("the server speaks TLS")?;
    let extra_roots = vec![("--ca-file".to_owned(), ca.as_bytes().to_vec())];
    let client = client_with(
        TransportOptions {
            extra_roots,
            ..options(&server.url())?
        },
        Arc::new(Budget::new(8)),
    )?;
    client.organization().await?;
    futures::future::try_join_all((0..20).map(|_| client.organization())).await?;
    assert_eq!(server.stats().connections, 1);
    Ok(())
}

#[tokio::test]
async fn an_unknown_authority_is_a_tls_failure_with_a_way_out() -> anyhow::Result<()> {
    let server = tls_server(Tls::generate(&["127.0.0.1"])?).await?;
    let other = Tls::generate(&["127.0.0.1"])?;
    let extra_roots = vec![("--ca-file".to_owned(), other.ca_pem().as_bytes().to_vec())];
    let client = client_with(
        TransportOptions {
            extra_roots,
            ..options(&server.url())?
        },
        Arc::new(Budget::new(8)),
    )?;
    let error = failed(client.organization().await)?;
    assert_eq!(*error.failure(), Failure::Tls, "{error}");
    assert!(error.to_string().contains("--ca-file"), "{error}");
    assert_eq!(server.stats().connections, 1, "not repeated");
    Ok(())
}

fn source(transport: &Transport, tls: &TlsOptions, server: &Running) -> anyhow::Result<admin::Client> {
    Ok(admin::Client::new(
        &transport.with_tls(tls)?,
        &server.url(),
        None,
    )?)
}

#[tokio::test]
async fn a_source_may_have_its_own_authority() -> anyhow::Result<()> {
    let server = tls_server(Tls::generate(&["127.0.0.1"])?).await?;
    let transport = Transport::new(options("http://unused")?)?;
    let ca_pem = server.ca_pem().map(str::to_owned);

    let error = failed(source(&transport, &TlsOptions::default(), &server)?.node().await)?;
    assert_eq!(*error.failure(), Failure::Tls, "{error}");
    assert!(error.to_string().contains("the source's tls settings"), "{error}");

    let own = TlsOptions {
        ca_pem,
        ..TlsOptions::default()
    };
    let before = server.stats().connections;
    source(&transport, &own, &server)?.node().await?;
    source(&transport, &own.clone(), &server)?.node().await?;
    assert_eq!(
        server.stats().connections,
        before + 1,
        "equal settings share their connections"
    );

    let insecure = TlsOptions {
        insecure_skip_verify: true,
        ..TlsOptions::default()
    };
    source(&transport, &insecure, &server)?.node().await?;
    Ok(())
}

#[tokio::test]
async fn a_client_certificate_opens_a_server_that_asks_for_one() -> anyhow::Result<()> {
    let tls = Tls::generate(&["127.0.0.1"])?.require_client_certificate()?;
    let identity = tls.issue_client("operator")?;
    let server = tls_server(tls).await?;
    let transport = Transport::new(options("http://unused")?)?;
    let without = TlsOptions {
        ca_pem: server.ca_pem().map(str::to_owned),
        ..TlsOptions::default()
    };
    let error = failed(source(&transport, &without, &server)?.node().await)?;
    assert_eq!(*error.failure(), Failure::Tls, "{error}");

    let client_certificate = Some(ClientIdentity {
        certificate_pem: identity.certificate_pem,
        key_pem: SecretString::from(identity.key_pem),
    });
    let with = TlsOptions {
        client_certificate,
        ..without
    };
    assert!(!format!("{with:?}").contains("PRIVATE KEY"));
    source(&transport, &with, &server)?.node().await?;
    Ok(())
}

#[test]
fn unusable_certificates_are_named() -> anyhow::Result<()> {
    let extra_roots = vec![("--ca-file /etc/ca.pem".to_owned(), b"not a certificate".to_vec())];
    let error = Transport::new(TransportOptions {
        extra_roots,
        ..TransportOptions::default()
    })
    .err();
    assert_eq!(
        error,
        Some(TransportError::Ca {
            what: "--ca-file /etc/ca.pem".to_owned()
        })
    );

    let transport = Transport::new(TransportOptions::default())?;
    let bad = TlsOptions {
        ca_pem: Some("nonsense".to_owned()),
        ..TlsOptions::default()
    };
    assert!(matches!(
        transport.with_tls(&bad).err(),
        Some(TransportError::Ca { .. })
    ));
    let pair = ClientIdentity {
        certificate_pem: "x".to_owned(),
        key_pem: SecretString::from("y"),
    };
    let bad = TlsOptions {
        client_certificate: Some(pair),
        ..TlsOptions::default()
    };
    assert_eq!(
        transport.with_tls(&bad).err(),
        Some(TransportError::ClientCertificate)
    );
    Ok(())
}
