//! What every verb works with: its context, the progress bar, and the only ways to print.

use crate::failure::{Failure, output};
use crate::{signals, text};
use footpath::{Context, Device, Progress, Replace, Threads, artefact};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;

/// The context of a verb, and what it tells people and programs.
pub(crate) struct Work {
    context: Context,
    bar: ProgressBar,
}

impl Work {
    /// Work on so many threads, ended by SIGINT and SIGTERM.
    pub(crate) fn new(threads: Threads) -> Self {
        let bar = bar();
        let context = Context::default().with_threads(threads).with_stop(signals::stop());
        let context = if bar.is_hidden() { context } else { context.with_progress(follow(bar.clone())) };
        Self { context, bar }
    }

    /// Threads, progress and stop; on the CPU.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The same, on this device.
    pub(crate) fn on(&self, device: &Device) -> Context {
        self.context.clone().with_device(device.clone())
    }

    /// The bar, for what is more than progress.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Shows steps of something that is no stage of the context.
    pub(crate) fn steps(&self, done: u64, of: u64) {
        if self.bar.length() != Some(of) {
            begin(&self.bar, Progress { stage: "steps", done, of: Some(of), unit: "steps" });
        }
        self.bar.set_position(done);
    }

    /// A line on standard error, above the bar. Standard error may be closed; that is no reason to fail.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{}", text::tame(&text::with_flags(line)));
        });
    }

    /// Prints for people: whatever could drive a terminal is escaped.
    pub(crate) fn tell(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let mut out = text::Tamed::new(io::BufWriter::new(io::stdout().lock()));
        write(&mut out).and_then(|()| out.flush()).map_err(output)
    }

    /// Prints for programs: the bytes as they are.
    pub(crate) fn print(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let mut out = io::BufWriter::new(io::stdout().lock());
        write(&mut out).and_then(|()| out.flush()).map_err(output)
    }

    /// Prints one JSON object on a line.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.print(|out| {
            serde_json::to_writer(&mut *out, value)?;
            writeln!(out)
        })
    }

    /// Writes a file or standard output: what goes to standard output cannot be taken back, a file appears whole or not
    /// at all.
    pub(crate) fn to_file_or_stdout(
        &self,
        path: Option<&Path>,
        replace: Replace,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match path {
            Some(path) => Ok(artefact::publish_file(path, replace, fill)?),
            None => {
                let mut out = io::BufWriter::new(io::stdout());
                fill(&mut out).and_then(|()| out.flush()).map_err(output)
            }
        }
    }
}

/// A progress bar on standard error, hidden when that is no terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// Shows progress on the bar. Called on any thread and often, so all but a change of the stage is two stores.
fn follow(bar: ProgressBar) -> impl Fn(Progress) + Send + Sync + 'static {
    let (stage, length) = (AtomicPtr::new(std::ptr::null_mut()), AtomicU64::new(0));
    move |progress| {
        let (name, of) = (progress.stage.as_ptr().cast_mut(), progress.of.unwrap_or_default());
        // Both are looked at: a stage may come again over something longer.
        let is_as_long = length.swap(of, Ordering::Relaxed) == of;
        if stage.swap(name, Ordering::Relaxed) != name || !is_as_long {
            begin(&bar, progress);
        }
        bar.set_position(progress.done);
    }
}

fn begin(bar: &ProgressBar, progress: Progress) {
    let template = match progress.of {
        Some(_) => "{msg:<12} {wide_bar:.cyan/blue} {human_pos}/{human_len}  {per_sec}  {eta}",
        None => "{msg:<12} {spinner} {human_pos}  {elapsed}",
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_length(progress.of.unwrap_or_default());
    bar.set_message(progress.stage);
    bar.reset();
    bar.enable_steady_tick(Duration::from_millis(200));
}
