//! Bearer tokens.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::errors::Failure;
use super::{Konnect, TokenState};

/// Answers 401 and 403 in the shapes of the edge and of the API behind the path; else passes the request on.
pub async fn require_token(State(konnect): State<Konnect>, request: Request, next: Next) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let path = request.uri().path();
    let known = token.and_then(|token| konnect.lock().tokens.get(token).copied());
    let refused = match (token, known) {
        (None, _) => Failure::Edge(StatusCode::UNAUTHORIZED, "No API key found in request"),
        (_, None | Some(TokenState::Revoked)) => Failure::Edge(StatusCode::UNAUTHORIZED, "Unauthorized"),
        (_, Some(TokenState::Active)) => return next.run(request).await,
        (_, Some(TokenState::NoRights)) if path.starts_with("/v3/organizations") => {
            return next.run(request).await;
        }
        (_, Some(TokenState::NoRights | TokenState::Blocked)) => forbidden(path),
    };
    refused.into_response()
}

fn forbidden(path: &str) -> Failure {
    if path.contains("/core-entities") {
        return Failure::Entity(StatusCode::FORBIDDEN, "permission denied", Vec::new());
    }
    Failure::Problem(StatusCode::FORBIDDEN, "Forbidden".to_owned(), Vec::new())
}
