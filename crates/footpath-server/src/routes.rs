//! The routes, and what happens around each of them.

mod admin;
mod around;
mod events;
mod graph;
mod recommend;

use crate::extract::Name;
use crate::mcp;
use crate::page;
use crate::problem::Problem;
use crate::shared::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, post_service};
use std::sync::Arc;
use utoipa::OpenApi;

/// The description of the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Footpath",
        description = "Recommendations from a knowledge graph, each with the path that explains it.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        recommend::of_user,
        recommend::of_many,
        recommend::explanations,
        recommend::similar_items,
        recommend::similar_users,
        graph::paths,
        graph::node,
        graph::search,
        graph::summary,
        events::add,
        events::forget,
        admin::reload,
        admin::live,
        admin::ready,
        admin::metrics,
    ),
    components(schemas(Problem)),
    tags(
        (name = "recommendations", description = "Items for users, with reasons"),
        (name = "graph", description = "Nodes, paths, search"),
        (name = "events", description = "What users choose"),
        (name = "server", description = "How the server is"),
    )
)]
struct Described;

/// The description of the routes as OpenAPI, in JSON.
#[must_use]
pub fn openapi() -> String {
    let mut described = Described::openapi();
    described.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let mut text = described.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// All routes.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| async { page::file("index.html") }))
        .route("/page/{file}", get(|Name(name): Name| async move { page::file(&name) }))
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], openapi()) }))
        .route("/health/live", get(admin::live))
        .route("/health/ready", get(admin::ready))
        .route("/metrics", get(admin::metrics))
        .route("/v1/admin/reload", post(admin::reload))
        .route("/v1/users/{id}/recommendations", get(recommend::of_user))
        .route("/v1/recommendations", post(recommend::of_many))
        .route("/v1/explanations", post(recommend::explanations))
        .route("/v1/items/{id}/similar", get(recommend::similar_items))
        .route("/v1/users/{id}/similar", get(recommend::similar_users))
        .route("/v1/paths", post(graph::paths))
        .route("/v1/nodes/{name}", get(graph::node))
        .route("/v1/search", get(graph::search))
        .route("/v1/graph/summary", get(graph::summary))
        .route("/v1/events", post(events::add))
        .route("/v1/users/{id}", delete(events::forget))
        .route("/mcp", post_service(mcp::service(shared)))
        .fallback(nothing)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(shared.limits.body_bytes))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(shared), around::around))
        .with_state(Arc::clone(shared))
}

async fn nothing() -> Response {
    let problem = Problem::new(StatusCode::NOT_FOUND, "route", "There is no such route", "nothing is here");
    problem.hint("the document at /openapi.json names the routes").into_response()
}

async fn other_method() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let problem = Problem::new(status, "method", "The route has no such method", "the header Allow names those it has");
    problem.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_in_the_repository_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        if std::env::var_os("FOOTPATH_WRITE_OPENAPI").is_some() {
            std::fs::write(path, openapi()).expect("written");
            return;
        }
        let how = "run the tests of footpath-server with FOOTPATH_WRITE_OPENAPI=1";
        assert!(stored == openapi(), "openapi.json is not up to date: {how}");
    }
}
