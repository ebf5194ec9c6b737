//! v1alpha1 and v1alpha2 of a kind: one schema, so nothing is lost on the way.

use anyhow::Context as _;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{server, table};

/// An object of each kind with two versions, with every field of its spec; the control plane in both forms.
fn complete_objects() -> Vec<(&'static str, Value)> {
    let request = json!({
        "name": "inventory",
        "description": "stock",
        "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE_GROUP",
        "auth_type": "pki_client_certs",
        "cloud_gateway": true,
        "proxy_urls": [{"host": "api.example.com", "port": 443, "protocol": "https"}],
        "labels": {"team": "stock"},
    });
    let rest = json!({
        "source": "Origin",
        "members": [{"name": "a"}, {"name": "b"}],
        "konnect": {"authRef": {"name": "konnect-api-auth", "namespace": "platform"}},
    });
    let mut inline = request.clone();
    table::merge(&mut inline, &rest);
    let mut nested = json!({"createControlPlaneRequest": request});
    table::merge(&mut nested, &rest);
    let mirror = json!({
        "source": "Mirror",
        "mirror": {"konnect": {"id": "8a4a2b32-0b0e-4b4c-9d6a-0c1a6f1e2d3c"}},
        "konnect": {"authRef": {"name": "konnect-api-auth"}},
    });
    let extension = json!({
        "konnect": {
            "controlPlane": {
                "ref": {"type": "konnectNamespacedRef", "konnectNamespacedRef": {"name": "a", "namespace": "b"}},
            },
            "dataPlane": {"labels": {"team": "stock"}},
        },
        "clientAuth": {"certificateSecret": {"provisioning": "Manual", "secretRef": {"name": "certificate"}}},
    });
    vec![
        ("KonnectGatewayControlPlane", inline),
        ("KonnectGatewayControlPlane", nested),
        ("KonnectGatewayControlPlane", mirror),
        ("KonnectExtension", extension),
    ]
}

#[tokio::test]
async fn an_object_written_at_one_version_reads_the_same_at_the_other() {
    let client = server::client().await.unwrap();
    for (kind, spec) in complete_objects() {
        let versions = table::resources(kind).unwrap();
        assert_eq!(versions.len(), 2);
        for (written, other) in [(&versions[0], &versions[1]), (&versions[1], &versions[0])] {
            let name = server::unique_name();
            let object = table::build_object(written, &name, &json!({"spec": spec}), &[]).unwrap();
            let at_written = server::objects(&client, written);
            let at_other = server::objects(&client, other);
            at_written.create(&PostParams::default(), &object).await.unwrap();

            let read = at_other.get(&name).await.unwrap();
            assert_eq!(read.data["spec"], spec, "{kind} written at {}", written.version);
            at_other
                .replace(&name, &PostParams::default(), &read)
                .await
                .unwrap();
            let back = at_written.get(&name).await.unwrap();
            assert_eq!(
                back.data["spec"], spec,
                "{kind} written back at {}",
                other.version
            );
            assert_eq!(back.metadata.generation, Some(1), "writing it back was no change");
            at_written.delete(&name, &DeleteParams::default()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_operators_own_type_writes_back_all_that_it_read() {
    let client = server::client().await.unwrap();
    let older = &table::resources("KonnectGatewayControlPlane").unwrap()[0];
    let typed: Api<KonnectGatewayControlPlane> = Api::namespaced(client.clone(), server::NAMESPACE);
    for (_, spec) in complete_objects()
        .into_iter()
        .filter(|(kind, _)| *kind == "KonnectGatewayControlPlane")
    {
        let name = server::unique_name();
        let object = table::build_object(older, &name, &json!({"spec": spec}), &[]).unwrap();
        let dynamic = server::objects(&client, older);
        dynamic.create(&PostParams::default(), &object).await.unwrap();

        let read = typed.get(&name).await.unwrap();
        typed.replace(&name, &PostParams::default(), &read).await.unwrap();
        assert_eq!(dynamic.get(&name).await.unwrap().data["spec"], spec);
        dynamic.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_manifest_may_move_from_the_inline_to_the_nested_form_without_changing_the_request() {
    let client = server::client().await.unwrap();
    let versions = table::resources("KonnectGatewayControlPlane").unwrap();
    let typed: Api<KonnectGatewayControlPlane> = Api::namespaced(client.clone(), server::NAMESPACE);
    let name = server::unique_name();
    let manager = PatchParams::apply("gitops");
    let mut requests = Vec::new();
    for (resource, form) in versions.iter().zip([
        json!({"name": "n", "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE", "labels": {"a": "b"}}),
        json!({"createControlPlaneRequest":
            {"name": "n", "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE", "labels": {"a": "b"}}}),
    ]) {
        let manifest = table::build_object(resource, &name, &json!({"spec": form}), &[]).unwrap();
        let api = server::objects(&client, resource);
        api.patch(&name, &manager, &Patch::Apply(&manifest))
            .await
            .context(form)
            .unwrap();
        requests.push(typed.get(&name).await.unwrap().spec.effective_request().unwrap());
    }
    assert_eq!(requests[0], requests[1]);
    assert_eq!(typed.get(&name).await.unwrap().spec.name, None);
    typed.delete(&name, &DeleteParams::default()).await.unwrap();
}
