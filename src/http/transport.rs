//! Sends calls: connections, trust, the budget, repeats, and answers turned into values or errors.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;
use tracing::Instrument as _;

use super::EndpointMap;
use super::budget::Permit;
use super::call::{Call, Interpretation, Reply};
use super::error::{Error, Failure, Parts};
use super::observer::{Attempt, Observer};
use super::redact::Redactor;
use super::retry::{Retries, RetryPolicy};
use super::tls::{TlsOptions, certificates};

/// Longest answer read, in bytes. A page of 1,000 large certificates stays far below it.
const LONGEST_ANSWER: usize = 128 * 1024 * 1024;

/// Connections kept for sources with own TLS settings.
const MOST_TLS_CLIENTS: usize = 64;

/// How remote servers are reached.
#[derive(Clone)]
pub struct TransportOptions {
    /// PEM texts with CA certificates trusted beside the system's (`--ca-file`), each with the name used in errors.
    pub extra_roots: Vec<(String, Vec<u8>)>,
    /// Other addresses for some hosts (`--konnect-endpoint`).
    pub endpoints: EndpointMap,
    /// From sending a request to having read its answer.
    pub request_timeout: Duration,
    /// To have a connection, TLS included.
    pub connect_timeout: Duration,
    /// Repeats inside one call.
    pub retry: RetryPolicy,
    /// Told about every attempt.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            endpoints: EndpointMap::default(),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            observer: None,
        }
    }
}

impl fmt::Debug for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportOptions")
            .field("endpoints", &self.endpoints)
            .field("request_timeout", &self.request_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Why no connections can be made with the settings given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// A PEM text without a usable CA certificate.
    #[error("{what} holds no usable certificate; give one or more certificates as PEM text")]
    Ca {
        /// Which text.
        what: String,
    },
    /// A client certificate and key that do not make a pair.
    #[error(
        "the client certificate cannot be used; give the certificate chain and its unencrypted private key as PEM text"
    )]
    ClientCertificate,
    /// Anything else the TLS library refuses, such as a system without any root certificates.
    #[error("no TLS client can be made: {0}; check the CA certificates and the client certificate")]
    Tls(String),
}

/// The way to all remote servers: one shared connection pool, TLS by rustls, HTTP/2 where the server offers it.
///
/// Proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Redirects are not followed: they would carry
/// tokens elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    http: reqwest::Client,
    shared: Arc<Shared>,
}

struct Shared {
    options: TransportOptions,
    /// Clients of sources with own TLS settings, so that each source keeps its connections; the oldest goes first.
    by_tls: Mutex<VecDeque<([u8; 32], reqwest::Client)>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.shared.options).finish()
    }
}

impl Transport {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// An extra root that is no certificate, or a system without roots when there are no extra ones.
    pub fn new(options: TransportOptions) -> Result<Self, TransportError> {
        let http = build_client(&options, &TlsOptions::default())?;
        Ok(Self {
            http,
            shared: Arc::new(Shared {
                options,
                by_tls: Mutex::default(),
            }),
        })
    }

    /// The way to one source with its own TLS settings. Equal settings share their connections.
    ///
    /// # Errors
    /// A CA or client certificate that cannot be used.
    pub fn with_tls(&self, tls: &TlsOptions) -> Result<Self, TransportError> {
        if tls.is_default() {
            return Ok(self.clone());
        }
        let fingerprint = tls.fingerprint();
        let mut by_tls = self.shared.by_tls.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_tls
            .iter()
            .find(|(known, _)| *known == fingerprint)
            .map(|(_, http)| http.clone());
        let http = match known {
            Some(http) => http,
            None => {
                let http = build_client(&self.shared.options, tls)?;
                if by_tls.len() >= MOST_TLS_CLIENTS {
                    by_tls.pop_front();
                }
                by_tls.push_back((fingerprint, http.clone()));
                http
            }
        };
        Ok(Self {
            http,
            shared: Arc::clone(&self.shared),
        })
    }

    /// Makes a call, repeating it as the policy allows. Safe to drop at any point: the budget's place is given back, and
    /// a write may then have happened or not, as with any lost connection.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let mut retries = self.shared.options.retry.start(call.repeatable);
        loop {
            let place = admission(call, &retries).await?;
            retries.note_attempt();
            let outcome = self.attempt(call).await;
            drop(place);
            let error = match outcome {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let Some(delay) = self.delay_after(call, &error, &mut retries) else {
                return Err(error);
            };
            tracing::debug!(error = %error, instance = error.instance(), ?delay, "a remote call is repeated");
            tokio::time::sleep(delay).await;
        }
    }

