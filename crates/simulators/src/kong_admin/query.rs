//! The query string as Kong reads it, and the paging and tag arguments in it.

use percent_encoding::percent_decode_str;
use serde_json::json;

use super::reply::Reply;

/// Decoded arguments in order. `?a` without `=` has no value, which Kong takes for `true`.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, Option<String>)>);

impl Query {
    pub fn parse(raw: Option<&str>) -> Self {
        let pairs = raw
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = match part.split_once('=') {
                    Some((name, value)) => (name, Some(decode(value))),
                    None => (part, None),
                };
                let name = decode(name);
                // `tags[]=a` is how a form sends an array.
                (
                    name.strip_suffix("[]")
                        .map_or_else(|| name.clone(), str::to_owned),
                    value,
                )
            });
        Self(pairs.collect())
    }

    /// The first value of an argument; an argument given without `=` counts as absent here.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(held, _)| held == name)
            .and_then(|(_, value)| value.as_deref())
    }

    fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(held, _)| held == name).count()
    }

    fn is_bare(&self, name: &str) -> bool {
        self.0.iter().any(|(held, value)| held == name && value.is_none())
    }

    /// The page size, 100 by default.
    ///
    /// # Errors
    /// Outside 1..=1000, no number (400, code 9), or given twice: Kong 3.9.1 answers 500 then (sequence 275).
    pub fn size(&self) -> Result<usize, Reply> {
        if self.count("size") > 1 {
            return Err(Reply::unexpected());
        }
        let Some(raw) = self.get("size") else {
            return Ok(100);
        };
        let number: f64 = raw
            .trim()
            .parse()
            .map_err(|_| invalid_size("size must be a number"))?;
        let whole = number.fract() == 0.0 && (1.0..=1000.0).contains(&number);
        if whole {
            Ok(number as usize)
        } else {
            Err(invalid_size("size must be an integer between 1 and 1000"))
        }
    }

    pub fn tags(&self) -> Result<Option<TagFilter>, Reply> {
        if self.is_bare("tags") {
            return Err(Reply::unexpected());
        }
        self.get("tags").map(TagFilter::parse).transpose()
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn invalid_size(message: &str) -> Reply {
    Reply::error(
        400,
        json!({ "name": "invalid size", "message": message, "code": 9 }),
    )
}

/// `a,b` asks for all of the tags, `a/b` for any of them.
#[derive(Debug)]
pub(super) struct TagFilter {
    /// As it was sent, for the link to the next page.
    pub raw: String,
    tags: Vec<String>,
    any: bool,
}

impl TagFilter {
    /// Kong refuses more tags than this in one filter.
    const MOST: usize = 5;

    fn parse(raw: &str) -> Result<Self, Reply> {
        if raw.is_empty() {
            return Err(invalid_tags("cannot be null"));
        }
        let any = raw.contains('/');
        if (any && raw.contains(',')) || raw.starts_with(['/', ',']) {
            return Err(invalid_tags("invalid filter syntax"));
        }
        let tags: Vec<String> = raw
            .split(if any { '/' } else { ',' })
            .map(str::to_owned)
            .collect();
        if tags.len() > Self::MOST {
            return Err(invalid_tags("cannot query more than 5 tags"));
        }
        Ok(Self {
            raw: raw.to_owned(),
            tags,
            any,
        })
    }

    /// Whether an entity's tags pass.
    pub fn admits(&self, tags: &[&str]) -> bool {
        let mut held = self.tags.iter().map(|tag| tags.contains(&tag.as_str()));
        if self.any {
            held.any(|held| held)
        } else {
            held.all(|held| held)
        }
    }
}

fn invalid_tags(reason: &str) -> Reply {
    Reply::error(
        400,
        json!({
            "name": "invalid options", "options": { "tags": reason },
            "message": format!("invalid option (tags: {reason})"), "code": 11,
        }),
    )
}
