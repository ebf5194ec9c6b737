//! Lists of hosts as people write them: names, suffixes, addresses and networks.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

use super::address::embedded;

/// Hosts by name, by the end of a name, and by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList {
    entries: Vec<HostEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostEntry {
    /// This name alone.
    Name(String),
    /// Every name that ends so; begins with a dot.
    Suffix(String),
    /// Addresses.
    Network(IpNet),
}

/// Why an entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no host: write a name (admin.example.com), the end of names (.example.com), an address (127.0.0.1) or a network (10.0.0.0/8), \
     without scheme and port"
)]
pub struct InvalidHost {
    given: String,
}

impl HostList {
    /// Reads entries; white space around them and empty ones do not count.
    ///
    /// # Errors
    /// The first entry that is neither name, suffix, address nor network.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, InvalidHost> {
        let mut list = Self::default();
        for entry in entries {
            let entry = entry.as_ref().trim();
            if !entry.is_empty() {
                list.entries.push(parse_entry(entry).ok_or_else(|| InvalidHost {
                    given: entry.to_owned(),
                })?);
            }
        }
        Ok(list)
    }

    /// Whether the host of a URL is in the list, before anything is resolved: an address counts only where the URL names it.
    pub fn has_host_of(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Domain(name)) => self.has_name(&plain(name)),
            Some(Host::Ipv4(address)) => self.has_address(address.into()),
            Some(Host::Ipv6(address)) => self.has_address(address.into()),
            None => false,
        }
    }

    /// Whether this very name is an entry: its administrator then vouches for the addresses too that it leads to.
    pub(super) fn has_very_name(&self, name: &str) -> bool {
        let of = |entry: &HostEntry| matches!(entry, HostEntry::Name(own) if own == name);
        self.entries.iter().any(of)
    }

    fn has_name(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| match entry {
            HostEntry::Name(own) => own == name,
            HostEntry::Suffix(end) => name.ends_with(end.as_str()) && name.len() > end.len(),
            HostEntry::Network(_) => false,
        })
    }

    /// Whether an address is in a network of the list, also by the IPv4 address that it leads to.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        let within = |address: IpAddr| {
            let of = |entry: &HostEntry| matches!(entry, HostEntry::Network(net) if net.contains(&address));
            self.entries.iter().any(of)
        };
        let inner = match address {
            IpAddr::V6(address) => embedded(address),
            IpAddr::V4(_) => None,
        };
        within(address) || inner.is_some_and(|inner| within(inner.into()))
    }
}

impl FromStr for HostList {
    type Err = InvalidHost;

    /// Entries separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.split(','))
    }
}

/// A name as it is compared: in lower case, without the dot of the root.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn parse_entry(entry: &str) -> Option<HostEntry> {
    if entry.contains('/') {
        return entry.parse().ok().map(HostEntry::Network);
    }
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(entry).parse::<IpAddr>() {
        return Some(HostEntry::Network(address.into()));
    }
    let end = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.'));
    let Ok(Host::Domain(name)) = Host::parse(end.unwrap_or(entry)) else {
        return None;
    };
    let name = plain(&name);
    if name.is_empty() || name.contains('*') || name.starts_with('.') {
        return None;
    }
    Some(match end {
        Some(_) => HostEntry::Suffix(format!(".{name}")),
        None => HostEntry::Name(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_names_ends_addresses_and_networks() {
        let list = "admin.example.com, *.corp.example,.svc,127.0.0.1,10.0.0.0/8,[::1],fd00::/8";
        let list: HostList = list.parse().unwrap();
        for (url, has) in [
            ("https://admin.example.com/a", true),
            ("https://ADMIN.example.com.:8444", true),
            ("https://a.admin.example.com", false),
            ("https://a.corp.example", true),
            ("https://corp.example", false),
            ("https://evilcorp.example", false),
            ("https://admin.gateways.svc:8444", true),
            ("http://127.0.0.1:1", true),
            ("http://2130706433", true),
            ("http://127.0.0.2", false),
            ("http://10.9.8.7", true),
            ("http://[::ffff:10.9.8.7]", true),
            ("http://[::1]", true),
            ("http://[fd00::1]", true),
            ("http://[fe80::1]", false),
            ("https://10.0.0.1.example.com", false),
        ] {
            assert_eq!(list.has_host_of(&Url::parse(url).unwrap()), has, "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_what_would_be_one() {
        for text in [
            "https://a.b",
            "a.b:80",
            "*",
            "a.*",
            "10.0.0.0/99",
            "a b",
            ".",
            "*.",
        ] {
            let error = text.parse::<HostList>().unwrap_err().to_string();
            assert!(error.contains(".example.com"), "{text}: {error}");
        }
        assert_eq!(" , ".parse::<HostList>().unwrap(), HostList::default());
    }
}
