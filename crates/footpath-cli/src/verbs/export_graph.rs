//! `footpath export-graph`

use crate::args::{OutArgs, refuse_overlap};
use crate::failure::Failure;
use crate::text::thousands;
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::Kg;
use footpath::export_graph::{self, GraphFormat};
use std::path::PathBuf;

/// Write a graph as what it can be imported from again, or what other programs read
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath export-graph kg --out tables
  footpath export-graph kg --format graphml --out for-gephi

tables, csv and parquet have entities, relations, triples, items and interactions, each with the part that it
belongs to; imported again, they are the same graph. ntriples has graph.nt and what RDF has no place for:
footpath import rdf/graph.nt --mapping rdf/mapping.toml --out kg. graphml and petgraph-json are one file each.")]
pub(crate) struct ExportGraphArgs {
    /// The knowledge graph
    kg: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// A dataset folder: tables with tabs
    #[default]
    Tables,
    /// The same with commas
    Csv,
    /// The same as Parquet files
    Parquet,
    /// RDF: graph.nt, with items.tsv, interactions.tsv and mapping.toml beside it
    Ntriples,
    /// graph.graphml, for networkx, igraph, Gephi and others
    Graphml,
    /// graph.json, which petgraph's serde reads as a Graph
    PetgraphJson,
}

impl From<FormatArg> for GraphFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Tables => Self::Tables,
            FormatArg::Csv => Self::Csv,
            FormatArg::Parquet => Self::Parquet,
            FormatArg::Ntriples => Self::Ntriples,
            FormatArg::Graphml => Self::Graphml,
            FormatArg::PetgraphJson => Self::PetgraphJson,
        }
    }
}

pub(crate) fn run(args: &ExportGraphArgs, work: &Work) -> Result<(), Failure> {
    refuse_overlap(&args.out.out, [Some(&args.kg)])?;
    let kg = Kg::open(&args.kg, work.context())?;
    let num_facts = export_graph::run(&kg, &args.out.out, args.format.into(), args.out.replace(), work.context())?;
    work.tell(|out| writeln!(out, "{}: {} facts", args.out.out.display(), thousands(num_facts)))
}
