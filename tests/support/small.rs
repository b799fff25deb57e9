//! A small graph with one right answer for each user.
//!
//! Every user has three series of their own, of three books each: two complete, and one of which the last book is held
//! out. The only paths to that book are along `in_series`. A decoy is closer at hand: each of the two other books of
//! the unfinished series shares its `shelf` and its `mood` with the same book that nobody chose, so a model that has
//! not learned which relation matters ranks the decoy first. The books of the complete series stand on shelves with
//! those of all other users. Everybody has chosen the bestseller too, so that there are paths through other users; in
//! training they lead nowhere.

use super::{args, shared, succeed};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Users of the graph.
pub(crate) const NUM_USERS: usize = 40;

/// A book of a series.
fn book(user: usize, series: usize, volume: usize) -> String {
    format!("book-{user}-{series}-{volume}")
}

/// The book held out from a user.
pub(crate) fn answer(user: usize) -> String {
    book(user, 0, 2)
}

/// Writes the data set into a new folder, the answers held out for `part`: valid or test.
pub(crate) fn write(folder: &Path, part: &str) {
    fs::create_dir_all(folder).expect("a directory");
    let mut log = "user_id\titem_id\tsplit\n".to_owned();
    let mut items = "item_id\tentity_id\n".to_owned();
    let mut triples = "head\trelation\ttail\n".to_owned();
    items += "bestseller\te-bestseller\n";
    triples += "e-bestseller\tshelf\tfront-table\n";
    for user in 0..NUM_USERS {
        let _ = writeln!(log, "u{user}\tbestseller\ttrain");
        let _ = writeln!(items, "decoy-{user}\te-decoy-{user}");
        for (series, volume) in (0..3).flat_map(|series| (0..3).map(move |volume| (series, volume))) {
            let book = book(user, series, volume);
            let is_answer = book == answer(user);
            let _ = writeln!(log, "u{user}\t{book}\t{}", if is_answer { part } else { "train" });
            let _ = writeln!(items, "{book}\te-{book}");
            let _ = writeln!(triples, "e-{book}\tin_series\tseries-{user}-{series}");
            for relation in ["shelf", "mood"].into_iter().filter(|_| !is_answer) {
                if series == 0 {
                    let _ = writeln!(triples, "e-{book}\t{relation}\t{relation}-{book}");
                    let _ = writeln!(triples, "e-decoy-{user}\t{relation}\t{relation}-{book}");
                } else {
                    let _ = writeln!(triples, "e-{book}\t{relation}\t{relation}-{series}-{volume}");
                }
            }
        }
    }
    for (name, text) in [("interactions.tsv", log), ("items.tsv", items), ("triples.tsv", triples)] {
        fs::write(folder.join(name), text).expect("written");
    }
}

/// Artefacts made from the small graph; tests read them and change copies.
pub(crate) struct Small {
    pub(crate) folder: PathBuf,
    pub(crate) kg: PathBuf,
    pub(crate) corpus: PathBuf,
    pub(crate) model: PathBuf,
}

/// The small graph imported, sampled and hardly learned at all.
pub(crate) fn small() -> Small {
    let made = shared("small", |directory| {
        let [folder, kg, corpus, model] = ["folder", "kg", "corpus", "model"].map(|name| directory.join(name));
        write(&folder, "test");
        succeed(&args!["import", &folder, "--out", &kg]);
        succeed(&args!["sample", &kg, "--out", &corpus, "--hops", "3", "--paths-per-user", "10"]);
        let size = ["--preset", "tiny", "--epochs", "1", "--paths-per-user", "5"].map(Into::into);
        succeed(&[args!["train", &kg, "--out", &model].as_slice(), &size].concat());
    });
    let [folder, kg, corpus, model] = ["folder", "kg", "corpus", "model"].map(|name| made.join(name));
    Small { folder, kg, corpus, model }
}
