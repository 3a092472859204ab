//! Report to bytes.
