//! What the server tells of itself, line by line, to whoever prints it.

use serde::Serialize;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A line of the log.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// Seconds since 1970.
    pub time: f64,
    /// `info`, `warning` or `error`.
    pub level: &'static str,
    /// What happened, such as `listening`, `request` or `reload`.
    pub event: &'static str,
    /// More of it in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The request it is about.
    #[serde(flatten)]
    pub request: Option<RequestLine>,
}

/// A request that was answered.
#[derive(Clone, Debug, Serialize)]
pub struct RequestLine {
    /// The method.
    pub method: String,
    /// The route, with names in place of what stood there.
    pub route: String,
    /// The status of the answer; 499 where the client had gone.
    pub status: u16,
    /// How long it took.
    pub ms: f64,
}

/// Who is given the lines; called on any thread.
pub type Log = Arc<dyn Fn(&LogLine) + Send + Sync>;

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl LogLine {
    /// A line in words.
    pub(crate) fn new(level: &'static str, event: &'static str, message: impl Into<String>) -> Self {
        Self { time: now(), level, event, message: Some(message.into()), request: None }
    }

    /// The line of a request.
    pub(crate) fn of(request: RequestLine) -> Self {
        let level = if request.status >= 500 { "warning" } else { "info" };
        Self { time: now(), level, event: "request", message: None, request: Some(request) }
    }
}
