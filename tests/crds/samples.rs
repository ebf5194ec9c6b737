//! The samples, applied as a user applies them, and what kubectl shows of them.

use std::fs;

use serde_json::{Value, json};

use crate::server::kubectl;

/// The namespace of the samples.
const NAMESPACE: &str = "kong";

/// Writes a status as a controller does.
fn write_status(object: &str, status: &Value) -> anyhow::Result<()> {
    let patch = json!({"status": status}).to_string();
    kubectl(&[
        "patch",
        object,
        "-n",
        NAMESPACE,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ])?;
    Ok(())
}

fn condition(type_: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": "True", "reason": "Tried", "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

/// The words of each line of a table, split at runs of two spaces or more; the age is left out.
fn columns(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .collect()
        })
        .collect()
}

#[test]
fn the_samples_apply_unchanged_and_kubectl_shows_kongs_columns() {
    kubectl(&["apply", "-f", "config/samples"]).unwrap();
    // Once more: nothing that the server adds may look like a change.
    let again = kubectl(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        "config/samples",
    ])
    .unwrap();
    assert_eq!(again.lines().count(), 10, "{again}");

    write_status(
        "konnectapiauthconfiguration/konnect-api-auth",
        &json!({"conditions": [condition("APIAuthValid", "")], "organizationID": "org", "serverURL": "https://us"}),
    )
    .unwrap();
    let auth = kubectl(&[
        "get",
        "konnectapiauthconfiguration",
        "konnect-api-auth",
        "-n",
        NAMESPACE,
    ])
    .unwrap();
    let auth = columns(&auth);
    assert_eq!(auth[0], ["NAME", "VALID", "ORGID", "SERVERURL", "AGE"]);
    assert_eq!(auth[1][..4], ["konnect-api-auth", "True", "org", "https://us"]);

    write_status(
        "konnectgatewaycontrolplane/gateway-control-plane",
        &json!({"conditions": [condition("Programmed", "")], "id": "8a4a", "organizationID": "org"}),
    )
    .unwrap();
    for version in ["v1alpha1", "v1alpha2"] {
        let kind = format!("konnectgatewaycontrolplanes.{version}.konnect.konghq.com");
        let planes = kubectl(&["get", &kind, "gateway-control-plane", "-n", NAMESPACE]).unwrap();
        let planes = columns(&planes);
        assert_eq!(
            planes[0],
            ["NAME", "PROGRAMMED", "ID", "ORGID", "AGE"],
            "{version}"
        );
        assert_eq!(
            planes[1][..4],
            ["gateway-control-plane", "True", "8a4a", "org"],
            "{version}"
        );
    }

    let extension = kubectl(&["get", "konnectextension", "my-konnect-config", "-n", NAMESPACE]).unwrap();
    assert_eq!(columns(&extension)[0], ["NAME", "READY", "AGE"]);

    write_status(
        "workspacemigration/inventory",
        &json!({
            "phase": "Completed",
            "conditions": [condition("Ready", "all 9 entities are equal")],
            "progress": {"summary": "9/9"},
            "findings": {"summary": "W2"},
            "verification": {"checkedAt": "2020-01-01T00:00:00Z"},
        }),
    )
    .unwrap();
    let migration = kubectl(&["get", "wsm", "inventory", "-n", NAMESPACE]).unwrap();
    assert_eq!(
        columns(&migration)[0],
        ["NAME", "PHASE", "READY", "PROGRESS", "FINDINGS", "AGE"]
    );
    assert_eq!(
        columns(&migration)[1][..5],
        ["inventory", "Completed", "True", "9/9", "W2"]
    );
    let wide = kubectl(&["get", "wsm", "inventory", "-n", NAMESPACE, "-o", "wide"]).unwrap();
    let wide = columns(&wide);
    assert_eq!(
        wide[0][6..],
        ["WORKSPACE", "CONTROL PLANE", "VERIFIED", "MESSAGE"]
    );
    assert_eq!(wide[1][6..8], ["inventory", "inventory"]);
    assert!(
        wide[1][8].ends_with('d') || wide[1][8].contains('y'),
        "no age: {}",
        wide[1][8]
    );
    assert_eq!(wide[1][9], "all 9 entities are equal");
    kubectl(&[
        "wait",
        "--for=condition=Ready",
        "workspacemigration/inventory",
        "-n",
        NAMESPACE,
    ])
    .unwrap();

    let kong = kubectl(&["get", "kong", "-n", NAMESPACE, "-o", "name"]).unwrap();
    assert_eq!(kong.lines().count(), 8, "{kong}");
    kubectl(&["get", "konnect,migrations", "-n", NAMESPACE]).unwrap();
}

#[test]
fn kubectl_explains_a_field() {
    // kubectl would explain from what it cached before the definitions were there.
    let cache = tempfile::tempdir().unwrap();
    let cache = format!("--cache-dir={}", cache.path().display());
    let text = kubectl(&["explain", "wsm.spec.source.adminAPI.tokenSecretRef", &cache]).unwrap();
    assert!(text.contains("sent as Kong-Admin-Token"), "{text}");
}

#[test]
fn strict_kubectl_names_a_misspelt_field() {
    let manifest = fs::read_to_string("config/samples/workspace-default.yaml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("misspelt.yaml");
    fs::write(
        &file,
        manifest
            .replace("mode:", "modus:")
            .replace("name: default", "name: misspelt"),
    )
    .unwrap();
    let error = kubectl(&["apply", "-f", &file.display().to_string()])
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field \"spec.modus\""), "{error}");
}
