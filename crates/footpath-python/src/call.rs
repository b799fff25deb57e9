//! Calls that may take long: the work is done on a thread of its own, while the caller's lets go of the interpreter,
//! looks for signals, and tells how far it is.

use crate::errors::{raised, usage};
use footpath::{Context, Device, Error, Progress, Stop, Threads};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the caller looks for signals.
const POLL: Duration = Duration::from_millis(50);

/// How a call is done: threads (0 is one for each core), the name of the device, and who is told
/// `(stage, done, of or None, unit)` how far it is.
#[derive(FromPyObject)]
pub(crate) struct Call(usize, String, Option<Py<PyAny>>);

/// What the work tells while it goes on: text, for the function that was given for it.
#[derive(Clone)]
pub(crate) struct Events(Sender<String>);

impl Events {
    pub(crate) fn tell(&self, event: String) {
        // Nobody listens once the caller has given up.
        let _ = self.0.send(event);
    }
}

impl Call {
    /// The context of quick work, which nobody stops.
    pub(crate) fn context(&self, py: Python<'_>) -> PyResult<Context> {
        let context = kept(Threads::new(self.0).map_err(|e| raised(py, e))?);
        Ok(context.with_device(Device::named(&self.1)))
    }

    /// Does `work` on a thread of its own.
    ///
    /// # Errors
    /// What the work says; what a signal handler or the callback raised, after the work was asked to stop and has
    /// ended.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Context) -> footpath::Result<T> + Send + 'static,
    ) -> PyResult<T> {
        self.wait_telling(py, None, move |context, _| work(context))
    }

    /// As [`Call::wait`]; `listener` is given every event that the work tells, as text.
    pub(crate) fn wait_telling<T: Send + 'static>(
        &self,
        py: Python<'_>,
        listener: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&Context, &Events) -> footpath::Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let stop = Stop::default();
        let latest: Arc<Mutex<Option<Progress>>> = Arc::default();
        let context = self.context(py)?.with_stop(stop.clone());
        let context = match &self.2 {
            None => context,
            Some(_) => {
                let latest = Arc::clone(&latest);
                context.with_progress(move |progress| *slot(&latest) = Some(progress))
            }
        };
        let ((done, end), (events, told)) = (channel(), channel());
        let job = move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&context, &Events(events))));
            drop(context);
            // The caller waits until this comes.
            let _ = done.send(result.map_err(|_| ()));
        };
        let worker = std::thread::Builder::new().name("footpath".to_owned());
        let worker = worker.spawn(job).map_err(|e| raised(py, Error::Sink(e)))?;
        let watch = Watch { progress: self.2.as_ref().map(|progress| progress.bind(py)), latest, listener };
        let waited = watch.until_done(py, &stop, end, told);
        py.detach(|| worker.join()).ok();
        match waited? {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(raised(py, error)),
            Err(()) => Err(PyRuntimeError::new_err("footpath: internal error, told on standard error")),
        }
    }
}

/// Who is told what while the work goes on.
struct Watch<'a, 'py> {
    progress: Option<&'a Bound<'py, PyAny>>,
    latest: Arc<Mutex<Option<Progress>>>,
    listener: Option<&'a Bound<'py, PyAny>>,
}

type Outcome<T> = Result<footpath::Result<T>, ()>;

impl Watch<'_, '_> {
    /// Waits for the end of the work. When something is raised in the meantime the work is asked to stop, and waited
    /// for: it leaves nothing half done.
    fn until_done<T: Send>(
        &self,
        py: Python<'_>,
        stop: &Stop,
        mut end: Receiver<Outcome<T>>,
        told: Receiver<String>,
    ) -> PyResult<Outcome<T>> {
        let mut raised = None;
        loop {
            let received;
            (end, received) = py.detach(move || {
                let received = end.recv_timeout(POLL);
                (end, received)
            });
            if raised.is_none()
                && let Err(error) = py.check_signals().and_then(|()| self.tell(&told))
            {
                stop.request();
                raised = Some(error);
            }
            let outcome = match received {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => Err(()),
            };
            return raised.map_or(Ok(outcome), Err);
        }
    }

    fn tell(&self, told: &Receiver<String>) -> PyResult<()> {
        for event in told.try_iter() {
            self.listener.map_or(Ok(()), |listener| listener.call1((event,)).map(drop))?;
        }
        let (Some(progress), Some(latest)) = (self.progress, slot(&self.latest).take()) else { return Ok(()) };
        let Progress { stage, done, of, unit } = latest;
        progress.call1((stage, done, of, unit)).map(drop)
    }
}

fn slot<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The context of a number of threads, whose pool is kept from call to call.
fn kept(threads: Threads) -> Context {
    static KEPT: Mutex<BTreeMap<usize, Context>> = Mutex::new(BTreeMap::new());
    let mut kept = slot(&KEPT);
    kept.entry(threads.number()).or_insert_with(|| Context::default().with_threads(threads)).clone()
}

/// JSON of an argument as a type.
///
/// # Errors
/// `UsageError` naming the argument.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(py: Python<'_>, name: &str, json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|e| usage(py, format!("{name}: {}", without_place(&e.to_string()))))
}

/// What is wrong without the place in a text that nobody wrote.
fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(what, _)| what)
}

/// A report as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    // Reports are of names and numbers, which always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}
