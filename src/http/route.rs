//! Paths with their ids replaced, so that metric labels stay few.

/// Replaces every segment that is not a fixed word of an API: ids, names, encoded characters.
///
/// A fixed word is made of lower-case letters, digits, `-` and `_`, is at most 30 long and not a UUID.
pub(crate) fn template(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .map(|segment| if is_fixed(segment) { segment } else { "{id}" })
        .collect();
    segments.join("/")
}

fn is_fixed(segment: &str) -> bool {
    segment.len() <= 30
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_replaced() {
        assert_eq!(
            template(
                "/v2/control-planes/0b2b1d4e-8a44-4b7c-9a3e-0d5b1c5f4a11/core-entities/services/My%20Service"
            ),
            "/v2/control-planes/{id}/core-entities/services/{id}"
        );
    }

    #[test]
    fn plain_paths_stay() {
        assert_eq!(template("/v3/organizations/me"), "/v3/organizations/me");
        assert_eq!(template("/"), "/");
    }
}
