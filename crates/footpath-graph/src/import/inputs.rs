//! What is imported: files and folders, a log that lies elsewhere, and what would be read as what.

use super::builder::DatasetBuilder;
use super::collector::Collector;
use super::field::Field;
use super::folder::{Extent, File, Folder};
use super::formats::{self, Found};
use super::gathered::{At, Choice, LogFields};
use super::options::{Format, Options};
use super::problems::{MaxBad, Problems};
use super::reading::Reading;
use super::report::Imported;
use super::table::Table;
use super::{attributes, log, native, recbole, removed, values};
use crate::error::Result;
use crate::heldout::Split;
use footpath_core::Context;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What to import.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Inputs {
    /// Files and folders, which together are in one layout.
    pub paths: Vec<PathBuf>,
    /// A table of interactions that lies elsewhere: of a dataset folder, or RecBole's.
    pub interactions: Option<PathBuf>,
    /// A table of attributes that lies elsewhere: `item_id`, and a column for each attribute, called like it.
    pub attributes: Option<PathBuf>,
    /// A graph to which the rest is added, as if all were imported together.
    pub onto: Option<PathBuf>,
    /// Tables of facts (`head`, `relation`, `tail`) or interactions (`user_id`, `item_id`) that are taken back.
    pub removed: Vec<PathBuf>,
    /// Interactions beside those of files.
    pub events: Vec<Event>,
}

/// An interaction from elsewhere, as of a server's log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// Id of the user.
    pub user: String,
    /// Id of the item.
    pub item: String,
    /// Rating, which counts where the graph has ratings.
    pub rating: f32,
    /// Seconds since 1970, which count where the graph has times.
    pub time: i64,
}

impl From<&Path> for Inputs {
    fn from(path: &Path) -> Self {
        Self { paths: vec![path.to_owned()], ..Self::default() }
    }
}

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The layout.
    pub format: Format,
    /// Why it is taken for that.
    pub why: String,
    /// The files that would be read, in that order.
    pub read: Vec<Planned>,
    /// Names of files that would not.
    pub not_read: Vec<String>,
}

/// A file and what it would be read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The file.
    pub path: PathBuf,
    /// What it would be read as.
    pub what: String,
}

/// Says what an import would read as what. Nothing is read but what tells the layout.
///
/// # Errors
/// As [`import_from`], for what is told without reading records.
pub fn explain(inputs: &Inputs, options: &Options) -> Result<Explained> {
    options.check()?;
    let folder = Folder::open(&inputs.paths)?;
    let found = find(inputs, options, &folder)?;
    let plan = found.iter().flat_map(|found| found.tables.plan());
    let mut read: Vec<Planned> = plan.map(|(file, what)| Planned { path: file.path, what }).collect();
    let Elsewhere { logs, attributes, removed } = Elsewhere::of(inputs, options);
    let elsewhere = [(logs, "interactions"), (attributes, "attributes of items"), (removed, "what is taken back")];
    for (files, what) in elsewhere {
        read.extend(files.into_iter().map(|file| Planned { path: file.path, what: what.to_owned() }));
    }
    let is_read = |file: &File| read.iter().any(|planned| planned.path == file.path);
    let not_read = folder.files().filter(|(_, file)| !is_read(file)).map(|(_, file)| file.shown_name()).collect();
    let (format, why) = found.map_or((options.format, "nothing but tables of its own is added".to_owned()), |found| {
        (found.format, found.why)
    });
    Ok(Explained { format, why, read, not_read })
}

/// The tables of the inputs; none where only a log, attributes or removals are added to a graph.
fn find(inputs: &Inputs, options: &Options, folder: &Folder) -> Result<Option<Found>> {
    let extent = if inputs.onto.is_some() { Extent::Addition } else { Extent::Whole };
    match extent == Extent::Addition && inputs.paths.is_empty() {
        true => Ok(None),
        false => formats::find(options, folder, extent).map(Some),
    }
}

