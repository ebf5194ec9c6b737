//! Everything that flags and environment decide, checked once. Nothing else reads the environment.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use url::Url;

use crate::k8s::lease::LeaseOptions;

/// Whose the `konnect.konghq.com` kinds are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum KonnectKinds {
    /// Ours: this operator reconciles them.
    #[default]
    Own,
    /// Kong's operator runs in this cluster and owns them: this one reads their status and never writes them.
    ReadOnly,
}

/// The configuration of `run`.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where to connect instead, by host name: `us.api.konghq.com` to a proxy or a simulator.
    pub konnect_endpoints: BTreeMap<String, Url>,
    /// PEM files with certificate authorities to trust beside the system's.
    pub ca_files: Vec<PathBuf>,
    /// Whose the Konnect kinds are.
    pub konnect_kinds: KonnectKinds,
    /// Where `/livez` and `/readyz` are served, and `/metrics` unless it has its own address.
    pub admin_address: Option<SocketAddr>,
    /// Where `/metrics` is served, when not on the admin address.
    pub metrics_address: Option<SocketAddr>,
    /// The leader election; `None` for a single replica.
    pub election: Option<LeaseOptions>,
    /// The one namespace to look at; `None` for all.
    pub namespace: Option<String>,
}

/// A flag whose value cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not `host=url`.
    #[error("--konnect-endpoint {0:?}: write it as host=url, for instance us.api.konghq.com=https://127.0.0.1:8443")]
    Endpoint(String),
    /// The same host twice.
    #[error("--konnect-endpoint is given twice for {0}; keep one")]
    EndpointTwice(String),
}

/// Reads the values of `--konnect-endpoint`.
pub fn parse_endpoints(values: &[String]) -> Result<BTreeMap<String, Url>, ConfigError> {
    let mut endpoints = BTreeMap::new();
    for value in values {
        let wrong = || ConfigError::Endpoint(value.clone());
        let (host, url) = value.split_once('=').ok_or_else(wrong)?;
        let url = Url::parse(url).map_err(|_| wrong())?;
        if host.is_empty() || host.contains('/') || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        if endpoints.insert(host.to_owned(), url).is_some() {
            return Err(ConfigError::EndpointTwice(host.to_owned()));
        }
    }
    Ok(endpoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Result<BTreeMap<String, Url>, ConfigError> {
        parse_endpoints(&values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn endpoints_map_a_host_to_a_url() {
        let endpoints = parse(&["us.api.konghq.com=https://127.0.0.1:8443"]).unwrap();
        assert_eq!(endpoints["us.api.konghq.com"].as_str(), "https://127.0.0.1:8443/");
    }

    #[test]
    fn a_value_that_is_no_pair_of_host_and_url_is_refused() {
        for value in ["us.api.konghq.com", "=https://x", "a/b=https://x", "host=nonsense", "host=ftp://x"] {
            assert_eq!(parse(&[value]), Err(ConfigError::Endpoint(value.to_owned())), "{value}");
        }
        assert_eq!(parse(&["a=http://x", "a=http://y"]), Err(ConfigError::EndpointTwice("a".to_owned())));
    }
}
