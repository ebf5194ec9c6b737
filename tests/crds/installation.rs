//! The operator's own manifests, installed as a user installs them.

use crate::server::kubectl;

#[test]
fn the_operators_pod_is_admitted_under_the_restricted_policy() {
    kubectl(&["apply", "--server-side", "-k", "config/default"]).unwrap();
    // A pod that the policy refuses would not be counted. No node runs it here.
    kubectl(&[
        "wait",
        "deployment/gateway-migration-operator",
        "--namespace=gateway-migration-system",
        "--for=jsonpath={.status.replicas}=1",
        "--timeout=60s",
    ])
    .unwrap();
}
