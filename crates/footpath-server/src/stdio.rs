//! The Model Context Protocol over a reader and a writer, as agents start their tools: a message on each line.

use crate::config::Options;
use crate::mcp;
use crate::problem::Problem;
use crate::server::ServeError;
use crate::shared::Shared;
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};
use std::time::Duration;
use tokio::runtime::Runtime;

/// JSON-RPC: this is no JSON.
const NO_JSON: i32 = -32_700;

/// A graph and a model that answer agents.
pub struct Agents {
    shared: Shared,
    runtime: Runtime,
}

impl Agents {
    /// Opens a graph and a model. Of the options those count that say what is served and by which rules.
    ///
    /// # Errors
    /// As [`Server::start`](crate::Server::start).
    pub fn open(options: Options) -> Result<Self, ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        Ok(Self { runtime: runtime.map_err(ServeError::Threads)?, shared: Shared::open(options)? })
    }

    /// Answers the messages of `input`, one after the other, until it ends. Nothing but answers is written to `output`,
    /// each on a line of its own.
    ///
    /// # Errors
    /// What the reader or the writer says.
    pub fn answer_all(&self, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<()> {
        let most = self.shared.limits.body_bytes as u64;
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.take(most + 1).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let is_whole = line.last() == Some(&b'\n') || line.len() as u64 <= most;
            let answer = match is_whole {
                true => self.answer(&line),
                false => {
                    skip_line(input)?;
                    Some(refused(&format!("a message has at most {most} bytes")))
                }
            };
            if let Some(answer) = answer {
                serde_json::to_writer(&mut *output, &answer)?;
                output.write_all(b"\n")?;
                output.flush()?;
            }
        }
    }

    fn answer(&self, line: &[u8]) -> Option<Value> {
        if line.trim_ascii().is_empty() {
            return None;
        }
        let message: Value = match serde_json::from_slice(line) {
            Ok(message) => message,
            Err(error) => return Some(refused(&error.to_string())),
        };
        let id = message.get("id").cloned();
        let limit_ms = self.shared.limits.request_ms;
        let answered =
            async { tokio::time::timeout(Duration::from_millis(limit_ms), mcp::answer(&self.shared, message)).await };
        match self.runtime.block_on(answered) {
            Ok(answer) => answer,
            // What is dropped here stops its search.
            Err(_) => {
                let result = mcp::told(&Problem::too_long(limit_ms));
                Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
            }
        }
    }
}

fn refused(message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": null, "error": { "code": NO_JSON, "message": message } })
}

/// Reads on to the end of a line without keeping it.
fn skip_line(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let (used, is_over) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        input.consume(used);
        if is_over {
            return Ok(());
        }
    }
}
