//! Ten times as many requests as the server can answer, for as long as `--seconds` says, by its usual limits.
//!
//! A load begins as a burst, which the queue is there for; what is measured is the load that does not end.

use super::{Bench, USUAL_BEAMS, expect};
use crate::decode::artefacts;
use crate::harness::{Figure, Outcome};
use footpath::train;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the load lasts, in seconds.
static SECONDS: AtomicU64 = AtomicU64::new(20);
/// How many times as many requests as can be answered.
const TIMES: f64 = 10.0;
/// Connections for each thread that searches.
const CLIENTS_PER_THREAD: usize = 16;
/// How long a load is a burst, with a second to end it in.
const BURST: Duration = Duration::from_secs(2);
/// Users who wait one after the other, with nobody beside them.
const NUM_ALONE: usize = 300;

/// Lets the load last for so many seconds.
pub(crate) fn last(seconds: u64) {
    SECONDS.store(seconds.max(BURST.as_secs() + 1), Ordering::Relaxed);
}

/// What came of the load, in one run for all its figures.
struct Load {
    alone: Vec<Duration>,
    /// Of those who were let in once the burst was over.
    accepted: Vec<Duration>,
    /// Memory of the process in MiB over the first tenth of the time and the last, the most of each.
    memory: [f64; 2],
}

/// How long requests wait that are accepted, 99th percentile, against waiting alone.
pub(crate) fn p99() -> Outcome<Figure> {
    let load = load()?;
    Ok(Figure::of_waits(0.99, "waiting alone", &load.accepted, &load.alone))
}

/// Memory at the end of the load, against that at its beginning.
pub(crate) fn memory() -> Outcome<Figure> {
    let [first, last] = load()?.memory;
    Ok(Figure::of_memory(last, first, "the first tenth of the time"))
}

fn load() -> Outcome<&'static Load> {
    static LOAD: OnceLock<Result<Load, String>> = OnceLock::new();
    LOAD.get_or_init(|| measure().map_err(|error| error.to_string())).as_ref().map_err(|error| error.clone().into())
}

fn measure() -> Outcome<Load> {
    let bench = Bench::of(|[data, kg, model]| artefacts(data, kg, model, train::Options::default()), false)?;
    let alone = alone(&bench)?;
    let each = alone.iter().sum::<Duration>().as_secs_f64() / alone.len() as f64;
    let rate = TIMES * bench.threads as f64 / each;
    let clients = CLIENTS_PER_THREAD * bench.threads;
    let begun = Instant::now();
    let seconds = SECONDS.load(Ordering::Relaxed) as f64;
    let (mut first, mut last) = (0.0_f64, 0.0_f64);
    let asked: Vec<Asked> = std::thread::scope(|scope| -> Outcome<Vec<Asked>> {
        let (bench, measured, end) = (&bench, begun + BURST, begun + Duration::from_secs_f64(seconds));
        // Each client in its turn, all of them together at the rate.
        let due =
            |client: usize| move |turn: usize| begun + Duration::from_secs_f64((client + turn * clients) as f64 / rate);
        let asking: Vec<_> =
            (0..clients).map(|client| scope.spawn(move || ask(bench, client, due(client), [measured, end]))).collect();
        while Instant::now() < end {
            let share = begun.elapsed().as_secs_f64() / seconds;
            let side = if share < 0.1 {
                &mut first
            } else if share > 0.9 {
                &mut last
            } else {
                &mut 0.0
            };
            *side = side.max(resident_mib()?);
            std::thread::sleep(Duration::from_millis(20));
        }
        asking.into_iter().map(|one| Ok(one.join().unwrap_or_else(|_| Err("a panic".to_owned()))?)).collect()
    })?;
    let sent: usize = asked.iter().map(|one| one.sent).sum();
    if (sent as f64) < 0.5 * rate * seconds {
        return Err(format!("the clients sent {sent} requests where {:.0} were due", rate * seconds).into());
    }
    let accepted = asked.into_iter().flat_map(|one| one.accepted).collect();
    Ok(Load { alone, accepted, memory: [first, last] })
}

/// How long users wait with nobody beside them.
fn alone(bench: &Bench) -> Outcome<Vec<Duration>> {
    let mut client = bench.client()?;
    let wait = |place: usize| {
        let begun = Instant::now();
        expect(client.get(&bench.path(place, USUAL_BEAMS))?, 200)?;
        Ok(begun.elapsed())
    };
    (0..NUM_ALONE).map(wait).collect()
}

/// What one client asked.
struct Asked {
    sent: usize,
    accepted: Vec<Duration>,
}

/// Asks whenever it is due, whatever became of the requests before.
fn ask(
    bench: &Bench,
    client: usize,
    due: impl Fn(usize) -> Instant,
    [measured, end]: [Instant; 2],
) -> Result<Asked, String> {
    let mut connection = bench.client().map_err(|error| error.to_string())?;
    let mut asked = Asked { sent: 0, accepted: Vec::new() };
    for turn in 0.. {
        let now = Instant::now();
        if now >= end {
            break;
        }
        std::thread::sleep(due(turn).min(end).saturating_duration_since(now));
        let begun = Instant::now();
        let place = client + 31 * turn;
        match connection.get(&bench.path(place, USUAL_BEAMS)).map_err(|error| error.to_string())? {
            200 if begun > measured => asked.accepted.push(begun.elapsed()),
            200 | 503 => {}
            other => return Err(format!("status {other} where 200 or 503 was expected")),
        }
        asked.sent += 1;
    }
    Ok(asked)
}

/// Memory of this process that is in use, in MiB; clients and server are one process.
fn resident_mib() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the system does not tell memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
