//! The version a Kong node reports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Major and minor version of a gateway, for example 3.9 out of `3.9.1` or `3.9.1.1-enterprise-edition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KongVersion {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

impl KongVersion {
    /// Reads the first two numbers; none when the text does not begin with them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['.', '-']);
        Some(Self {
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for KongVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_and_patches_do_not_matter() {
        assert_eq!(
            KongVersion::parse("3.9.1"),
            Some(KongVersion { major: 3, minor: 9 })
        );
        assert_eq!(
            KongVersion::parse("3.10.0.2-enterprise-edition"),
            Some(KongVersion { major: 3, minor: 10 })
        );
        assert!(KongVersion { major: 3, minor: 10 } > KongVersion { major: 3, minor: 9 });
        assert_eq!(KongVersion::parse("next"), None);
    }
}
