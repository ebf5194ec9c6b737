use serde_json::{Value, json};

use super::*;
use crate::controllers::konnect_gateway_control_plane::validate::validate;

const UID: &str = "0f6f0d0e-5b1e-4c5e-9f3a-6a3f2b1c0d9e";

fn object(spec: Value) -> KonnectGatewayControlPlane {
    serde_json::from_value(json!({
        "apiVersion": "konnect.konghq.com/v1alpha2",
        "kind": "KonnectGatewayControlPlane",
        "metadata": {"name": "inventory", "namespace": "kong", "uid": UID},
        "spec": spec,
    }))
    .unwrap()
}

fn full() -> KonnectGatewayControlPlane {
    object(json!({
        "name": "inventory",
        "description": "stock",
        "auth_type": "pki_client_certs",
        "proxy_urls": [{"host": "api.example.com", "port": 443, "protocol": "https"}],
        "labels": {"team": "stock"},
    }))
}

fn create(object: &KonnectGatewayControlPlane) -> CreateControlPlane {
    build_create(&validate(object).unwrap(), object)
}

fn patch(object: &KonnectGatewayControlPlane, current: &ControlPlane) -> PatchControlPlane {
    build_patch(&validate(object).unwrap(), object, current)
}

/// What Konnect holds after the create call.
fn made(object: &KonnectGatewayControlPlane) -> ControlPlane {
    let body = create(object);
    serde_json::from_value(json!({
        "id": "id",
        "name": body.name,
        "description": body.description.unwrap_or_default(),
        "labels": body.labels,
        "config": {
            "control_plane_endpoint": "https://a", "telemetry_endpoint": "https://b",
            "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE",
            "auth_type": body.auth_type.unwrap_or_default(),
            "proxy_urls": body.proxy_urls,
        },
    }))
    .unwrap()
}

#[test]
fn the_create_call_carries_the_marks() {
    let labels = create(&full()).labels;
    let expected: BTreeMap<_, _> = [
        ("k8s-name", "inventory"),
        ("k8s-namespace", "kong"),
        ("k8s-uid", UID),
        ("managed-by", "gateway-migration-operator"),
        ("team", "stock"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    assert_eq!(labels, expected);
}

#[test]
fn what_was_just_made_needs_no_patch() {
    for object in [full(), object(json!({"name": "inventory"}))] {
        assert!(patch(&object, &made(&object)).is_empty());
    }
}

#[test]
fn every_difference_is_patched_and_nothing_else() {
    let mut current = made(&full());
    current.name = "other".to_owned();
    current.description = "other".to_owned();
    current.config.auth_type = AuthType::PinnedClientCerts;
    current.config.proxy_urls.clear();
    current.labels.remove("team");
    let patch = patch(&full(), &current);
    assert_eq!(patch.name.as_deref(), Some("inventory"));
    assert_eq!(patch.description.as_deref(), Some("stock"));
    assert_eq!(patch.auth_type, Some(AuthType::PkiClientCerts));
    assert_eq!(patch.proxy_urls.as_ref().map(Vec::len), Some(1));
    assert_eq!(patch.labels, Some(create(&full()).labels));
}

#[test]
fn a_field_taken_out_of_the_manifest_is_cleared_on_what_was_made_here() {
    let patch = patch(&object(json!({"name": "inventory"})), &made(&full()));
    assert_eq!(patch.description.as_deref(), Some(""));
    assert_eq!(patch.proxy_urls, Some(Vec::new()));
    assert!(!patch.labels.unwrap().contains_key("team"));
    assert_eq!(patch.auth_type, None);
}

#[test]
fn what_was_adopted_keeps_what_the_manifest_is_silent_about() {
    let mut current = made(&full());
    current.labels = BTreeMap::from([("theirs".to_owned(), "kept".to_owned())]);
    assert!(patch(&object(json!({"name": "inventory"})), &current).is_empty());
    let patch = patch(&full(), &current);
    let labels = patch.labels.unwrap();
    assert_eq!(labels.get("theirs").map(String::as_str), Some("kept"));
    assert_eq!(labels.get("team").map(String::as_str), Some("stock"));
    assert!(!labels.contains_key("k8s-uid"));
}

#[test]
fn labels_of_konnect_itself_are_neither_compared_nor_sent() {
    let mut current = made(&full());
    current
        .labels
        .insert("konnect-internal".to_owned(), "x".to_owned());
    assert!(patch(&full(), &current).is_empty());
}

#[test]
fn a_long_name_makes_a_permitted_label() {
    let value = label_value(&format!("{}.tail", "n".repeat(62)));
    assert_eq!(value, "n".repeat(62));
}
