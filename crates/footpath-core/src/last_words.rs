//! What a program says before it ends where it would end without a word, or with a status of its own.
//!
//! To read a map past the end that its file has by then raises SIGBUS. Footpath never cuts a file of an artefact short,
//! and maps nothing else; but somebody else may. A program that calls [`end_in_words`] says which file it was, and ends
//! with the exit status of a damaged artefact. Likewise, where memory runs out the standard library says so and aborts;
//! then it ends as where the machine refuses anything else. What was being written is left as if the program had been
//! killed, and is swept away by the next run that writes there.
//!
//! The handlers are those of the whole process: this is for programs, not for a library that others load.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

/// Most maps watched at a time; further ones end a process as they do without a handler.
const MAX_MAPS: usize = 256;
/// Longest message, in bytes.
const MAX_MESSAGE: usize = 512;

/// A map that is in use. A handler can neither lock nor allocate, so all of it is made of atomic numbers.
struct Slot {
    is_taken: AtomicBool,
    start: AtomicUsize,
    /// 0 while the slot is not filled.
    end: AtomicUsize,
    message: [AtomicU8; MAX_MESSAGE],
}

impl Slot {
    const fn empty() -> Self {
        Self {
            is_taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            message: [const { AtomicU8::new(0) }; MAX_MESSAGE],
        }
    }

    fn holds(&self, address: usize) -> bool {
        (self.start.load(Ordering::SeqCst)..self.end.load(Ordering::SeqCst)).contains(&address)
    }
}

static MAPS: [Slot; MAX_MAPS] = [const { Slot::empty() }; MAX_MAPS];

/// Keeps a map known to the handler.
#[derive(Debug)]
pub(crate) struct Watched(Option<usize>);

/// Makes a map of a file known.
pub(crate) fn watch(path: &Path, map: &[u8]) -> Watched {
    let free = |slot: &Slot| !slot.is_taken.swap(true, Ordering::SeqCst);
    let Some(index) = MAPS.iter().position(free) else { return Watched(None) };
    let shown = path.display().to_string();
    let message = format!("footpath: {}: cut short while it was read; make it again\n", shown.escape_debug());
    if let Some(slot) = MAPS.get(index) {
        let bytes = message.bytes().chain(std::iter::repeat(0));
        slot.message.iter().zip(bytes).for_each(|(place, byte)| place.store(byte, Ordering::SeqCst));
        slot.start.store(map.as_ptr().addr(), Ordering::SeqCst);
        slot.end.store(map.as_ptr().addr() + map.len(), Ordering::SeqCst);
    }
    Watched(Some(index))
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(slot) = self.0.and_then(|index| MAPS.get(index)) {
            slot.end.store(0, Ordering::SeqCst);
            slot.is_taken.store(false, Ordering::SeqCst);
        }
    }
}

#[cfg(unix)]
pub use unix::end_in_words;

/// Elsewhere a mapped file cannot be cut short, or ends a program as it will.
#[cfg(not(unix))]
pub fn end_in_words() {}

#[cfg(unix)]
mod unix {
    #![expect(unsafe_code, reason = "a handler of signals is set and ended by calls of the C library")]

    use super::{MAPS, MAX_MESSAGE};
    use std::sync::OnceLock;
    use std::sync::atomic::Ordering;

    /// Exit status of a damaged artefact.
    const DAMAGED: libc::c_int = 4;
    /// Exit status where the machine refused.
    const REFUSED: libc::c_int = 1;

    /// What SIGBUS did before.
    static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

