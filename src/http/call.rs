//! One request as a client describes it, and its answer as a client gets it: by status and form, a reply or an error.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::classes::{AttemptClass, AttemptEnd, Meaning, Verb, class_of};
use super::error::{Error, Failure, Parts};
use super::redact::Redactor;
use super::repeat::BeforeRepeat;
use super::{Budget, Product, route};

/// What a product's error body says, before masking; for this reason without `Debug`.
pub(crate) struct Interpretation {
    pub failure: Failure,
    pub detail: Option<String>,
    pub instance: Option<String>,
}

/// Reads a product's error body: the status, what the status alone would mean, and the JSON.
pub(crate) type Interpret = fn(status: u16, default: Failure, body: &Value) -> Interpretation;

/// One request. Cheap to send several times.
pub(crate) struct Call<'a> {
    pub product: &'static Product,
    pub method: Method,
    pub url: Url,
    pub route: String,
    pub authorization: Option<(HeaderName, HeaderValue)>,
    pub body: Option<Value>,
    pub verb: Verb,
    pub budget: Option<&'a Budget>,
    /// What stands in the path where an id is due and is none. Such a call is never sent.
    pub name_for_id: Option<String>,
    pub before_repeat: Option<&'a dyn BeforeRepeat>,
}

impl<'a> Call<'a> {
    /// A call without body, token and budget. POST counts as not repeatable, everything else sets or removes by id.
    pub(crate) fn new(product: &'static Product, method: Method, url: Url) -> Self {
        let verb = if method == Method::POST {
            Verb::Create
        } else {
            Verb::Repeatable
        };
        let route = route::template(url.path());
        Self {
            product,
            method,
            url,
            route,
            authorization: None,
            body: None,
            verb,
            budget: None,
            name_for_id: None,
            before_repeat: None,
        }
    }

    pub(crate) fn authorization(mut self, header: Option<(HeaderName, HeaderValue)>) -> Self {
        self.authorization = header;
        self
    }

    /// Says what stands in the path where an id is due and is none.
    pub(crate) fn name_for_id(mut self, name: Option<String>) -> Self {
        self.name_for_id = name;
        self
    }

    pub(crate) fn body(mut self, body: Option<Value>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn budget(mut self, budget: &'a Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// A call of which each repeat depends on what is the case by then.
    pub(crate) fn asking_before_repeat(mut self, asked: &'a dyn BeforeRepeat) -> Self {
        self.before_repeat = Some(asked);
        self
    }

    /// A POST that changes nothing the second time.
    pub(crate) fn repeatable(mut self) -> Self {
        self.verb = Verb::Repeatable;
        self
    }

    /// What an ending of this call means.
    pub(super) fn class(&self, ending: AttemptEnd) -> &'static AttemptClass {
        class_of(ending, self.verb)
    }

    /// This call's error with nothing but its failure known.
    pub(crate) fn failed(&self, failure: Failure) -> Parts {
        Parts {
            product: self.product,
            method: self.method.to_string(),
            host: host_of(&self.url),
            path: self.url.path().to_owned(),
            status: None,
            failure,
            detail: None,
            instance: None,
            retry_after: None,
            not_executed: false,
        }
    }

    /// This call's error for an answer of another shape than the API's.
    pub(crate) fn garbage(&self, status: Option<u16>, detail: impl Into<String>) -> Error {
        Error::new(Parts {
            status,
            detail: Some(detail.into()),
            ..self.failed(Failure::Garbage)
        })
    }
}

/// Host, and port where it is not the usual one.
pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

/// A successful answer. Without `Debug`: bodies hold secrets.
pub(crate) struct Reply {
    pub status: u16,
    /// `null` when there was no body.
    pub body: Box<RawValue>,
}

impl Reply {
    /// The body, an object, as `T`, or what is wrong with it. Values are not named: they may be secret.
    pub(crate) fn parse<T: DeserializeOwned>(self, call: &Call<'_>) -> Result<T, Error> {
        // serde would read a struct's fields from an array, too.
        if !self.body.get().starts_with('{') {
            return Err(call.garbage(Some(self.status), "unexpected JSON: expected an object"));
        }
        serde_json::from_str(self.body.get()).map_err(|error| {
            call.garbage(
                Some(self.status),
                format!("unexpected JSON: {}", describe(&error)),
            )
        })
    }
}

/// serde's messages quote wrong values ("invalid type: string \"…\""): keep only what was expected.
fn describe(error: &serde_json::Error) -> String {
    let message = error.to_string();
    if message.starts_with("missing field") {
        return message;
    }
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "another shape was expected".to_owned(),
    }
}

/// The longest pause that a server is granted. It knows its limits better than we do, and whoever has a server of his own could otherwise
/// stop his migrations for years by one answer, beyond the end of whatever was wrong.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What an answer is to the call: a reply for 2xx, an error for everything else.
pub(super) fn read_answer(
    call: &Call<'_>,
    status: u16,
    headers: &HeaderMap,
    body: Vec<u8>,
) -> Result<Reply, Error> {
    match call.class(AttemptEnd::Status(status)).meaning {
        Meaning::Success if body.is_empty() => Ok(Reply {
            status,
            body: RawValue::NULL.to_owned(),
        }),
        Meaning::Success => Ok(Reply {
            status,
            body: as_json(call, status, headers, body)?,
        }),
        Meaning::Garbage => Err(call.garbage(
            Some(status),
            format!("{status}, which no call of this API answers"),
        )),
        meaning => Err(refusal(call, meaning, status, headers, &body)),
    }
}

/// The text as it came; what it says is read by whoever asked, so that a page of a thousand entities is never held as values.
fn as_json(call: &Call<'_>, status: u16, headers: &HeaderMap, body: Vec<u8>) -> Result<Box<RawValue>, Error> {
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
    let asked = retry_after(headers);
    let retry_after = asked.map(|asked| asked.min(LONGEST_PAUSE));
    let default = meaning.failure(retry_after);
    let said = (call.product.interpret)(status, default, &json.unwrap_or(Value::Null));
    let Interpretation {
        failure,
        detail,
        instance,
    } = masked(said, call);
    let detail = match &failure {
        // What else a server says of it changes from call to call.
        Failure::Throttled { .. } => asked.filter(|asked| *asked > LONGEST_PAUSE).map(too_long),
        _ => detail,
    };
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

fn too_long(asked: Duration) -> String {
    format!(
        "it asks for a pause of {} s; after {} s it is asked again",
        asked.as_secs(),
        LONGEST_PAUSE.as_secs()
    )
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
