//! A stop asked for at some moment ends whatever takes long, soon, as an error that leaves nothing behind.

use crate::{context, threads};
use footpath_core::{
    Artefact, ArtefactKind, ArtefactWriter, Context, Corpus, CorpusWriter, NodeId, Purpose, Replace, Stop, Stream,
    artefact,
};
use footpath_graph::audit::{HeldOutItems, audit_corpus};
use footpath_graph::build::build;
use footpath_graph::pattern::{Mixture, Pattern};
use footpath_graph::sample::{Amount, EndSet, Law, Quota, SampleSpec, Shard, count_paths, sample_corpus};
use footpath_graph::stats::corpus_stats;
use footpath_graph::{Dataset, Error, Result, TrainKg, export};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How soon work must end. The promise is 200 ms; the machine may have several times as much to do as it has cores.
const SOON: Duration = Duration::from_millis(1_500);
/// Moments tried of each piece of work.
const MOMENTS: u32 = 3;
/// Work is stopped within this time.
const LEAST: Duration = Duration::from_millis(1_000);

/// Does `work` and stops it at some moments of its first second. Tells how long it took to end, for people who run this
/// with `--no-capture`.
fn ends_soon(what: &str, work: impl Fn(&Context) -> Result<()> + Sync) {
    let mut moments = Stream::new(what.len() as u64, Purpose::Simulate, 0, 0);
    let mut longest = Duration::ZERO;
    for _ in 0..MOMENTS {
        let mut moment = LEAST.mul_f64(moments.unit());
        let (mut outcome, mut ended) = stopped_after(moment, &work);
        // A machine that was done sooner is stopped sooner.
        while outcome.is_ok() && moment > Duration::from_millis(1) {
            moment /= 2;
            (outcome, ended) = stopped_after(moment, &work);
        }
        let is_stop = matches!(&outcome, Err(Error::Core(error)) if error.is_stop());
        assert!(is_stop, "{what}, stopped after {moment:?}: {outcome:?}");
        assert!(ended < SOON, "{what}, stopped after {moment:?}, went on for {ended:?}");
        longest = longest.max(ended);
    }
    #[expect(clippy::print_stderr, reason = "a measurement for people")]
    {
        eprintln!("{what} ended within {} ms", longest.as_millis());
    }
}

/// What becomes of `work` that is stopped after `moment`, and how long it goes on after that.
fn stopped_after(moment: Duration, work: &(impl Fn(&Context) -> Result<()> + Sync)) -> (Result<()>, Duration) {
    let stop = Stop::default();
    let context = threads(2).with_stop(stop.clone());
    std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let outcome = context.run(|| work(&context)).unwrap();
            (outcome, Instant::now())
        });
        std::thread::sleep(moment);
        let asked = Instant::now();
        stop.request();
        let (outcome, ended) = working.join().unwrap();
        (outcome, ended.saturating_duration_since(asked))
    })
}

/// As [`ends_soon`] for work that makes something in a folder, where nothing may be left.
fn ends_soon_without_a_trace(what: &str, work: impl Fn(&Context, &Path) -> Result<()> + Sync) {
    let root = tempfile::tempdir().unwrap();
    ends_soon(what, |context| {
        let out = root.path().join("out");
        let outcome = work(context, &out);
        if outcome.is_ok() {
            // It was done before the stop.
            std::fs::remove_dir_all(&out).or_else(|_| std::fs::remove_file(&out)).unwrap();
        }
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().ends_with(".lock")), "{what} leaves {left:?}");
        outcome
    });
}

/// Many users with much in common, so that simple paths of five hops are counted one by one; and hubs.
static DENSE: LazyLock<TrainKg> = LazyLock::new(|| graph(400, 120, 25, 9, 12));
/// A graph that is large enough to take its time to compile.
static LARGE: LazyLock<TrainKg> = LazyLock::new(|| graph(30_000, 40_000, 20_000, 10, 14));

fn graph(users: usize, items: usize, entities: usize, choices: usize, facts: usize) -> TrainKg {
    let mut random = Stream::new(1, Purpose::Simulate, 0, 0);
    let mut dataset = Dataset::default();
    for item in 0..items {
        dataset.link(&format!("i{item}"), &format!("f{item}"));
        for _ in 0..facts {
            let (relation, entity) = (random.index(5), random.index(entities));
            dataset.fact(&format!("f{item}"), &format!("r{relation}"), &format!("e{entity}"));
        }
    }
    for user in 0..users {
        for _ in 0..choices {
            dataset.interact(&format!("u{user:06}"), &format!("i{}", random.index(items)));
        }
    }
    build(dataset).unwrap().train_kg().unwrap()
}

fn sample(kg: &TrainKg, hops: u32, spec: &SampleSpec, quota: Quota, context: &Context, out: &Path) -> Result<()> {
    let mixture = Mixture::single(Pattern::hops(hops, kg).unwrap());
    let mut writer = CorpusWriter::create(out, 2 * mixture.max_hops() + 1, Replace::No)?;
    let amount = Amount { quota, ..Amount::default() };
    let mut sink = |rows: &[u32]| Ok(writer.append(rows)?);
    sample_corpus(kg, &mixture, spec, amount, Shard::default(), context, &mut sink)?;
    writer.publish(String::new(), kg.vocabulary(), serde_json::Value::Null)?;
    Ok(())
}

