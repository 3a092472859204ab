//! What the tests share: scripts and transcripts to packets, packets through the library, results to compare.

pub mod captures;
pub mod frames;
pub mod known;
pub mod live;
pub mod network;
pub mod packet;
pub mod program;
pub mod run;
pub mod script;
pub mod shared;
pub mod traffic;
pub mod transcript;
pub mod watched;
