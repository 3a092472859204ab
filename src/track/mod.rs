//! Segment to event: what happened to each connection, never whether it was right.

mod record;
mod shape;

pub use record::{
    Class, Close, Closer, Confidence, Ended, Ends, Flow, HalfOpen, HalfOpenEnd, Open, Reason, Record, Role,
    RoleBasis, Roles, Rtt, TimeWait, TimeWaitEnd, Transition, Visibility,
};
pub use shape::{CloseOutcome, CloseShape, OpenOutcome, OpenShape};
