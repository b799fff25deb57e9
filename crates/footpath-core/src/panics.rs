//! Panics of libraries that read what may be damaged.
//!
//! A library whose reader ends in a panic where a file is not what it should be is asked here, so that what is wrong
//! becomes an error like others and nothing of it is printed.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is caught and told by whoever caught it.
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or the message of the panic that it ended in. What `work` was at is in no state to be used again
/// after a panic.
///
/// # Errors
/// The message of the panic.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(tell_only_what_nobody_tells);
    let before = IS_TOLD.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_TOLD.set(before);
    done.map_err(|payload| message(payload.as_ref()))
}

/// Puts a hook before that of the program, which passes on what is not caught.
fn tell_only_what_nobody_tells() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if !IS_TOLD.get() {
            before(info);
        }
    }));
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_what_is_well_passes() {
        assert_eq!(caught(|| 7), Ok(7));
        let inner = || caught(|| panic!("of {}", "two parts"));
        assert_eq!(caught(inner), Ok(Err::<(), _>("of two parts".to_owned())));
        assert_eq!(caught(|| -> () { panic!("plain") }), Err("plain".to_owned()));
        assert!(!IS_TOLD.get());
    }
}
