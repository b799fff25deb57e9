//! Keeps the heap: by default glibc gives every large block back to the system when it is freed, and a training step
//! frees thousands.

#![expect(unsafe_code, reason = "the allocator's settings are only reachable through libc")]

/// Blocks up to this size come from the heap and stay there.
const LARGEST_KEPT_BYTES: libc::c_int = 1 << 30;

/// Tells glibc to keep freed memory. Elsewhere it does nothing.
pub(crate) fn keep_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `mallopt` only sets parameters of the allocator, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGEST_KEPT_BYTES);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}
