//! Where Konnect's identity API is: on the global host, whatever region the rest of a client's calls go to.

use super::ServerUrl;
use crate::http::EndpointMap;

/// The one server that the published identity document (identity v3, 3.4.5) names. A region need not answer its paths.
pub const GLOBAL_HOST: &str = "global.api.konghq.com";

/// Where the paths of the identity document (`/v3/...`) go for a client of `server`.
///
/// To the global host when `server` is a region of it, or when `endpoints` says where the global host is. To `server` itself when it is
/// anything else (a private link, a custom domain), since no host is guessed from such a name; and when `endpoints` sends the region
/// elsewhere and not the global host, because what stands in for the one then stands in for both.
pub(super) fn identity_server(server: &ServerUrl, endpoints: &EndpointMap) -> ServerUrl {
    let global = || ServerUrl::parse(GLOBAL_HOST).unwrap_or_else(|_| server.clone());
    if endpoints.maps(GLOBAL_HOST) {
        return global();
    }
    if server.is_public_region() && !endpoints.maps(server.host()) {
        return global();
    }
    server.clone()
}

/// The public regions that `endpoints` sends elsewhere while it says nothing of the global host: their addresses serve identity paths too.
pub fn regions_that_serve_identity(endpoints: &EndpointMap) -> Vec<&str> {
    if endpoints.maps(GLOBAL_HOST) {
        return Vec::new();
    }
    let is_region = |host: &&str| ServerUrl::parse(host).is_ok_and(|server| server.is_public_region());
    endpoints.hosts().filter(is_region).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(server: &str, endpoints: &str) -> String {
        let endpoints: EndpointMap = endpoints.parse().unwrap();
        identity_server(&ServerUrl::parse(server).unwrap(), &endpoints)
            .as_str()
            .to_owned()
    }

    #[test]
    fn identity_goes_to_the_global_host_unless_the_region_alone_is_mapped() {
        for (server, endpoints, expected) in [
            ("us.api.konghq.com", "", GLOBAL_HOST),
            ("eu.api.konghq.com", "", GLOBAL_HOST),
            ("global.api.konghq.com", "", GLOBAL_HOST),
            ("eu.api.konghq.com", "us.api.konghq.com=https://a", GLOBAL_HOST),
            (
                "us.api.konghq.com",
                "us.api.konghq.com=https://a",
                "us.api.konghq.com",
            ),
            (
                "us.api.konghq.com",
                "us.api.konghq.com:443=https://a",
                "us.api.konghq.com",
            ),
            (
                "us.api.konghq.com",
                "us.api.konghq.com=https://a,global.api.konghq.com=https://b",
                GLOBAL_HOST,
            ),
            // Private links and custom domains: their own host, with port and path.
            ("eu.svc.konghq.com/api", "", "eu.svc.konghq.com/api"),
            ("us.konnect.example.com:8443", "", "us.konnect.example.com:8443"),
            (
                "us.api.konghq.com.example.com",
                "",
                "us.api.konghq.com.example.com",
            ),
            (
                "eu.svc.konghq.com/api",
                "global.api.konghq.com=https://b",
                GLOBAL_HOST,
            ),
        ] {
            assert_eq!(host(server, endpoints), expected, "{server} {endpoints}");
        }
    }

    #[test]
    fn regions_that_stand_in_for_both_are_named() {
        let regions = |text: &str| {
            let endpoints: EndpointMap = text.parse().unwrap();
            regions_that_serve_identity(&endpoints).join(" ")
        };
        assert_eq!(
            regions("us.api.konghq.com=https://a,kong.example.com=https://b"),
            "us.api.konghq.com"
        );
        assert_eq!(
            regions("us.api.konghq.com=https://a,global.api.konghq.com=https://b"),
            ""
        );
        assert_eq!(regions(""), "");
    }
}
