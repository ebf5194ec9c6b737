//! Counts in sentences.

use std::fmt::Display;

/// A count with the form of the words that fits it: "1 entity stays", "2 entities stay".
pub fn counted<N>(count: N, one: &str, several: &str) -> String
where
    N: Display + PartialEq + From<u8>,
{
    let words = if count == N::from(1) { one } else { several };
    format!("{count} {words}")
}

/// "1 entity", "2 entities".
pub fn entities<N>(count: N) -> String
where
    N: Display + PartialEq + From<u8>,
{
    counted(count, "entity", "entities")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        assert_eq!(entities(0_usize), "0 entities");
        assert_eq!(entities(1_u64), "1 entity");
        assert_eq!(counted(2_usize, "stays", "stay"), "2 stay");
    }
}
