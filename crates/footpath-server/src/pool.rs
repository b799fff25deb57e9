//! The threads that search, apart from those that wait for clients.
//!
//! Each works on one request at a time with a context of its own. A request has a flag that stops its search, which is
//! set when nobody waits for the answer any more: the client has gone, the time is up, or the server ends.

use footpath::{Context, Stop, Threads};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Work for one thread.
type Job = Box<dyn FnOnce(&Context) + Send>;

/// Threads with a queue before them. What bounds the queue is who admits requests.
pub(crate) struct Pool {
    queue: Arc<Queue>,
    workers: usize,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// The thread that did the work failed.
#[derive(Debug)]
pub(crate) struct Failed;

/// Stops a search when whoever waits for it is dropped.
struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.request();
    }
}

impl Pool {
    /// So many threads.
    pub(crate) fn new(workers: usize) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        for number in 0..workers {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name(format!("search-{number}")).spawn(move || queue.work())?;
        }
        Ok(Self { queue, workers })
    }

    /// How many threads there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// Jobs that no thread has begun.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().jobs.len()
    }

    /// Does the work on one of the threads; dropping the future stops it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Context) -> T + Send + 'static,
    ) -> Result<T, Failed> {
        let stop = StopWhenDropped(Stop::default());
        let (send, receive) = oneshot::channel();
        let flag = stop.0.clone();
        let job = move |context: &Context| {
            // Nobody waits for it any more.
            if flag.is_requested() {
                return;
            }
            let context = context.clone().with_stop(flag);
            // Whether the work failed in words or by a panic, the thread goes on to the next.
            if let Ok(done) = catch_unwind(AssertUnwindSafe(|| work(&context))) {
                let _ = send.send(done);
            }
        };
        self.queue.lock().jobs.push_back(Box::new(job));
        self.queue.ready.notify_one();
        receive.await.map_err(|_| Failed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.ready.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread.
    fn work(&self) {
        let context = Context::default().with_threads(Threads::new(1).unwrap_or_default());
        loop {
            let mut waiting = self.lock();
            let job = loop {
                if let Some(job) = waiting.jobs.pop_front() {
                    break job;
                }
                if waiting.closed {
                    return;
                }
                waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            };
            drop(waiting);
            job(&context);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
    }

    #[test]
    fn a_panic_fails_the_request_and_not_the_thread() {
        let pool = Pool::new(1).expect("a thread");
        runtime().block_on(async {
            assert!(pool.run(|_| -> u8 { panic!("on purpose") }).await.is_err());
            assert_eq!(pool.run(|_| 7).await.expect("the thread lives"), 7);
        });
    }

    #[test]
    fn work_that_nobody_waits_for_is_stopped() {
        let pool = Pool::new(1).expect("a thread");
        let (send, stopped) = std::sync::mpsc::channel();
        runtime().block_on(async {
            let work = pool.run(move |context| {
                while context.check().is_ok() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                send.send(()).expect("somebody listens");
            });
            assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err(), "it never ends by itself");
            assert_eq!(pool.run(|_| 1).await.expect("the thread is free again"), 1);
        });
        stopped.recv_timeout(Duration::from_secs(5)).expect("stopped");
    }
}