#[test]
fn counting_ends_soon() {
    let pattern = Pattern::hops(5, &DENSE).unwrap();
    for ends in [EndSet::Train, EndSet::Any] {
        ends_soon(&format!("counting simple paths one by one, {ends:?}"), |context| {
            count_paths(&DENSE, &pattern, ends, context).map(drop)
        });
    }
}

#[test]
fn drawing_ends_soon() {
    let spec = |law, ends, damping| SampleSpec { law, ends, damping, ..SampleSpec::default() };
    let total = Quota::Total(1_000);
    let cases: [(&str, &TrainKg, u32, SampleSpec, Quota); 7] = [
        ("counting for a total", &DENSE, 5, spec(Law::UniformPath, EndSet::Train, 0.0), total),
        ("tables for all users", &LARGE, 9, spec(Law::UniformPath, EndSet::Any, 0.0), Quota::PerUser(1)),
        ("the same, weighed", &LARGE, 9, spec(Law::UniformPath, EndSet::Any, 0.5), Quota::PerUser(1)),
        ("tables of each user", &LARGE, 5, spec(Law::UniformEnd, EndSet::Train, 0.5), Quota::PerUser(1)),
        ("many walkers", &LARGE, 3, spec(Law::Walk, EndSet::Any, 0.0), Quota::PerUser(10_000)),
        ("every path", &DENSE, 5, spec(Law::UniformPath, EndSet::Any, 0.0), Quota::Every(1_000_000)),
        ("paths to each end", &DENSE, 5, spec(Law::UniformPath, EndSet::Any, 0.0), Quota::PerEnd(10_000)),
    ];
    for (what, kg, hops, spec, quota) in &cases {
        ends_soon_without_a_trace(what, |context, out| sample(kg, *hops, spec, *quota, context, out));
    }
}

/// A writer that takes its time, as a disk may.
struct Slow<'a>(&'a mut (dyn std::io::Write + Send));

impl std::io::Write for Slow<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::thread::sleep(Duration::from_millis(30));
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn corpora_are_looked_at_and_written_no_longer_than_asked() {
    const PATHS: u64 = 250;
    let kg = graph(10_000, 2_000, 1_000, 8, 6);
    let root = tempfile::tempdir().unwrap();
    let spec = SampleSpec { law: Law::Walk, ends: EndSet::Any, ..SampleSpec::default() };
    let directory = root.path().join("corpus");
    sample(&kg, 3, &spec, Quota::PerUser(PATHS), context(), &directory).unwrap();
    let corpus = Corpus::open(&directory, &Context::default()).unwrap();
    assert_eq!(corpus.len() as u64, 10_000 * PATHS);
    let pattern = Pattern::hops(3, &kg).unwrap();
    ends_soon("the audit", |context| audit_corpus(&corpus, &kg, &pattern, &spec, &[], context).map(drop));
    // Once is over before a second is.
    ends_soon("describing", |context| (0..20).try_for_each(|_| corpus_stats(&corpus, &kg, context).map(drop)));
    let nobody = HeldOutItems::new();
    ends_soon_without_a_trace("writing for hopwise", |context, out| {
        (0..20).try_for_each(|_| {
            let mut folder = ArtefactWriter::create(out, ArtefactKind::Hopwise, Replace::No)?;
            export::write_hopwise(&corpus, &kg, [&nobody, &nobody], context, "paths", &mut folder).map(drop)
        })
    });
    type Write = fn(&Corpus, &TrainKg, &Context, &mut dyn std::io::Write) -> Result<u64>;
    let forms: &[(&str, Write)] = &[
        ("writing text", export::write_text),
        ("writing JSON", export::write_jsonl),
        #[cfg(feature = "parquet")]
        ("writing a table", |corpus, kg, context, out| {
            export::write_parquet(corpus, kg, export::Ids::Name, context, out)
        }),
    ];
    for (what, write) in forms {
        ends_soon_without_a_trace(what, |context, out| {
            let fill = |out: &mut (dyn std::io::Write + Send)| -> std::io::Result<()> {
                let plain = |error: Error| match error {
                    Error::Core(error) => error.into(),
                    error => std::io::Error::other(error),
                };
                write(&corpus, &kg, context, &mut Slow(out)).map(drop).map_err(plain)
            };
            Ok(artefact::publish_file(out, Replace::No, fill)?)
        });
    }
    assert!(
        Artefact::open(&directory, ArtefactKind::Corpus, &Context::default()).is_ok(),
        "what was read is as it was"
    );
    assert!(!corpus.is_empty() && corpus.row(0)[0] == kg.vocabulary().node(NodeId(0)).0);
}

/// On a stopped context nothing is even begun.
#[test]
fn what_was_stopped_before_it_began_does_nothing() {
    let stop = Stop::default();
    stop.request();
    let context = Context::default().with_stop(stop);
    let pattern = Pattern::hops(3, &DENSE).unwrap();
    let counted = count_paths(&DENSE, &pattern, EndSet::Any, &context);
    assert!(matches!(counted, Err(Error::Core(error)) if error.is_stop()));
    let mut sink = |_: &[u32]| panic!("nothing is drawn");
    for ends in [EndSet::Train, EndSet::Unseen, EndSet::Any] {
        let (mixture, spec) = (Mixture::single(pattern.clone()), SampleSpec { ends, ..SampleSpec::default() });
        let drawn = sample_corpus(&DENSE, &mixture, &spec, Amount::default(), Shard::default(), &context, &mut sink);
        assert!(matches!(drawn, Err(Error::Core(error)) if error.is_stop()), "{ends:?}");
    }
}
