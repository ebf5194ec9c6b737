//! The address of Konnect as users write it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// One region's Konnect, such as `us.api.konghq.com`; may carry a port and a path (private links: `…/api`).
///
/// Always https. The first label of the host is the region: two lower-case letters, or `global`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    authority_and_path: String,
    base: Url,
}

/// Why a server URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServerUrl {
    /// The first label is no region.
    #[error(
        "the server URL `{given}` does not start with a region; write it as us.api.konghq.com, with us, eu, au, me, in, sg or global in front"
    )]
    Region {
        /// The text as given.
        given: String,
    },
    /// Another scheme than https.
    #[error(
        "the server URL `{given}` is not https; leave the scheme out, and use --konnect-endpoint to send its calls elsewhere"
    )]
    Scheme {
        /// The text as given.
        given: String,
    },
    /// No URL, or one with user information, a query or a fragment.
    #[error(
        "the server URL `{given}` is no host name with an optional port and path; write it as us.api.konghq.com"
    )]
    Malformed {
        /// The text as given; user information left out.
        given: String,
    },
}

impl ServerUrl {
    /// Reads `us.api.konghq.com`, with or without `https://` in front; port and path are kept.
    ///
    /// # Errors
    /// Another scheme, a first label that is no region, user information, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, InvalidServerUrl> {
        let text = text.trim();
        let given = || text.rsplit_once('@').map_or(text, |(_, host)| host).to_owned();
        let rest = text
            .strip_prefix("https://")
            .unwrap_or(text)
            .trim_end_matches('/');
        if rest.contains("://") {
            return Err(InvalidServerUrl::Scheme { given: given() });
        }
        let malformed = || InvalidServerUrl::Malformed { given: given() };
        let base = Url::parse(&format!("https://{rest}")).map_err(|_| malformed())?;
        let plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        let host = base.host_str().filter(|_| plain).ok_or_else(malformed)?;
        // Read from the text, not from the parsed host, which is folded to lower case.
        let region = rest.split(['.', ':', '/']).next().unwrap_or_default();
        if !host.contains('.') || !is_region(region) {
            return Err(InvalidServerUrl::Region { given: given() });
        }
        Ok(Self {
            authority_and_path: rest.to_owned(),
            base,
        })
    }

    /// Without scheme and without a slash at the end: `us.api.konghq.com`.
    pub fn as_str(&self) -> &str {
        &self.authority_and_path
    }

    /// With scheme, as Kong's operator shows it in status: `https://us.api.konghq.com`.
    pub fn with_scheme(&self) -> String {
        format!("https://{}", self.authority_and_path)
    }

    /// The host name, without port.
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The host name, with its port where that is not the usual one, as all spellings of the same server have it.
    pub fn authority(&self) -> String {
        match self.base.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// True for a region at Konnect's public address, such as `us.api.konghq.com`; false for the global host and for every other name.
    pub fn is_public_region(&self) -> bool {
        let region = self.host().strip_suffix(".api.konghq.com");
        region.is_some_and(|region| region != "global" && is_region(region))
    }

    /// The URL of a path given by its segments; each is encoded.
    pub(crate) fn join<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.base.clone();
        // Fails for URLs that cannot be a base only, and https always can.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

fn is_region(label: &str) -> bool {
    label == "global" || (label.len() == 2 && label.bytes().all(|byte| byte.is_ascii_lowercase()))
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority_and_path)
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_or_without_scheme_is_the_same() {
        let plain = ServerUrl::parse("us.api.konghq.com").unwrap();
        assert_eq!(plain, ServerUrl::parse("https://us.api.konghq.com/").unwrap());
        assert_eq!(
            (plain.as_str(), plain.host()),
            ("us.api.konghq.com", "us.api.konghq.com")
        );
        assert_eq!(plain.with_scheme(), "https://us.api.konghq.com");
    }

    #[test]
    fn port_and_path_are_kept() {
        let url = ServerUrl::parse("eu.svc.konghq.com:8443/api").unwrap();
        assert_eq!(url.as_str(), "eu.svc.konghq.com:8443/api");
        assert_eq!(
            url.join(["v2", "control planes"]).as_str(),
            "https://eu.svc.konghq.com:8443/api/v2/control%20planes"
        );
        assert!(ServerUrl::parse("global.api.konghq.com").is_ok());
    }

    #[test]
    fn a_first_label_that_is_no_region_is_refused_with_a_way_out() {
        for bad in [
            "api.konghq.com",
            "US.api.konghq.com",
            "usa.api.konghq.com",
            "us",
            "u1.api.konghq.com",
        ] {
            let error = ServerUrl::parse(bad).unwrap_err();
            assert!(matches!(error, InvalidServerUrl::Region { .. }), "{bad}: {error}");
            assert!(error.to_string().contains("us.api.konghq.com"));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        assert!(matches!(
            ServerUrl::parse("http://us.api.konghq.com"),
            Err(InvalidServerUrl::Scheme { .. })
        ));
        for bad in [
            "",
            "us.api.konghq.com?x=1",
            "us.api.konghq.com#x",
            "us.api konghq.com",
            "us.:x",
        ] {
            assert!(
                matches!(ServerUrl::parse(bad), Err(InvalidServerUrl::Malformed { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn user_information_is_not_repeated() {
        let error = ServerUrl::parse("us.me:hunter2@us.api.konghq.com").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
