//! The words of RFC 9293: sequence numbers, flags, options, segments, states, times. No bytes, no clock, no tables.

mod flags;
mod options;
mod segment;
mod seq;
mod state;
mod time;

pub use flags::Flags;
pub use options::{OptionFaults, Options, SackBlocks, Timestamps};
pub use segment::{Checksum, Endpoint, HeaderFaults, IpFields, Segment};
pub use seq::SeqNumber;
pub use state::{Certainty, State};
pub use time::{Duration, Timestamp};
