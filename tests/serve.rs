//! The server, over real connections.

mod agents;
mod answers;
mod deploy;
mod manners;
mod rules;
mod told;

use crate::support::args;
use crate::support::films::{Films, films};
use crate::support::server::Server;
use std::ffi::OsString;

/// A server of the films with these arguments more.
fn serve(more: &[OsString]) -> Server {
    let Films { kg, model, .. } = films();
    Server::start(&[args!["--kg", kg, "--model", model].as_slice(), more].concat())
}
