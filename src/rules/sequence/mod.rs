//! SQ: rules about sequence numbers, acknowledgments and windows.

mod bytes;
mod window;

use super::registry::rules;

rules! {
    /// ## What it reports
    /// Data that was acknowledged but not captured: a warning where more than 1 % of the bytes of that direction are
    /// missing. `unconfirmed`, and a note, where the sender was not seen again to tell.
    /// ## Why it matters
    /// The capture is incomplete, not the connection: what depends on every packet being there is not to be trusted.
    /// ## When it is normal
    /// A capture of one direction only, a mirror port that drops under load, an asymmetric route.
    /// ## Example
    /// ACK 1101 where everything up to 101 was captured, then the sender goes on at 1101.
    /// ## Source
    /// None: it judges the capture. The method is Wireshark's "ACKed segment that wasn't captured", told from SQ002 by
    /// what the sender does next.
    "SQ001" "acked-unseen" {
        severity: Note, source: "capture quality", since: "0.1",
        wants: [AckedUnseen, Ended], check: Connection(bytes::acked_unseen),
    }
    /// ## What it reports
    /// An acknowledgment of data that was never sent: its peer goes on from the old point. Needs both directions and
    /// no loss in the capture. Ten or more, each beyond the one before, are reported as `optimistic`.
    /// ## Why it matters
    /// It comes from a broken stack, from somebody who guesses (a blind attack), or from a receiver that acknowledges
    /// early to be sent more quickly than is fair.
    /// ## When it is normal
    /// Never, where everything was captured. The byte of a keep-alive or of a window probe may be acknowledged.
    /// ## Example
    /// Everything up to 101 was sent; ACK 9000101; the peer's next ACK still has sequence number 101.
    /// ## Source
    /// RFC 9293 §3.10.7.4, fifth check (an ACK beyond SND.NXT is answered and dropped); RFC 5961 §5.
    "SQ002" "ack-of-unsent" {
        severity: Error, source: "RFC 9293 §3.10.7.4; RFC 5961 §5", since: "0.1",
        wants: [AckOfUnsent], check: Connection(bytes::ack_of_unsent),
    }
    /// ## What it reports
    /// Payload that lies entirely outside its receiver's window: beyond its right edge (`beyond`), or so old that no
    /// window reaches back to it (`too-old`). Ten or more in a connection are a warning.
    /// ## Why it matters
    /// The receiver drops it. It is a forged segment, a stray from an old connection, or a sender that ignores the
    /// window.
    /// ## When it is normal
    /// An acknowledgment captured late moves the edge late; two segments' length, or an eighth of the largest window,
    /// is allowed for. Silent where the handshake was not captured, for the window's scale is unknown then, and
    /// taken back where data turns out to be missing from the capture.
    /// ## Example
    /// A window of 1000 from 101 on; 500 bytes at 9101.
    /// ## Source
    /// RFC 9293 §3.4, table 6, and §3.10.7.4, first check.
    "SQ003" "out-of-window" {
        severity: Note, source: "RFC 9293 §3.4, §3.10.7.4", since: "0.1",
        wants: [BeyondWindow, BeforeWindow, AckedUnseen], check: Connection(window::outside),
    }
    /// ## What it reports
    /// A segment that straddles the right edge of its receiver's window (`overrun`), or a receiver that moves that
    /// edge back (`shrunk`).
    /// ## Why it matters
    /// What lies beyond the edge must be sent again; a window taken back makes data that is on its way worthless.
    /// ## When it is normal
    /// A receiver short of memory, or an application that made its buffer smaller. The window of a SYN is not looked
    /// at.
    /// ## Example
    /// A window of 60000, then, at the same acknowledgment, one of 5000.
    /// ## Source
    /// RFC 9293 §3.8.6 (SHLD-14: do not shrink; MUST-34: be robust against it).
    "SQ004" "window-misused" {
        severity: Note, source: "RFC 9293 §3.8.6 (SHLD-14, MUST-34)", since: "0.1",
        wants: [BeyondWindow, WindowShrunk, AckedUnseen], check: Connection(window::misused),
    }
    /// ## What it reports
    /// A window that was closed for 5 s or more while the peer probed it, for it had data to send; 30 s are a warning.
    /// ## Why it matters
    /// The receiving application does not read: it hangs, is overloaded, or starves its peer on purpose.
    /// ## When it is normal
    /// A paused download or video. The peer must probe for ever (MUST-36), so it costs a socket for as long.
    /// ## Example
    /// ACK with window 0 at 1 s, a probe each second, window 8000 at 9 s.
    /// ## Source
    /// RFC 9293 §3.8.6.1 (MAY-8, MUST-36, MUST-37); RFC 6429.
    "SQ005" "zero-window-stall" {
        severity: Note, source: "RFC 9293 §3.8.6.1; RFC 6429", since: "0.1",
        wants: [ZeroWindowEnded, Ended], check: Connection(window::stalled),
    }
    /// ## What it reports
    /// The same sequence numbers sent again with other bytes. Only segments of equal length are compared, each with
    /// the last 16 of its direction; both must be captured whole and have no bad checksum, and no data of the
    /// connection may be missing.
    /// ## Why it matters
    /// One receiver keeps the first bytes, another the last: what a monitor reads is not what the application reads.
    /// Somebody injects data, or tries to evade inspection.
    /// ## When it is normal
    /// The byte of a keep-alive or of a window probe may be anything and is not compared.
    /// ## Example
    /// `AAAA` at 101, and 200 ms later `BBBB` at 101.
    /// ## Source
    /// RFC 9293 §3.10.7.4, seventh check (what was received is not received again); RFC 5722 tells of the same for
    /// fragments.
    "SQ006" "overlap-conflict" {
        severity: Error, source: "RFC 9293 §3.10.7.4", since: "0.1",
        wants: [PayloadChanged], check: Connection(bytes::overlap_conflict),
    }
    /// ## What it reports
    /// New data with an older timestamp than its sender used before. Five or more in a connection are a warning.
    /// ## Why it matters
    /// The receiver takes it for an old duplicate and drops it, again and again. Its clock was set back, a middlebox
    /// mixes two hosts, or it is forged.
    /// ## When it is normal
    /// After 24 days of silence the timestamp may have wrapped. Segments that merely arrive late are not new data.
    /// ## Example
    /// Data with timestamp 1002, then the next data with 400.
    /// ## Source
    /// RFC 7323 §5.
    "SQ007" "paws-reject" {
        severity: Note, source: "RFC 7323 §5", since: "0.1",
        wants: [OldTimestamp], check: Connection(bytes::old_timestamp),
    }
    /// ## What it reports
    /// A RST that its receiver does not act on: outside the window (`outside`), inside but not at its edge
    /// (`in-window`, answered with a challenge ACK), or without acknowledging the SYN in SYN_SENT (`syn-sent`).
    /// ## Why it matters
    /// Somebody may try to end the connection blindly, by guessing.
    /// ## When it is normal
    /// `in-window` is often honest: the RST follows data that was not captured. It is a note where data is known to be
    /// missing or the receiver had closed already. A RST that answers a segment of the receiver is never meant.
    /// ## Example
    /// An open connection at 101 with a window of 64240; RST 901101.
    /// ## Source
    /// RFC 9293 §3.10.7.4, second check, and §3.10.7.3; RFC 5961 §3.
    "SQ008" "rst-unacceptable" {
        severity: Warning, source: "RFC 9293 §3.10.7.4; RFC 5961 §3", since: "0.1",
        wants: [ResetRefused], check: Connection(window::reset_refused),
    }
    /// ## What it reports
    /// A hundred pure ACKs within 10 s, from both ends, that repeat the same numbers, with nothing else in between.
    /// ## Why it matters
    /// Two ends that each hold the other's numbers for wrong answer each other for ever and fill the line.
    /// ## When it is normal
    /// Never. Keep-alives are left out.
    /// ## Example
    /// 200 ACKs in 2 s, in turn, with constant numbers.
    /// ## Source
    /// RFC 5961 §7 (throttling); Linux tcp_invalid_ratelimit.
    "SQ009" "ack-loop" {
        severity: Warning, source: "RFC 5961 §7", since: "0.1",
        wants: [AckLoop], check: Connection(bytes::ack_loop),
    }
}
