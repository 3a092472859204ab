//! Policies and verdicts, on reports made by hand.
