//! RDF: N-Triples, N-Quads, Turtle, TriG, RDF/XML and JSON-LD, as a mapping says what is what.
//!
//! N-Triples and N-Quads are cut into lines, which are parsed in parallel; the others are parsed as a stream. A fact
//! comes from the line in which it was complete. The names of graphs are not read.

use super::collector::Collector;
use super::feed::{self, Edge, Feed, Value};
use super::folder::{File, Folder};
use super::gathered::At;
use super::lines::{Lines, binary};
use super::mapping::Mapping;
use super::ntriples::{self, Usual};
use super::problems::{Checked, Flaw};
use super::reading::Reading;
use super::record::MAX_FIELD_BYTES;
use super::source::Source;
use super::table::MAX_LINE_BYTES;
use super::tables::{Plan, Tables};
use crate::error::{Result, show};
use oxrdfio::{RdfFormat, RdfParseError, RdfParser};
use oxrdfio::{RdfSyntaxError, TextPosition};
use rayon::prelude::*;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

/// Bytes of lines that are parsed together.
const BATCH_BYTES: usize = 4 << 20;
/// Lines that one thread takes at a time.
const LINES_AT_ONCE: usize = 512;
/// Names of files that are surely RDF.
const EXTENSIONS: [&str; 9] = [".nt", ".nq", ".ttl", ".trig", ".n3", ".rdf", ".owl", ".jsonld", ".ntriples"];

/// The files of a graph.
pub(super) struct Rdf {
    files: Vec<(File, RdfFormat)>,
    mapping: Mapping,
}

/// What shows that there is RDF.
pub(super) fn is_here(folder: &Folder) -> Result<Option<String>> {
    if let Some(file) = feed::files_with(folder, &EXTENSIONS).first() {
        return Ok(Some(format!("there is {}", file.shown_name())));
    }
    let all: Vec<File> = folder.files().map(|(_, file)| file).collect();
    let [only] = all.as_slice() else { return Ok(None) };
    Ok(sniff(&only.path).map(|format| format!("{} begins like {format}", only.shown_name())))
}

/// Finds the files.
pub(super) fn find(folder: &Folder, mapping: Option<&Mapping>) -> Result<Rdf> {
    let mut files = feed::files_with(folder, &EXTENSIONS);
    if files.is_empty() {
        files = folder.files().map(|(_, file)| file).collect();
    }
    let files: Vec<(File, RdfFormat)> =
        files.into_iter().filter_map(|file| Some((format_of(&file)?, file))).map(|(f, file)| (file, f)).collect();
    if files.is_empty() {
        return Err(folder.missing("a file of RDF: .nt, .nq, .ttl, .trig, .n3, .rdf, .owl or .jsonld"));
    }
    let mapping = mapping.cloned().unwrap_or_else(Mapping::expanded_default);
    Ok(Rdf { files, mapping })
}

/// The format of a file, by its name or else by how it begins.
fn format_of(file: &File) -> Option<RdfFormat> {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (_, extension) = super::folder::unpacked(name).rsplit_once('.').unwrap_or_default();
    match extension {
        "owl" => Some(RdfFormat::RdfXml),
        "ntriples" => Some(RdfFormat::NTriples),
        "json" | "txt" | "csv" | "tsv" => sniff(&file.path),
        other => RdfFormat::from_extension(other).or_else(|| sniff(&file.path)),
    }
}

/// The format that a file begins like.
fn sniff(path: &Path) -> Option<RdfFormat> {
    let mut source = Source::open(path, Rc::new(Cell::new(1 << 20))).ok()?;
    let start = source.peek().ok()?;
    let text = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start).trim_ascii_start();
    let line = text.split(|&b| b == b'\n').find(|line| !line.starts_with(b"#") && !line.trim_ascii().is_empty())?;
    let has = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|w| w == word);
    let lower = line.to_ascii_lowercase();
    match line {
        [b'<', b'?', b'x', b'm', b'l', ..] if has(text, b"<rdf:RDF") || has(text, b"rdf:") => Some(RdfFormat::RdfXml),
        [b'<', b'r', b'd', b'f', b':', ..] => Some(RdfFormat::RdfXml),
        [b'{' | b'[', ..] if has(text, b"\"@id\"") || has(text, b"\"@context\"") => RdfFormat::from_extension("jsonld"),
        [b'<' | b'_', ..] if line.trim_ascii_end().ends_with(b".") && has(line, b"> ") => Some(RdfFormat::NTriples),
        _ if [b"@prefix".as_slice(), b"@base", b"prefix ", b"base <"].iter().any(|word| lower.starts_with(word)) => {
            Some(RdfFormat::Turtle)
        }
        _ => None,
    }
}

