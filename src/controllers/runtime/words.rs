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

/// The first few by name, and how many more there are: "a, b, c, 2 others". `joint` stands before the count, whose words are those for one
/// and for several.
pub fn first_few<T: Display>(
    all: impl IntoIterator<Item = T>,
    few: usize,
    joint: &str,
    (one, several): (&str, &str),
) -> String {
    let mut all = all.into_iter();
    let named: Vec<String> = all.by_ref().take(few).map(|name| name.to_string()).collect();
    let named = named.join(", ");
    match all.count() {
        0 => named,
        more => format!("{named}{joint}{}", counted(more, one, several)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_named_and_the_rest_is_counted() {
        let named = |count: usize| {
            first_few(
                ["a", "b", "c", "d"].iter().take(count),
                2,
                " and ",
                ("other", "others"),
            )
        };
        assert_eq!(named(0), "");
        assert_eq!(named(1), "a");
        assert_eq!(named(2), "a, b");
        assert_eq!(named(3), "a, b and 1 other");
        assert_eq!(named(4), "a, b and 2 others");
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!(entities(0_usize), "0 entities");
        assert_eq!(entities(1_u64), "1 entity");
        assert_eq!(counted(2_usize, "stays", "stay"), "2 stay");
    }
}
