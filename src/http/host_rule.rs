//! Which hosts are called at all: a server that some user names must not be this machine, its network or its cloud, and the credentials of
//! a vendor go to that vendor. Held twice: by the URL before a call, and by the addresses of every connection that is made for it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::{special, special_name};
use super::host_list::{HostList, plain};
use super::{EndpointMap, Product};

/// The rule of one process.
#[derive(Clone, Debug, Default)]
pub struct HostRule {
    /// What its administrator allows beside the rule.
    allowed: HostList,
    /// Where the administrator sends calls for other hosts.
    bases: HostList,
    /// Names of proxies: they are connected to, and never what a call is for.
    proxies: HostList,
}

/// A host that is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostRefused {
    /// No host of the vendor whose credentials the call carries.
    #[error("{host} is not a host of {vendor} ({domains}), which needs --allow-hosts {host}")]
    Foreign {
        /// The host.
        host: String,
        /// The vendor's product.
        vendor: &'static str,
        /// The vendor's own hosts.
        domains: String,
    },
    /// An address, or a name of one, at which no user's server stands.
    #[error("{host} is {what}, which needs --allow-hosts {host}")]
    Special {
        /// The name or address.
        host: String,
        /// What it is.
        what: &'static str,
    },
    /// A name that leads to such addresses alone.
    #[error("{name} leads to {address}, {what}, which needs --allow-hosts {address}")]
    Leads {
        /// The name.
        name: String,
        /// The first address.
        address: IpAddr,
        /// What it is.
        what: &'static str,
    },
}

impl HostRule {
    /// The rule with what `allowed` and the mapping of endpoints except from it. `proxies` are names of proxies to connect through.
    pub fn new(allowed: HostList, endpoints: &EndpointMap, proxies: HostList) -> Self {
        let bases = endpoints.bases().filter_map(Url::host_str);
        Self {
            allowed,
            // What a map was made of are hosts; none is lost here.
            bases: HostList::parse(bases).unwrap_or_default(),
            proxies,
        }
    }

    /// Refuses a URL whose host is known to be no good before it is resolved. One that is sent elsewhere was vouched for.
    pub(super) fn check(
        &self,
        product: &'static Product,
        url: &Url,
        is_mapped: bool,
    ) -> Result<(), HostRefused> {
        if is_mapped || self.allowed.has_host_of(url) {
            return Ok(());
        }
        if product.domains.is_some() && self.bases.has_host_of(url) {
            return Ok(());
        }
        let host = url.host().map(|host| host.to_string()).unwrap_or_default();
        let name = plain(&host);
        if let Some(domains) = product.domains {
            let own = |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.'));
            if !domains.iter().any(own) {
                let domains: Vec<_> = domains.iter().map(|domain| format!("*.{domain}")).collect();
                return Err(HostRefused::Foreign {
                    host,
                    vendor: product.name,
                    domains: domains.join(", "),
                });
            }
        }
        let what = match url.host() {
            Some(Host::Domain(_)) | None => special_name(&name),
            Some(Host::Ipv4(address)) => special(address.into()),
            Some(Host::Ipv6(address)) => special(address.into()),
        };
        what.map_or(Ok(()), |what| Err(HostRefused::Special { host, what }))
    }

    /// Of the addresses of a name those that may be connected to.
    fn permitted(
        &self,
        name: &str,
        addresses: Vec<SocketAddr>,
        vouched: bool,
    ) -> Result<Vec<SocketAddr>, HostRefused> {
        let name = plain(name);
        let by_name = self.allowed.has_very_name(&name)
            || self.proxies.has_very_name(&name)
            || vouched && self.bases.has_very_name(&name);
        if by_name {
            return Ok(addresses);
        }
        let (mut permitted, mut refused) = (Vec::new(), None);
        for address in addresses {
            match special(address.ip()) {
                Some(what) if !self.allowed.has_address(address.ip()) => {
                    refused.get_or_insert(HostRefused::Leads {
                        name: name.clone(),
                        address: address.ip(),
                        what,
                    });
                }
                _ => permitted.push(address),
            }
        }
        match refused {
            Some(refused) if permitted.is_empty() => Err(refused),
            _ => Ok(permitted),
        }
    }
}

/// Finds the addresses of names for connections, and leaves out those that the rule refuses.
pub(super) struct GuardedResolver {
    /// The rule.
    pub(super) rule: Arc<HostRule>,
    /// Finds the addresses; the system without one.
    pub(super) inner: Option<Arc<dyn Resolve>>,
    /// For calls whose hosts the administrator vouched for.
    pub(super) vouched: bool,
}

