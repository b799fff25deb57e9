//! How the server is, and another state for it.

use crate::api::{Health, Reloaded};
use crate::extract::Answer;
use crate::metrics::Gauges;
use crate::problem::{Problem, Refusals};
use crate::serve_error::ServeError;
use crate::shared::Server;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Whether the program runs.
#[utoipa::path(
    get, path = "/health/live", tag = "server",
    responses((status = 200, description = "It does", body = Health))
)]
pub(super) async fn live() -> Answer<Health> {
    Answer(Health { status: "live" })
}

/// Whether requests are answered; not any more when the server ends.
#[utoipa::path(
    get, path = "/health/ready", tag = "server",
    responses(
        (status = 200, description = "They are", body = Health),
        Refusals,
    )
)]
pub(super) async fn ready(State(shared): Server) -> Result<Answer<Health>, Problem> {
    if shared.is_ending.load(Ordering::SeqCst) {
        let title = "The server ends";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ending", title, "ask another"));
    }
    Ok(Answer(Health { status: "ready" }))
}

/// Figures for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses(
        (status = 200, description = "Figures in the text format", body = String, content_type = "text/plain"),
        Refusals,
    )
)]
pub(super) async fn metrics(State(shared): Server) -> Response {
    let hashes = shared.snapshot().hashes();
    let text = shared.metrics.text(&Gauges {
        waiting: shared.pool.waiting(),
        workers: shared.pool.workers(),
        events: shared.events().map(|events| events.count()),
        hashes: &hashes,
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Opens graph, model, rules and tokens anew, and takes them over if all are sound.
#[utoipa::path(
    post, path = "/v1/admin/reload", tag = "server",
    responses(
        (status = 200, description = "They are served now", body = Reloaded),
        Refusals,
    )
)]
pub(super) async fn reload(State(shared): Server) -> Result<Answer<Reloaded>, Problem> {
    let (shared, span) = (Arc::clone(&shared), tracing::Span::current());
    let reload = move || span.in_scope(|| shared.reload());
    let reloaded = tokio::task::spawn_blocking(reload).await.map_err(|_| Problem::internal())?;
    reloaded.map(Answer).map_err(|error| refused(&error))
}

/// What is told of a state that was refused: files of this machine are named in the log alone.
fn refused(error: &ServeError) -> Problem {
    let what = match error {
        ServeError::Footpath(_) => "the graph or the model is not sound, or they do not belong together",
        ServeError::Rules(_) => "a rule of the configuration has no meaning in the graph",
        _ => "the configuration or the tokens cannot be read",
    };
    let problem = Problem::new(StatusCode::CONFLICT, "reload-refused", "Nothing changed", what);
    problem.hint("the log of the server says more")
}
