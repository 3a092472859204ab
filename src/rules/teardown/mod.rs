//! TD: rules about how a connection ends.

mod fin;
mod reset;

use super::registry::rules;

rules! {
    /// ## What it reports
    /// A FIN that its peer never acknowledged: sent three times or more, or followed for a second or more by segments
    /// of a peer that takes no notice. Not said of a FIN sent in the last 3 s of what was captured, of a connection
    /// that a RST ended, or where only one direction was captured.
    /// ## Why it matters
    /// The sender is stuck in FIN_WAIT_1 or LAST_ACK until it gives up, minutes later. The peer is gone, or what it
    /// sends no longer arrives.
    /// ## When it is normal
    /// A host that went to sleep or left the network.
    /// ## Example
    /// FIN at 1.0, 1.3, 1.9 and 3.1 s, and no answer by 10 s.
    /// ## Source
    /// RFC 9293 §3.6 and §3.8.3 (a FIN is sent again like data).
    "TD001" "fin-unacked" {
        severity: Warning, source: "RFC 9293 §3.6, §3.8.3", since: "0.1",
        wants: [Ended], check: Connection(fin::unacknowledged),
    }
    /// ## What it reports
    /// A peer that acknowledges everything but the FIN: twice or more, a round trip or more after the FIN reached it,
    /// while the FIN is sent again, and never the FIN itself. Needs both directions and no loss in the capture.
    /// ## Why it matters
    /// A FIN takes one sequence number. A peer that does not count it keeps the sender in FIN_WAIT_1 for ever.
    /// ## When it is normal
    /// Never; a FIN that is lost behind the capture point looks the same until it is sent again and arrives.
    /// ## Example
    /// FIN 101 (ends at 102), ACK 101, FIN 101 again, ACK 101 again.
    /// ## Source
    /// RFC 9293 §3.4 (SYN and FIN are in the sequence space), figure 12.
    "TD002" "fin-ack-off-by-one" {
        severity: Error, source: "RFC 9293 §3.4", since: "0.1",
        wants: [Ended], check: Connection(fin::left_out),
    }
    /// ## What it reports
    /// Payload after the own FIN (`data-after-fin`), or a second FIN that ends elsewhere than the first
    /// (`fin-moved`). A warning instead of an error where only one direction was captured, or where the TTL is not the
    /// one that the sender used otherwise: then it may come from somebody else. Nothing is said of segments with a
    /// bad checksum.
    /// ## Why it matters
    /// FIN means: no more data from me. A receiver drops what comes after; a monitor that keeps it sees what the
    /// application never got.
    /// ## When it is normal
    /// Never. A FIN sent again with the data before it is a retransmission and not meant here.
    /// ## Example
    /// FIN 101, acknowledged with 102, then 4 bytes at 102.
    /// ## Source
    /// RFC 9293 §3.6, §3.10.4 (CLOSE: no further SEND).
    "TD003" "fin-violated" {
        severity: Error, source: "RFC 9293 §3.6, §3.10.4", since: "0.1",
        wants: [DataAfterFin, FinMoved], check: Connection(fin::violated),
    }
    /// ## What it reports
    /// One FIN is acknowledged and the other side neither closes nor resets: it is silent for 60 s or more
    /// (`close-wait-idle`), or sends for 300 s or more (`half-close-active`). A warning from 300 s on. Not said where the
    /// peer has last acknowledged something that was not captured: it may be the FIN.
    /// ## Why it matters
    /// A side that stays silent in CLOSE_WAIT has mostly forgotten to close its socket. It is never cleaned up, for no
    /// stack has a timer for CLOSE_WAIT.
    /// ## When it is normal
    /// A half-closed connection is legal: send the request, close, read the long answer. Linux gives up a side whose
    /// application is gone after 60 s in FIN_WAIT_2 (tcp_fin_timeout), unseen on the wire.
    /// ## Example
    /// FIN at 1 s, acknowledged at once, and nothing until 70 s.
    /// ## Source
    /// RFC 9293 §3.6.1; Linux tcp_fin_timeout.
    "TD004" "half-close-linger" {
        severity: Note, source: "RFC 9293 §3.6.1", since: "0.1",
        wants: [Ended], check: Connection(fin::lingering),
    }
    /// ## What it reports
    /// A connection that ends with a RST that its receiver acts on: without a FIN before (`abort`), after a FIN of
    /// the same side (`rst-after-fin`), or as the answer of a host that has no such connection any more
    /// (`late-data`).
    /// ## Why it matters
    /// Data that was on its way is lost without a word, in both directions.
    /// ## When it is normal
    /// Very often: browsers and load balancers close so to save TIME_WAIT; closing a socket with unread data does.
    /// ## Example
    /// Data is acknowledged up to 102, then RST+ACK 102.
    /// ## Source
    /// RFC 9293 §3.5.2, §3.6.1 (SHLD-2, SHLD-3).
    "TD005" "abortive-close" {
        severity: Note, source: "RFC 9293 §3.5.2, §3.6.1", since: "0.1",
        wants: [Reset, ResetNotObeyed], check: Connection(reset::aborted),
    }
}
