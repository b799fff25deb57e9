//! `footpath serve`: recommendations, reasons and paths over HTTP, and a page to walk the graph.
//!
//! ```no_run
//! use footpath_server::{Options, Server};
//!
//! # fn main() -> Result<(), footpath_server::ServeError> {
//! let options = Options { listen: ([127, 0, 0, 1], 8088).into(), ..Options::new("kg", "model") };
//! let server = Server::start(options)?;
//! // … until somebody wants its end:
//! server.stop();
//! # Ok(())
//! # }
//! ```
//!
//! # How a request is answered
//!
//! Threads of tokio wait for clients; they never search. A request is checked (name of the host, token, size), gets a
//! place in a bounded queue or the answer 503, and is searched for on one of the threads of a pool, from one state of
//! the server: a graph, a model and the rules read against them. A reload puts another state beside it and swaps.
//! Whatever ends a request early (its client goes, its time is up, the server ends) drops what waits for the answer,
//! and that stops the search.
//!
//! This crate reads the clock, the network and the folder of the events, and prints nothing: what it has to tell are
//! events of [`tracing`], each with a field `event` that names its kind (`listening`, `request`, `reload`, `events`,
//! `panic`, `ending`, `ended`).

mod admission;
mod answers;
mod api;
mod attributes;
mod clock;
mod config;
mod events;
mod extract;
mod hashes;
mod mcp;
mod metrics;
mod page;
mod pool;
mod problem;
mod request_id;
mod routes;
mod rules;
mod search;
mod security;
mod serve_error;
mod server;
mod shared;
mod snapshot;
mod tls;

pub use api::Reloaded;
pub use config::Options;
pub use events::{LogError, read_choices, read_events};
pub use mcp::Agents;
pub use routes::openapi;
pub use serve_error::ServeError;
pub use server::Server;
