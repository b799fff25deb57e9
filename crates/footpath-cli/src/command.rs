//! What can be typed.

use crate::verbs;
use clap::{Parser, Subcommand};
use footpath::Threads;

/// Recommendations that explain themselves: sample paths from a knowledge graph, learn them, generate items with the
/// path that leads there.
#[derive(Debug, Parser)]
#[command(name = "footpath", version, after_help = "Start with:  footpath demo")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads; no result depends on it [default: one for each core]
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true, global = true)]
    pub(crate) threads: Threads,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import a data set, or a knowledge graph alone
    Import(verbs::import::ImportArgs),
    /// Build a knowledge graph of sorted tables, which an engine such as Spark made
    #[cfg(feature = "parquet")]
    Build(verbs::build::BuildArgs),
    /// Propose which entity of a graph each item of a log is, by title and year
    Link(verbs::link::LinkArgs),
    /// Describe a knowledge graph
    Info(verbs::info::InfoArgs),
    /// Explain a path pattern, or list what patterns are made of
    #[command(subcommand, after_help = verbs::pattern::EXAMPLES)]
    Pattern(verbs::pattern::PatternCommand),
    /// Count the paths of every user, or the walks from every node
    Count(verbs::count::CountArgs),
    /// Sample a corpus of paths, exactly by a stated law
    Sample(verbs::sample::SampleArgs),
    /// Write a corpus as text, JSON lines or a table, or as a data set for hopwise
    Export(verbs::export::ExportArgs),
    /// Write a graph as what it can be imported from again, or what other programs read
    ExportGraph(verbs::export_graph::ExportGraphArgs),
    /// Describe a corpus, or make one of its parts
    Corpus(verbs::corpus::CorpusArgs),
    /// Prove that a split, a corpus and lists leak nothing, and that the corpus is legal
    Audit(verbs::audit::AuditArgs),
    /// Train a path language model
    Train(Box<verbs::train::TrainArgs>),
    /// Search for the settings of training that are best on valid
    Tune(verbs::tune::TuneArgs),
    /// Carry a model over to a graph that has grown, without training
    Adapt(verbs::adapt::AdaptArgs),
    /// Write a model for other programs, read theirs, describe one
    #[command(subcommand, after_help = verbs::model::EXAMPLES)]
    Model(verbs::model::ModelCommand),
    /// Recommend items, each with the path that explains it
    Recommend(verbs::recommend::RecommendArgs),
    /// Make whole lists of recommendations of their parts
    Recs(verbs::recs::RecsArgs),
    /// Explain why an item suits a user
    Explain(verbs::explain::ExplainArgs),
    /// Answer over HTTP: recommendations, reasons and paths, and a page to walk the graph
    Serve(verbs::serve::ServeArgs),
    /// Answer an agent that starts this program as its tool, by the Model Context Protocol
    Mcp(verbs::mcp::McpArgs),
    /// Check that explanations are true, without the model
    Verify(verbs::verify::VerifyArgs),
    /// Which kinds of paths, relations and items recommendations are made of
    Patterns(verbs::patterns::PatternsArgs),
    /// Evaluate a model, or anybody's lists, on held-out interactions
    Evaluate(verbs::evaluate::EvaluateArgs),
    /// Compare models on what users did next
    Replay(verbs::replay::ReplayArgs),
    /// Draw an evaluation as one page
    Report(verbs::report::ReportArgs),
    /// Verify the checksums of an artefact
    Check(verbs::check::CheckArgs),
    /// Run the whole pipeline on the bundled films
    Demo(verbs::demo::DemoArgs),
    /// Print shell completions
    Completions(verbs::completions::CompletionsArgs),
    /// Print the reference of all verbs as Markdown
    #[command(hide = true)]
    Reference,
}
