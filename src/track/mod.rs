//! Segment to event: what happened to each connection, never whether it was right.

mod agreed;
mod cells;
mod closing;
mod connection;
mod event;
mod figures;
mod finish;
mod flow;
mod frozen;
mod gaps;
mod half_open;
mod header;
mod life;
mod opening;
mod packed;
mod partition;
mod peer;
mod record;
mod reset;
mod rings;
mod shape;
mod signs;
mod space;
mod steps;
mod stray;
mod succession;
mod table;
mod time_wait;
mod timers;
mod wireshark;
mod zeek;

pub use agreed::{Departure, Offer};
pub use closing::CloseTrack;
pub use connection::{Connection, Observer};
pub use event::{Event, Fact, Kind, ResetClass};
pub use flow::{FlowKey, PARTITIONS};
pub use gaps::Gaps;
pub use header::Header;
pub use life::LifeTrack;
pub use opening::{Labels, OpenTrack};
pub use partition::{Partition, Taken};
pub use peer::{Peer, Window};
pub use record::{
    Class, Close, Closer, Confidence, Ended, Ends, Flow, HalfOpen, HalfOpenEnd, Open, Reason, Record, Role,
    RoleBasis, Roles, Rtt, TimeWait, TimeWaitEnd, Transition, Visibility,
};
pub use shape::{CloseOutcome, CloseShape, OpenOutcome, OpenShape};
pub use signs::{Guesses, Overlaid, Replaced, ResetBurst, Signs, Usual};
pub use space::{Placement, SendSpace};
pub use stray::StrayKind;
pub use succession::Tracked;
