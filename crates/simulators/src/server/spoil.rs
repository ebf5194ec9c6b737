//! Answers of the simulator that do not reach the client whole.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Request, Response, Uri, uri::PathAndQuery};
use hyper::body::{Frame, SizeHint};
use serde_json::{Map, Value};
use tokio::time::{Sleep, sleep};

use super::line::Line;

/// Pieces of a slow body.
const PIECES: usize = 8;
/// Between half of a body and the reset, so that the half is on its way.
const BEFORE_RESET: Duration = Duration::from_millis(20);

/// A body that comes in pieces, with a pause after each.
struct Pieces {
    left: VecDeque<Bytes>,
    /// What the header says, which may be more than ever comes.
    promised: u64,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
    /// The line that is reset instead of an end.
    reset: Option<Line>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pausing) = &mut self.pausing {
            match pausing.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => self.pausing = None,
            }
        }
        match (self.left.pop_front(), &self.reset) {
            (Some(piece), _) => {
                self.promised -= if self.reset.is_none() {
                    piece.len() as u64
                } else {
                    0
                };
                self.pausing = Some(Box::pin(sleep(self.pause)));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            (None, None) => Poll::Ready(None),
            (None, Some(line)) => {
                line.reset();
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

/// The answer over this time.
pub(super) async fn slowly(answer: Response<Body>, over: Duration) -> Response<Body> {
    with_body(answer, |body| {
        let size = body.len().div_ceil(PIECES).max(1);
        Body::new(Pieces {
            left: body.chunks(size).map(Bytes::copy_from_slice).collect(),
            promised: body.len() as u64,
            pause: over / PIECES as u32,
            pausing: None,
            reset: None,
        })
    })
    .await
}

/// Half of the answer, then a reset.
pub(super) async fn reset_in_body(answer: Response<Body>, line: &Line) -> Response<Body> {
    with_body(answer, |body| {
        Body::new(Pieces {
            promised: body.len() as u64,
            left: VecDeque::from([body.slice(..body.len() / 2)]),
            pause: BEFORE_RESET,
            pausing: None,
            reset: Some(line.clone()),
        })
    })
    .await
}

/// The answer with half of its body.
pub(super) async fn truncated(answer: Response<Body>) -> Response<Body> {
    with_body(answer, |body| Body::from(body.slice(..body.len() / 2))).await
}

/// The address with another cursor than the simulator gave out; none when it has no cursor.
pub(super) fn lose_cursor(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    let lost = query.split('&').map(|pair| match pair.split_once('=') {
        Some(("offset", _)) => "offset=lost-cursor".to_owned(),
        _ => pair.to_owned(),
    });
    let lost = lost.collect::<Vec<_>>().join("&");
    let path = PathAndQuery::try_from(format!("{}?{lost}", uri.path())).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok().filter(|spoilt| spoilt != uri)
}

async fn with_body(answer: Response<Body>, change: impl FnOnce(Bytes) -> Body) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    // The simulators' bodies are in memory: reading one cannot fail.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    Response::from_parts(parts, change(body))
}

/// The request with a copy of its body.
pub(super) async fn read(request: Request<Body>) -> (Request<Body>, Bytes) {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    (Request::from_parts(head, body.clone().into()), body)
}

/// The request with the fields of a JSON object over those of its body. What is no JSON object stays as it is.
pub(super) async fn altered(request: Request<Body>, fields: &str) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let sent = serde_json::from_slice::<Map<String, Value>>(&body);
    let over = serde_json::from_str::<Map<String, Value>>(fields);
    let (Ok(mut sent), Ok(over)) = (sent, over) else {
        return Request::from_parts(head, body.into());
    };
    sent.extend(over);
    head.headers.remove(CONTENT_LENGTH);
    Request::from_parts(head, Value::Object(sent).to_string().into())
}
