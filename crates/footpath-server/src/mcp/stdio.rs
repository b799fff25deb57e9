//! The tools over standard input and output, as agents start them: a message on each line.

use super::Tools;
use crate::config::Options;
use crate::serve_error::ServeError;
use crate::shared::Shared;
use rmcp::service::{ServerInitializeError, ServiceExt};
use rmcp::transport::async_rw::AsyncRwTransport;
use std::sync::Arc;
use tokio::io::{stdin, stdout};
use tokio::runtime::Runtime;

/// A graph and a model that answer agents.
pub struct Agents {
    tools: Tools,
    runtime: Runtime,
}

impl Agents {
    /// Opens a graph and a model. Of the options those count that say what is served and by which rules.
    ///
    /// # Errors
    /// As [`Server::start`](crate::Server::start).
    pub fn open(options: Options) -> Result<Self, ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let tools = Tools(Arc::new(Shared::open(options)?));
        Ok(Self { runtime: runtime.map_err(ServeError::Threads)?, tools })
    }

    /// Answers the messages of standard input until it ends. Nothing but answers is written to standard output, each on
    /// a line of its own.
    ///
    /// # Errors
    /// [`ServeError::Agent`] if the first request is another than that with which clients begin;
    /// [`ServeError::Threads`] if the work on it failed.
    pub fn answer_standard_input(self) -> Result<(), ServeError> {
        let Self { tools, runtime } = self;
        let done = runtime.block_on(answer(tools));
        // Whoever reads standard input may still wait for it.
        runtime.shutdown_background();
        done
    }
}

async fn answer(tools: Tools) -> Result<(), ServeError> {
    let most = tools.0.limits.body_bytes;
    let lines = AsyncRwTransport::new_server(stdin(), stdout()).with_max_line_length(most);
    match tools.serve(lines).await {
        Ok(running) => running.waiting().await.map(|_| ()).map_err(|error| ServeError::Threads(error.into())),
        // Nothing was asked.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(ServerInitializeError::ExpectedInitializeRequest(_)) => {
            Err(ServeError::Agent("the first request has to be `initialize`".to_owned()))
        }
        Err(error) => Err(ServeError::Agent(error.to_string())),
    }
}
