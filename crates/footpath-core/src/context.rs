//! What surrounds a piece of work: the threads that do it, the device it computes on, who is told how far it is, and
//! how it is stopped.
//!
//! ```
//! use footpath_core::{Context, Stop, Threads};
//!
//! let stop = Stop::default();
//! let context = Context::default().with_threads(Threads::new(2)?).with_stop(stop.clone());
//! let sum = context.run(|| rayon::current_num_threads())?;
//! assert_eq!(sum, 2);
//!
//! // Whoever holds the flag ends the work from another thread.
//! stop.request();
//! assert!(context.check().is_err_and(|error| error.is_stop()));
//! # Ok::<(), footpath_core::Error>(())
//! ```

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many threads to work with; results never depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Threads(usize);

impl Threads {
    /// Most threads.
    pub const MAX: usize = 1024;

    /// This many threads; 0 stands for one for each core.
    ///
    /// # Errors
    /// [`Error::Limit`] above [`Threads::MAX`].
    pub fn new(number: usize) -> Result<Self> {
        if number > Self::MAX {
            return Err(Error::Limit { what: "threads", max: Self::MAX as u64, got: number as u64 });
        }
        Ok(Self(number))
    }

    /// How many that is, at least one.
    #[must_use]
    pub fn number(self) -> usize {
        match self.0 {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            number => number,
        }
    }
}

impl FromStr for Threads {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number: usize = text.parse().map_err(|_| "give a whole number; 0 is one for each core".to_owned())?;
        Self::new(number).map_err(|_| format!("must be at most {}", Self::MAX))
    }
}

/// The name of what computes tensors, such as `flex` or `cuda:1`; the model crate knows which there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// The device of this name; whether there is one shows when it is used.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Default for Device {
    /// The CPU.
    fn default() -> Self {
        Self::named("flex")
    }
}

impl FromStr for Device {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        Ok(Self::named(name))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A flag that ends work early. Clones share it; once set it stays set.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    #[inline]
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// [`Error::Stopped`] once somebody asked.
    ///
    /// # Errors
    /// That one.
    pub fn check(&self) -> Result<()> {
        if self.is_requested() { Err(Error::Stopped) } else { Ok(()) }
    }
}

/// How far a piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// What is being done, such as `reading` or `sampling`.
    pub stage: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// Of how much, where that is known.
    pub of: Option<u64>,
    /// What is counted, such as `users` or `bytes`.
    pub unit: &'static str,
}

/// Who is told how far the work is; called on any thread, so it should be quick.
type Watcher = dyn Fn(Progress) + Send + Sync;

/// A clock: the time since a moment of its own.
type Clock = dyn Fn() -> Duration + Send + Sync;

/// Threads, device, progress and stop of a call. Clones are cheap and share all four.
///
/// The default has one thread for each core, computes on the CPU, tells nobody and is never stopped.
#[derive(Clone, Default)]
pub struct Context {
    threads: Threads,
    device: Device,
    stop: Stop,
    watcher: Option<Arc<Watcher>>,
    clock: Option<Arc<Clock>>,
    pool: Arc<Pool>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threads, device, stop, .. } = self;
        f.debug_struct("Context")
            .field("threads", threads)
            .field("device", device)
            .field("stop", stop)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// Works with this many threads, in a pool of its own.
    #[must_use]
    pub fn with_threads(self, threads: Threads) -> Self {
        Self { threads, pool: Arc::default(), ..self }
    }

    /// Computes on this device.
    #[must_use]
    pub fn with_device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// Ends when this flag is set.
    #[must_use]
    pub fn with_stop(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Tells how far it is. `watcher` may be called on any thread, and often.
    #[must_use]
    pub fn with_progress(self, watcher: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { watcher: Some(Arc::new(watcher)), ..self }
    }

    /// Lends a clock, for work that is to end by a time: no library reads one of its own.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Some(Arc::new(clock)), ..self }
    }

    /// The same threads, device and stop, telling nobody: for work within other work.
    #[must_use]
    pub fn quietly(&self) -> Self {
        Self { watcher: None, ..self.clone() }
    }

    /// How many threads work.
    #[must_use]
    pub fn threads(&self) -> Threads {
        self.threads
    }

    /// The time since some moment, by the clock that was lent, if one was.
    #[must_use]
    pub fn now(&self) -> Option<Duration> {
        self.clock.as_ref().map(|clock| clock())
    }

    /// Where tensors are computed.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The flag that ends the work.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// [`Error::Stopped`] once somebody asked for the end. To be called every few milliseconds.
    ///
    /// # Errors
    /// That one.
    pub fn check(&self) -> Result<()> {
        self.stop.check()
    }

    /// Begins a stage of `of` units, where that is known, and tells so.
    #[must_use]
    pub fn stage(&self, name: &'static str, of: Option<u64>, unit: &'static str) -> Stage<'_> {
        let stage = Stage { context: self, name, of, unit, done: AtomicU64::new(0) };
        stage.tell(0);
        stage
    }

    /// Does `work` on the threads of this context: whatever it does in parallel with rayon runs there and nowhere else.
    ///
    /// The threads are kept for the next call. A process made by `fork` has none of its parent's threads and gets its
    /// own.
    ///
    /// # Errors
    /// [`Error::NoThreads`] when the system refuses them.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        Ok(self.pool.of(self.threads)?.install(work))
    }
}

