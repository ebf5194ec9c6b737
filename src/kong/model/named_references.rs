//! The table of fields that name an entity without a foreign key, a part of the table of kinds ([`super::entity_kinds`]).
//!
//! Fields of plugins: Kong's published plugin schemas, 3.4 to 3.15.

use super::entity_kind::NamedReference;

const fn named(plugins: &'static [&'static str], field: &'static str, kind: &'static str) -> NamedReference {
    NamedReference { plugins, field, kind }
}

/// Fields of plugin configurations.
pub const IN_PLUGINS: &[NamedReference] = &[
    named(&[], "config.anonymous", "consumers"),
    named(
        &["header-cert-auth", "mtls-auth"],
        "config.default_consumer",
        "consumers",
    ),
    named(
        &["rate-limiting-advanced"],
        "config.consumer_groups[]",
        "consumer_groups",
    ),
    named(&["jwe-decrypt"], "config.key_sets[]", "key-sets"),
    named(&["acme"], "config.account_key.key_set", "key-sets"),
    named(
        &["header-cert-auth", "mtls-auth", "forward-proxy"],
        "config.ca_certificates[]",
        "ca_certificates",
    ),
    named(
        &["openid-connect"],
        "config.proof_of_possession_mtls_from_header.ca_certificates[]",
        "ca_certificates",
    ),
    named(
        &["openid-connect"],
        "config.tls_client_auth_cert_id",
        "certificates",
    ),
    named(
        &["kafka-consume", "kafka-log", "kafka-upstream"],
        "config.security.certificate_id",
        "certificates",
    ),
    named(&["http-log"], "config.client_certificate.id", "certificates"),
    named(
        &["jwt-signer"],
        "config.access_token_jwks_uri_client_certificate.id",
        "certificates",
    ),
    named(
        &["jwt-signer"],
        "config.access_token_keyset_client_certificate.id",
        "certificates",
    ),
    named(
        &["jwt-signer"],
        "config.channel_token_jwks_uri_client_certificate.id",
        "certificates",
    ),
    named(
        &["jwt-signer"],
        "config.channel_token_keyset_client_certificate.id",
        "certificates",
    ),
    // These may also be names that the network resolves, as the host of a service.
    named(&["route-by-header"], "config.rules[].upstream_name", "upstreams"),
    named(&["canary"], "config.upstream_host", "upstreams"),
];

/// Fields of services.
pub const IN_SERVICES: &[NamedReference] = &[named(&[], "host", "upstreams")];
