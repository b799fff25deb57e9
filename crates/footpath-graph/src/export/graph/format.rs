//! The forms in which a graph is written.

use serde::{Deserialize, Serialize};

/// A form in which a graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraphFormat {
    /// A dataset folder: tables with tabs.
    #[default]
    Tables,
    /// The same with commas (RFC 4180).
    Csv,
    /// The same as Parquet files.
    Parquet,
    /// RDF in N-Triples, the log as a table, and the mapping that an import needs.
    Ntriples,
    /// GraphML, for programs that draw and analyse.
    Graphml,
    /// What petgraph's serde reads as a `Graph`.
    PetgraphJson,
}

impl GraphFormat {
    /// As the command line writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tables => "tables",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Ntriples => "ntriples",
            Self::Graphml => "graphml",
            Self::PetgraphJson => "petgraph-json",
        }
    }
}
