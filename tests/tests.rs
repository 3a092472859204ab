//! The one test program; its modules say what belongs where.

mod readers;