impl fmt::Debug for GuardedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedResolver")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rule, inner, vouched) = (Arc::clone(&self.rule), self.inner.clone(), self.vouched);
        Box::pin(async move {
            let text = name.as_str().to_owned();
            let found: Vec<SocketAddr> = match inner {
                Some(inner) => inner.resolve(name).await?.collect(),
                // The port is put in by the connector.
                None => tokio::net::lookup_host((text.as_str(), 0)).await?.collect(),
            };
            let permitted = rule.permitted(&text, found, vouched)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::product::{SAMPLE, VENDOR};

    fn rule(allowed: &str, endpoints: &str) -> HostRule {
        HostRule::new(
            allowed.parse().unwrap(),
            &endpoints.parse().unwrap(),
            "proxy.example".parse().unwrap(),
        )
    }

    fn checked(rule: &HostRule, product: &'static Product, url: &str) -> Result<(), String> {
        let url = Url::parse(url).unwrap();
        rule.check(product, &url, false)
            .map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_vendors_credentials_go_to_the_vendor() {
        let rule = rule(
            "ok.example,.allowed.example,10.0.0.0/8",
            "us.vendor.example=http://127.0.0.1:9",
        );
        for (url, passes) in [
            ("https://us.vendor.example", true),
            ("https://US.vendor.example./x", true),
            ("https://vendor.example", false),
            ("https://evilvendor.example", false),
            ("https://us.vendor.example.evil.example", false),
            ("https://us.vendor.example@evil.example", false),
            ("https://ok.example", true),
            ("https://a.allowed.example", true),
            ("https://10.1.2.3", true),
            ("https://192.0.2.1", false),
            // Where calls are mapped to.
            ("http://127.0.0.1:9", true),
            ("https://127.0.0.2", false),
            ("https://localhost", false),
        ] {
            assert_eq!(checked(&rule, &VENDOR, url).is_ok(), passes, "{url}");
        }
        let refused = checked(&rule, &VENDOR, "https://evil.example").unwrap_err();
        assert_eq!(
            refused,
            "evil.example is not a host of the vendor (*.vendor.example), which needs --allow-hosts evil.example"
        );
    }

    #[test]
    fn a_server_of_a_user_is_not_this_machine_in_whatever_spelling() {
        let rule = rule("", "us.vendor.example=http://127.0.0.1:9");
        for (url, passes) in [
            ("http://admin.gateways.svc:8001", true),
            ("http://10.0.0.1:8001", true),
            ("http://127.0.0.1:9", false),
            ("http://127.1", false),
            ("http://0x7f000001", false),
            ("http://2130706433", false),
            ("http://0177.0.0.1", false),
            ("http://0", false),
            ("http://[::]", false),
            ("http://[::1]:8001", false),
            ("http://[::ffff:127.0.0.1]", false),
            ("http://169.254.169.254/latest", false),
            ("http://[fe80::1]", false),
            ("http://[fd00:ec2::254]", false),
            ("http://localhost:8001", false),
            ("http://LOCALHOST.", false),
            ("http://metadata.google.internal", false),
        ] {
            assert_eq!(checked(&rule, &SAMPLE, url).is_ok(), passes, "{url}");
        }
        let refused = checked(&rule, &SAMPLE, "http://127.0.0.1:8001").unwrap_err();
        assert_eq!(
            refused,
            "127.0.0.1 is a loopback address, which needs --allow-hosts 127.0.0.1"
        );
        let allowing = self::rule("127.0.0.0/8,localhost", "");
        for url in [
            "http://127.0.0.1:8001",
            "http://localhost",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert_eq!(checked(&allowing, &SAMPLE, url), Ok(()));
        }
    }

    #[test]
    fn addresses_count_and_not_only_names() {
        let all = ["127.0.0.1:0", "10.0.0.1:0", "[::1]:0"];
        let permitted = |allowed: &str, name: &str, vouched, addresses: &[&str]| {
            let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
            rule(allowed, "us.vendor.example=http://base.example:9")
                .permitted(name, addresses, vouched)
                .map(|left| left.len())
                .map_err(|refused| refused.to_string())
        };
        assert_eq!(permitted("", "admin.example", false, &all), Ok(1));
        assert_eq!(
            permitted("", "rebound.example", false, &["169.254.169.254:0"]),
            Err("rebound.example leads to 169.254.169.254, a link-local or metadata address, which needs --allow-hosts 169.254.169.254".to_owned())
        );
        // The end of names vouches for no address: whoever has a name below it decides where it leads.
        assert!(permitted(".example", "rebound.example", false, &["127.0.0.1:0"]).is_err());
        assert_eq!(
            permitted("rebound.example", "rebound.example", false, &["127.0.0.1:0"]),
            Ok(1)
        );
        assert_eq!(
            permitted("127.0.0.0/8", "rebound.example", false, &["127.0.0.1:0"]),
            Ok(1)
        );
        assert_eq!(permitted("", "proxy.example", false, &["127.0.0.1:0"]), Ok(1));
        assert_eq!(permitted("", "base.example", true, &["127.0.0.1:0"]), Ok(1));
        assert!(permitted("", "base.example", false, &["127.0.0.1:0"]).is_err());
        assert_eq!(permitted("", "none.example", false, &[]), Ok(0));
    }
}
