//! Names of requests, by which an answer and the lines of the log that are about it find each other.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that has the name of a request: in the request, if whoever asks has one, and in the answer.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Most characters of a name that somebody else gives.
const MAX_CHARS: usize = 64;

/// The name of a request: letters, digits, `-`, `_` and `.` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for a header.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("unnamed"))
    }

    /// A name that somebody else gave, if it is one.
    fn given(headers: &HeaderMap) -> Option<Self> {
        let name = headers.get(HEADER)?.to_str().ok()?;
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        (is_plain && (1..=MAX_CHARS).contains(&name.len())).then(|| Self(name.to_owned()))
    }
}

/// Gives names: the time of the start and a number, so no two of a server are alike, however often it is started.
#[derive(Debug)]
pub(crate) struct RequestIds {
    started_us: u64,
    number: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds since 1970")]
        let started_us = (crate::clock::now() * 1e6) as u64;
        Self { started_us, number: AtomicU64::new(1) }
    }
}

impl RequestIds {
    /// The name of a request with these headers: its own, or a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> RequestId {
        RequestId::given(headers).unwrap_or_else(|| {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            RequestId(format!("{:x}-{number:x}", self.started_us))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_a_plain_name_of_its_own_and_else_gets_one() {
        let ids = RequestIds { started_us: 0xabc, number: AtomicU64::new(15) };
        let of = |name: &[u8]| {
            let value = HeaderValue::from_bytes(name).expect("a value");
            ids.of(&HeaderMap::from_iter([(HEADER, value)])).0
        };
        assert_eq!(ids.of(&HeaderMap::new()).as_str(), "abc-f");
        assert_eq!(of(b"shop-7.a_B"), "shop-7.a_B");
        for (name, own) in [(&b""[..], "abc-10"), (b"a b", "abc-11"), (b"\xc3\xa4", "abc-12"), (&[b'x'; 65], "abc-13")]
        {
            assert_eq!(of(name), own);
        }
    }
}
