//! How much may be deleted.

use serde::{Deserialize, Serialize};

/// How much prune may delete in one pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum PruneLimitSpec {
    /// So many entities.
    Count(u32),
    /// A share, as 50%.
    Percent(String),
}

impl PruneLimitSpec {
    /// The share in percent, from 0 to 100; none for a count, and for what is no share.
    pub fn percent(&self) -> Option<u8> {
        let Self::Percent(text) = self else { return None };
        let percent = text.strip_suffix('%')?.parse::<u8>().ok()?;
        (percent <= 100 && !text.starts_with('+')).then_some(percent)
    }
}
