//! Sends calls: connections, trust, the budget, repeats, and answers turned into values or errors.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tracing::Instrument as _;
use url::Url;

use super::EndpointMap;
use super::budget::CallPermit;
use super::call::{Call, Reply, host_of, read_answer};
use super::error::{Error, Failure, Parts};
use super::fence::Fence;
use super::host_rule::{GuardedResolver, HostRule};
use super::memory::Memory;
use super::network;
use super::observer::{Attempt, Observer};
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
    /// Other addresses for some hosts.
    pub endpoints: EndpointMap,
    /// From sending a request to having read its answer.
    pub request_timeout: Duration,
    /// To have a connection, TLS included.
    pub connect_timeout: Duration,
    /// Repeats inside one call.
    pub retry: RetryPolicy,
    /// Told about every attempt.
    pub observer: Option<Arc<dyn Observer>>,
    /// Asked before every attempt that writes; without one, writing is always permitted.
    pub fence: Option<Arc<dyn Fence>>,
    /// Finds the addresses of host names; without one, the system does.
    pub resolver: Option<Arc<dyn Resolve>>,
    /// Which hosts may be called; without one, all.
    pub hosts: Option<Arc<HostRule>>,
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
            fence: None,
            resolver: None,
            hosts: None,
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
    clients: Clients,
    shared: Arc<TransportState>,
}

struct TransportState {
    options: TransportOptions,
    /// Clients of sources with own TLS settings, so that each source keeps its connections; the oldest goes first.
    by_tls: Mutex<VecDeque<([u8; 32], Clients)>>,
    memory: Memory,
}

/// Connections with the same TLS settings.
#[derive(Clone)]
struct Clients {
    /// To servers that users name.
    usual: reqwest::Client,
    /// To hosts that the administrator vouched for, or their vendor: they may lead where others may not.
    vouched: reqwest::Client,
}

impl Clients {
    fn new(options: &TransportOptions, tls: &TlsOptions) -> Result<Self, TransportError> {
        let usual = build_client(options, tls, false)?;
        let vouched = match &options.hosts {
            None => usual.clone(),
            Some(_) => build_client(options, tls, true)?,
        };
        Ok(Self { usual, vouched })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.shared.options).finish()
    }
}

impl Transport {
    /// Where calls for some hosts go instead.
    pub fn endpoints(&self) -> &EndpointMap {
        &self.shared.options.endpoints
    }

    /// Opens nothing yet.
    ///
    /// # Errors
    /// An extra root that is no certificate, or a system without roots when there are no extra ones.
    pub fn new(options: TransportOptions) -> Result<Self, TransportError> {
        let clients = Clients::new(&options, &TlsOptions::default())?;
        Ok(Self {
            clients,
            shared: Arc::new(TransportState {
                options,
                by_tls: Mutex::default(),
                memory: Memory::default(),
            }),
        })
    }

    /// What was learnt of servers that are reached so.
    pub(crate) fn memory(&self) -> &Memory {
        &self.shared.memory
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
            .map(|(_, clients)| clients.clone());
        let clients = match known {
            Some(clients) => clients,
            None => {
                let clients = Clients::new(&self.shared.options, tls)?;
                if by_tls.len() >= MOST_TLS_CLIENTS {
                    by_tls.pop_front();
                }
                by_tls.push_back((fingerprint, clients.clone()));
                clients
            }
        };
        Ok(Self {
            clients,
            shared: Arc::clone(&self.shared),
        })
    }

    /// Makes a call, repeating it as the policy allows. Safe to drop at any point: the budget's place is given back, and
    /// a write may then have happened or not, as with any lost connection.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, Error> {
        if let Some(name) = &call.name_for_id {
            let detail = format!("{name:?} is no id, and would be taken for a name");
            return Err(Error::new(Parts {
                detail: Some(detail),
                not_executed: true,
                ..call.failed(Failure::NotAnId)
            }));
        }
        let mut retries = self.shared.options.retry.start(call.verb, call.budget.is_some());
        loop {
            let permit = admission(call, &retries).await?;
            self.require_open_fence(call)?;
            retries.note_attempt();
            let outcome = self.attempt(call).await;
            let error = match outcome {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            // Also when this call gives up: others of the same organisation must slow down all the same.
            if let (Failure::Throttled { retry_after }, Some(permit)) = (error.failure(), &permit) {
                permit.refused(*retry_after);
            }
            drop(permit);
            let Some(delay) = retries.delay_after(&error) else {
                return Err(error);
            };
            tracing::debug!(error = %error, instance = error.instance(), ?delay, "a remote call is repeated");
            if !wait(call, delay).await {
                return Err(error);
            }
            if let Some(asked) = call.before_repeat
                && !asked.may_repeat(&error).await
            {
                return Err(error);
            }
        }
    }

