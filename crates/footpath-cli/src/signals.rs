//! Interrupts: the first SIGINT or SIGTERM asks the verb to stop, which it does cleanly within moments. One that has
//! something to save first is waited for; any other is ended when it has not stopped by itself, after its half-written
//! output is removed. A second signal ends the program at once.

use footpath::{Stop, artefact};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a verb with nothing to save has to stop by itself: it may be waiting for a pipe, or for the disk.
const GRACE: Duration = Duration::from_millis(150);

static RECEIVED: AtomicI32 = AtomicI32::new(0);
static SAVES: AtomicBool = AtomicBool::new(false);
static STOP: OnceLock<Stop> = OnceLock::new();

/// The flag that the first signal sets.
pub(crate) fn stop() -> Stop {
    STOP.get_or_init(Stop::default).clone()
}

/// Starts listening.
pub(crate) fn install() {
    // A file that grows past its limit must be an error message, not a death.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    // Without a thread to listen, signals do what they do by default.
    let _ = std::thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            if RECEIVED.swap(signal, Ordering::SeqCst) != 0 {
                end();
            }
            stop().request();
            if !SAVES.load(Ordering::SeqCst) {
                std::thread::sleep(GRACE);
                end();
            }
        }
    });
}

/// Ends the program; nothing half-written stays.
fn end() -> ! {
    artefact::remove_unfinished();
    std::process::exit(i32::from(exit_code()));
}

/// While this lives, a verb that is asked to stop is waited for: it writes a checkpoint.
#[derive(Debug)]
pub(crate) struct Saving(());

impl Saving {
    pub(crate) fn new() -> Self {
        SAVES.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        SAVES.store(false, Ordering::SeqCst);
    }
}

/// 128 + the signal.
pub(crate) fn exit_code() -> u8 {
    match RECEIVED.load(Ordering::SeqCst) {
        0 => 130,
        signal => u8::try_from(128 + signal).unwrap_or(130),
    }
}
