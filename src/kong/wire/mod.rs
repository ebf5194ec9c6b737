//! What Kong's two APIs have in common on the wire: how lists are cut into pages, and what gives a secret away.

pub(super) mod page;
pub(super) mod secrets;
