//! The tools for agents, which describe themselves and so are not in the description of the routes.

use super::Server;
use crate::extract::{Answer, Input};
use crate::mcp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Answers a message of the Model Context Protocol.
pub(super) async fn mcp(State(shared): Server, Input(message): Input<Value>) -> Response {
    match mcp::answer(&shared, message).await {
        Some(answer) => Answer(answer).into_response(),
        None => StatusCode::ACCEPTED.into_response(),
    }
}
