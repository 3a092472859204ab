//! `Second`: the connection attempts that began in one second, and what came of them.

/// Attempts begun in one second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Second {
    /// New attempts: 4-tuple and ISN not seen before.
    pub syns: u32,
    /// Of these, completed by now.
    pub completed: u32,
    /// Of these, refused by the server.
    pub refused: u32,
    /// Of these, cancelled by the client.
    pub cancelled: u32,
    /// First SYN+ACKs sent in this second.
    pub answered: u32,
}

impl Second {
    /// Neither completed, refused nor cancelled.
    pub fn unfinished(&self) -> u64 {
        let settled = self.completed.saturating_add(self.refused).saturating_add(self.cancelled);
        u64::from(self.syns.saturating_sub(settled))
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The handshake was completed.
    Completed,
    /// A RST of the server.
    Refused,
    /// A RST of the client, for the SYN+ACK.
    Cancelled,
}

/// Attempts that were settled, and are held against a victim's clients all the same: nobody honest makes so many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wasted {
    /// Those that the server refused.
    pub refused: bool,
    /// Those that the client cancelled.
    pub cancelled: bool,
}

impl Wasted {
    /// The second as if these had come to nothing.
    pub fn of(self, s: Second) -> Second {
        Second {
            refused: if self.refused { 0 } else { s.refused },
            cancelled: if self.cancelled { 0 } else { s.cancelled },
            ..s
        }
    }
}
