//! Legal successors.
