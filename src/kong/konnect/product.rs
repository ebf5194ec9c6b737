//! Konnect as a remote product.

use super::error::interpret;
use crate::http::Product;
use crate::http::product::Remedies;
use crate::kong::wire::secrets::SECRET_MARKS;

/// Kong Konnect, the target.
pub static KONNECT: Product = Product {
    label: "konnect",
    name: "Konnect",
    remedies: Remedies {
        tls: "if a proxy stands in between, give its CA with --ca-file; else check the address",
        server: "it is tried again; if it stays, look at Konnect's status page",
        unauthorized: "check that the token is not expired or revoked, and put a valid one into its Secret",
        forbidden: "give the token's user or system account a role that permits this, on this control plane",
    },
    secrets: SECRET_MARKS,
    interpret,
};
