//! Bytes made by one thread and written by another.

use crate::error::Result;
use footpath_core::{Context, Error};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// Bytes gathered before they are handed over, when they come in drops.
const PIECE_BYTES: usize = 1 << 20;

/// Bytes written without a look at whether to stop.
const PART_BYTES: usize = 1 << 18;
/// How long a thread of a pool rests where nothing is to be done.
const REST: Duration = Duration::from_micros(50);

/// Buffers on their way.
type Buffers = Vec<Vec<u8>>;

/// The end that is fed. What is sent when one batch waits already blocks, so memory is bounded.
pub(super) struct Pipe {
    full: SyncSender<Buffers>,
    spent: Receiver<Buffers>,
    drops: Vec<u8>,
}

impl Pipe {
    /// Buffers that were written, to be filled again; none at the start.
    pub(super) fn empty_buffers(&self) -> Buffers {
        self.spent.try_recv().unwrap_or_default()
    }

    /// Hands buffers over; false when whoever writes them has failed, and there is no use in going on.
    pub(super) fn send(&self, buffers: Buffers) -> bool {
        self.full.send(buffers).is_ok()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.drops.extend_from_slice(bytes);
        if self.drops.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let drops = std::mem::take(&mut self.drops);
        if drops.is_empty() || self.send(vec![drops]) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }
}

/// Runs `produce` on a thread of its own and writes on this one what comes through the pipe. `out` need not be able to
/// change threads.
///
/// # Errors
/// [`Error::Io`] when `out` refuses, whatever came of `produce` then; otherwise the error of `produce`.
pub(super) fn piped<T: Send>(
    out: &mut dyn Write,
    context: &Context,
    produce: impl FnOnce(&mut Pipe) -> Result<T> + Send,
) -> Result<T> {
    let (full, formatted) = sync_channel(1);
    let (written, spent) = channel();
    thread::scope(|scope| {
        let producer = scope.spawn(move || {
            let mut pipe = Pipe { full, spent, drops: Vec::new() };
            let made = produce(&mut pipe)?;
            // A failure of the writer is reported there.
            let _ = pipe.flush();
            Ok(made)
        });
        let drained = drain(formatted, &written, context, out).map_err(Error::io("output"));
        while !producer.is_finished() && help() {}
        let made = producer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        drained?;
        made
    })
}

fn drain(
    formatted: Receiver<Buffers>,
    written: &Sender<Buffers>,
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    while let Some(buffers) = next(&formatted) {
        // Whoever reads at the other end may be slow.
        for part in buffers.iter().flat_map(|buffer| buffer.chunks(PART_BYTES)) {
            context.check()?;
            out.write_all(part)?;
        }
        // Whoever fills buffers may have ended.
        let _ = written.send(buffers);
    }
    Ok(())
}

/// The next buffers; none when whoever fills them has ended.
fn next(formatted: &Receiver<Buffers>) -> Option<Buffers> {
    loop {
        match formatted.try_recv() {
            Ok(buffers) => return Some(buffers),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if help() => {}
            Err(TryRecvError::Empty) => return formatted.recv().ok(),
        }
    }
}

/// On a thread of a pool, does some of the pool's work, or rests for a moment. The producer may be waiting for just
/// that work, which this thread would keep it from by waiting for the producer. False on any other thread.
fn help() -> bool {
    match rayon::yield_now() {
        Some(rayon::Yield::Idle) => thread::sleep(REST),
        Some(rayon::Yield::Executed) => {}
        None => return false,
    }
    true
}
