//! What goes wrong with a request, as a problem document (RFC 9457) with a hint at the way out.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footpath::{CoreError, Error, ErrorClass};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// A problem document.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem: `urn:footpath:problem:` and a name that stays the same.
    #[serde(rename = "type", serialize_with = "urn")]
    #[schema(value_type = String)]
    pub(crate) kind: &'static str,
    /// The kind in words.
    #[schema(value_type = String)]
    pub(crate) title: &'static str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is wrong with this request.
    #[schema(value_type = String)]
    pub(crate) detail: Box<str>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) hint: Option<Box<str>>,
    /// Where in a rule or pattern the trouble is: characters before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<usize>,
    /// Seconds to wait before trying again; a header of the answer.
    #[serde(skip)]
    pub(crate) retry_after: Option<u32>,
}

/// The name of a kind of problem in full.
fn urn<S: Serializer>(kind: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:footpath:problem:{kind}"))
}

/// The problems that any request can come to, for the description of the routes.
pub(crate) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let refusal = |status: &str, description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response = ResponseBuilder::new().description(description).content("application/problem+json", content);
            (status.to_owned(), RefOr::T(response.build()))
        };
        BTreeMap::from([
            refusal("4XX", "What is wrong with the request"),
            refusal("503", "More than the server can do now: try again after what the header Retry-After says"),
        ])
    }
}

/// Most bytes of a detail: an error is never much larger than what was asked.
const MAX_DETAIL_BYTES: usize = 2_000;

impl Problem {
    /// A problem of this kind.
    pub(crate) fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let mut detail: String = detail.into();
        if let Some((end, _)) = detail.char_indices().find(|(at, _)| *at >= MAX_DETAIL_BYTES) {
            detail.truncate(end);
            detail.push('…');
        }
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            position: None,
            retry_after: None,
        }
    }

    /// The same with what to do.
    pub(crate) fn hint(self, hint: impl Into<Box<str>>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A request that makes no sense.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request makes no sense", detail)
    }

    /// Something the graph does not have.
    pub(crate) fn unknown(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown", "The graph does not have this", format!("no {what} `{id}`"))
            .hint("look for it with GET /v1/search?q=")
    }

    /// More requests than the queue holds.
    pub(crate) fn overloaded() -> Self {
        let title = "More requests than can be answered";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", title, "the queue is full");
        Self { retry_after: Some(1), ..problem }.hint("wait as the header Retry-After says, then try again")
    }

    /// A request that took too long.
    pub(crate) fn too_long(limit_ms: u64) -> Self {
        let detail = format!("stopped after {limit_ms} ms");
        let title = "The request took too long";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "time-limit", title, detail);
        Self { retry_after: Some(1), ..problem }.hint("ask for fewer users, fewer beams or fewer hops")
    }

    /// A fault of the server, of which the answer tells nothing.
    pub(crate) fn internal() -> Self {
        let title = "The server failed";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, "the log of the server says more")
    }
}

impl From<Error> for Problem {
    /// Errors of the library name files of this machine where they are about files, and those are told to nobody.
    fn from(error: Error) -> Self {
        match (&error, error.class()) {
            (_, ErrorClass::Stopped) => Self::too_long(0),
            (Error::Core(CoreError::Io { .. }) | Error::BadFile { .. }, _) => Self::internal(),
            (_, ErrorClass::Usage | ErrorClass::Input) => Self::bad_request(error.to_string()),
            _ => Self::internal(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = (status, [kind], body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_machine_are_not_told() {
        let source = std::io::Error::other("broken");
        let error = Error::Core(CoreError::Io { path: "/home/somebody/model".into(), source });
        assert_eq!(Problem::from(error), Problem::internal());
        let error = Error::Usage { option: "k", reason: "must be 1 to 1000".to_owned() };
        assert_eq!(&*Problem::from(error).detail, "k: must be 1 to 1000");
    }

    #[test]
    fn a_detail_is_never_long() {
        let problem = Problem::bad_request("é".repeat(100_000));
        assert!(problem.detail.len() <= MAX_DETAIL_BYTES + 4);
    }
}
