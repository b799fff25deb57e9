//! The server, over connections of this machine, against the same work by calls of the library.
//!
//! Clients run in this process and take their part of its cores; so the figures are those of a server that shares its
//! machine with who asks it.

mod client;
mod labels;
mod overload;

pub(crate) use labels::search;
pub(crate) use overload::{last as overload_lasts, memory as overload_memory, p99 as overload_p99};

use crate::decode::artefacts;
use crate::harness::{Figure, Outcome, time};
use client::Client;
use footpath::recommend::Options as Search;
use footpath::{Context, NodeId, Service, Threads, train};
use footpath_server::{Options, Server};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ROUNDS: usize = 5;
/// Lists of a round.
const NUM_LISTS: usize = 200;
/// Beams of one user who waits.
const BEAMS_OF_ONE: usize = 30;
/// Beams of a list unless another number is asked for.
const USUAL_BEAMS: usize = 400;
/// Users who wait, one after the other.
const NUM_WAITING: usize = 200;
/// Clients that tell events at once.
const TELLERS: usize = 32;
/// Events that each of them tells in a round.
const EVENTS_EACH: usize = 100;

/// A server that runs, and the same graph and model for calls.
struct Bench {
    server: Server,
    service: Service,
    users: Vec<String>,
    threads: usize,
    _folder: TempDir,
}

impl Bench {
    fn start(events: bool) -> Outcome<Self> {
        Self::of(|[data, kg, model]| artefacts(data, kg, model, train::Options::default()), events)
    }

    /// A server of what `make` puts into the folders of the data, the graph and the model.
    fn of(make: impl FnOnce([&Path; 3]) -> Outcome<()>, events: bool) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let [data, kg, model] = ["data", "kg", "model"].map(|name| folder.path().join(name));
        make([&data, &kg, &model])?;
        let threads = Threads::default().number();
        let events = events.then(|| folder.path().join("events"));
        let service = Service::open(&model, &kg, &Context::default())?;
        let server = Server::start(options(kg, model, events, threads))?;
        let id = |user: u32| service.kg().id(NodeId(user)).to_owned();
        let users = service.kg().users().map(id).collect();
        Ok(Self { server, service, users, threads, _folder: folder })
    }

    fn client(&self) -> Outcome<Client> {
        Client::connect(self.server.address())
    }

    fn path(&self, place: usize, beams: usize) -> String {
        let user = &self.users[place % self.users.len()];
        format!("/v1/users/{user}/recommendations?k=10&beams={beams}")
    }

    /// A list by a call of the library, on one thread.
    fn call(&self, place: usize, beams: usize) -> Outcome<()> {
        let user = self.service.kg().user(&self.users[place % self.users.len()])?;
        let context = Context::default().with_threads(Threads::new(1)?);
        let options = Search { beams, ..Search::default() };
        self.service.request(Vec::new()).recommend(&[user], options, &context)?;
        Ok(())
    }

    /// How long each of some users waits, who ask one after the other with a pause before.
    fn waits(&self, pause: Duration) -> Outcome<Vec<Duration>> {
        let mut client = self.client()?;
        let wait = |place: usize| {
            std::thread::sleep(pause);
            let begun = Instant::now();
            expect(client.get(&self.path(place, BEAMS_OF_ONE))?, 200)?;
            Ok(begun.elapsed())
        };
        (0..NUM_WAITING).map(wait).collect()
    }

    /// Does `one` for each place below `number`, on as many threads as there are cores, each with what `begin` gives.
    fn on_all_threads<T>(
        &self,
        number: usize,
        begin: impl Fn() -> Outcome<T> + Sync,
        one: impl Fn(&mut T, usize) -> Outcome<()> + Sync,
    ) -> Outcome<f64> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), String> {
            let mut state = begin().map_err(|error| error.to_string())?;
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= number {
                    return Ok(());
                }
                one(&mut state, place).map_err(|error| error.to_string())?;
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a panic".to_owned())))
        })?;
        Ok(number as f64)
    }
}

fn options(kg: PathBuf, model: PathBuf, events: Option<PathBuf>, workers: usize) -> Options {
    Options { events, workers, ..Options::new(kg, model) }
}

fn expect(status: u16, wanted: u16) -> Outcome<()> {
    if status == wanted { Ok(()) } else { Err(format!("status {status} where {wanted} was expected").into()) }
}

/// Lists in a second over HTTP, as many clients as threads, against calls on as many threads.
pub(crate) fn throughput() -> Outcome<Figure> {
    let bench = Bench::start(false)?;
    let ours = || {
        let ask = |client: &mut Client, place: usize| expect(client.get(&bench.path(place, USUAL_BEAMS))?, 200);
        time(|| bench.on_all_threads(NUM_LISTS, || bench.client(), ask))
    };
    let theirs = || {
        let call = |(): &mut (), place: usize| bench.call(place, USUAL_BEAMS);
        time(|| bench.on_all_threads(NUM_LISTS, || Ok(()), call))
    };
    Figure::measure("lists/s", "calls of the library on as many threads", Some(0.9), ROUNDS, ours, theirs)
}