/// Imports what may lie in several places.
///
/// # Errors
/// As [`import`](super::import()); of a graph to add to, as [`TrainKg::open`](crate::TrainKg::open).
pub fn import_from(inputs: &Inputs, options: &Options, context: &Context) -> Result<Imported> {
    let mut builder = match &inputs.onto {
        Some(directory) => DatasetBuilder::onto(directory, options, context)?,
        None => DatasetBuilder::new(options)?,
    };
    // The layout is that of the files; where there are none, that of the graph that is added to.
    let options = Options { format: options.format, ..builder.options().clone() };
    let folder = Folder::open(&inputs.paths)?;
    let found = find(inputs, &options, &folder)?;
    let elsewhere = Elsewhere::of(inputs, &options);
    let bytes = found.as_ref().map_or(0, |found| found.tables.bytes()) + elsewhere.bytes();
    let stage = context.stage("reading", Some(bytes), "bytes");
    let budget = Rc::new(Cell::new(options.max_bytes));
    let reading = Reading::new(&mut builder.problems, budget, &options.columns, &stage);
    let mut reading = reading.with_attributes(&options.attributes);
    if let Some(found) = &found {
        found.tables.read(&mut builder.collector, &mut reading)?;
    }
    elsewhere.read(&inputs.events, &mut builder.collector, &mut reading)?;
    let format = found.as_ref().map_or(options.format, |found| found.format);
    let options = Options { format, ..options };
    let whole = inputs.onto.as_deref().filter(|_| inputs.paths.is_empty()).unwrap_or(folder.path());
    let mut imported = builder.finish_as(whole, &options, context)?;
    imported.report.why = found.map(|found| found.why).unwrap_or_default();
    Ok(imported)
}

/// Files beside those of a layout, in the order in which they are read.
struct Elsewhere {
    logs: Vec<File>,
    attributes: Vec<File>,
    removed: Vec<File>,
}

impl Elsewhere {
    fn of(inputs: &Inputs, options: &Options) -> Self {
        let of_mapping = options.mapping.iter().filter_map(|mapping| mapping.interactions.table.as_ref());
        let attributes_of_mapping = options.mapping.iter().filter_map(|mapping| mapping.items.attributes.as_ref());
        let file = |path: &PathBuf| File::at(path.clone(), "");
        Self {
            logs: inputs.interactions.iter().chain(of_mapping).map(file).collect(),
            attributes: inputs.attributes.iter().chain(attributes_of_mapping).map(file).collect(),
            removed: inputs.removed.iter().map(file).collect(),
        }
    }

    fn bytes(&self) -> u64 {
        self.logs.iter().chain(&self.attributes).chain(&self.removed).map(File::bytes).sum()
    }

    fn read(&self, events: &[Event], collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
        self.logs.iter().try_for_each(|file| interactions(file, collector, reading))?;
        self.attributes.iter().try_for_each(|file| attributes::table(file, collector, reading))?;
        take_events(events, collector, reading)?;
        self.removed.iter().try_for_each(|file| removed::table(file, collector, reading))
    }
}

/// Takes interactions that come from no file of a data set; what they have and the log has not is left out.
fn take_events(events: &[Event], collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let path = Path::new("events");
    let file = collector.begin_file(path)?;
    let known = collector.log_fields.unwrap_or(LogFields { rating: false, time: true, split: false });
    let parts_of_second = 10i64.saturating_pow(collector.time_scale);
    for (line, event) in (1..).zip(events) {
        let name = |text, number| values::name(Field { text, number, quoted: true });
        let taken = name(&event.user, 0).and_then(|user| {
            let rating = if known.rating { event.rating } else { f32::NAN };
            let time = if known.time { event.time.saturating_mul(parts_of_second) } else { 0 };
            collector.set_log_fields(LogFields { split: false, ..known })?;
            let at = At { file, line, ahead: None };
            collector.interaction(at, &Choice { user, item: name(&event.item, 1)?, rating, time, split: Split::Train })
        });
        reading.problems.num_records += 1;
        if let Err(flaw) = taken {
            reading.problems.bad(path, line.into(), flaw)?;
        }
    }
    reading.problems.stop_if_strict()
}

/// Reads a log that lies elsewhere, in either of the layouts that have tables of logs: RecBole types its columns.
pub(super) fn interactions(file: &File, collector: &mut Collector, reading: &mut Reading<'_>) -> Result<()> {
    let mut problems = Problems::new(Some(MaxBad::default()));
    let header = Table::open(&file.path, file.delimiter, &mut reading.aside(&mut problems));
    let typed = header.is_ok_and(|table| table.header().iter().all(|column| column.contains(':')));
    let part = file.path.file_name().and_then(|name| name.to_str()).and_then(log::part_of_name).unwrap_or_default();
    let file = File { part: part.to_owned(), ..file.clone() };
    match typed {
        true => recbole::interactions(&file, "item_id", collector, reading),
        false => native::interactions(&file, collector, reading),
    }
}