impl Tables for Rdf {
    fn plan(&self) -> Vec<(File, String)> {
        let mut plan = Plan::default();
        for (file, format) in &self.files {
            plan = plan.with([file], &format!("{} statements", format.name()));
        }
        let mut plan = plan.done();
        plan.extend(feed::tables(&self.mapping));
        plan
    }

    fn read(&self, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        let mut feed = Feed::new(&self.mapping, &[]);
        for (file, format) in &self.files {
            match format {
                RdfFormat::NTriples | RdfFormat::NQuads => lines(file, *format, &mut feed, collector, reading)?,
                _ => stream(file, *format, &mut feed, collector, reading)?,
            }
        }
        feed.finish(collector, reading)
    }
}

/// A statement that says something of a node.
enum Statement<'l> {
    Edge([Cow<'l, str>; 3]),
    Value {
        node: Cow<'l, str>,
        relation: Cow<'l, str>,
        text: Cow<'l, str>,
        language: Cow<'l, str>,
    },
    /// About a node without a name.
    Blank([String; 3]),
    /// About a statement.
    Quoted,
}

impl<'l> From<Usual<'l>> for Statement<'l> {
    fn from(usual: Usual<'l>) -> Self {
        match usual {
            Usual::Edge(parts) => Self::Edge(parts.map(Cow::Borrowed)),
            Usual::Value(parts) => {
                let [node, relation, text, language] = parts.map(Cow::Borrowed);
                Self::Value { node, relation, text, language }
            }
        }
    }
}

/// What a statement says. The name of a node without one tells its file.
fn statement(quad: oxrdf::Quad, file: u32) -> Statement<'static> {
    use oxrdf::{NamedOrBlankNode, Term};
    let blank = |node: &str| format!("_:{file}:{node}");
    let relation = quad.predicate.into_string();
    let (head, named) = match quad.subject {
        NamedOrBlankNode::NamedNode(node) => (node.into_string(), true),
        NamedOrBlankNode::BlankNode(node) => (blank(node.as_str()), false),
    };
    match quad.object {
        Term::NamedNode(node) if named => Statement::Edge([head, relation, node.into_string()].map(Cow::Owned)),
        Term::NamedNode(node) => Statement::Blank([head, relation, node.into_string()]),
        Term::BlankNode(node) => Statement::Blank([head, relation, blank(node.as_str())]),
        Term::Literal(literal) => {
            let (text, _, language) = literal.destruct();
            let [node, relation, text, language] = [head, relation, text, language.unwrap_or_default()].map(Cow::Owned);
            Statement::Value { node, relation, text, language }
        }
        #[expect(clippy::allow_attributes, reason = "only there with RDF 1.2")]
        #[allow(unreachable_patterns)]
        _ => Statement::Quoted,
    }
}

/// Gives a statement to where it belongs.
fn take(feed: &mut Feed<'_>, collector: &mut Collector, at: At, statement: &Statement<'_>) -> Checked<()> {
    match statement {
        Statement::Blank(_) if feed.leaves_out_blank() => Ok(()),
        Statement::Edge([head, relation, tail]) => {
            feed.edge(collector, at, &Edge { head, relation, tail, rating: None, time: None })
        }
        Statement::Blank([head, relation, tail]) => {
            feed.edge(collector, at, &Edge { head, relation, tail, rating: None, time: None })
        }
        Statement::Value { node, relation, text, language } => {
            if text.len() > MAX_FIELD_BYTES {
                // A long text is no label and no entity.
                return Ok(());
            }
            feed.value(collector, at, &Value { node, relation, text, language })
        }
        Statement::Quoted => {
            feed.leave_out_quoted();
            Ok(())
        }
    }
}

/// Reads a format in which a line is a statement.
fn lines(
    file: &File,
    format: RdfFormat,
    feed: &mut Feed<'_>,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let mut lines = Lines::open(&file.path, reading)?;
    let (mut text, mut places) = (Vec::new(), Vec::new());
    let (mut goes_on, mut num_records) = (true, 0);
    while goes_on {
        goes_on = lines.batch(reading, BATCH_BYTES, &mut text, &mut places)?;
        let parse = |(line, place): &(u32, std::ops::Range<usize>)| {
            (*line, parse_line(text.get(place.clone()).unwrap_or_default(), format, of_file.0))
        };
        let parsed: Vec<Vec<(u32, Checked<Option<Statement<'_>>>)>> =
            places.par_chunks(LINES_AT_ONCE).map(|some| some.iter().map(parse).collect()).collect();
        for (line, statement) in parsed.into_iter().flatten() {
            let at = At { file: of_file, line, ahead: None };
            let Some(taken) = statement.map(|said| said.map(|said| take(feed, collector, at, &said))).transpose()
            else {
                continue;
            };
            num_records += 1;
            reading.problems.num_records += 1;
            if let Err(flaw) = taken.and_then(|taken| taken) {
                reading.problems.bad(&file.path, line.into(), flaw)?;
            }
        }
    }
    lines.end(reading, num_records)
}

/// The statement of a line; none in a comment.
fn parse_line(line: &[u8], format: RdfFormat, file: u32) -> Checked<Option<Statement<'_>>> {
    let text = std::str::from_utf8(line).map_err(|error| {
        let near = line.get(error.valid_up_to()..).unwrap_or_default();
        let near = show(near.get(..near.len().min(8)).unwrap_or_default());
        Flaw::new("utf8", format!("not UTF-8 at byte {} of the line (`{near}`)", error.valid_up_to()))
    })?;
    if let Some(usual) = ntriples::read(text) {
        return Ok(Some(usual.into()));
    }
    let mut found = None;
    for quad in RdfParser::from_format(format).for_slice(line) {
        let said = statement(quad.map_err(|error| syntax(&error))?, file);
        if found.replace(said).is_some() {
            return Err(Flaw::new("syntax", "two statements in one line; each has a line of its own"));
        }
    }
    Ok(found)
}

