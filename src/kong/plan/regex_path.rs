//! Which paths of older gateways are regular expressions. From 3.0 on a tilde says so.

/// Up to 2.8 a path with anything beside unreserved characters, `/` and `%` was a regular expression.
#[must_use]
pub fn was_regex(path: &str) -> bool {
    !path.starts_with('~')
        && path
            .chars()
            .any(|c| !(c.is_ascii_alphanumeric() || "._~/%-".contains(c)))
}
