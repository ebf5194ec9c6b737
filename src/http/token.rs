//! Tokens as users paste them: trimmed, checked, and never printed.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// Why a token cannot be sent at all. Never holds a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Nothing but white space.
    #[error("the token is empty; put the token itself into the Secret's key")]
    Empty,
    /// White space or a control character between other characters.
    #[error("the token holds white space or a control character; store it as one line without spaces")]
    WhiteSpace,
    /// A character that no HTTP header may carry.
    #[error("the token holds a character outside ASCII; check that it was copied completely and unchanged")]
    NotAscii,
}

/// `prefix` followed by the trimmed token, as a header value that logs as "Sensitive".
pub(crate) fn header_value(prefix: &str, token: &SecretString) -> Result<HeaderValue, InvalidToken> {
    let token = token.expose_secret().trim();
    if token.is_empty() {
        return Err(InvalidToken::Empty);
    }
    if !token.is_ascii() {
        return Err(InvalidToken::NotAscii);
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidToken::WhiteSpace);
    }
    let mut value =
        HeaderValue::from_str(&format!("{prefix}{token}")).map_err(|_| InvalidToken::WhiteSpace)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(token: &str) -> Result<HeaderValue, InvalidToken> {
        header_value("Bearer ", &SecretString::from(token))
    }

    #[test]
    fn a_token_with_a_trailing_newline_is_trimmed_and_hidden() {
        let value = header(" xyz_abc\n").unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer xyz_abc");
        assert!(!format!("{value:?}").contains("xyz_abc"));
    }

    #[test]
    fn tokens_that_cannot_be_sent_are_named_without_their_text() {
        assert_eq!(header(" \n"), Err(InvalidToken::Empty));
        assert_eq!(header("xyz_a\nxyz_b"), Err(InvalidToken::WhiteSpace));
        assert_eq!(header("xyz_ä"), Err(InvalidToken::NotAscii));
        assert!(!header("xyz_a b").unwrap_err().to_string().contains("xyz"));
    }
}
