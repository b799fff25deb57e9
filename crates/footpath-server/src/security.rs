//! Who may ask: tokens with roles, the names this server goes by, and requests that other pages make browsers send.

use crate::problem::Problem;
use axum::http::{HeaderMap, Method, StatusCode, header};
use std::net::IpAddr;
use std::path::Path;
use subtle::ConstantTimeEq;

/// Fewest characters of a token.
const MIN_TOKEN_CHARS: usize = 16;
/// Most bytes of a file of tokens.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What somebody may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Ask.
    Read,
    /// Tell events, forget users.
    Write,
    /// Take over another graph and model.
    Admin,
}

/// The tokens that are accepted; none where everybody may do everything.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Vec<(Role, Vec<u8>)>);

/// Why a file of tokens is refused; no token is in the message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: &'static str },
    #[error("there is no token in it")]
    Empty,
    #[error("it is longer than 1 MiB")]
    TooLong,
}

impl Tokens {
    /// Reads a file of lines `ROLE TOKEN`; empty lines and those that begin with `#` are skipped.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenError> {
        if std::fs::metadata(path)?.len() > MAX_FILE_BYTES {
            return Err(TokenError::TooLong);
        }
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, TokenError> {
        let mut tokens = Vec::new();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let bad = |reason| TokenError::Line { line, reason };
            let (role, token) =
                text.split_once(char::is_whitespace).ok_or_else(|| bad("expected a role and a token"))?;
            let role = match role {
                "read" => Role::Read,
                "write" => Role::Write,
                "admin" => Role::Admin,
                _ => return Err(bad("the role must be read, write or admin")),
            };
            let token = token.trim();
            if token.chars().count() < MIN_TOKEN_CHARS || token.contains(char::is_whitespace) {
                return Err(bad("a token has at least 16 characters and no blank"));
            }
            tokens.push((role, token.as_bytes().to_vec()));
        }
        if tokens.is_empty() { Err(TokenError::Empty) } else { Ok(Self(tokens)) }
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of whoever sends this token. How long that takes tells nothing of the tokens but their lengths.
    fn role(&self, token: &[u8]) -> Option<Role> {
        let compared = self.0.iter().map(|(role, known)| (known.as_slice().ct_eq(token).unwrap_u8(), *role));
        // All are compared, whichever fits.
        compared.fold(None, |found, (fits, role)| if fits == 1 { found.max(Some(role)) } else { found })
    }
}

/// What a route asks for; `None` for those that everybody may see: health, the page, the description of the routes.
pub(crate) fn role_of(method: &Method, route: &str) -> Option<Role> {
    match route {
        "/" | "/page/{file}" | "/health/live" | "/health/ready" | "/openapi.json" => None,
        "/v1/admin/reload" => Some(Role::Admin),
        "/v1/events" => Some(Role::Write),
        "/v1/users/{id}" if method == Method::DELETE => Some(Role::Write),
        _ => Some(Role::Read),
    }
}

/// Checks the token of a request.
pub(crate) fn authorise(tokens: &Tokens, role: Option<Role>, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(role) = role.filter(|_| !tokens.is_open()) else { return Ok(()) };
    let unauthorised = |detail: &str| {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", "A token is needed", detail)
            .hint("send the header Authorization: Bearer TOKEN")
    };
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        sent.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Err(unauthorised("no token was sent")) };
    match tokens.role(token.trim().as_bytes()) {
        None => Err(unauthorised("this token is not accepted")),
        Some(own) if own < role => {
            let detail = format!("this token may {own:?}, which is less than {role:?}").to_lowercase();
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "This token may not do this", detail))
        }
        Some(_) => Ok(()),
    }
}

/// Refuses names that are not this server's, behind which a page of somebody else may hide (DNS rebinding): an address
/// in figures is no name, `localhost` leads here, and others are those that were given.
pub(crate) fn check_host(headers: &HeaderMap, hosts: &[String]) -> Result<(), Problem> {
    let sent = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = name_of(sent);
    let is_figures = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let is_local = name.eq_ignore_ascii_case("localhost");
    if is_figures || is_local || hosts.iter().any(|host| host.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let detail = "the header Host is no name of this server";
    let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", "Not a name of this server", detail);
    Err(problem.hint("start it with --host NAME to be reached by that name"))
}

/// Refuses requests that change something when the page of another server sends them.
pub(crate) fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if method.is_safe() {
        return Ok(());
    }
    let Some(origin) = text(&header::ORIGIN) else { return Ok(()) };
    let own = text(&header::HOST).unwrap_or_default();
    match origin.split_once("://") {
        Some((_, host)) if host.eq_ignore_ascii_case(own) => Ok(()),
        _ => {
            let detail = "the page that sent this request is not of this server";
            Err(Problem::new(StatusCode::FORBIDDEN, "origin", "A request from another page", detail))
        }
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.chars().all(|c| c.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("a value"))).collect()
    }

    #[test]
    fn only_names_of_this_server_are_answered() {
        let hosts = vec!["shop.example".to_owned()];
        for (host, is_fine) in [
            ("127.0.0.1:8088", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("[::1]:8088", true),
            ("::1", true),
            ("shop.example:443", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:8088", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(check_host(&headers(&[(header::HOST, host)]), &hosts).is_ok(), is_fine, "{host}");
        }
        assert!(check_host(&HeaderMap::new(), &hosts).is_err());
    }

    #[test]
    fn other_pages_change_nothing() {
        let sent = |origin: &str| headers(&[(header::HOST, "localhost:1"), (header::ORIGIN, origin)]);
        assert!(check_origin(&Method::POST, &sent("http://localhost:1")).is_ok());
        for origin in ["http://evil.example", "null", "http://localhost:2"] {
            assert!(check_origin(&Method::POST, &sent(origin)).is_err(), "{origin}");
            assert!(check_origin(&Method::GET, &sent(origin)).is_ok(), "{origin}");
        }
        assert!(check_origin(&Method::DELETE, &headers(&[(header::HOST, "localhost:1")])).is_ok(), "no browser");
    }

    #[test]
    fn roles_are_those_of_the_tokens() {
        let tokens = Tokens::parse("# ours\nread 0123456789abcdef\n\nadmin fedcba9876543210\n").expect("tokens");
        let ask = |role, token: &str| {
            let sent = headers(&[(header::AUTHORIZATION, token)]);
            authorise(&tokens, role, &sent).map_err(|problem| problem.status)
        };
        assert_eq!(ask(Some(Role::Read), "Bearer 0123456789abcdef"), Ok(()));
        assert_eq!(ask(Some(Role::Write), "Bearer 0123456789abcdef"), Err(403));
        assert_eq!(ask(Some(Role::Write), "bearer fedcba9876543210"), Ok(()));
        for token in ["Bearer 0123456789abcdeX", "Bearer 0123", "Basic 0123456789abcdef", "0123456789abcdef"] {
            assert_eq!(ask(Some(Role::Read), token), Err(401), "{token}");
        }
        assert_eq!(ask(None, ""), Ok(()));
        assert!(authorise(&Tokens::default(), Some(Role::Admin), &HeaderMap::new()).is_ok(), "no tokens, no questions");
    }

    #[test]
    fn bad_files_of_tokens_name_the_line_and_no_token() {
        for (text, words) in [
            ("read 0123456789abcdef\nroot 0123456789abcdef", "line 2: the role"),
            ("read short", "line 1: a token has"),
            ("read", "line 1: expected"),
            ("# nothing\n", "no token"),
        ] {
            let error = Tokens::parse(text).expect_err("bad").to_string();
            assert!(error.contains(words) && !error.contains("0123456789"), "{error}");
        }
    }
}
