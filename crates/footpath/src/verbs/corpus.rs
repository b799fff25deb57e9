//! `audit`, `export` and `corpus stats`: what is in a corpus, and the same in other forms.

use crate::artefacts::kg::Kg;
use crate::error::{Error, Result};
use footpath_core::{
    ArtefactKind, ArtefactWriter, Context, Corpus, Path, Replace, TokenId, Triple, Vocabulary, artefact,
};
use footpath_graph::audit::{AuditReport, audit_corpus};
#[cfg(feature = "parquet")]
pub use footpath_graph::export::Ids;
use footpath_graph::pattern::Pattern;
use footpath_graph::sample::{EndSet, SampleSpec, Sampling};
pub use footpath_graph::stats::CorpusStats;
use footpath_graph::stats::corpus_stats;
use footpath_graph::{Split, TrainKg, export};
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::Path as FilePath;

/// What an audit found.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// The pattern every path must match.
    pub pattern: String,
    /// The ends every path must have.
    pub ends: EndSet,
    /// Held-out interactions that must not show.
    pub num_held_out: u64,
    /// The counts.
    pub report: AuditReport,
    /// The first wrong path, as far as it can be named.
    pub first_wrong: Option<String>,
}

/// Re-checks every path of a corpus against the triples, its pattern, its end set and the held-out interactions.
///
/// # Errors
/// Artefacts that do not open or do not belong together, rows that are no paths at all.
pub fn audit(corpus_dir: &FilePath, kg: &Kg, context: &Context) -> Result<Audited> {
    let corpus = open_unchecked(corpus_dir, kg)?;
    let (pattern, spec) = stated(&corpus, kg)?;
    let parts = [kg.held_out(Split::Valid)?, kg.held_out(Split::Test)?];
    let num_held_out = parts.iter().map(|part| part.len() as u64).sum();
    let held_out = parts.map(|part| part.by_user());
    let report = audit_corpus(&corpus, kg, &pattern, &spec, &held_out, context)?;
    let first_wrong = report.first_wrong.and_then(|number| corpus.paths().nth(usize::try_from(number).ok()?));
    let first_wrong = first_wrong.transpose()?.map(|path| spell(kg, &path));
    let (pattern, ends) = (pattern.source().to_owned(), spec.ends);
    Ok(Audited { pattern, ends, num_held_out, report, first_wrong })
}

/// The pattern and the law a corpus says it has.
pub(crate) fn stated(corpus: &Corpus, kg: &TrainKg) -> Result<(Pattern, SampleSpec)> {
    let Sampling { pattern: source, spec, .. } = Sampling::stated(corpus)?;
    let wrong = |got: String| corrupt(corpus.artefact().directory(), "manifest", "a path pattern of the graph", got);
    let pattern = Pattern::parse(&source, kg).or_else(|_| Pattern::parse_walk(&source, kg));
    Ok((pattern.map_err(|e| wrong(e.to_string()))?, spec))
}

/// `user:1 -[interacted]- item:2 -[starring]- …`
fn spell(kg: &TrainKg, path: &Path) -> String {
    let mut text = path.nodes.first().map_or_else(String::new, |&node| kg.node_name(node));
    for hop in path.triples() {
        text += &format!(" -[{}]- {}", kg.relation_name(hop.relation), kg.node_name(hop.tail));
    }
    text
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorpusForm {
    /// `U1 R0 I5 R26 E39 R27 I12`
    Text,
    /// One JSON object for each path and line.
    #[default]
    JsonLines,
    /// A Parquet table with a column for each position.
    #[cfg(feature = "parquet")]
    Parquet(Ids),
}

/// A corpus with its graph, checked to belong together and to hold nothing but paths of the graph.
#[derive(Debug)]
pub struct Export {
    corpus: Corpus,
    kg: Kg,
}

impl Export {
    /// Opens both; all checks are made here, before anything is written.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(corpus_dir: &FilePath, kg: &Kg, context: &Context) -> Result<Self> {
        let corpus = context.run(|| open(corpus_dir, kg))??;
        Ok(Self { corpus, kg: kg.clone() })
    }

    /// Writes every path; returns how many there are. The bytes do not depend on the threads.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, form: CorpusForm, out: &mut (dyn Write + Send), context: &Context) -> io::Result<u64> {
        let write = || match form {
            CorpusForm::Text => export::write_text(&self.corpus, &self.kg, context, out),
            CorpusForm::JsonLines => export::write_jsonl(&self.corpus, &self.kg, context, out),
            #[cfg(feature = "parquet")]
            CorpusForm::Parquet(ids) => export::write_parquet(&self.corpus, &self.kg, ids, context, out),
        };
        context.run(write)?.map_err(plain)
    }

    /// Writes what the numbers of a Parquet table stand for, as another one; returns how many there are.
    ///
    /// # Errors
    /// Whatever the writer says.
    #[cfg(feature = "parquet")]
    pub fn write_names(&self, out: &mut (dyn Write + Send), context: &Context) -> io::Result<u64> {
        export::write_parquet_names(&self.kg, context, out).map_err(plain)
    }
}

