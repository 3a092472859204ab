//! `Word`: the printed word of every enum in a record, one place for tables, CSV, JSON and its schema.

use crate::engine::{Answer, Cause, IdleReason, Question, RestartKind};
use crate::tcp::{Certainty, State};
use crate::track::{
    Class, CloseOutcome, CloseShape, Closer, Confidence, Ended, HalfOpenEnd, OpenOutcome, OpenShape, Reason,
    Role, RoleBasis, TimeWaitEnd,
};

use crate::rules::Severity;

/// A value that is one word out of a fixed list.
pub trait Word: Copy + 'static {
    /// Name of the list, such as `CloseShape`.
    const LIST: &'static str;
    /// Every value, in the order of declaration.
    const ALL: &'static [Self];
    /// What is printed for this value.
    fn word(self) -> &'static str;
}

/// Every word of a list.
pub fn words<T: Word>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.word()).collect()
}

/// Gives an enum its words. The match has no wildcard, so a new variant does not compile until it has a word here.
macro_rules! words {
    ($($list:ident { $($variant:ident => $word:literal),+ $(,)? })+) => {$(
        impl Word for $list {
            const LIST: &'static str = stringify!($list);
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    )+};
}

words! {
    Role { Client => "client", Server => "server" }
    Closer { Client => "client", Server => "server", Both => "both" }
    Class { Short => "short", Long => "long" }
    Severity { Note => "note", Warning => "warning", Error => "error" }
    Confidence { Guess => "guess", Low => "low", Medium => "medium", High => "high", Certain => "certain" }
    Certainty { Observed => "observed", Inferred => "inferred", Assumed => "assumed" }
    RoleBasis {
        Syn => "syn", SynAck => "syn-ack", Refusal => "refusal", KnownListener => "known-listener",
        ServicePort => "service-port", EphemeralPort => "ephemeral-port", FirstPayload => "first-payload",
        FirstSegment => "first-segment",
    }
    Reason {
        SynSent => "syn-sent", SynAckSent => "syn-ack-sent", SynReceived => "syn-received",
        SynAckReceived => "syn-ack-received", AckSent => "ack-sent", AckReceived => "ack-received",
        FinSent => "fin-sent", FinReceived => "fin-received", FinAckSent => "fin-ack-sent",
        FinAckReceived => "fin-ack-received", ResetSent => "reset-sent", ResetReceived => "reset-received",
        Midstream => "midstream", Timeout => "timeout", RolledBack => "rolled-back",
    }
    OpenShape {
        ThreeWay => "three-way", SimultaneousOpen => "simultaneous-open", SynData => "syn-data",
        TfoAccepted => "tfo-accepted", TfoIgnored => "tfo-ignored", Reordered => "reordered",
        SynMissing => "syn-missing", SynAckMissing => "synack-missing", Midstream => "midstream",
        ClientCancelled => "client-cancelled", OldDuplicateRecovered => "old-duplicate-recovered",
        HalfOpenAtEnd => "half-open-at-end",
    }
    OpenOutcome {
        Complete => "complete", HalfOpen => "half-open", Refused => "refused", Unanswered => "unanswered",
        Cancelled => "cancelled", NotCaptured => "not-captured",
    }
    CloseShape {
        FourSegment => "four-segment", ThreeSegment => "three-segment", SimultaneousClose => "simultaneous-close",
        HalfClose => "half-close", Abort => "abort", RstAfterFin => "rst-after-fin", None => "none",
    }
    CloseOutcome {
        Graceful => "graceful", Aborted => "aborted", HalfClosed => "half-closed", Open => "open",
        Unknown => "unknown",
    }
    TimeWaitEnd {
        Reopened => "reopened", Assassinated => "assassinated", Gone => "gone", Refused => "refused",
        Expired => "expired", Censored => "censored",
    }
    HalfOpenEnd {
        Completed => "completed", Cancelled => "cancelled", Aborted => "aborted", Expired => "expired",
        Replaced => "replaced", Censored => "censored",
    }
    Cause {
        AcceptQueueFull => "accept-queue-full",
        AcceptQueueFullBehindCookies => "accept-queue-full-behind-cookies", SynQueueFull => "syn-queue-full", SynCookies => "syn-cookies",
        FilterOrLoss => "filter-or-loss", Incomplete => "incomplete",
    }
    Question {
        Cookies => "cookies", AcceptQueue => "accept-queue", SynQueue => "syn-queue", Filter => "filter",
        Hostile => "hostile",
    }
    Answer { No => "no", Likely => "likely", Yes => "yes" }
    RestartKind {
        ReusedAddress => "so-reuseaddr", BindBlocked => "bind-blocked-suspected", Plain => "plain",
    }
    IdleReason {
        Idle => "idle", HalfClosed => "half-closed", ZeroWindow => "zero-window", CloseWait => "close-wait",
    }
    Ended {
        Closed => "closed", Abandoned => "abandoned", Reused => "reused", Evicted => "evicted",
        EndOfCapture => "end_of_capture",
    }
}

impl Word for State {
    const LIST: &'static str = "State";
    const ALL: &'static [Self] = &State::ALL;
    fn word(self) -> &'static str {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    fn agrees_with_serde<T: Word + Serialize>() {
        for &value in T::ALL {
            assert_eq!(serde_json::to_value(value).expect("a word"), value.word(), "{}", T::LIST);
        }
    }

    #[test]
    fn a_word_is_what_serde_writes() {
        agrees_with_serde::<Role>();
        agrees_with_serde::<Closer>();
        agrees_with_serde::<Class>();
        agrees_with_serde::<Severity>();
        agrees_with_serde::<Confidence>();
        agrees_with_serde::<RoleBasis>();
        agrees_with_serde::<Reason>();
        agrees_with_serde::<OpenShape>();
        agrees_with_serde::<OpenOutcome>();
        agrees_with_serde::<CloseShape>();
        agrees_with_serde::<CloseOutcome>();
        agrees_with_serde::<TimeWaitEnd>();
        agrees_with_serde::<HalfOpenEnd>();
        agrees_with_serde::<Ended>();
    }

    #[test]
    fn certainty_has_the_words_of_its_own_name() {
        assert!(Certainty::ALL.iter().all(|c| c.name() == c.word()));
    }
}
