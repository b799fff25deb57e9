//! The layouts of folders: each is one file that finds its tables and reads them, and a line here.

use super::folder::Folder;
use super::options::Format;
use super::tables::Tables;
use super::{native, recbole};
use crate::error::{Error, Result};

/// Finds the tables of a folder, and the layout if it is to be told by them.
pub(super) fn find(format: Format, folder: &Folder) -> Result<(Format, Box<dyn Tables>)> {
    match format {
        Format::Native => Ok((format, Box::new(native::find(folder)?))),
        Format::RecBole => Ok((format, Box::new(recbole::find(folder)?))),
        Format::Auto if native::is_here(folder)? => find(Format::Native, folder),
        Format::Auto if recbole::is_here(folder)? => find(Format::RecBole, folder),
        Format::Auto => Err(folder.missing("interactions.tsv and triples.tsv, or NAME.inter, NAME.kg and NAME.link")),
        Format::Memory => {
            let reason = "`memory` is no layout of a folder; records from memory go to a DatasetBuilder".to_owned();
            Err(Error::Usage { option: "format", reason })
        }
    }
}
