//! CEL rules of `KonnectGatewayControlPlane`. Each holds for the inline and for the nested form; the messages are Kong's
//! where Kong has the rule. Written with `has()` throughout: comparing CEL optionals costs the API server too much.

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

const LABEL_KEY_PATTERN: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";

/// CEL expression for the cluster type that an object has in either form; empty when it has none.
fn cluster_type_of(spec: &str) -> String {
    format!(
        "(has({spec}.createControlPlaneRequest) \
         ? (has({spec}.createControlPlaneRequest.cluster_type) ? {spec}.createControlPlaneRequest.cluster_type : '') \
         : (has({spec}.cluster_type) ? {spec}.cluster_type : ''))"
    )
}

pub(super) fn exactly_one_form() -> Rule {
    Rule::new("self.source == 'Origin' ? has(self.name) != has(self.createControlPlaneRequest) : true").message(
        "for type Origin exactly one must be set: spec.createControlPlaneRequest, or spec.name with the other inline fields",
    )
}

pub(super) fn no_inline_beside_nested() -> Rule {
    Rule::new(format!(
        "has(self.createControlPlaneRequest) ? {} : true",
        no_inline_field()
    ))
    .message(
        "name, description, cluster_type, auth_type, cloud_gateway, proxy_urls and labels must be inside \
         spec.createControlPlaneRequest when that is set",
    )
}

pub(super) fn mirror_has_no_request() -> Rule {
    Rule::new(format!(
        "self.source == 'Mirror' ? !has(self.createControlPlaneRequest) && {} : true",
        no_inline_field()
    ))
    .message("createControlPlaneRequest fields cannot be set for type Mirror")
}

fn no_inline_field() -> &'static str {
    "!has(self.name) && !has(self.description) && !has(self.cluster_type) && !has(self.auth_type) \
     && !has(self.cloud_gateway) && !has(self.proxy_urls) && !has(self.labels)"
}

pub(super) fn cluster_type_known() -> Rule {
    Rule::new(format!(
        "['', 'CLUSTER_TYPE_CONTROL_PLANE_GROUP', 'CLUSTER_TYPE_CONTROL_PLANE', 'CLUSTER_TYPE_K8S_INGRESS_CONTROLLER']\
         .exists(ct, ct == {})",
        cluster_type_of("self")
    ))
    .message(
        "when specified, cluster_type must be one of 'CLUSTER_TYPE_CONTROL_PLANE_GROUP', 'CLUSTER_TYPE_CONTROL_PLANE' or \
         'CLUSTER_TYPE_K8S_INGRESS_CONTROLLER'",
    )
}

pub(super) fn cluster_type_immutable() -> Rule {
    Rule::new(format!(
        "{} == {}",
        cluster_type_of("self"),
        cluster_type_of("oldSelf")
    ))
    .message("cluster_type is immutable")
}

pub(super) fn members_only_in_groups() -> Rule {
    let cluster_type = cluster_type_of("self");
    Rule::new(format!(
        "{cluster_type} in ['', 'CLUSTER_TYPE_CONTROL_PLANE_GROUP'] ? true : !has(self.members)"
    ))
    .message("spec.members is only applicable for ControlPlanes that are created as groups")
}

pub(super) fn no_cloud_gateway_for_ingress() -> Rule {
    Rule::new(format!(
        "{} == 'CLUSTER_TYPE_K8S_INGRESS_CONTROLLER' \
         ? !has(self.cloud_gateway) && !(has(self.createControlPlaneRequest) && has(self.createControlPlaneRequest.cloud_gateway)) \
         : true",
        cluster_type_of("self")
    ))
    .message("cloud_gateway cannot be set for cluster_type 'CLUSTER_TYPE_K8S_INGRESS_CONTROLLER'")
}

/// The authRef is frozen while the condition is `True`.
pub(super) fn auth_ref_immutable(condition: &str, message: &str) -> Rule {
    Rule::new(format!(
        "!has(self.status) || !has(self.status.conditions) \
         || !self.status.conditions.exists(c, c.type == '{condition}' && c.status == 'True') \
         || (has(self.spec.konnect) ? has(oldSelf.spec.konnect) && self.spec.konnect.authRef == oldSelf.spec.konnect.authRef \
         : !has(oldSelf.spec.konnect))"
    ))
    .message(message)
}

/// Labels of a control plane, with the limits that Konnect sets.
pub(super) fn labels_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"type": "string"},
        "x-kubernetes-validations": [
            {"rule": "size(self) <= 40", "message": "labels must not have more than 40 entries"},
            {
                "rule": "self.all(key, size(key) >= 1 && size(key) <= 63)",
                "message": "labels keys must be of length 1-63 characters",
            },
            {
                "rule": "self.all(key, size(self[key]) >= 1 && size(self[key]) <= 63)",
                "message": "labels values must be of length 1-63 characters",
            },
            {
                "rule": "self.all(key, !key.startsWith('k8s') && !key.startsWith('kong') && !key.startsWith('konnect') \
                         && !key.startsWith('mesh') && !key.startsWith('kic') && !key.startsWith('_') \
                         && !key.startsWith('insomnia'))",
                "message": "labels keys must not start with 'k8s', 'kong', 'konnect', 'mesh', 'kic', 'insomnia' or '_'",
            },
            {
                "rule": format!("self.all(key, key.matches('{LABEL_KEY_PATTERN}'))"),
                "message": format!("labels keys must satisfy the '{LABEL_KEY_PATTERN}' pattern"),
            },
        ],
    })
}
