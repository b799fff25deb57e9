//! A child made by `fork` has the memory of its parent and none of its threads. A test binary of its own, with one
//! test, so that no other thread holds a lock at the moment of the call.

#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "fork, waitpid and _exit are calls of the system")]

use footpath_core::{Context, Threads};
use rayon::prelude::*;
use std::time::{Duration, Instant};

fn sum(context: &Context) -> Option<u64> {
    context.run(|| (0..1_000u32).into_par_iter().map(u64::from).sum()).ok()
}

/// The exit status of a child, which is killed if it hangs.
fn status_of(child: libc::pid_t) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let mut status = 0;
        // SAFETY: `status` outlives the call, which waits for nothing.
        if unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child {
            return libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // SAFETY: the child is ours and has not been waited for, so the number is still its own.
    unsafe { libc::kill(child, libc::SIGKILL) };
    None
}

#[test]
fn a_child_of_fork_works_on_threads_of_its_own() {
    let context = Context::default().with_threads(Threads::new(2).expect("few"));
    assert_eq!(sum(&context), Some(499_500), "the threads of the parent are made before");
    // SAFETY: no thread of the pool holds a lock while it is idle, and the child ends without going back to the
    // harness.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = i32::from(sum(&context) != Some(499_500));
        // SAFETY: ends this process and touches nothing.
        unsafe { libc::_exit(status) };
    }
    assert_eq!(status_of(child), Some(0), "the child ends, and with the right sum");
    assert_eq!(sum(&context), Some(499_500), "the parent goes on");
}