/// How long one user waits for a list with 30 beams, nobody else asking: the median, against a call.
pub(crate) fn one_user() -> Outcome<Figure> {
    alone(BEAMS_OF_ONE, 0.5)
}

/// As [`one_user`]: the 99th percentile.
pub(crate) fn one_user_p99() -> Outcome<Figure> {
    alone(BEAMS_OF_ONE, 0.99)
}

/// As [`one_user_p99`], with the beams of a list unless another number is asked for.
pub(crate) fn usual_p99() -> Outcome<Figure> {
    alone(USUAL_BEAMS, 0.99)
}

fn alone(beams: usize, quantile: f64) -> Outcome<Figure> {
    let bench = Bench::start(false)?;
    let mut client = bench.client()?;
    let ours = |place: usize| expect(client.get(&bench.path(place, beams))?, 200);
    let theirs = |place: usize| bench.call(place, beams);
    Figure::measure_waits(quantile, "a call of the library", NUM_WAITING, ours, theirs)
}

/// How long users wait at half of the load that the server can bear, 30 beams: the 99th percentile, against waiting
/// alone.
pub(crate) fn half_load_p99() -> Outcome<Figure> {
    let bench = Bench::start(false)?;
    let alone: Duration = bench.waits(Duration::ZERO)?.iter().sum();
    // Half of the load: of the time of all threads, every second moment.
    let pause = alone * 2 / u32::try_from(NUM_WAITING * bench.threads)?;
    let is_over = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // Others ask at their times, whether earlier ones were answered or not, over a connection each.
        let load = scope.spawn(|| -> Result<(), String> {
            let told = |error: Box<dyn std::error::Error>| error.to_string();
            let mut clients =
                (0..8 * bench.threads).map(|_| bench.client()).collect::<Outcome<Vec<_>>>().map_err(told)?;
            let (number, mut due) = (clients.len(), Instant::now());
            for place in 0.. {
                if is_over.load(Ordering::Relaxed) > 0 {
                    break;
                }
                due += pause;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let client = &mut clients[place % number];
                client.get(&bench.path(7 * place, BEAMS_OF_ONE)).map_err(told)?;
            }
            Ok(())
        });
        let loaded = bench.waits(Duration::from_millis(3));
        is_over.store(1, Ordering::Relaxed);
        load.join().unwrap_or_else(|_| Err("a panic".to_owned()))?;
        Ok(Figure::of_waits(0.99, "waiting alone", &loaded?, &bench.waits(Duration::ZERO)?))
    })
}

/// Events in a second that are on the disk before they are acknowledged, told by 32 clients one at a time, against one
/// writer who syncs each.
pub(crate) fn events() -> Outcome<Figure> {
    let bench = Bench::start(true)?;
    let tell = |teller: usize| -> Result<(), String> {
        let told = |error: Box<dyn std::error::Error>| error.to_string();
        let mut client = bench.client().map_err(told)?;
        for number in 0..EVENTS_EACH {
            let event = format!(r#"{{"events":[{{"user":"teller-{teller}","item":"i{number}"}}]}}"#);
            client.post("/v1/events", &event).and_then(|status| expect(status, 200)).map_err(told)?;
        }
        Ok(())
    };
    let ours = || {
        time(|| {
            std::thread::scope(|scope| {
                let tellers: Vec<_> = (0..TELLERS).map(|teller| scope.spawn(move || tell(teller))).collect();
                tellers.into_iter().try_for_each(|one| one.join().unwrap_or_else(|_| Err("a panic".to_owned())))
            })?;
            Ok((TELLERS * EVENTS_EACH) as f64)
        })
    };
    let folder = tempfile::tempdir()?;
    let mut log = File::create(folder.path().join("log"))?;
    let theirs = || {
        time(|| {
            for number in 0..EVENTS_EACH {
                writeln!(log, r#"0123456789abcdef {{"user":"teller","item":"i{number}","weight":1.0,"time":0.5}}"#)?;
                log.sync_data()?;
            }
            Ok(EVENTS_EACH as f64)
        })
    };
    Figure::measure("events/s", "one writer who syncs each", None, ROUNDS, ours, theirs)
}

/// How long it takes from the start of a server to its first answer that it is ready, against opening graph and model.
pub(crate) fn ready() -> Outcome<Figure> {
    let folder = tempfile::tempdir()?;
    let [data, kg, model] = ["data", "kg", "model"].map(|name| folder.path().join(name));
    artefacts(&data, &kg, &model, train::Options::default())?;
    let ours = |_: usize| {
        let server = Server::start(options(kg.clone(), model.clone(), None, 2))?;
        expect(Client::connect(server.address())?.get("/health/ready")?, 200)?;
        server.stop();
        Ok(())
    };
    let theirs = |_: usize| Ok(Service::open(&model, &kg, &Context::default())?);
    Figure::measure_waits(0.5, "opening graph and model", 20, ours, theirs)
}
