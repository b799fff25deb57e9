//! Nodes, paths, search.

use crate::answers;
use crate::api::{FindPaths, FoundPaths, Neighbourhood, NodeQuery, SearchHits, SearchQuery, Summary};
use crate::extract::{Answer, Input, Name, Query};
use crate::problem::{Problem, Refusals};
use crate::shared::Server;
use axum::extract::State;

/// How two nodes are connected.
#[utoipa::path(
    post, path = "/v1/paths", tag = "graph", request_body = FindPaths,
    responses(
        (status = 200, description = "Paths, the best first", body = FoundPaths),
        Refusals,
    )
)]
pub(super) async fn paths(State(shared): Server, Input(ask): Input<FindPaths>) -> Result<Answer<FoundPaths>, Problem> {
    let _place = shared.admit()?;
    shared.search(move |sources, context| answers::find_paths(&ask, sources, context)).await.map(Answer)
}

/// A node and its neighbours, with the file and line of each fact.
#[utoipa::path(
    get, path = "/v1/nodes/{name}", tag = "graph",
    params(("name" = String, Path, description = "user:ID, item:ID or entity:ID"), NodeQuery),
    responses(
        (status = 200, description = "The node", body = Neighbourhood),
        Refusals,
    )
)]
pub(super) async fn node(
    State(shared): Server,
    Name(name): Name,
    Query(query): Query<NodeQuery>,
) -> Result<Answer<Neighbourhood>, Problem> {
    let _place = shared.admit()?;
    shared.search(move |sources, _| answers::neighbourhood(&name, &query, sources)).await.map(Answer)
}

/// Nodes by the words of their labels and ids.
#[utoipa::path(
    get, path = "/v1/search", tag = "graph", params(SearchQuery),
    responses(
        (status = 200, description = "Nodes, the best first", body = SearchHits),
        Refusals,
    )
)]
pub(super) async fn search(
    State(shared): Server,
    Query(query): Query<SearchQuery>,
) -> Result<Answer<SearchHits>, Problem> {
    let _place = shared.admit()?;
    shared.search(move |sources, _| answers::search(&query, sources)).await.map(Answer)
}

/// What is served, in figures.
#[utoipa::path(
    get, path = "/v1/graph/summary", tag = "graph",
    responses(
        (status = 200, description = "Figures", body = Summary),
        Refusals,
    )
)]
pub(super) async fn summary(State(shared): Server) -> Answer<Summary> {
    Answer(answers::summary(&shared.sources()))
}
