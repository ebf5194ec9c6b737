//! The Admin API as a remote product.

use super::error::interpret;
use crate::http::Product;
use crate::http::product::Remedies;
use crate::kong::wire::secrets::SECRET_MARKS;

/// The Admin API of a self-managed Kong Gateway, the source.
pub static ADMIN_API: Product = Product {
    label: "kong_admin",
    name: "the Kong Admin API",
    remedies: Remedies {
        tls: "give the CA, and a client certificate if the server asks for one, in the source's tls settings",
        server: "it is tried again; if it stays, look at Kong's error log",
        unauthorized: "check that the token is not expired or revoked, and put a valid one into its Secret",
        forbidden: "give the token's RBAC user a role that permits this in the workspace",
    },
    secrets: SECRET_MARKS,
    interpret,
};
