//! The real control plane: it serves, it obeys RBAC, its controllers work, and it leaves nothing behind.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use simulators::cluster::Cluster;

/// Standard output of a command that must succeed.
fn stdout_of(mut command: Command) -> anyhow::Result<String> {
    let output = command.output()?;
    anyhow::ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn kubectl_apply(cluster: &Cluster, manifest: &str) -> anyhow::Result<()> {
    let mut apply = cluster
        .kubectl(&["apply", "-f", "-"])?
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    apply
        .stdin
        .take()
        .context("no stdin")?
        .write_all(manifest.as_bytes())?;
    anyhow::ensure!(apply.wait()?.success(), "kubectl apply failed");
    Ok(())
}

/// Number of living processes that name `folder` on their command line. (Zombies have none.)
fn processes_naming(folder: &Path) -> anyhow::Result<usize> {
    let processes = stdout_of({
        let mut ps = Command::new("ps");
        ps.args(["-A", "-ww", "-o", "args"]);
        ps
    })?;
    let folder = folder.to_str().context("folder is not UTF-8")?;
    Ok(processes
        .lines()
        .filter(|arguments| arguments.contains(folder))
        .count())
}

/// Waits for something that must happen soon, and fails after a minute.
fn wait_for(what: &str, condition: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition()? {
        anyhow::ensure!(Instant::now() < deadline, "still waiting for {what}");
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn serves_kubectl() {
    let cluster = Cluster::shared().unwrap();
    let namespaces = stdout_of(cluster.kubectl(&["get", "namespaces", "-o", "name"]).unwrap()).unwrap();
    for expected in ["namespace/default", "namespace/kube-system"] {
        assert!(namespaces.lines().any(|line| line == expected), "{namespaces}");
    }
}

#[test]
fn the_operator_may_do_what_rbac_grants_and_no_more() {
    let cluster = Cluster::shared().unwrap();
    let operator = cluster.operator();
    let get = |kind: &str| {
        operator
            .kubectl(&["get", kind, "--namespace=default"])
            .unwrap()
            .output()
            .unwrap()
    };
    let refused = get("secrets");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("Forbidden"),
        "{refused:?}"
    );
    kubectl_apply(
        cluster,
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: default}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: operators}]
"#,
    )
    .unwrap();
    wait_for("the grant", || Ok(get("secrets").status.success())).unwrap();
    assert!(!get("configmaps").status.success());
}

#[test]
fn controllers_collect_garbage_and_finish_namespaces() {
    let cluster = Cluster::shared().unwrap();
    let config_map =
        |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string();
    stdout_of(cluster.kubectl(&["create", "namespace", "doomed"]).unwrap()).unwrap();
    kubectl_apply(
        cluster,
        &config_map(json!({"name": "owner", "namespace": "doomed"})),
    )
    .unwrap();
    let uid = cluster
        .kubectl(&[
            "-n",
            "doomed",
            "get",
            "configmap",
            "owner",
            "-o",
            "jsonpath={.metadata.uid}",
        ])
        .unwrap();
    let uid = stdout_of(uid).unwrap();
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid});
    let owned = json!({"name": "owned", "namespace": "doomed", "ownerReferences": [owner]});
    kubectl_apply(cluster, &config_map(owned)).unwrap();
    let deleted = |arguments: &[&str]| {
        let mut delete = cluster.kubectl(arguments).unwrap();
        delete.args(["--wait=true", "--timeout=60s"]);
        stdout_of(delete).unwrap();
    };
    deleted(&["-n", "doomed", "delete", "configmap", "owner"]);
    wait_for("the garbage collector", || {
        Ok(!cluster
            .kubectl(&["-n", "doomed", "get", "configmap", "owned"])?
            .output()?
            .status
            .success())
    })
    .unwrap();
    deleted(&["delete", "namespace", "doomed"]);
}

#[test]
fn a_restarted_api_server_has_what_was_stored() {
    let mut cluster = Cluster::start().unwrap();
    let manifest =
        r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}"#;
    kubectl_apply(&cluster, manifest).unwrap();
    let arguments = ["get", "configmap", "kept", "-o", "jsonpath={.data.a}"];
    cluster.stop_api_server().unwrap();
    let refused = cluster.kubectl(&arguments).unwrap().output().unwrap();
    assert!(!refused.status.success());
    cluster.start_api_server().unwrap();
    assert_eq!(stdout_of(cluster.kubectl(&arguments).unwrap()).unwrap(), "b");
    let folder = cluster.folder().to_owned();
    drop(cluster);
    wait_for("all processes to end", || Ok(processes_naming(&folder)? == 0)).unwrap();
}

#[test]
fn a_dropped_cluster_leaves_nothing() {
    let cluster = Cluster::start().unwrap();
    let folder = cluster.folder().to_owned();
    // Three servers and the watchdog.
    assert_eq!(processes_naming(&folder).unwrap(), 4);
    drop(cluster);
    assert_eq!(processes_naming(&folder).unwrap(), 0);
    assert!(!folder.exists());
}

#[test]
fn a_killed_holder_leaves_nothing() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_simulators"))
        .arg("cluster")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let kubeconfig = Path::new(line.trim().strip_prefix("export KUBECONFIG=").unwrap());
    let folder = kubeconfig.parent().unwrap();
    assert_eq!(processes_naming(folder).unwrap(), 4);
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_for("the watchdog", || {
        Ok(processes_naming(folder)? == 0 && !folder.exists())
    })
    .unwrap();
}
