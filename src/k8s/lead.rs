//! No request that changes anything leaves a replica that does not lead.
//!
//! This is a layer of the client, and not a question before each write, because one of many writers forgets to ask. It is asked
//! about every attempt: the API server may put a repeat off for minutes, and the lead may be gone by then.
//!
//! The Lease is written through a client of its own, without this layer. There is no other exemption: a POST that changes nothing, as
//! a dry run or an access review, is refused as well.

use std::error::Error;
use std::iter::successors;
use std::task::{Context, Poll};

use ::http::{Method, Request};
use futures::future::{Either, Ready, ready};
use kube::client::{ClientBuilder, retry::RetryPolicy};
use kube::{Client, Config};
use tower::retry::{Retry, RetryLayer};
use tower::{BoxError, Layer, Service, service_fn};

use super::lease::Leadership;

/// Another replica writes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this replica does not lead any more; the one that does goes on")]
pub struct NotLeading;

impl NotLeading {
    /// The refusal behind an error, if that is what it comes from.
    pub fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref().copied())
    }
}

/// A client that changes nothing while this replica does not lead. Such a request ends with [`NotLeading`] as the source of its error.
///
/// # Errors
/// Certificates or credentials that cannot be used.
pub fn connect(mut cluster: Config, leadership: Leadership) -> Result<Client, kube::Error> {
    // Repeated outside of the layer instead.
    cluster.default_retry = false;
    let once = Client::try_from(cluster)?;
    let (namespace, valid_until) = (once.default_namespace().to_owned(), *once.valid_until());
    let send = service_fn(move |request| {
        let once = once.clone();
        async move { once.send(request).await.map_err(BoxError::from) }
    });
    let guarded = ClientBuilder::new(guard(send, leadership), namespace);
    Ok(guarded.with_valid_until(valid_until).build())
}

/// Repeats as the API server asks for, and the lead before each attempt.
fn guard<S>(send: S, leadership: Leadership) -> Retry<RetryPolicy, LeadGuard<S>> {
    RetryLayer::new(RetryPolicy::server_retry()).layer(LeadLayer { leadership }.layer(send))
}

/// Makes a [`LeadGuard`] of a service.
#[derive(Clone, Debug)]
struct LeadLayer {
    leadership: Leadership,
}

impl<S> Layer<S> for LeadLayer {
    type Service = LeadGuard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LeadGuard {
            inner,
            leadership: self.leadership.clone(),
        }
    }
}

/// Passes on what changes nothing, and the rest while this replica leads.
#[derive(Clone, Debug)]
struct LeadGuard<S> {
    inner: S,
    leadership: Leadership,
}

impl<S, B> Service<Request<B>> for LeadGuard<S>
where
    S: Service<Request<B>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<S::Future, Ready<Result<S::Response, BoxError>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Here and not in `poll_ready`: between being ready and being called the lead may be lost.
        if is_read(request.method()) || self.leadership.is_held() {
            Either::Left(self.inner.call(request))
        } else {
            Either::Right(ready(Err(NotLeading.into())))
        }
    }
}

/// Whether requests of this method change nothing. Any method that is not known here may change something.
fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use ::http::Response;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Api;
    use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
    use kube::client::Body;
    use serde_json::json;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// An API server that knows one object, and what it was asked.
    #[derive(Clone, Default)]
    struct FakeApiServer {
        seen: Arc<Mutex<Vec<Method>>>,
        /// How long the first answer takes, which is 503.
        failing: Option<Duration>,
    }

    impl FakeApiServer {
        fn client(&self, leadership: Leadership) -> Client {
            let server = self.clone();
            let send = service_fn(move |request: Request<Body>| {
                let server = server.clone();
                async move { server.answer(request.method().clone()).await }
            });
            ClientBuilder::new(guard(send, leadership), "default").build()
        }

        async fn answer(&self, method: Method) -> Result<Response<Body>, BoxError> {
            let first = {
                let mut seen = self.seen.lock().unwrap();
                seen.push(method);
                seen.len() == 1
            };
            let mut response = Response::builder();
            if let Some(takes) = self.failing.filter(|_| first) {
                sleep(takes).await;
                response = response.status(503);
            }
            let object = json!({"metadata": {"name": "a", "namespace": "default"}});
            Ok(response.body(Body::from(object.to_string().into_bytes()))?)
        }

        fn seen(&self) -> Vec<Method> {
            self.seen.lock().unwrap().clone()
        }
    }

    fn lost() -> Leadership {
        Leadership::until(Instant::now())
    }

    async fn ask(leadership: Leadership, method: Method) -> (Vec<Method>, Option<NotLeading>) {
        let server = FakeApiServer::default();
        let request = Request::builder().method(method).uri("/api/v1/x");
        let answer = server
            .client(leadership)
            .send(request.body(Body::empty()).unwrap())
            .await;
        (
            server.seen(),
            answer.err().and_then(|error| NotLeading::behind(&error)),
        )
    }

    #[tokio::test]
    async fn what_changes_nothing_passes_without_the_lead() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(ask(lost(), method.clone()).await, (vec![method], None));
        }
    }

    #[tokio::test]
    async fn what_may_change_something_does_not() {
        let unknown = Method::from_bytes(b"APPLY").unwrap();
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, unknown] {
            assert_eq!(
                ask(lost(), method.clone()).await,
                (vec![], Some(NotLeading)),
                "{method}"
            );
            assert_eq!(
                ask(Leadership::unlimited(), method.clone()).await,
                (vec![method], None)
            );
        }
    }

    #[tokio::test]
    async fn every_verb_of_the_api_is_told_apart() {
        let server = FakeApiServer::default();
        let api: Api<ConfigMap> = Api::namespaced(server.client(lost()), "default");
        let (object, post) = (ConfigMap::default(), PostParams::default());
        let apply = Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap"}));
        let params = PatchParams::apply("test");
        let refused = [
            api.create(&post, &object).await.unwrap_err(),
            api.replace("a", &post, &object).await.unwrap_err(),
            api.patch("a", &params, &apply).await.unwrap_err(),
            api.delete("a", &DeleteParams::default()).await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(NotLeading::behind(&error), Some(NotLeading), "{error}");
        }
        assert_eq!(server.seen(), Vec::<Method>::new());
        api.get("a").await.unwrap();
        assert_eq!(server.seen(), [Method::GET]);
    }

    #[tokio::test]
    async fn a_repeat_does_not_leave_once_the_lead_is_gone() {
        let leads = Duration::from_millis(100);
        let server = FakeApiServer {
            failing: Some(leads),
            ..FakeApiServer::default()
        };
        let client = server.client(Leadership::until(Instant::now() + leads));
        let api: Api<ConfigMap> = Api::namespaced(client, "default");
        let error = api.delete("a", &DeleteParams::default()).await.unwrap_err();
        assert_eq!(NotLeading::behind(&error), Some(NotLeading), "{error}");
        assert_eq!(server.seen(), [Method::DELETE]);
    }

    #[tokio::test]
    async fn what_the_api_server_asks_for_is_repeated() {
        let server = FakeApiServer {
            failing: Some(Duration::ZERO),
            ..FakeApiServer::default()
        };
        let api: Api<ConfigMap> = Api::namespaced(server.client(Leadership::unlimited()), "default");
        api.delete("a", &DeleteParams::default()).await.unwrap();
        assert_eq!(server.seen(), [Method::DELETE, Method::DELETE]);
    }
}
