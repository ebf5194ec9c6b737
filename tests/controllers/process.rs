//! The binary itself: TLS, health, metrics, signals, and what it logs.

use std::net::TcpListener;

use anyhow::{Context as _, Result};
use gateway_migration_operator::api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth;
use serde_json::json;
use simulators::{
    cluster::Cluster,
    konnect::Servers,
    server::{ServeOptions, Tls},
};
use tokio::process::{Child, Command};

use crate::world::{HANGS, SERVER, TOKEN, World, is};

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Asks the admin port until it answers with this status.
async fn until_answered(url: &str, status: u16) -> Result<String> {
    let asked = async {
        loop {
            if let Ok(response) = reqwest::get(url).await
                && response.status() == status
            {
                return response.text().await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    Ok(tokio::time::timeout(HANGS, asked)
        .await
        .with_context(|| format!("{url} does not answer {status}"))??)
}

async fn signal(child: &Child, name: &str) -> Result<()> {
    let id = child.id().context("the operator has ended")?;
    Command::new("kill")
        .args([name, &id.to_string()])
        .status()
        .await?;
    Ok(())
}

#[tokio::test]
async fn the_binary_serves_works_over_tls_and_ends_when_asked() {
    let world = World::without_operator().await.unwrap();
    let tls = Tls::generate(&["127.0.0.1"]).unwrap();
    let options = ServeOptions {
        tls: Some(tls.clone()),
        ..ServeOptions::default()
    };
    let konnect = Servers::start(&world.konnect, options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, tls.ca_pem()).unwrap();
    let log_file = folder.path().join("log");
    let admin = format!("127.0.0.1:{}", free_port().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"))
        .args(["run", "--leader-elect", "--log-format", "json", "--log", "debug"])
        .args([
            "--leader-elect-namespace",
            &world.namespace,
            "--namespace",
            &world.namespace,
        ])
        .args([
            "--admin-addr",
            &admin,
            "--konnect-endpoint",
            &format!("{SERVER}={}", konnect.region.url()),
            "--konnect-global",
            &konnect.global.url(),
        ])
        .arg("--ca-file")
        .arg(&ca_file)
        .env("KUBECONFIG", Cluster::shared().unwrap().kubeconfig_path())
        .stderr(std::fs::File::create(&log_file).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until_answered(&format!("http://{admin}/livez"), 200)
        .await
        .unwrap();
    until_answered(&format!("http://{admin}/readyz"), 200)
        .await
        .unwrap();

    let spec = json!({"spec": {"type": "token", "token": TOKEN, "serverURL": SERVER}});
    world.apply::<Auth>("konnect", spec).await.unwrap();
    let valid = |auth: &Auth| {
        auth.status
            .as_ref()
            .is_some_and(|status| is(&status.conditions, "Ready", "True", "Valid"))
    };
    world.until("konnect", "valid", valid).await.unwrap();
    let metrics = until_answered(&format!("http://{admin}/metrics"), 200)
        .await
        .unwrap();
    for line in [
        "gateway_migration_leading 1",
        r#"gateway_migration_remote_attempts_total{service="konnect",method="GET",route="/v3/organizations/me",status="200"}"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }

    signal(&child, "-TERM").await.unwrap();
    let ended = tokio::time::timeout(HANGS, child.wait()).await.unwrap().unwrap();
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert!(ended.success(), "{log}");
    assert!(log.contains("let the Lease go"), "{log}");
    assert!(!log.contains(TOKEN), "the token is in the log");
}

#[tokio::test]
async fn a_flag_that_cannot_be_used_is_explained() {
    let refused = async |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gateway-migration-operator"))
            .arg("run")
            .args(arguments)
            .output()
            .await?;
        anyhow::Ok((
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    };
    for (arguments, part) in [
        (["--konnect-endpoint", "nonsense"], "us.api.konghq.com=https://"),
        (["--ca-file", "no-such-file.pem"], "no-such-file.pem"),
        (["--log", "==="], "log filter"),
        (["--leader-elect-lease-duration", "soon"], "soon"),
        (["--konnect-in-flight", "0"], "0 is not in 1..=1024"),
    ] {
        let (success, text) = refused(&arguments).await.unwrap();
        assert!(!success && text.contains(part), "{arguments:?}: {text}");
    }
}
