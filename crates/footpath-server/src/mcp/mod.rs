//! The Model Context Protocol, at `/mcp` or over standard input and output: tools by which an agent asks the graph, so
//! that it can cite facts.
//!
//! Messages, versions of the protocol and what clients may call off are the business of `rmcp`. Over HTTP there are no
//! sessions and no streams: each request is answered by itself. What a tool answers is what the route of the same name
//! does.

mod calls;
mod stdio;
mod tools;

pub use stdio::Agents;

use crate::problem::Problem;
use crate::shared::Shared;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// What an agent is told when it begins.
const INSTRUCTIONS: &str = "A knowledge graph with recommendations. Find nodes with search; nodes are user:ID, item:ID \
                            or entity:ID. Every path is a chain of facts of the graph: cite them with the file and \
                            line that proof gives.";

/// The tools, and what they ask.
#[derive(Clone)]
pub(crate) struct Tools(Arc<Shared>);

/// The tools over HTTP. Hosts, origins and tokens are checked before a request comes here.
pub(crate) fn service(shared: &Arc<Shared>) -> StreamableHttpService<Tools, NeverSessionManager> {
    let tools = Tools(Arc::clone(shared));
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(shared.limits.body_bytes)
        .disable_allowed_hosts();
    StreamableHttpService::new(move || Ok(tools.clone()), Arc::default(), config)
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("footpath", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.get_tool(&request.name).is_none() {
            return Err(ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None));
        }
        // What is dropped here stops its search.
        tokio::select! {
            () = context.ct.cancelled() => Err(ErrorData::internal_error("nobody waits for the answer", None)),
            result = self.call(request) => Ok(result.unwrap_or_else(|problem| told(&problem)).into()),
        }
    }
}

impl Tools {
    /// Calls a tool that there is. What goes wrong with it is told to the agent, who may do better.
    async fn call(&self, request: CallToolRequestParams) -> Result<CallToolResult, Problem> {
        let Self(shared) = self;
        let _place = shared.admit()?;
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let search = shared.search(move |sources, context| calls::call(&request.name, arguments, sources, context));
        let limit_ms = shared.limits.request_ms;
        let answered = tokio::time::timeout(Duration::from_millis(limit_ms), search).await;
        answered.unwrap_or_else(|_| Err(Problem::too_long(limit_ms))).map(CallToolResult::structured)
    }
}

/// What went wrong with a tool, as its result.
fn told(problem: &Problem) -> CallToolResult {
    let hint = problem.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    CallToolResult::error(vec![ContentBlock::text(format!("{}{hint}", problem.detail))])
}
