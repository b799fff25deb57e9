//! What users have chosen since the graph was made: told, written down for good, and counted from then on.
//!
//! A folder holds one log, [`log`] says in which form, and a lock that one server at a time has. What is told is in the
//! log, and the log on the disk, before anybody is answered. One thread writes: what comes while it waits for the disk
//! goes there together.

mod log;

use crate::clock::now;
use footpath::{import, replay};
pub(crate) use log::Event;
pub use log::LogError;
use log::LogFile;
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use tokio::sync::oneshot;

/// Changes that wait for the writer at most.
const MAX_WAITING: usize = 4_096;
/// Changes that go to the disk together at most.
const MAX_TOGETHER: usize = 1_024;

/// The events of a folder.
pub(crate) struct Events {
    to_writer: mpsc::SyncSender<Change>,
    users: Arc<RwLock<Users>>,
    count: Arc<AtomicU64>,
    /// Held as long as the server lives.
    _lock: File,
}

/// Events by user, in the order in which they were told, with the line of the log each stands on.
type Users = HashMap<String, Vec<(Event, u64)>>;

/// Something to be written down.
enum Change {
    Add(Vec<Event>, oneshot::Sender<Result<(), String>>),
    Forget(String, oneshot::Sender<Result<u64, String>>),
}

/// Why something was not written down.
#[derive(Debug, PartialEq)]
pub(crate) enum NotWritten {
    /// Too much waits for the disk.
    Busy,
    /// The disk refuses.
    Refused(String),
}

/// The events of a folder in the order of their times, for a comparison of models. A server may be writing there.
///
/// # Errors
/// There is no log, it is damaged, or the disk refuses.
pub fn read_events(folder: &Path) -> Result<Vec<replay::Event>, LogError> {
    let mut timed = Vec::new();
    log::read_only(folder, |event, line| timed.push((event, line)))?;
    timed.sort_by(|(a, _), (b, _)| a.time.unwrap_or_default().total_cmp(&b.time.unwrap_or_default()));
    let event =
        |(event, _): (Event, u64)| replay::Event { is_choice: event.weight > 0.0, user: event.user, item: event.item };
    Ok(timed.into_iter().map(event).collect())
}

/// Reads what users chose from the log of events of a server, which may be running, for an import: events with a
/// weight above zero, by their time.
///
/// # Errors
/// As [`read_events`].
pub fn read_choices(folder: &Path) -> Result<Vec<import::Event>, LogError> {
    let mut choices = Vec::new();
    log::read_only(folder, |event, _| choices.extend((event.weight > 0.0).then_some(event)))?;
    choices.sort_by(|a, b| a.time.unwrap_or_default().total_cmp(&b.time.unwrap_or_default()));
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970, and a weight with few digits")]
    let of = |event: Event| import::Event {
        user: event.user,
        item: event.item,
        rating: event.weight as f32,
        time: event.time.unwrap_or_default() as i64,
    };
    Ok(choices.into_iter().map(of).collect())
}

impl Events {
    /// Opens the log of a folder, which is made where it is not there.
    ///
    /// # Errors
    /// Another server has it, it is damaged, or the disk refuses.
    pub(crate) fn open(folder: &Path, warn: impl Fn(String) + Send + 'static) -> Result<Self, LogError> {
        std::fs::create_dir_all(folder).map_err(LogError::Io)?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
        let lock = lock.map_err(LogError::Io)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => LogError::Locked,
            TryLockError::Error(error) => LogError::Io(error),
        })?;
        let mut users = Users::new();
        let mut count = 0;
        let opened = LogFile::open(folder, |event, line| {
            count += 1;
            users.entry(event.user.clone()).or_default().push((event, line));
        })?;
        if opened.torn_bytes > 0 {
            warn(format!("the last record of the events was not whole: {} bytes were cut off", opened.torn_bytes));
        }
        let (users, count) = (Arc::new(RwLock::new(users)), Arc::new(AtomicU64::new(count)));
        let (to_writer, changes) = mpsc::sync_channel(MAX_WAITING);
        let writer = Writer { log: opened.log, users: Arc::clone(&users), count: Arc::clone(&count) };
        let thread = std::thread::Builder::new().name("events".to_owned());
        thread.spawn(move || writer.work(&changes, &warn)).map_err(LogError::Io)?;
        Ok(Self { to_writer, users, count, _lock: lock })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Writes events down; they are on the disk when this is done.
    pub(crate) async fn add(&self, events: Vec<Event>) -> Result<(), NotWritten> {
        let (send, receive) = oneshot::channel();
        self.to_writer.try_send(Change::Add(events, send)).map_err(|_| NotWritten::Busy)?;
        receive.await.map_err(|_| NotWritten::Busy)?.map_err(NotWritten::Refused)
    }

    /// Takes all events of a user out of the log; how many there were.
    pub(crate) async fn forget(&self, user: String) -> Result<u64, NotWritten> {
        let (send, receive) = oneshot::channel();
        self.to_writer.try_send(Change::Forget(user, send)).map_err(|_| NotWritten::Busy)?;
        receive.await.map_err(|_| NotWritten::Busy)?.map_err(NotWritten::Refused)
    }

    /// The events of a user, in the order in which they were told, with the line each stands on.
    pub(crate) fn of(&self, user: &str) -> Vec<(Event, u64)> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).get(user).cloned().unwrap_or_default()
    }
}

