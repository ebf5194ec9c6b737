//! Failures below HTTP: DNS, TCP, TLS, time.

use super::call::Call;
use super::classes::AttemptEnd;
use super::error::{Error, Failure, Parts};
use super::host_rule::HostRefused;

/// A failure below HTTP.
pub(super) fn error(call: &Call<'_>, error: &reqwest::Error) -> Error {
    if let Some(refused) = chain(error).find_map(|cause| cause.downcast_ref::<HostRefused>()) {
        return not_allowed(call, refused);
    }
    let ending = if tls_error(error) {
        AttemptEnd::Untrusted
    } else if error.is_connect() {
        AttemptEnd::NotSent
    } else if error.is_timeout() {
        AttemptEnd::TimedOut
    } else {
        AttemptEnd::Broken
    };
    // A connection that was not made in time is called that: where to look differs from one that was refused.
    let failure = if ending == AttemptEnd::NotSent && error.is_timeout() {
        Failure::Timeout
    } else {
        call.class(ending).meaning.failure(None)
    };
    Error::new(Parts {
        detail: Some(innermost(error)),
        not_executed: error.is_connect(),
        ..call.failed(failure)
    })
}

/// A host that is not called.
pub(super) fn not_allowed(call: &Call<'_>, refused: &HostRefused) -> Error {
    Error::new(Parts {
        detail: Some(refused.to_string()),
        not_executed: true,
        ..call.failed(Failure::HostNotAllowed)
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
pub(super) fn innermost(error: &reqwest::Error) -> String {
    chain(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

fn chain<'e>(error: &'e reqwest::Error) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}
