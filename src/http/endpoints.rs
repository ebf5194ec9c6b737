//! Sends calls for one host to another address: for reverse proxies and for tests.

use std::collections::BTreeMap;
use std::str::FromStr;

use url::Url;

/// Host, or host and port, to base URL. Messages keep naming the original host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointMap {
    by_host: BTreeMap<String, Url>,
}

/// Why `host=url` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint `{given}` is not usable: {reason}")]
pub struct InvalidEndpointMapping {
    given: String,
    reason: String,
}

impl EndpointMap {
    /// Reads entries of the form `host[:port]=base URL`.
    ///
    /// # Errors
    /// The first entry that has no `=`, no host, or a base that is not an http or https URL.
    pub fn parse<S: AsRef<str>>(
        entries: impl IntoIterator<Item = S>,
    ) -> Result<Self, InvalidEndpointMapping> {
        let mut map = Self::default();
        for entry in entries {
            let (host, base) = parse_entry(entry.as_ref()).map_err(|reason| InvalidEndpointMapping {
                given: entry.as_ref().to_owned(),
                reason,
            })?;
            map.by_host.insert(host, base);
        }
        Ok(map)
    }

    /// Whether calls for a host, on any port, may go elsewhere.
    pub fn maps(&self, host: &str) -> bool {
        self.hosts().any(|mapped| mapped == host)
    }

    /// The hosts whose calls go elsewhere, without ports.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.by_host.keys().filter_map(|mapped| mapped.split(':').next())
    }

    /// Where calls go instead.
    pub(super) fn bases(&self) -> impl Iterator<Item = &Url> {
        self.by_host.values()
    }

    /// Where to send a call for `url`: itself unless its `host:port` or its host is mapped.
    pub(crate) fn resolve(&self, url: &Url) -> Url {
        let Some(host) = url.host_str() else {
            return url.clone();
        };
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(443));
        let Some(base) = self.by_host.get(&with_port).or_else(|| self.by_host.get(host)) else {
            return url.clone();
        };
        let mut target = base.clone();
        target.set_path(&format!("{}{}", base.path().trim_end_matches('/'), url.path()));
        target.set_query(url.query());
        target
    }
}

impl FromStr for EndpointMap {
    type Err = InvalidEndpointMapping;

    /// One entry, or several separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.split(',').filter(|entry| !entry.trim().is_empty()))
    }
}

fn parse_entry(entry: &str) -> Result<(String, Url), String> {
    let (host, base) = entry.trim().split_once('=').ok_or("it has no `=`")?;
    if host.is_empty() || host.contains('/') {
        return Err("left of `=` stands a host name, with a port if need be".to_owned());
    }
    let base = Url::parse(base).map_err(|error| format!("right of `=`: {error}"))?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
        return Err("right of `=` stands an http or https URL".to_owned());
    }
    Ok((host.to_ascii_lowercase(), base))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(map: &str, url: &str) -> String {
        map.parse::<EndpointMap>()
            .unwrap()
            .resolve(&Url::parse(url).unwrap())
            .to_string()
    }

    #[test]
    fn a_mapped_host_keeps_path_and_query() {
        assert_eq!(
            resolved(
                "us.api.example.com=https://127.0.0.1:1234",
                "https://us.api.example.com/v2/x?size=1"
            ),
            "https://127.0.0.1:1234/v2/x?size=1"
        );
    }

    #[test]
    fn a_base_with_a_path_is_put_before() {
        assert_eq!(
            resolved("a.b=http://proxy/prefix/", "https://a.b/v2/x"),
            "http://proxy/prefix/v2/x"
        );
    }

    #[test]
    fn host_and_port_wins_over_host_and_others_pass() {
        let map = "a.b=http://one,a.b:8443=http://two";
        assert_eq!(resolved(map, "https://a.b:8443/x"), "http://two/x");
        assert_eq!(resolved(map, "https://a.b/x"), "http://one/x");
        assert_eq!(resolved(map, "https://c.d/x"), "https://c.d/x");
    }

    #[test]
    fn entries_that_cannot_work_are_refused() {
        for bad in [
            "a.b",
            "=http://x",
            "a.b=ftp://x",
            "https://a.b=http://x",
            "a.b=nothing",
        ] {
            assert!(bad.parse::<EndpointMap>().is_err(), "{bad}");
        }
    }
}
