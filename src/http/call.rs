//! One request as a client describes it, and one answer as a client gets it.

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::classes::{AttemptClass, AttemptEnd, Verb, class_of};
use super::error::{Error, Failure, Parts};
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
        }
    }

    pub(crate) fn authorization(mut self, header: Option<(HeaderName, HeaderValue)>) -> Self {
        self.authorization = header;
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

    /// A POST that changes nothing.
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
