//! An import that is asked to end ends soon, and leaves nothing.

use crate::strict;
use footpath_core::{Context, Purpose, Replace, Stop, Stream};
use footpath_graph::import;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest time from the request to the end.
const SOON: Duration = Duration::from_millis(200);

/// A data set that takes some tenths of a second to import.
fn generate(folder: &Path) {
    let mut random = Stream::new(3, Purpose::Simulate, 0, 0);
    let mut triples = "head\trelation\ttail\tweight\n".to_owned();
    for _ in 0..150_000 {
        let (head, tail) = (random.below(100_000), random.below(100_000));
        let _ = writeln!(triples, "http://example.org/e{head}\tr{}\thttp://example.org/e{tail}\t0.5", head % 20);
    }
    let mut log = "user_id\titem_id\trating\ttimestamp\n".to_owned();
    for n in 0..100_000 {
        let _ = writeln!(log, "u{}\te{}\t{}\t{}", random.below(20_000), random.below(9_000), n % 5, 1_500_000_000 + n);
    }
    fs::write(folder.join("triples.tsv"), triples).expect("written");
    fs::write(folder.join("interactions.tsv"), log).expect("written");
}

/// Imports and publishes, asking for the end after a while; how long it took from there, if it ended for that.
fn stopped_after(folder: &Path, out: &Path, wait: Duration) -> Option<Duration> {
    let stop = Stop::default();
    let context = Context::default().with_stop(stop.clone());
    let asked = std::thread::scope(|threads| {
        let asking = threads.spawn(move || {
            std::thread::sleep(wait);
            stop.request();
            Instant::now()
        });
        let done = context.run(|| {
            let imported = import::import(folder, &strict(), &context)?;
            imported.built.publish(out, Replace::No, serde_json::Value::Null, &context)
        });
        let ended = Instant::now();
        let asked = asking.join().expect("asked");
        match done.expect("threads") {
            Ok(_) => None,
            Err(footpath_graph::Error::Core(error)) if error.is_stop() => Some(ended.duration_since(asked)),
            Err(other) => panic!("{other}"),
        }
    });
    assert_eq!(out.exists(), asked.is_none(), "whole or not at all");
    asked
}

#[test]
fn a_stop_at_any_moment_ends_an_import_soon_and_leaves_nothing() {
    let root = tempfile::tempdir().expect("temporary folder");
    let (folder, out) = (root.path().join("data"), root.path().join("out").join("kg"));
    fs::create_dir(&folder).expect("created");
    generate(&folder);
    let begun = Instant::now();
    import::import(&folder, &strict(), &Context::default()).expect("good");
    let whole = begun.elapsed();
    assert!(stopped_after(&folder, &out, Duration::ZERO).is_some(), "before it began");
    let mut random = Stream::new(5, Purpose::Simulate, 0, 0);
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..16 {
        let wait = whole.mul_f64(random.unit());
        took.extend(stopped_after(&folder, &out, wait));
        let left: Vec<_> = fs::read_dir(root.path().join("out")).map_or(Vec::new(), |entries| entries.collect());
        if !out.exists() {
            assert!(left.is_empty(), "{left:?}");
        } else {
            fs::remove_dir_all(&out).expect("removed");
        }
    }
    assert!(took.len() >= 8, "most of the moments lie before the end: {took:?}");
    // The machine may be busy with other tests, so most are to be soon, and none much later.
    took.sort_unstable();
    assert!(took[took.len() / 2] <= SOON && took.iter().all(|took| *took <= 10 * SOON), "{took:?}");
}
