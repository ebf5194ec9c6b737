//! The environment that Kong starts with as a data plane of a control plane (hybrid mode).

use std::collections::BTreeMap;

use url::Url;

use crate::api::konnect_gateway_control_plane::KonnectEndpoints;

/// Where a data plane mounts the certificate Secret; the same place as with Kong's operator.
pub const CERTIFICATE_MOUNT_PATH: &str = "/etc/secrets/kong-cluster-cert";

/// The one variable that is not always there: the labels that data planes report about themselves.
pub const LABELS_VARIABLE: &str = "KONG_CLUSTER_DP_LABELS";

/// The settings of Konnect's data plane guide that are the same for all.
///
/// `KONG_CLUSTER_MTLS` is `pki` with pinned certificates too. `KONG_INCREMENTAL_SYNC` is left to the user: on some 3.10 and
/// 3.11 builds it breaks the proxying of streams.
const FIXED: [(&str, &str); 6] = [
    ("KONG_ROLE", "data_plane"),
    ("KONG_DATABASE", "off"),
    ("KONG_KONNECT_MODE", "on"),
    ("KONG_VITALS", "off"),
    ("KONG_CLUSTER_MTLS", "pki"),
    ("KONG_LUA_SSL_TRUSTED_CERTIFICATE", "system"),
];

/// An endpoint of a control plane that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the control plane's endpoint {0:?} names no host; this should not happen, please report it")]
pub struct InvalidEndpoint(String);

/// Builds the variables for `envFrom`. `labels` are what the data planes report about themselves.
///
/// # Errors
/// When Konnect reported an endpoint that is no URL.
pub fn build_environment(
    endpoints: &KonnectEndpoints,
    labels: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, InvalidEndpoint> {
    let control_plane = Endpoint::parse(&endpoints.control_plane)?;
    let telemetry = Endpoint::parse(&endpoints.telemetry)?;
    let mut variables: BTreeMap<String, String> = FIXED
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    set("KONG_CLUSTER_CONTROL_PLANE", control_plane.with_port());
    set("KONG_CLUSTER_SERVER_NAME", control_plane.host);
    set("KONG_CLUSTER_TELEMETRY_ENDPOINT", telemetry.with_port());
    set("KONG_CLUSTER_TELEMETRY_SERVER_NAME", telemetry.host);
    set("KONG_CLUSTER_CERT", format!("{CERTIFICATE_MOUNT_PATH}/tls.crt"));
    set(
        "KONG_CLUSTER_CERT_KEY",
        format!("{CERTIFICATE_MOUNT_PATH}/tls.key"),
    );
    if !labels.is_empty() {
        set(LABELS_VARIABLE, build_labels(labels));
    }
    Ok(variables)
}

/// `key:value,key:value`, sorted, so that equal labels are equal text.
fn build_labels(labels: &BTreeMap<String, String>) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// Host and port; Konnect reports `https://<host>`, Kong wants `<host>:<port>`.
struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint(text.to_owned());
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("https://{text}")),
        };
        let url = url.map_err(|_| invalid())?;
        Ok(Self {
            host: url.host_str().ok_or_else(invalid)?.to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
        })
    }

    fn with_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(control_plane: &str, telemetry: &str) -> KonnectEndpoints {
        KonnectEndpoints {
            control_plane: control_plane.to_owned(),
            telemetry: telemetry.to_owned(),
        }
    }

    fn konnect() -> KonnectEndpoints {
        endpoints("https://abc.us.cp.konghq.com", "https://abc.us.tp.konghq.com")
    }

    #[test]
    fn a_data_plane_gets_everything_that_the_guide_lists() {
        let variables = build_environment(&konnect(), &BTreeMap::new()).unwrap();
        let expected = [
            ("KONG_CLUSTER_CERT", "/etc/secrets/kong-cluster-cert/tls.crt"),
            ("KONG_CLUSTER_CERT_KEY", "/etc/secrets/kong-cluster-cert/tls.key"),
            ("KONG_CLUSTER_CONTROL_PLANE", "abc.us.cp.konghq.com:443"),
            ("KONG_CLUSTER_MTLS", "pki"),
            ("KONG_CLUSTER_SERVER_NAME", "abc.us.cp.konghq.com"),
            ("KONG_CLUSTER_TELEMETRY_ENDPOINT", "abc.us.tp.konghq.com:443"),
            ("KONG_CLUSTER_TELEMETRY_SERVER_NAME", "abc.us.tp.konghq.com"),
            ("KONG_DATABASE", "off"),
            ("KONG_KONNECT_MODE", "on"),
            ("KONG_LUA_SSL_TRUSTED_CERTIFICATE", "system"),
            ("KONG_ROLE", "data_plane"),
            ("KONG_VITALS", "off"),
        ];
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(variables, expected);
    }

    #[test]
    fn labels_are_sorted_and_joined() {
        let labels = [("zone", "b"), ("app", "edge")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let variables = build_environment(&konnect(), &labels).unwrap();
        assert_eq!(variables["KONG_CLUSTER_DP_LABELS"], "app:edge,zone:b");
    }

    #[test]
    fn an_endpoint_may_carry_a_port_or_lack_the_scheme() {
        let given = endpoints("https://cp.example.com:8443/", "tp.example.com");
        let variables = build_environment(&given, &BTreeMap::new()).unwrap();
        assert_eq!(variables["KONG_CLUSTER_CONTROL_PLANE"], "cp.example.com:8443");
        assert_eq!(variables["KONG_CLUSTER_TELEMETRY_ENDPOINT"], "tp.example.com:443");
    }

    #[test]
    fn an_endpoint_without_a_host_is_refused() {
        let refused = build_environment(&endpoints("https://", "tp.example.com"), &BTreeMap::new());
        assert_eq!(refused, Err(InvalidEndpoint("https://".to_owned())));
    }
}
