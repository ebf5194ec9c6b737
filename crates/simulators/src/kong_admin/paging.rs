//! Pages and the opaque offset between them.
//!
//! Kong's offset is base64url, without padding, of a JSON list with the primary key of the last row of the page.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::query::{Query, TagFilter};
use super::reply::Reply;

/// What `encodeURIComponent` leaves alone beside letters and digits, plus the `,` and `/` of a tag filter.
const ARGUMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b'/');

/// How a list pages and what its link to the next page repeats.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// Path of the list as it stands in `next`.
    pub path: &'a str,
    pub size: usize,
    /// Lists below a parent drop `size` from the link (sequence 791-793).
    pub nested: bool,
    pub tags: Option<&'a TagFilter>,
}

impl Page<'_> {
    /// The answer for a page of `rows`, where `more` is the offset of the following page.
    pub fn reply(&self, rows: Vec<Value>, more: Option<String>) -> Reply {
        let Some(offset) = more else {
            return list(rows, json!({ "next": null }));
        };
        let mut next = format!("{}?offset={}", self.path, escape(&offset));
        if let (Some(tags), false) = (self.tags, self.nested) {
            let _ = write!(next, "&tags={}", escape(&tags.raw));
        }
        if !self.nested {
            let _ = write!(next, "&size={}", self.size);
        }
        list(rows, json!({ "next": next, "offset": offset }))
    }
}

/// A list in its envelope. The rows are moved: `json!` would copy each of them.
fn list(rows: Vec<Value>, mut envelope: Value) -> Reply {
    envelope["data"] = Value::Array(rows);
    Reply::ok(envelope)
}

/// The first `size` rows, and the key of the last of them when more follow.
pub(super) fn cut<K: Clone, T>(rows: impl Iterator<Item = (K, T)>, size: usize) -> (Vec<T>, Option<K>) {
    let mut page = Vec::new();
    let mut last = None;
    for (key, row) in rows {
        if page.len() == size {
            return (page, last);
        }
        last = Some(key);
        page.push(row);
    }
    (page, None)
}

/// Escapes one argument of a link.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ARGUMENT).to_string()
}

/// The offset after the row with this primary key.
pub(super) fn encode_offset(key: &Value) -> String {
    base64_encode(key.to_string().as_bytes())
}

/// Where the asked page begins, as the key it follows: nothing for the first page.
///
/// # Errors
/// 400 with code 7 for what Kong could not have given out.
pub(super) fn offset(query: &Query) -> Result<Option<Value>, Reply> {
    let Some(raw) = query.get("offset") else {
        return Ok(None);
    };
    let bytes = base64_decode(raw).ok_or_else(|| invalid_offset(raw, "bad base64 encoding"))?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|_| invalid_offset(raw, "bad json encoding"))
}

/// Where the asked page of targets begins: their offset is a count (sequence 513).
pub(super) fn numeric_offset(query: &Query) -> Result<usize, Reply> {
    let Some(raw) = query.get("offset") else {
        return Ok(0);
    };
    raw.parse().map_err(|_| invalid_offset(raw, "bad offset"))
}

fn invalid_offset(raw: &str, reason: &str) -> Reply {
    Reply::error(
        400,
        json!({
            "name": "invalid offset", "message": format!("'{raw}' is not a valid offset: {reason}"), "code": 7,
        }),
    )
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64_encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = (group >> (18 - 6 * place)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut group = 0u32;
        for byte in chunk {
            let value = ALPHABET.iter().position(|letter| letter == byte)?;
            group = group << 6 | value as u32;
        }
        group <<= 6 * (4 - chunk.len());
        let whole = [(group >> 16) as u8, (group >> 8) as u8, group as u8];
        bytes.extend_from_slice(whole.get(..chunk.len().saturating_sub(1))?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_the_one_that_kong_gives() {
        let offset = encode_offset(&json!(["11111111-1111-4111-8111-111111111111"]));
        assert_eq!(offset, "WyIxMTExMTExMS0xMTExLTQxMTEtODExMS0xMTExMTExMTExMTEiXQ");
        let tags = encode_offset(&json!(["1961e651-c86c-45d2-887b-7ad016d5e205", 1]));
        assert_eq!(tags, "WyIxOTYxZTY1MS1jODZjLTQ1ZDItODg3Yi03YWQwMTZkNWUyMDUiLDFd");
    }

    #[test]
    fn base64_round_trips_every_length() {
        for length in 0..9u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(97)).collect();
            assert_eq!(base64_decode(&base64_encode(&bytes)), Some(bytes));
        }
    }
}
