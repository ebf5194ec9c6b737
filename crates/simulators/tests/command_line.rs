//! The `simulators` program as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context as _;
use reqwest::{Certificate, Client};
use serde_json::Value;

/// A running simulator; killed on drop.
struct Simulator {
    process: Child,
    url: String,
    output: BufReader<ChildStdout>,
}

impl Simulator {
    /// Starts `simulators` with these arguments and reads its first URL.
    fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_simulators"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().context("no stdout")?);
        let url = next_line(&mut output)?;
        Ok(Self { process, url, output })
    }

    /// The URL in the next line: Konnect's global host.
    fn next_url(&mut self) -> anyhow::Result<String> {
        next_line(&mut self.output)
    }
}

fn next_line(output: &mut BufReader<ChildStdout>) -> anyhow::Result<String> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn kong_admin_serves_its_samples_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let simulator = Simulator::start(&[
        "kong-admin",
        "--tls",
        "--ca-out",
        ca.to_str().unwrap(),
        "--token",
        "secret",
    ])
    .unwrap();
    let ca = Certificate::from_pem(&std::fs::read(&ca).unwrap()).unwrap();
    let client = Client::builder().tls_certs_only([ca]).build().unwrap();
    let url = format!("{}/inventory/services", simulator.url);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    let answer = client
        .get(&url)
        .header("Kong-Admin-Token", "secret")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<Value>().await.unwrap()["data"].is_array());
}

#[tokio::test]
async fn konnect_serves_the_data_and_faults_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("planes.json");
    let planes =
        r#"[{"name": "inventory", "entities": [{"path": "services", "body": {"host": "a.example"}}]}]"#;
    std::fs::write(&data, planes).unwrap();
    let mut simulator = Simulator::start(&[
        "konnect",
        "--data",
        data.to_str().unwrap(),
        "--token=one",
        "--token=two",
        "--fault=/organizations=418",
    ])
    .unwrap();
    let global = simulator.next_url().unwrap();
    let ask = async |base: &str, path: &str, token: &str| {
        let url = format!("{base}{path}");
        Client::new().get(url).bearer_auth(token).send().await.unwrap()
    };
    let get = async |path: &str, token: &str| ask(&simulator.url, path, token).await;
    let planes: Value = get("/v2/control-planes", "two").await.json().await.unwrap();
    assert_eq!(planes["data"][0]["name"], "inventory");
    let id = planes["data"][0]["id"].as_str().unwrap();
    let services: Value = get(&format!("/v2/control-planes/{id}/core-entities/services"), "one")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(services["data"][0]["host"], "a.example");
    assert_eq!(ask(&global, "/v3/organizations/me", "one").await.status(), 418);
    assert_eq!(ask(&global, "/v2/control-planes", "one").await.status(), 404);
    assert_eq!(get("/v2/control-planes", "three").await.status(), 401);
}

#[tokio::test]
async fn konnect_has_the_manners_it_was_given() {
    const ID: &str = "51de6f12-d9f9-445d-8534-5c5457870a35";
    let left_out = format!("services/{ID}=1");
    let konnect = Simulator::start(&[
        "konnect",
        "--workload=1",
        "--post-with-id=overwrites",
        "--pages-by-position",
        "--leave-out",
        &left_out,
    ])
    .unwrap();
    let call = async |method: reqwest::Method, path: &str, body: Value| {
        let request = Client::new().request(method, format!("{}/v2/control-planes{path}", konnect.url));
        let answer = request
            .bearer_auth("kpat_simulated")
            .json(&body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (_, planes) = call(reqwest::Method::GET, "", Value::Null).await;
    let services = format!(
        "/{}/core-entities/services",
        planes["data"][0]["id"].as_str().unwrap()
    );
    for host in ["a", "b"] {
        let body = serde_json::json!({"id": ID, "host": host});
        assert_eq!(call(reqwest::Method::POST, &services, body).await.0, 201);
    }
    for expected in [1, 2] {
        let (_, page) = call(reqwest::Method::GET, &services, Value::Null).await;
        assert_eq!(page["data"].as_array().map(Vec::len), Some(expected));
    }
}

#[test]
fn a_bad_fault_is_explained() {
    let output = Command::new(env!("CARGO_BIN_EXE_simulators"))
        .args(["konnect", "--fault", "/routes=503;often"])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && message.contains("unknown option `often`"),
        "{message}"
    );
}

#[tokio::test]
async fn both_hold_the_same_generated_data() {
    let kong = Simulator::start(&["kong-admin", "--workload", "3"]).unwrap();
    let konnect = Simulator::start(&["konnect", "--workload", "3"]).unwrap();
    let client = Client::new();
    let list = async |url: String| -> anyhow::Result<Vec<Value>> {
        let answer = client.get(url).bearer_auth("kpat_simulated").send().await?;
        let mut answer: Value = answer.error_for_status()?.json().await?;
        Ok(serde_json::from_value(answer["data"].take())?)
    };
    let planes = list(format!("{}/v2/control-planes", konnect.url)).await.unwrap();
    let plane = planes[0]["id"].as_str().unwrap();
    for (kind, count) in [
        ("services", 3),
        ("plugins", 6),
        ("key-auths", 3),
        ("consumer_groups", 1),
    ] {
        let source = list(format!("{}/generated/{kind}", kong.url)).await.unwrap();
        let below = format!("{}/v2/control-planes/{plane}/core-entities/{kind}", konnect.url);
        let target = list(below).await.unwrap();
        let ids = |list: &[Value]| {
            let mut ids: Vec<_> = list.iter().map(|entity| entity["id"].to_string()).collect();
            ids.sort();
            ids
        };
        assert_eq!((ids(&source), source.len()), (ids(&target), count), "{kind}");
    }
}
