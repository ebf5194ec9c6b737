//! How to look further.

use crate::stage::Stage;

/// What to type in another terminal.
pub fn further(stage: &Stage) -> String {
    format!(
        "
Everything stays up until Ctrl-C. To look further, in another terminal:
  export KUBECONFIG={kubeconfig}
  kubectl -n kong get kong                                    # all objects of this demo
  kubectl -n kong get workspacemigrations -o wide
  kubectl -n kong describe workspacemigration default         # conditions, findings, events
  kubectl -n kong wait --for=condition=Ready workspacemigration/inventory
  kubectl -n kong get konnectapiauthconfiguration,konnectgatewaycontrolplane,konnectextension
  kubectl -n kong get configmaps,secrets                      # what a data plane mounts
  tail -f {log}
  curl -s http://{admin}/metrics",
        kubeconfig = stage.cluster.kubeconfig_path().display(),
        log = stage.operator.log().display(),
        admin = stage.operator.admin(),
    )
}
