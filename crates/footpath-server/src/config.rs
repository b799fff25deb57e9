//! What a server is started with, from arguments and a file.

use crate::rules::Configured;
use footpath::Threads;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Most bytes of a configuration.
const MAX_BYTES: u64 = 4 << 20;

/// What to serve, and to whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// The knowledge graph.
    pub kg: PathBuf,
    /// The model of that graph.
    pub model: PathBuf,
    /// Another model of the same graph, to be compared with.
    pub beside: Option<PathBuf>,
    /// Where to listen; port 0 is any that is free.
    pub listen: SocketAddr,
    /// Names by which the server is reached, beside `localhost` and addresses in figures.
    pub hosts: Vec<String>,
    /// A file of tokens.
    pub token_file: Option<PathBuf>,
    /// Whether anybody who reaches the address may ask for anything.
    pub insecure: bool,
    /// Folder of the events.
    pub events: Option<PathBuf>,
    /// Rules and limits.
    pub config: Option<PathBuf>,
    /// A certificate with its chain, in PEM: answers are by HTTPS then.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM.
    pub key: Option<PathBuf>,
    /// Threads that search.
    pub workers: usize,
}

impl Options {
    /// Answers those on this machine at any free port, with as many threads as the machine has cores.
    #[must_use]
    pub fn new(kg: impl Into<PathBuf>, model: impl Into<PathBuf>) -> Self {
        Self {
            kg: kg.into(),
            model: model.into(),
            beside: None,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            hosts: Vec::new(),
            token_file: None,
            insecure: false,
            events: None,
            config: None,
            certificate: None,
            key: None,
            workers: Threads::default().number(),
        }
    }
}

/// A configuration in TOML.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    rules: Option<String>,
    hide: Option<String>,
    attributes: Option<PathBuf>,
    denials: Option<PathBuf>,
    rule_sets: BTreeMap<String, String>,
    limits: Limits,
}

/// What bounds requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Requests that wait for a thread, beside those that are searched for.
    pub(crate) queue: usize,
    /// How long some may always be waiting until no more are let wait than can be answered soon.
    pub(crate) burst_ms: u64,
    /// How long a request may take.
    pub(crate) request_ms: u64,
    /// How long the head of a request may take, and a connection may be silent.
    pub(crate) header_ms: u64,
    /// How long requests may go on when the server ends.
    pub(crate) shutdown_ms: u64,
    /// Bytes of a body.
    pub(crate) body_bytes: usize,
    /// Connections at a time.
    pub(crate) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 64,
            burst_ms: 1_000,
            request_ms: 10_000,
            header_ms: 10_000,
            shutdown_ms: 10_000,
            body_bytes: 2 << 20,
            connections: 1_024,
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), String> {
        let rule = |holds: bool, name: &str, range: &str| {
            if holds { Ok(()) } else { Err(format!("limits.{name}: must be {range}")) }
        };
        rule((1..=100_000).contains(&self.queue), "queue", "1 to 100,000")?;
        rule(self.burst_ms <= 3_600_000, "burst_ms", "at most 3,600,000")?;
        rule((1..=3_600_000).contains(&self.request_ms), "request_ms", "1 to 3,600,000")?;
        rule((1..=3_600_000).contains(&self.header_ms), "header_ms", "1 to 3,600,000")?;
        rule(self.shutdown_ms <= 3_600_000, "shutdown_ms", "at most 3,600,000")?;
        rule((1_024..=1 << 30).contains(&self.body_bytes), "body_bytes", "1,024 to 2^30")?;
        rule((1..=100_000).contains(&self.connections), "connections", "1 to 100,000")
    }
}

/// What a configuration says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) rules: Configured,
    pub(crate) limits: Limits,
}

impl Config {
    /// Reads a configuration; files it names are sought from its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = crate::attributes::read_bounded(path, MAX_BYTES)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        file.limits.check()?;
        let within = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        let File { rules, hide, attributes, denials, rule_sets, limits } = file;
        let (attributes, denials) = (within(attributes), within(denials));
        Ok(Self { rules: Configured { rules, hide, rule_sets, attributes, denials }, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_read_and_what_they_misspell_is_named() {
        let text = [
            "hide = \"type:user\"
attributes = \"a.tsv\"
",
            "[rule_sets]
kids = \"not genre:Horror\"
[limits]
queue = 3
",
        ];
        let config = Config::parse(&text.concat(), Path::new("/etc/footpath")).expect("a configuration");
        assert_eq!(config.limits.queue, 3);
        assert_eq!(config.rules.rule_sets["kids"], "not genre:Horror");
        assert_eq!(config.rules.attributes, Some(PathBuf::from("/etc/footpath/a.tsv")));
        for (text, words) in [("rule = \"a:b\"", "rule"), ("[limits]\nqueue = 0", "queue"), ("limits = 3", "limits")] {
            let error = Config::parse(text, Path::new("")).expect_err("bad");
            assert!(error.contains(words), "{error}");
        }
    }
}
