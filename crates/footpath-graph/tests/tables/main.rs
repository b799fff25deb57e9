//! Tables that a simple program makes of records give the store that an import of the same records gives; tables that
//! are wrong in any way are refused, with file and row.

#![cfg(feature = "parquet")]

mod made;
mod wrong;

use footpath_core::{Context, Replace};
use footpath_graph::import::{DatasetBuilder, Options};
use footpath_graph::tables::build;
use footpath_graph::{Error, TrainKg};
use made::{Records, sample};
use proptest::prelude::*;
use std::fs;

fn records() -> impl Strategy<Value = Records> {
    let entities = prop::collection::vec((0u8..3, any::<bool>()), 1..9);
    entities.prop_flat_map(|entities| {
        let num = entities.len();
        let triples = prop::collection::vec((0..num, 0u8..4, 0..num), 1..30);
        let items = prop::collection::vec((prop::option::of(0..num), any::<bool>()), 0..6);
        let log = prop::collection::vec((0u8..5, 0usize..8, 0i64..4), 0..40);
        (Just(entities), triples, items, log, any::<[bool; 3]>()).prop_map(
            |(entities, triples, items, log, [has_ratings, has_times, has_weights])| Records {
                entities,
                triples,
                items,
                log,
                has_ratings,
                has_times,
                has_weights,
            },
        )
    })
}

proptest! {
    // Each case writes two graphs to the disk, and waits for it.
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_graph_of_tables_is_the_graph_of_an_import(records in records(), rows in 1usize..40) {
        let root = tempfile::tempdir().expect("temporary folder");
        let [imported, tables, built] = ["imported", "tables", "built"].map(|name| root.path().join(name));
        let expected = records.import(&imported);
        records.tables().write(&tables, rows);
        let (report, manifest) = build(&tables, &built, Replace::No, &Context::default()).expect("good tables");
        for (name, entry) in &expected.files {
            prop_assert_eq!(Some(entry), manifest.files.get(name), "{}", name);
        }
        prop_assert_eq!(expected.content_hash(), manifest.content_hash());
        let kg = TrainKg::open(&built).expect("opens");
        prop_assert_eq!(kg.num_train() as u64, report.num_train);
        prop_assert_eq!(kg.num_arcs() as u64, 2 * (report.num_train + report.num_triples));
    }
}

#[test]
fn what_is_stopped_leaves_nothing() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (tables, out) = (root.path().join("tables"), root.path().join("kg"));
    sample().tables().write(&tables, 7);
    for stage in ["checking", "writing"] {
        let context = Context::default();
        let stop = context.stop().clone();
        let context = context.with_progress(move |progress| {
            if progress.stage == stage && progress.done > 0 {
                stop.request();
            }
        });
        let error = build(&tables, &out, Replace::No, &context).expect_err("stopped");
        assert!(matches!(&error, Error::Core(core) if core.is_stop()), "{stage}: {error}");
        assert_eq!(fs::read_dir(root.path()).expect("read").count(), 1, "{stage}");
    }
}

#[test]
fn a_graph_of_tables_says_so_and_is_not_added_to() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (tables, out) = (root.path().join("tables"), root.path().join("kg"));
    let mut made = sample().tables();
    let split = serde_json::json!({ "split": { "by": "column" } });
    made.layout.as_mut().expect("one").import.insert("report".to_owned(), split.clone());
    made.write(&tables, 100);
    let (report, manifest) = build(&tables, &out, Replace::No, &Context::default()).expect("good tables");
    assert_eq!(manifest.config["tables"], serde_json::json!(report));
    assert_eq!(manifest.config["report"], split);
    let added = DatasetBuilder::onto(&out, &Options::default(), &Context::default());
    assert!(matches!(added, Err(Error::Usage { option: "onto", .. })));
    assert!(matches!(build(&tables, &tables.join("kg"), Replace::No, &Context::default()), Err(Error::Core(_))));
    assert!(matches!(build(&tables, &out, Replace::No, &Context::default()), Err(Error::Core(_))));
    build(&tables, &out, Replace::Yes, &Context::default()).expect("replaced");
}
