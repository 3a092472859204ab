//! `Verdict`: what stands between a listener and its clients, as a chain of questions with their evidence (tcp.md §4.4),
//! over the whole capture and over each ten seconds that show anything.
//!
//! Findings of the HO rules answer for certain; what the listener's own figures show answers `likely`. Rival
//! explanations are named, because a queue is never seen, only what it does.

mod judge;
mod look;
mod rivals;
mod windows;

pub(super) use judge::judge;
pub(super) use look::{Figures, Look, asks};
pub use windows::Window;
pub(super) use windows::{Place, Windows};

/// What stands between a listener and its clients, and why that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The conclusion.
    pub cause: Cause,
    /// The questions in their order, each with its answer and evidence.
    pub steps: Vec<Step>,
    /// Other explanations of the same packets.
    pub rivals: Vec<Rival>,
}

/// What stands between a listener and its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The application does not accept connections fast enough.
    AcceptQueueFull,
    /// The same, and SYN cookies answer: the server knows nothing of connections that are open for their clients.
    AcceptQueueFullBehindCookies,
    /// Too many half-open connections; SYNs are dropped.
    SynQueueFull,
    /// SYN cookies answer in place of the SYN queue, which is full or not used.
    SynCookies,
    /// Something before the listener drops SYNs, or the path loses them.
    FilterOrLoss,
    /// Clients do not complete their handshakes, which harms nobody yet.
    Incomplete,
}

/// One question of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is asked.
    pub question: Question,
    /// The answer.
    pub answer: Answer,
    /// What it rests on.
    pub because: String,
}

/// The questions, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Does it answer with SYN cookies?
    Cookies,
    /// Is its accept queue full?
    AcceptQueue,
    /// Is its SYN queue full?
    SynQueue,
    /// Are SYNs filtered or lost?
    Filter,
    /// Does somebody do this on purpose?
    Hostile,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Nothing says so.
    No,
    /// Its own figures say so, no rule does.
    Likely,
    /// A rule found it.
    Yes,
}

/// Another explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its name, as a kebab-case word.
    pub name: &'static str,
    /// How it would look the same, and what would tell it apart.
    pub text: &'static str,
}

/// Rules whose findings the chain uses.
pub(super) const RULES: [&str; 8] = ["AT001", "AT016", "HO001", "HO002", "HO003", "HO004", "HO005", "HO006"];
