//! Interrupts: a verb that can stop cleanly holds a [`Polite`] and polls its flag; every other is ended after its half-written output is removed.

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static RECEIVED: AtomicI32 = AtomicI32::new(0);
static POLITE: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

/// Starts listening.
pub(crate) fn install() {
    footpath_core::last_words::end_in_words();
    // A file that grows past its limit must be an error message, not a death.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    // Where no thread is to be had, a signal ends the program as it ends any other.
    let _ = std::thread::Builder::new().spawn(move || {
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

/// While this lives the first interrupt only sets [`Polite::flag`]; a second one ends the program.
#[derive(Debug)]
pub(crate) struct Polite(());

impl Polite {
    pub(crate) fn new() -> Self {
        POLITE.store(true, Ordering::SeqCst);
        Self(())
    }

    /// Set once the program has been asked to stop.
    pub(crate) fn flag(&self) -> &'static AtomicBool {
        &STOP
    }
}

impl Drop for Polite {
    fn drop(&mut self) {
        POLITE.store(false, Ordering::SeqCst);
    }
}

/// 128 + the signal.
pub(crate) fn exit_code() -> u8 {
    u8::try_from(128 + RECEIVED.load(Ordering::SeqCst)).unwrap_or(130)
}
