//! What happens around every request: who may ask, how long it may take, what is counted and told.

use crate::page::CONTENT_SECURITY_POLICY;
use crate::problem::Problem;
use crate::request_id::{HEADER, RequestId};
use crate::security::{Role, authorise, check_host, check_origin, role_of};
use crate::shared::{Server, Shared};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tracing::Instrument;

/// What is written down of a request whose client went before the answer.
const CLIENT_GONE: u16 = 499;

/// Checks, answers, counts.
pub(super) async fn around(State(shared): Server, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let id = shared.request_ids.of(request.headers());
    // Whatever is told while it is answered names it.
    let span = tracing::info_span!("request", id = id.as_str());
    let mut account = Account::begin(&shared, id, request.method().as_str().to_owned(), route);
    let role = role_of(request.method(), &account.route);
    let checked = check_host(request.headers(), shared.hosts())
        .and_then(|()| check_origin(request.method(), request.headers()))
        .and_then(|()| authorise(&shared.tokens(), role, request.headers()));
    let limit_ms = shared.limits.request_ms;
    let mut response = match checked {
        Err(problem) => problem.into_response(),
        // To open another graph takes as long as it takes.
        Ok(()) if role == Some(Role::Admin) => next.run(request).instrument(span).await,
        Ok(()) => match tokio::time::timeout(Duration::from_millis(limit_ms), next.run(request).instrument(span)).await
        {
            Ok(response) => response,
            Err(_) => Problem::too_long(limit_ms).into_response(),
        },
    };
    account.status = response.status().as_u16();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(HEADER, account.id.header());
    response
}

/// The account of a request, closed when it is answered or dropped.
struct Account {
    shared: Arc<Shared>,
    id: RequestId,
    method: String,
    route: String,
    status: u16,
    began: Instant,
}

impl Account {
    fn begin(shared: &Arc<Shared>, id: RequestId, method: String, route: String) -> Self {
        shared.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        // Methods can be any word, and each would be a line of the figures.
        let known = ["GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS", "PATCH"].contains(&method.as_str());
        let method = if known { method } else { "OTHER".to_owned() };
        Self { shared: Arc::clone(shared), id, method, route, status: CLIENT_GONE, began: Instant::now() }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let metrics = &self.shared.metrics;
        metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        metrics.request(&self.method, &self.route, self.status, took);
        let Self { id, method, route, status, .. } = self;
        let ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        if *status >= 500 {
            tracing::warn!(event = "request", id = id.as_str(), method, route, status, ms);
        } else {
            tracing::info!(event = "request", id = id.as_str(), method, route, status, ms);
        }
    }
}