    /// The pause is taken before the error is given up, too: others of the same organisation must wait all the same.
    fn delay_after(&self, call: &Call<'_>, error: &Error, retries: &mut Retries) -> Option<Duration> {
        let delay = retries.delay_after(error);
        if let (Failure::Throttled { retry_after }, Some(budget)) = (error.failure(), call.budget) {
            budget.pause(
                retry_after
                    .or(delay)
                    .unwrap_or(self.shared.options.retry.throttled_base),
            );
        }
        delay
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let span = tracing::debug_span!("call", service = call.service.label(), method = %call.method, route = call.route);
        let started = Instant::now();
        let outcome = self.exchange(call).instrument(span).await;
        if let Some(observer) = &self.shared.options.observer {
            observer.attempt(&Attempt {
                service: call.service,
                method: call.method.as_str(),
                route: &call.route,
                status: match &outcome {
                    Ok(reply) => Some(reply.status),
                    Err(error) => error.status(),
                },
                failure: outcome.as_ref().err().map(|error| error.failure().label()),
                duration: started.elapsed(),
            });
        }
        outcome
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let url = self.shared.options.endpoints.resolve(&call.url);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(ACCEPT, "application/json, application/problem+json");
        if let Some((name, value)) = &call.authorization {
            request = request.header(name, value);
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let response = request
            .send()
            .await
            .map_err(|error| network_error(call, &error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read_body(call, response).await?;
        if (200..300).contains(&status) {
            let body = if body.is_empty() {
                Value::Null
            } else {
                parse(call, status, &headers, &body)?
            };
            return Ok(Reply { status, body });
        }
        Err(refusal(call, status, &headers, &body))
    }
}

fn build_client(options: &TransportOptions, tls: &TlsOptions) -> Result<reqwest::Client, TransportError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(options.request_timeout)
        .connect_timeout(options.connect_timeout)
        // Shorter than the keep-alive of Kong's nginx (75 s), so that connections are not closed under a request.
        .pool_idle_timeout(Duration::from_secs(60))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10));
    if tls.ca_pem.is_none() {
        for (name, pem) in &options.extra_roots {
            builder = builder.tls_certs_merge(certificates(pem, name)?);
        }
    }
    tls.configure(builder)?
        .build()
        .map_err(|error| TransportError::Tls(innermost(&error)))
}

async fn admission<'b>(call: &Call<'b>, retries: &Retries) -> Result<Option<Permit<'b>>, Error> {
    let Some(budget) = call.budget else {
        return Ok(None);
    };
    budget
        .acquire(retries.remaining())
        .await
        .map(Some)
        .map_err(|left| {
            let failure = Failure::Throttled {
                retry_after: Some(left),
            };
            Error::new(Parts {
                retry_after: Some(left),
                not_executed: true,
                ..call.failed(failure)
            })
        })
}

async fn read_body(call: &Call<'_>, mut response: reqwest::Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| network_error(call, &error))?
    {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(call.garbage(Some(response.status().as_u16()), "it is longer than 128 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse(call: &Call<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|_| {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("no content type");
        call.garbage(
            Some(status),
            format!("{status} with {} bytes of {content_type}, not JSON", body.len()),
        )
    })
}

/// An answer that is no success. A body that is not JSON counts as none: only the status speaks then.
fn refusal(call: &Call<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    if status < 400 {
        return call.garbage(
            Some(status),
            format!("{status}, which no call of this API answers"),
        );
    }
    let retry_after = retry_after(headers);
    let default = failure_of(status, retry_after);
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    let said = (call.interpret)(status, default, &body);
    let Interpretation {
        failure,
        detail,
        instance,
    } = masked(said, call.body.as_ref());
    let not_executed = status == 429;
    Error::new(Parts {
        status: Some(status),
        detail,
        instance,
        retry_after,
        not_executed,
        ..call.failed(failure)
    })
}

/// What a status means when the body does not say otherwise.
fn failure_of(status: u16, retry_after: Option<Duration>) -> Failure {
    match status {
        401 => Failure::Unauthorized,
        403 => Failure::Forbidden,
        404 => Failure::NotFound,
        408 => Failure::Timeout,
        409 => Failure::Conflict { field: None },
        429 => Failure::Throttled { retry_after },
        500.. => Failure::Server,
        _ => Failure::Rejected(Vec::new()),
    }
}

fn masked(said: Interpretation, request: Option<&Value>) -> Interpretation {
    let redactor = Redactor::for_body(request);
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
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

/// A failure below HTTP.
fn network_error(call: &Call<'_>, error: &reqwest::Error) -> Error {
    let failure = if tls_error(error) {
        Failure::Tls
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Unreachable
    };
    let not_executed = error.is_connect();
    Error::new(Parts {
        detail: Some(innermost(error)),
        not_executed,
        ..call.failed(failure)
    })
}

/// True when TLS itself failed.
fn tls_error(error: &reqwest::Error) -> bool {
    chain(error).any(is_tls)
}

/// I/O errors hide what they wrap from `source`, and are nested, so they are looked into. HTTP/2 keeps only the text of an
/// alert, by which a server refuses our certificate.
fn is_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<std::io::Error>();
    cause.is::<rustls::Error>()
        || io.is_some_and(|io| match io.get_ref() {
            Some(inner) => is_tls(inner) || inner.to_string().starts_with("received fatal alert"),
            None => false,
        })
}

/// The text nearest to the cause, such as "Connection refused (os error 111)": the outer ones repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    chain(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

fn chain<'e>(error: &'e reqwest::Error) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}
