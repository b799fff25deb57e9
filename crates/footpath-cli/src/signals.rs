//! Interrupts: a verb that can stop cleanly polls [`stop_flag`]; every other is ended after its half-written output is removed.

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static RECEIVED: AtomicI32 = AtomicI32::new(0);
static POLITE: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

/// Starts listening.
pub(crate) fn install() {
    // A file that grows past its limit must be an error message, not a death.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let first = RECEIVED.swap(signal, Ordering::SeqCst) == 0;
            if first && POLITE.load(Ordering::SeqCst) {
                STOP.store(true, Ordering::SeqCst);
            } else {
                footpath_core::artefact::remove_unfinished();
                std::process::exit(i32::from(exit_code()));
            }
        }
    });
}

/// From here on the first interrupt only sets the flag; a second one ends the program.
pub(crate) fn stop_flag() -> &'static AtomicBool {
    POLITE.store(true, Ordering::SeqCst);
    &STOP
}

/// 128 + the signal.
pub(crate) fn exit_code() -> u8 {
    u8::try_from(128 + RECEIVED.load(Ordering::SeqCst)).unwrap_or(130)
}
