//! The tables of a folder, opened.

use super::layout::Layout;
use super::parts::Table;
use super::refusal::bad;
use super::{aliases, held_out};
use crate::error::Result;
use std::path::{Path, PathBuf};

/// The tables of a folder.
pub(super) struct Tables {
    pub(super) folder: PathBuf,
    pub(super) layout: Layout,
    pub(super) nodes: Table,
    pub(super) edges: Table,
    pub(super) valid: Option<Table>,
    pub(super) test: Option<Table>,
    pub(super) aliases: Option<Table>,
}

impl Tables {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let layout = Layout::read(folder)?;
        let required = |name: &str| {
            Table::open(folder, name)?.ok_or_else(|| {
                let message = format!("there is neither {name}.parquet nor a folder {name}");
                bad(folder, 0, "missing", message)
            })
        };
        let (nodes, edges) = (required("nodes")?, required("edges")?);
        nodes.require(folder, &["id"])?;
        edges.require(folder, &["node", "relation", "tail", "line"])?;
        let optional = |name: &str, columns: &[&str]| -> Result<Option<Table>> {
            let table = Table::open(folder, name)?;
            table.iter().try_for_each(|table| table.require(folder, columns))?;
            Ok(table)
        };
        let valid = optional("valid", &held_out::COLUMNS)?;
        let test = optional("test", &held_out::COLUMNS)?;
        let aliases = optional("aliases", &aliases::COLUMNS)?;
        Ok(Self { folder: folder.to_owned(), layout, nodes, edges, valid, test, aliases })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Table> {
        [&self.nodes, &self.edges].into_iter().chain(self.held_out()).chain(&self.aliases)
    }

    pub(super) fn held_out(&self) -> impl Iterator<Item = &Table> {
        self.valid.iter().chain(&self.test)
    }
}
