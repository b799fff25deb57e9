//! The layouts of input: each is one file that finds its tables and reads them, and a line here.

use super::folder::{Extent, Folder};
use super::options::{Format, Options};
use super::tables::Tables;
use super::{kgat, native, neo4j, openke, pearlm, pgpr, pykeen, recbole};
use crate::error::{Error, Result};

/// What was found of an input.
pub(super) struct Found {
    pub(super) format: Format,
    /// Why it is taken for that.
    pub(super) why: String,
    pub(super) tables: Box<dyn Tables>,
}

/// Looks whether a layout is there; the answer is what shows it.
type IsHere = fn(&Folder) -> Result<Option<String>>;

/// The layouts that are told by their files, in the order in which they are asked.
const LAYOUTS: &[(Format, IsHere)] = &[
    (Format::Parquet, native::is_parquet_here),
    (Format::Arrow, native::is_arrow_here),
    (Format::Native, native::is_here),
    (Format::RecBole, recbole::is_here),
    (Format::Pearlm, pearlm::is_here),
    (Format::Kgat, kgat::is_here),
    (Format::OpenKe, openke::is_here),
    (Format::Pgpr, pgpr::is_here),
    (Format::Neo4j, neo4j::is_here),
    #[cfg(feature = "rdf")]
    (Format::Rdf, super::rdf::is_here),
    (Format::PyKeen, pykeen::is_here),
];

/// What all layouts look for, for a folder that has none of it.
const WANTED: &str = "interactions.tsv and triples.tsv, NAME.inter, NAME.kg and NAME.link, or the files of another \
                      layout that option `format` names";

/// Finds the tables of an input, and the layout if it is to be told by them.
pub(super) fn find(options: &Options, folder: &Folder, extent: Extent) -> Result<Found> {
    let found = |format, why: String| Ok(Found { format, why, tables: of(format, options, folder, extent)? });
    if options.format != Format::Auto {
        return found(options.format, "option `format` says so".to_owned());
    }
    if let Some(why) = native::some_table(folder)?.filter(|_| extent == Extent::Addition) {
        return found(Format::Native, why);
    }
    for &(format, is_here) in LAYOUTS {
        if let Some(why) = is_here(folder)? {
            return found(format, why);
        }
    }
    Err(folder.missing(WANTED))
}

fn of(format: Format, options: &Options, folder: &Folder, extent: Extent) -> Result<Box<dyn Tables>> {
    let mapping = options.mapping.as_deref();
    if mapping.is_some() && ![Format::Rdf, Format::Neo4j].contains(&format) {
        let reason = format!("the layout {} says itself what is what; a mapping is for rdf and neo4j", format.name());
        return Err(Error::Usage { option: "mapping", reason });
    }
    Ok(match format {
        Format::Native | Format::Parquet | Format::Arrow => Box::new(native::find(folder, extent)?),
        Format::RecBole => Box::new(recbole::find(folder)?),
        Format::Kgat => Box::new(kgat::find(folder)?),
        Format::Pearlm => Box::new(pearlm::find(folder)?),
        Format::Pgpr => Box::new(pgpr::find(folder)?),
        Format::OpenKe => Box::new(openke::find(folder)?),
        Format::PyKeen => Box::new(pykeen::find(folder)?),
        Format::Neo4j => Box::new(neo4j::find(folder, mapping)?),
        #[cfg(feature = "rdf")]
        Format::Rdf => Box::new(super::rdf::find(folder, mapping)?),
        #[cfg(not(feature = "rdf"))]
        Format::Rdf => {
            let reason = "this program was built without RDF (feature `rdf`)".to_owned();
            return Err(Error::Usage { option: "format", reason });
        }
        Format::Auto | Format::Memory => {
            let reason =
                format!("`{}` is no layout of files; records from memory go to a DatasetBuilder", format.name());
            return Err(Error::Usage { option: "format", reason });
        }
    })
}
