//! `--konnect-endpoint`: another address for a host of Konnect.

use crate::http::EndpointMap;
use crate::http::endpoints::InvalidEndpointMapping;

/// An entry that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}; write it as us.api.konghq.com=https://proxy.example.com:8443")]
pub struct EndpointError(#[from] InvalidEndpointMapping);

/// All entries of the flag.
///
/// # Errors
/// The first that cannot be used.
pub fn parse(entries: &[String]) -> Result<EndpointMap, EndpointError> {
    Ok(EndpointMap::parse(entries)?)
}
