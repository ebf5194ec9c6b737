//! How controllers get at Konnect: the credentials that an object names, and a client that holds them.

pub mod credentials;
pub mod session;