    /// From now on a map that is cut short ends the process with a message that names the file and with exit status 4,
    /// and an abort, before which the standard library says why, with exit status 1.
    pub fn end_in_words() {
        if BEFORE.get().is_some() {
            return;
        }
        // SAFETY: a `sigaction` of zeros is a valid value, and both pointers are to such values that live longer than
        // the calls. The handlers call nothing that may not be called in one.
        let before = unsafe {
            let (mut action, mut before) = (std::mem::zeroed::<libc::sigaction>(), std::mem::zeroed());
            action.sa_sigaction = on_abort as *const () as usize;
            libc::sigaction(libc::SIGABRT, &raw const action, std::ptr::null_mut());
            action.sa_sigaction = on_bus_error as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            if libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) != 0 {
                return;
            }
            before
        };
        let _ = BEFORE.set(before);
    }

    extern "C" fn on_abort(_: libc::c_int) {
        // SAFETY: may be called in a handler.
        unsafe { libc::_exit(REFUSED) }
    }

    extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: with SA_SIGINFO the system hands over a valid pointer.
        let address = unsafe { (*info).si_addr() }.addr();
        let Some(slot) = MAPS.iter().find(|slot| slot.holds(address)) else {
            // Not ours: the instruction is tried again, and then whatever was there before has the word.
            let default = || libc::sigaction { sa_sigaction: libc::SIG_DFL, ..unsafe { std::mem::zeroed() } };
            let before = BEFORE.get().copied().unwrap_or_else(default);
            // SAFETY: as above.
            unsafe { libc::sigaction(libc::SIGBUS, &raw const before, std::ptr::null_mut()) };
            return;
        };
        let mut message = [0; MAX_MESSAGE];
        message.iter_mut().zip(&slot.message).for_each(|(byte, place)| *byte = place.load(Ordering::SeqCst));
        let len = message.iter().position(|&byte| byte == 0).unwrap_or(MAX_MESSAGE);
        // SAFETY: so many bytes are there; both calls may be made in a handler.
        unsafe {
            libc::write(libc::STDERR_FILENO, message.as_ptr().cast(), len);
            libc::_exit(DAMAGED);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use crate::artefact::{Artefact, ArtefactKind, ArtefactWriter, Replace};
    use crate::{ArrayFile, ArrayWriter, Context};
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// Set in the process that is to end.
    const PLACE: &str = "FOOTPATH_TEST_CUT_MAP";

    /// Runs a test of this module in a process of its own, which is told where by the environment.
    fn in_a_process_of_its_own(test: &str, place: &Path) -> std::process::Output {
        let mut this = Command::new(std::env::current_exe().expect("this program"));
        let name = format!("last_words::tests::{test}");
        this.args(["--exact", &name, "--nocapture"]).env(PLACE, place).output().expect("started")
    }

    #[test]
    fn where_memory_runs_out_the_status_is_that_of_a_refusal() {
        if std::env::var(PLACE).is_ok() {
            super::end_in_words();
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<u64>());
        }
        let ended =
            in_a_process_of_its_own("where_memory_runs_out_the_status_is_that_of_a_refusal", Path::new("anywhere"));
        let message = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{message}");
        assert!(message.contains("memory allocation of 8 bytes failed"), "{message}");
    }

    #[test]
    fn a_map_that_is_cut_short_ends_the_process_with_its_name() {
        if let Ok(place) = std::env::var(PLACE) {
            let place = PathBuf::from(place);
            super::end_in_words();
            let artefact = Artefact::open(&place, ArtefactKind::Kg, &Context::default()).expect("opens");
            let path = artefact.file("x.safetensors").expect("listed");
            let array = ArrayFile::open(&path).and_then(|file| file.array::<u32>("x")).expect("an array");
            File::options().write(true).open(&path).and_then(|file| file.set_len(4096)).expect("cut short");
            std::hint::black_box(array.iter().map(|&x| u64::from(x)).sum::<u64>());
            return;
        }
        let root = tempfile::tempdir().expect("temporary directory");
        let place = root.path().join("kg\u{1b}[31m");
        let mut writer = ArtefactWriter::create(&place, ArtefactKind::Kg, Replace::No).expect("created");
        let numbers = vec![1u32; 1 << 20];
        writer
            .add("x.safetensors", |out| ArrayWriter::default().with("x", &numbers).write(&mut { out }))
            .expect("written");
        writer.publish(BTreeMap::new(), serde_json::Value::Null).expect("published");
        let ended = in_a_process_of_its_own("a_map_that_is_cut_short_ends_the_process_with_its_name", &place);
        let message = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(4), "{message}");
        assert!(message.contains("x.safetensors: cut short while it was read"), "{message}");
        assert!(!message.contains('\u{1b}'), "{message}");
    }
}
