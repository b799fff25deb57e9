use crate::import::{Columns, Format, Imported, Options, import};
use crate::{Error, TrainKg};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray, NullArray,
    RecordBatch, StringArray, StringViewArray, TimestampSecondArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use footpath_core::Context;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter(columns.iter().map(|(name, column)| (*name, Arc::clone(column)))).expect("a batch")
}

fn write_file(path: &Path, batches: &[RecordBatch], packing: Option<CompressionType>) {
    let schema = batches.first().expect("a batch").schema();
    let options = IpcWriteOptions::default().try_with_compression(packing).expect("a packing");
    let file = File::create(path).expect("created");
    let mut writer = FileWriter::try_new_with_options(file, &schema, options).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.finish().expect("finished");
}

fn write_stream(path: &Path, batches: &[RecordBatch]) {
    let schema = batches.first().expect("a batch").schema();
    let mut writer = StreamWriter::try_new(File::create(path).expect("created"), &schema).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.finish().expect("finished");
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Columns of many types: two facts, the second of which stands in a batch of its own as well.
fn triples() -> Vec<RecordBatch> {
    let head: ArrayRef = Arc::new(LargeStringArray::from(vec!["alien", "blade"]));
    let relation: ArrayRef = Arc::new(["by", "by"].into_iter().collect::<DictionaryArray<Int32Type>>());
    let tail: ArrayRef = Arc::new(StringViewArray::from(vec!["scott", "a director with a long name"]));
    let weight: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.5]));
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None]));
    let columns = [("list", list), ("head", head), ("relation", relation), ("tail", tail), ("weight", weight)];
    let first = batch(&columns);
    let second = first.slice(1, 1);
    vec![first, second]
}

/// A data set in Arrow's IPC, the triples packed.
fn tables(folder: &Path, packing: Option<CompressionType>) {
    write_file(&folder.join("triples.arrow"), &triples(), packing);
    let title: ArrayRef = Arc::new(StringArray::from(vec![Some("Alien"), None]));
    let nothing: ArrayRef = Arc::new(NullArray::new(2));
    let items = batch(&[
        ("item_id", Arc::new(Int64Array::from(vec![7, 8]))),
        ("entity_id", text(&["alien", "blade"])),
        ("title", title),
        ("nothing", nothing),
    ]);
    write_stream(&folder.join("items.arrows"), &[items]);
    let time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![10, 20]));
    let rating = Decimal128Array::from(vec![45, 50]).with_precision_and_scale(3, 1).expect("a decimal");
    let log = [
        ("user_id", text(&["ann", "ann"])),
        ("item_id", text(&["7", "8"])),
        ("timestamp", time),
        ("rating", Arc::new(rating)),
    ];
    write_file(&folder.join("interactions.feather"), &[batch(&log)], packing);
}

fn imported(folder: &Path) -> Result<Imported, Error> {
    import(folder, &Options { columns: Columns::default(), ..Options::default() }, &Context::default())
}

fn label(kg: &TrainKg, item: &str) -> String {
    kg.label(kg.item(item).expect("an item")).to_owned()
}

/// What a folder is refused for.
fn refused(folder: &Path) -> (&'static str, String) {
    match imported(folder) {
        Err(Error::Import(failure)) => {
            let first = failure.diagnostics.into_iter().next().expect("a reason");
            (first.kind, first.message)
        }
        Err(error) => panic!("no diagnostics: {error}"),
        Ok(_) => panic!("read"),
    }
}

#[test]
fn tables_of_arrow_are_read_whatever_their_types() {
    for packing in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let folder = tempfile::tempdir().expect("temporary folder");
        tables(folder.path(), packing);
        let imported = imported(folder.path()).expect("good");
        assert_eq!(
            (imported.report.format, imported.report.why.as_str()),
            (Format::Arrow, "the triples are in triples.arrow")
        );
        assert_eq!((imported.report.graph.num_triples, imported.report.dropped.duplicate_triples), (2, 1));
        let kg = imported.built.train_kg().expect("a graph");
        assert_eq!((label(&kg, "7"), label(&kg, "8")), ("Alien".to_owned(), "8".to_owned()));
        assert_eq!(kg.times_of(kg.user("ann").expect("ann")), [10, 20]);
    }
}

/// A stream may end between any two messages; a file may not.
#[test]
fn files_that_are_cut_short_are_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    tables(folder.path(), None);
    let path = folder.path().join("triples.arrow");
    let whole = fs::read(&path).expect("read");
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).expect("written");
        assert_eq!(refused(folder.path()).0, "arrow", "cut to {end} bytes");
    }
}

/// Files with any byte changed are read or refused: nothing panics, and no memory is asked for that a file this short
/// cannot fill.
#[test]
fn damaged_files_do_no_harm() {
    for packing in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let folder = tempfile::tempdir().expect("temporary folder");
        tables(folder.path(), packing);
        for name in ["triples.arrow", "items.arrows"] {
            let path = folder.path().join(name);
            let whole = fs::read(&path).expect("read");
            for (place, mask) in (0..whole.len()).flat_map(|place| [0x01, 0x41, 0xff].map(|mask| (place, mask))) {
                let mut changed = whole.clone();
                changed[place] ^= mask;
                fs::write(&path, &changed).expect("written");
                if let Err(error) = imported(folder.path()) {
                    assert!(matches!(error, Error::Import(_)), "{name}, byte {place} ^ {mask}: {error}");
                }
            }
            fs::write(&path, &whole).expect("written");
        }
    }
}

#[test]
fn what_is_something_else_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    tables(folder.path(), None);
    let path = folder.path().join("triples.arrow");
    fs::write(&path, "FEA1 and what follows").expect("written");
    assert!(refused(folder.path()).1.contains("Feather version 1"));
    fs::write(&path, "head\trelation\ttail\na\tb\tc\n").expect("written");
    assert_eq!(refused(folder.path()).0, "arrow");
    fs::write(&path, "").expect("written");
    assert_eq!(refused(folder.path()).0, "arrow");
}

/// A column of one value packs to next to nothing, and is read nevertheless.
#[test]
fn long_columns_of_one_value_may_be_packed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    tables(folder.path(), None);
    let num_rows = 100_000;
    let heads: Vec<String> = (0..num_rows).map(|row| format!("e{row}")).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("head", Arc::new(StringArray::from(heads))),
        ("relation", text(&vec!["by"; num_rows])),
        ("tail", text(&vec!["scott"; num_rows])),
        ("weight", Arc::new(Float64Array::from(vec![1.0; num_rows]))),
    ];
    write_file(&folder.path().join("triples.arrow"), &[batch(&columns)], Some(CompressionType::ZSTD));
    fs::remove_file(folder.path().join("items.arrows")).expect("removed");
    assert_eq!(imported(folder.path()).expect("good").report.graph.num_triples, num_rows as u64);
}