/// The error of whatever is written to, where it is that.
fn plain(error: footpath_graph::Error) -> io::Error {
    match error {
        footpath_graph::Error::Core(footpath_core::Error::Io { source, .. }) => source,
        footpath_graph::Error::Core(error) => error.into(),
        other => io::Error::other(other),
    }
}

/// Publishes a corpus, its graph and its split as a data set for hopwise; see [`export::write_hopwise`]. The data set
/// has the name of the folder. Returns the number of paths.
///
/// # Errors
/// As [`open`]; [`Error::Usage`] when the folder's name is not plain text; a disk that refuses. Nothing is left behind
/// then.
pub fn export_hopwise(
    corpus_dir: &FilePath,
    kg: &Kg,
    out: &FilePath,
    replace: Replace,
    context: &Context,
) -> Result<u64> {
    artefact::refuse_existing(out, ArtefactKind::Hopwise, replace)?;
    let plain = |c: char| !c.is_control() && c != '/';
    let name = out.file_name().and_then(|name| name.to_str()).filter(|name| name.chars().all(plain));
    let usage = || Error::Usage { option: "out", reason: "give a folder with a name of plain text".to_owned() };
    let name = name.ok_or_else(usage)?;
    let corpus = context.run(|| open(corpus_dir, kg))??;
    let held_out = [kg.held_out(Split::Valid)?, kg.held_out(Split::Test)?];
    let [valid, test] = held_out.map(|part| part.by_user());
    let mut folder = ArtefactWriter::create(out, ArtefactKind::Hopwise, replace)?;
    let num_paths = export::write_hopwise(&corpus, kg, [&valid, &test], context, name, &mut folder)?;
    let corpus_hash = corpus.artefact().manifest().content_hash();
    let parents = [("kg", kg.content_hash().to_owned()), ("corpus", corpus_hash)];
    let parents = parents.map(|(kind, hash)| (kind.to_owned(), hash)).into();
    folder.publish(parents, serde_json::json!({ "paths": num_paths, "name": name }))?;
    Ok(num_paths)
}

/// Describes a corpus of a graph.
///
/// # Errors
/// As [`open`].
pub fn stats(corpus_dir: &FilePath, kg: &Kg, context: &Context) -> Result<CorpusStats> {
    let corpus = context.run(|| open(corpus_dir, kg))??;
    Ok(context.run(|| corpus_stats(&corpus, kg, context))??)
}

/// Opens a corpus of this graph and checks that each of its rows is a path there, and of the pattern the corpus states.
///
/// # Errors
/// [`footpath_core::Error::Mismatch`] when it was made from another graph, [`footpath_core::Error::Corrupt`] naming the
/// first row that is no such path, and whatever opening it gives.
pub fn open(corpus_dir: &FilePath, kg: &TrainKg) -> Result<Corpus> {
    let corpus = open_unchecked(corpus_dir, kg)?;
    let (pattern, _) = stated(&corpus, kg)?;
    if corpus.header().width != 2 * pattern.max_hops() + 1 {
        let expected = format!("{} tokens for {}", 2 * pattern.max_hops() + 1, pattern.source());
        return Err(corrupt(corpus_dir, "width", &expected, corpus.header().width.to_string()));
    }
    let wrong = |row: &usize| !is_path(corpus.row(*row), kg, &pattern);
    if let Some(row) = (0..corpus.len()).into_par_iter().find_first(wrong) {
        let got = format!("{:?}", corpus.row(row));
        return Err(corrupt(corpus_dir, &format!("row {row}"), "a path of the graph and the pattern", got));
    }
    Ok(corpus)
}

fn is_path(row: &[u32], kg: &TrainKg, pattern: &Pattern) -> bool {
    let tokens: Vec<_> = row.iter().copied().map(TokenId).collect();
    let Some(path) = kg.vocabulary().decode(&tokens) else { return false };
    let padded = tokens.iter().skip(2 * path.num_hops() + 1).all(|&token| token == Vocabulary::PADDING);
    let starts = path.nodes.first().is_some_and(|&node| pattern.starts().contains(&kg.kind_of(node)));
    let automaton = pattern.automaton();
    let hop = |state, hop: Triple| automaton.step(state, hop.relation, kg.kind_of(hop.tail));
    let last = path.triples().try_fold(automaton.start(), hop);
    let accepted = last.is_some_and(|state| automaton.is_accepting(state));
    padded && starts && accepted && path.triples().all(|triple| kg.find(triple).is_some())
}

fn open_unchecked(corpus_dir: &FilePath, kg: &TrainKg) -> Result<Corpus> {
    let corpus = Corpus::open(corpus_dir, &Context::default())?;
    corpus.artefact().check_parent("kg", kg.content_hash())?;
    if corpus.header().vocabulary != kg.vocabulary() {
        let (expected, got) = (format!("{:?}", kg.vocabulary()), format!("{:?}", corpus.header().vocabulary));
        return Err(corrupt(corpus_dir, "vocabulary", &expected, got));
    }
    Ok(corpus)
}

fn corrupt(directory: &FilePath, section: &str, expected: &str, got: String) -> Error {
    let (path, section, expected) = (directory.to_owned(), section.to_owned(), expected.to_owned());
    footpath_core::Error::Corrupt { path, section, expected, got }.into()
}