    fn require_open_fence(&self, call: &Call<'_>) -> Result<(), Error> {
        let fence = self.shared.options.fence.as_ref();
        if call.method == Method::GET || fence.is_none_or(|fence| fence.is_open()) {
            return Ok(());
        }
        Err(Error::new(Parts {
            not_executed: true,
            ..call.failed(Failure::Fenced)
        }))
    }

    /// Refuses a call whose host may not be called, before anything is resolved.
    ///
    /// # Errors
    /// [`Failure::HostNotAllowed`].
    pub(crate) fn require_allowed(&self, call: &Call<'_>) -> Result<(), Error> {
        let options = &self.shared.options;
        let is_mapped = options.endpoints.resolve(&call.url) != call.url;
        let checked = options
            .hosts
            .as_ref()
            .map(|rule| rule.check(call.product, &call.url, is_mapped));
        checked
            .unwrap_or(Ok(()))
            .map_err(|refused| network::not_allowed(call, &refused))
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let span = tracing::debug_span!("call", service = call.product.label, method = %call.method, route = call.route);
        let started = Instant::now();
        let outcome = self.exchange(call).instrument(span).await;
        if let Some(observer) = &self.shared.options.observer {
            observer.attempt(&Attempt {
                product: call.product,
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
        let is_mapped = url != call.url;
        self.require_allowed(call)?;
        let elsewhere = is_mapped.then(|| host_of(&url));
        let http = if is_mapped || call.product.domains.is_some() {
            &self.clients.vouched
        } else {
            &self.clients.usual
        };
        self.exchange_at(call, http, url)
            .await
            .map_err(|error| match &elsewhere {
                Some(host) => error.sent_to(host),
                None => error,
            })
    }

    async fn exchange_at(&self, call: &Call<'_>, http: &reqwest::Client, url: Url) -> Result<Reply, Error> {
        let mut request = http
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
        let sent = request.send().await;
        let response = sent.map_err(|error| network::error(call, &error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read_body(call, response).await?;
        read_answer(call, status, &headers, body)
    }
}

fn build_client(
    options: &TransportOptions,
    tls: &TlsOptions,
    vouched: bool,
) -> Result<reqwest::Client, TransportError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(options.request_timeout)
        .connect_timeout(options.connect_timeout)
        // Shorter than the keep-alive of nginx (75 s), which many of these servers are, so that connections are not closed under a request.
        .pool_idle_timeout(Duration::from_secs(60))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(10));
    let inner = options.resolver.clone();
    builder = match (&options.hosts, inner) {
        (Some(rule), inner) => builder.dns_resolver(Arc::new(GuardedResolver {
            rule: Arc::clone(rule),
            inner,
            vouched,
        })),
        (None, Some(inner)) => builder.dns_resolver(inner),
        (None, None) => builder,
    };
    if tls.ca_pem.is_none() {
        for (name, pem) in &options.extra_roots {
            builder = builder.tls_certs_merge(certificates(pem, name)?);
        }
    }
    tls.configure(builder)?
        .build()
        .map_err(|error| TransportError::Tls(network::innermost(&error)))
}

async fn admission<'b>(call: &Call<'b>, retries: &Retries) -> Result<Option<CallPermit<'b>>, Error> {
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

/// Waits before a repeat. False when whoever makes the call has been told to end.
async fn wait(call: &Call<'_>, delay: Duration) -> bool {
    match call.budget {
        Some(budget) => budget.wait(delay).await,
        None => {
            tokio::time::sleep(delay).await;
            true
        }
    }
}

async fn read_body(call: &Call<'_>, mut response: reqwest::Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| network::error(call, &error))?
    {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(call.garbage(Some(response.status().as_u16()), "it is longer than 128 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