/// A stage of some work: counts what is done, on any thread.
#[derive(Debug)]
pub struct Stage<'a> {
    context: &'a Context,
    name: &'static str,
    of: Option<u64>,
    unit: &'static str,
    done: AtomicU64,
}

impl Stage<'_> {
    /// Notes that `units` more are done.
    ///
    /// # Errors
    /// [`Error::Stopped`] once somebody asked for the end.
    pub fn advance(&self, units: u64) -> Result<()> {
        self.tell(self.done.fetch_add(units, Ordering::Relaxed) + units);
        self.context.check()
    }

    /// Notes that `units` are done in all.
    ///
    /// # Errors
    /// [`Error::Stopped`] once somebody asked for the end.
    pub fn reach(&self, units: u64) -> Result<()> {
        self.done.store(units, Ordering::Relaxed);
        self.tell(units);
        self.context.check()
    }

    fn tell(&self, done: u64) {
        if let Some(watcher) = &self.context.watcher {
            watcher(Progress { stage: self.name, done, of: self.of, unit: self.unit });
        }
    }
}

/// The threads of a context, made when they are first needed.
#[derive(Default)]
struct Pool {
    /// With the process they belong to: a child made by `fork` inherits the memory of its parent and none of its
    /// threads.
    made: Mutex<Option<(u32, Arc<rayon::ThreadPool>)>>,
}

impl Pool {
    fn of(&self, threads: Threads) -> Result<Arc<rayon::ThreadPool>> {
        let process = std::process::id();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((owner, pool)) = &*made
            && *owner == process
        {
            return Ok(Arc::clone(pool));
        }
        let refused = |e: rayon::ThreadPoolBuildError| Error::NoThreads {
            number: threads.number() as u64,
            source: std::io::Error::other(e),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.number()).build().map_err(refused)?;
        let pool = Arc::new(pool);
        // To end the parent's pool here would wait for threads that are not there.
        std::mem::forget(made.replace((process, Arc::clone(&pool))));
        Ok(pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_have_a_limit() {
        assert_eq!(Threads::new(3).expect("few").number(), 3);
        assert!(Threads::default().number() >= 1);
        assert!(Threads::new(Threads::MAX + 1).is_err());
        for (text, is_fine) in [("0", true), ("1024", true), ("1025", false), ("-1", false), ("two", false)] {
            assert_eq!(text.parse::<Threads>().is_ok(), is_fine, "{text}");
        }
    }

    #[test]
    fn stages_tell_every_step_and_end_when_asked() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (stop, listener) = (Stop::default(), Arc::clone(&told));
        let context = Context::default()
            .with_stop(stop.clone())
            .with_progress(move |progress| listener.lock().expect("a list").push((progress.done, progress.of)));
        let stage = context.stage("counting", Some(7), "users");
        stage.advance(3).expect("nobody asked");
        stage.reach(5).expect("nobody asked");
        stop.request();
        assert!(stage.advance(2).expect_err("asked").is_stop());
        assert_eq!(*told.lock().expect("a list"), [0, 3, 5, 7].map(|done| (done, Some(7))));
        assert!(context.quietly().stage("another", None, "users").advance(1).is_err(), "the flag is shared");
    }

    #[test]
    fn the_threads_of_a_context_are_its_own_and_kept() {
        let context = Context::default().with_threads(Threads::new(3).expect("few"));
        let names = || (rayon::current_num_threads(), std::thread::current().id());
        let (number, _) = context.run(names).expect("threads");
        assert_eq!(number, 3);
        let pools: Vec<_> = (0..2).map(|_| context.clone().pool.of(context.threads).expect("threads")).collect();
        assert!(Arc::ptr_eq(&pools[0], &pools[1]));
    }
}