/// The flaw of what does not parse. Columns of text are characters here, and fields elsewhere, so it stands in words.
fn syntax(error: &RdfSyntaxError) -> Flaw {
    let column = error.location().map(|range| range.start.column + 1);
    let place = column.map_or_else(String::new, |column| format!("at character {column}: "));
    let message = error.to_string();
    // What the parser says of lines is of the piece that it was given.
    let said = message.split_once(": ").map_or(message.as_str(), |(_, said)| said);
    Flaw::new("syntax", format!("{place}{}", show(said.as_bytes())))
}

/// Gives a parser no more than a line at a time, so that the line of what it has parsed is known.
struct ByLine<'s> {
    source: &'s RefCell<Source>,
    line: &'s Cell<u64>,
    rest: Vec<u8>,
    at: usize,
}

impl Read for ByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.rest.len() {
            self.rest.clear();
            self.at = 0;
            if self.source.borrow_mut().read_line(MAX_LINE_BYTES, &mut self.rest)? == 0 {
                return Ok(0);
            }
            self.line.set(self.line.get() + 1);
        }
        let rest = self.rest.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), rest.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.at += taken;
        Ok(taken)
    }
}

/// Reads a format in which a statement may go over several lines.
fn stream(
    file: &File,
    format: RdfFormat,
    feed: &mut Feed<'_>,
    collector: &mut Collector,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let of_file = collector.begin_file(&file.path)?;
    let mut source = Source::open(&file.path, reading.budget.clone())?;
    if let Some(message) = source.packing.misnamed(&file.path) {
        reading.problems.warn("misnamed", &file.path, 0, 1, message);
    }
    let flaw = match source.peek() {
        Ok(start) => binary(start),
        Err(error) => Some(source.explain(&file.path, error)?),
    };
    if let Some(flaw) = flaw {
        return reading.problems.bad(&file.path, 0, flaw);
    }
    let mut parser = RdfParser::from_format(format);
    if let Some(base) = &feed.mapping().base {
        let path = feed.mapping().path.clone();
        parser = match parser.with_base_iri(base.as_str()) {
            Ok(parser) => parser,
            Err(error) => return reading.problems.bad(&path, 0, Flaw::fatal("base", error.to_string())),
        };
    }
    let (source, line) = (RefCell::new(source), Cell::new(0));
    let mut num_records = 0u64;
    for quad in parser.for_reader(ByLine { source: &source, line: &line, rest: Vec::new(), at: 0 }) {
        num_records += 1;
        reading.problems.num_records += 1;
        if num_records.is_multiple_of(1 << 12) {
            let consumed = source.borrow().consumed();
            reading.reach(consumed)?;
        }
        let now = line.get();
        let at = At { file: of_file, line: u32::try_from(now).unwrap_or(0), ahead: None };
        let (line, flaw) = match quad {
            Ok(quad) => match take(feed, collector, at, &statement(quad, of_file.0)) {
                Ok(()) => continue,
                Err(flaw) => (now, flaw),
            },
            Err(RdfParseError::Io(error)) => {
                let flaw = source.borrow().explain(&file.path, error)?;
                (now, Flaw { fatal: true, ..flaw })
            }
            Err(RdfParseError::Syntax(error)) => {
                let at = |range: std::ops::Range<TextPosition>| range.start.line + 1;
                (error.location().map_or(now, at), syntax(&error))
            }
        };
        reading.problems.bad(&file.path, line, flaw)?;
    }
    if num_records == 0 {
        return reading.problems.bad(&file.path, 0, Flaw::fatal("empty", "the file has no statements"));
    }
    let consumed = source.borrow().consumed();
    reading.reach(consumed)?;
    reading.end_of_file(consumed);
    reading.problems.stop_if_strict()
}
