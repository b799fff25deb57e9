//! Path patterns.