/// The thread that writes.
struct Writer {
    log: LogFile,
    users: Arc<RwLock<Users>>,
    count: Arc<AtomicU64>,
}

impl Writer {
    fn work(mut self, changes: &mpsc::Receiver<Change>, warn: &impl Fn(String)) {
        while let Ok(first) = changes.recv() {
            let mut together: Vec<Change> =
                std::iter::once(first).chain(changes.try_iter().take(MAX_TOGETHER)).collect();
            while !together.is_empty() {
                let adds = together.iter().take_while(|change| matches!(change, Change::Add(..))).count();
                if adds > 0 {
                    self.add(together.drain(..adds).collect(), warn);
                } else if let Change::Forget(user, answer) = together.remove(0) {
                    let _ = answer.send(self.forget(&user).map_err(|error| told(&error, warn)));
                }
            }
        }
    }

    fn add(&mut self, changes: Vec<Change>, warn: &impl Fn(String)) {
        let (mut events, mut answers) = (Vec::new(), Vec::new());
        for change in changes {
            if let Change::Add(of_change, answer) = change {
                events.extend(of_change);
                answers.push(answer);
            }
        }
        let time = now();
        events.iter_mut().for_each(|event| event.time = event.time.or(Some(time)));
        let written = self.log.append(&events).map_err(|error| told(&error, warn));
        if let Ok(first_line) = written {
            let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
            self.count.fetch_add(events.len() as u64, Ordering::Relaxed);
            for (event, line) in events.into_iter().zip(first_line..) {
                users.entry(event.user.clone()).or_default().push((event, line));
            }
        }
        let result = written.map(|_| ());
        answers.into_iter().for_each(|answer| drop(answer.send(result.clone())));
    }

    fn forget(&mut self, user: &str) -> Result<u64, LogError> {
        let of_user = self.users.read().unwrap_or_else(PoisonError::into_inner).get(user).map_or(0, Vec::len) as u64;
        if of_user == 0 {
            return Ok(0);
        }
        let mut users = Users::new();
        self.log.rewrite(
            |event| event.user != user,
            |event, line| {
                users.entry(event.user.clone()).or_default().push((event, line));
            },
        )?;
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = users;
        self.count.fetch_sub(of_user, Ordering::Relaxed);
        Ok(of_user)
    }
}

/// What is told of a disk that refuses: the whole to the log of the server, to clients that it does.
fn told(error: &LogError, warn: &impl Fn(String)) -> String {
    warn(format!("events: {error}"));
    "the disk under the events refuses".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user: &str, item: &str) -> Event {
        Event { user: user.to_owned(), item: item.to_owned(), weight: 1.0, time: None }
    }

    fn open(folder: &Path) -> Events {
        Events::open(folder, |warning| panic!("{warning}")).expect("opened")
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
    }

    fn items(events: &Events, user: &str) -> Vec<String> {
        events.of(user).into_iter().map(|(event, _)| event.item).collect()
    }

    #[test]
    fn a_comparison_reads_events_by_time_while_a_server_writes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(read_events(folder.path()), Err(LogError::Io(_))), "there is no log");
        let events = open(folder.path());
        let late = Event { time: Some(9.0), ..event("ann", "late") };
        let unliked = Event { time: Some(1.0), weight: 0.0, ..event("ann", "early") };
        runtime().block_on(async { events.add(vec![late, unliked]).await.expect("written") });
        let found = read_events(folder.path()).expect("read");
        let happened =
            |item: &str, is_choice| replay::Event { user: "ann".to_owned(), item: item.to_owned(), is_choice };
        assert_eq!(found, [happened("early", false), happened("late", true)]);
    }

    #[test]
    fn what_was_told_is_there_after_a_new_start_and_what_was_forgotten_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        runtime().block_on(async {
            let events = open(folder.path());
            events.add(vec![event("ann", "a"), event("bob", "b")]).await.expect("written");
            events.add(vec![event("ann", "c")]).await.expect("written");
            assert_eq!(items(&events, "ann"), ["a", "c"]);
            assert_eq!(events.of("ann").iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2, 4]);
            assert!(matches!(Events::open(folder.path(), |_| ()), Err(LogError::Locked)), "one server at a time");
        });
        runtime().block_on(async {
            let events = open(folder.path());
            assert_eq!((items(&events, "ann").len(), events.count()), (2, 3));
            assert_eq!(events.forget("ann".to_owned()).await, Ok(2));
            assert_eq!(events.forget("nobody".to_owned()).await, Ok(0));
            events.add(vec![event("bob", "d")]).await.expect("written");
            let text = std::fs::read_to_string(folder.path().join("events.log")).expect("the log");
            assert!(!text.contains("ann"), "{text}");
        });
        let events = open(folder.path());
        assert_eq!((items(&events, "ann").len(), items(&events, "bob")), (0, vec!["b".to_owned(), "d".to_owned()]));
        assert_eq!(events.of("bob").iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2, 3]);
    }
}
