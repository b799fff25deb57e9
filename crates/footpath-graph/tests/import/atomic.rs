//! Atomic files as others hand them out: split into parts, items under another name, users linked to entities.

use crate::whole::{finding, kinds};
use crate::{failure, import, strict};
use footpath_graph::build::Built;
use footpath_graph::import::{Columns, Options};
use footpath_graph::split::SplitSpec;
use std::fs;
use tempfile::TempDir;

fn atomic(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

const KG: &str = "head_id:token\trelation_id:token\ttail_id:token\ne1\tby\td\ne2\tby\td\n";
const LINK: &str = "item_id:token\tentity_id:token\ng1\te1\ng2\te2\n";

#[test]
fn atomic_files_that_are_split_keep_their_parts() {
    let part = |rows: &str| format!("user_id:token\titem_id:token\ttimestamp:float\n{rows}");
    let (train, valid, test) = (part("p\tg1\t1\nq\tg1\t1\nq\tg2\t2\n"), part("p\tg2\t5\n"), part("r\tg2\t9\n"));
    let files = [
        ("c.train.inter", &*train),
        ("c.valid.inter", &*valid),
        ("c.test.inter", &*test),
        ("c.kg", KG),
        ("c.link", LINK),
    ];
    let imported = import(atomic(&files).path(), &strict()).unwrap_or_else(|e| panic!("{e}"));
    let report = &imported.report;
    assert_eq!((report.split, report.graph.num_train, report.num_valid, report.num_test), (SplitSpec::Column, 3, 1, 1));
    let names = imported.built.schema.interactions_files.files().iter().map(|file| file.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["c.test.inter", "c.train.inter", "c.valid.inter"]);
    // Parts by number are the same ones in this order, and a name of each kind for one part is one too many.
    let numbered = files.map(|(name, text)| {
        let number = |name: &str| name.replace("train", "part1").replace("valid", "part2").replace("test", "part3");
        (number(name), text)
    });
    let numbered: Vec<(&str, &str)> = numbered.iter().map(|(name, text)| (&**name, *text)).collect();
    let by_number = import(atomic(&numbered).path(), &strict()).unwrap_or_else(|e| panic!("{e}"));
    let pairs = |built: &Built| {
        [&built.valid, &built.test].map(|part| part.iter().map(|i| (i.user, i.item, i.time)).collect::<Vec<_>>())
    };
    assert_eq!(pairs(&by_number.built), pairs(&imported.built));
    assert_eq!(*by_number.built.arrays.tails, *imported.built.arrays.tails);
    let both = [("c.train.inter", &*train), ("c.part1.inter", &*train), ("c.kg", KG), ("c.link", LINK)];
    assert!(import(atomic(&both).path(), &strict()).is_err());
    // A whole beside them is one thing too many.
    let whole = [("c.train.inter", &*train), ("c.inter", &*train), ("c.kg", KG), ("c.link", LINK)];
    assert_eq!(failure(import(atomic(&whole).path(), &strict()), "both").diagnostics[0].kind, "ambiguous");
}

#[test]
fn the_files_of_others_may_call_items_otherwise_and_link_users() {
    let inter = "user_id:token\tartist_id:token\tweight:float\np\tg1\t3\nq\tg2\t4\n";
    let link = LINK.replace("item_id", "artist_id");
    let user_link = "user_id:token\tentity_id:token\np\td\nq\tx1\n";
    let files = [("c.inter", inter), ("c.kg", KG), ("c.item_link", &*link), ("c.user_link", user_link)];
    let imported = import(atomic(&files).path(), &strict()).unwrap_or_else(|e| panic!("{e}"));
    let report = &imported.report;
    assert_eq!((report.graph.num_items, report.graph.num_items_outside_kg), (2, 0));
    assert!(finding(&report.findings, "item_field").message.contains("artist_id"));
    assert!(finding(&report.findings, "ignored_column").way_out.contains("option `columns` = rating=weight"));
    let kg = imported.built.train_kg().expect("a graph");
    let facts = kg.arcs(kg.user("p").expect("p")).iter().filter(|(relation, _)| relation.0 > 1).count();
    assert_eq!((report.log.num_linked_users, facts), (1, 2));
    let columns: Columns = "item_id=artist_id,rating=weight".parse().expect("pairs");
    let given =
        import(atomic(&files).path(), &Options { columns, ..strict() }).unwrap_or_else(|e| panic!("{e}")).report;
    assert!(given.ratings.is_some() && !kinds(&given.findings).contains(&"item_field"));
}
