//! Turns an HTTP answer into a reply or an error.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;
use serde_json::value::RawValue;

use super::call::{Call, Interpretation, Reply};
use super::classes::{AttemptEnd, Meaning};
use super::error::{Error, Failure, Parts};
use super::redact::Redactor;

/// A reply for 2xx, an error for everything else.
pub(super) fn read(call: &Call<'_>, status: u16, headers: &HeaderMap, body: Vec<u8>) -> Result<Reply, Error> {
    match call.class(AttemptEnd::Status(status)).meaning {
        Meaning::Success if body.is_empty() => Ok(Reply {
            status,
            body: RawValue::NULL.to_owned(),
        }),
        Meaning::Success => Ok(Reply {
            status,
            body: parse(call, status, headers, body)?,
        }),
        Meaning::Garbage => Err(call.garbage(
            Some(status),
            format!("{status}, which no call of this API answers"),
        )),
        meaning => Err(refusal(call, meaning, status, headers, &body)),
    }
}

/// The text as it came; what it says is read by whoever asked, so that a page of a thousand entities is never held as values.
fn parse(call: &Call<'_>, status: u16, headers: &HeaderMap, body: Vec<u8>) -> Result<Box<RawValue>, Error> {
    let length = body.len();
    let text = String::from_utf8(body).ok();
    text.and_then(|text| RawValue::from_string(text).ok())
        .ok_or_else(|| {
            let content_type = headers
                .get(CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("no content type");
            call.garbage(
                Some(status),
                format!("{status} with {length} bytes of {content_type}, not JSON"),
            )
        })
}

/// An answer that is no success. A body that is not JSON counts as none: only the status speaks then, but for 404, from
/// which much is concluded, and which any other server answers as well.
fn refusal(call: &Call<'_>, meaning: Meaning, status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let json = serde_json::from_slice(body);
    if status == 404 && json.is_err() && !body.is_empty() {
        return call.garbage(Some(status), "404, but not as this API says it");
    }
    let retry_after = retry_after(headers);
    let default = meaning.failure(retry_after);
    let said = (call.product.interpret)(status, default, &json.unwrap_or(Value::Null));
    let Interpretation {
        failure,
        detail,
        instance,
    } = masked(said, call);
    let not_executed = meaning == Meaning::Throttled;
    Error::new(Parts {
        status: Some(status),
        detail,
        instance,
        retry_after,
        not_executed,
        ..call.failed(failure)
    })
}

fn masked(said: Interpretation, call: &Call<'_>) -> Interpretation {
    let mut redactor = Redactor::for_body(&call.product.secrets, call.body.as_ref());
    if let Some((_, value)) = &call.authorization {
        redactor.add_authorization(value);
    }
    let failure = match said.failure {
        Failure::Rejected(mut fields) => {
            for message in fields.iter_mut().flat_map(|field| &mut field.messages) {
                *message = redactor.mask(message);
            }
            Failure::Rejected(fields)
        }
        other => other,
    };
    Interpretation {
        failure,
        detail: said.detail.map(|detail| redactor.mask(&detail)),
        instance: said.instance,
    }
}

/// `Retry-After` in seconds or as a date; both forms are in use (RFC 9110, 10.2.3).
#[expect(
    clippy::disallowed_methods,
    reason = "the server's time of day becomes a duration at once, and only durations are decided by"
)]
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}
