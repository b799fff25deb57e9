//! A server that runs for a test, and a client that knows as little of HTTP as it takes.

use super::{PROGRAM, program};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server, ended when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// Lines of its log, as they are written.
    log: Arc<Mutex<Vec<String>>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answered {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body of a success as JSON.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The problem of a refusal, which must be one, and name no path of this machine.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        for part in ["type", "title", "detail"] {
            assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "no {part} in {problem}");
        }
        let root = std::env::temp_dir();
        for place in [env!("CARGO_MANIFEST_DIR"), env!("CARGO_TARGET_TMPDIR"), &root.to_string_lossy()] {
            assert!(!self.body.contains(place), "{problem} names {place}");
        }
        problem
    }
}

impl Server {
    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn start(arguments: &[OsString]) -> Self {
        Self::of(program(&[&on_a_free_port(), arguments].concat()), arguments)
    }

    /// The same, with files of no more than so many blocks of 1,024 bytes.
    pub(crate) fn start_limited(arguments: &[OsString], blocks: usize) -> Self {
        let mut command = std::process::Command::new("bash");
        command.arg("-c").arg(format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")).arg(PROGRAM);
        command.args(on_a_free_port()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::of(command, arguments)
    }

    fn of(mut command: std::process::Command, arguments: &[OsString]) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut log = Vec::new();
        let address = loop {
            let text = lines.next().unwrap_or_else(|| panic!("{arguments:?}: {log:?}")).expect("UTF-8");
            let line: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            log.push(text);
            if line["event"] == "listening" {
                break line["message"].as_str().expect("an address").trim_start_matches("http://").to_owned();
            }
        };
        let log = Arc::new(Mutex::new(log));
        let to = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                to.lock().expect("a log").push(line);
            }
        });
        Self { child, address, log }
    }

    /// Asks with GET.
    pub(crate) fn get(&self, path: &str) -> Answered {
        self.send("GET", path, &[], "")
    }

    /// Asks with POST and JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answered {
        self.send("POST", path, &[("Content-Type", "application/json")], &body.to_string())
    }

    /// Sends a message of the Model Context Protocol.
    pub(crate) fn tell_mcp(&self, message: &Value) -> Answered {
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
        self.send("POST", "/mcp", &headers, &message.to_string())
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        // A server that refuses a body before it has read all of it closes the connection.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        answer(stream)
    }

    /// A connection.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        stream
    }

    /// The log so far, as it is written.
    pub(crate) fn log_text(&self) -> String {
        self.log.lock().expect("a log").join("\n")
    }

    /// The lines of the log of this event, once there are so many.
    pub(crate) fn logged(&self, event: &str, number: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let text = self.log_text();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            let lines: Vec<Value> = lines.filter(|line| line["event"] == event).collect();
            if lines.len() >= number {
                return lines;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{} lines {event} of {number}", lines.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("ended")
    }

    /// A figure of the metrics.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_a_free_port() -> [OsString; 3] {
    ["serve", "--listen", "127.0.0.1:0"].map(OsString::from)
}

/// Reads an answer to the end of its connection.
pub(crate) fn answer(mut stream: TcpStream) -> Answered {
    let mut bytes = Vec::new();
    // What a server that closed early had said is there all the same.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status").parse().expect("a number");
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answered { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
}

/// A name as it stands in a path or query.
pub(crate) fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
