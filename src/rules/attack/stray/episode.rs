//! `Flood`: one flood of strays toward an address, and its finding.

use std::net::IpAddr;

use super::picture::Picture;
use crate::rules::attack::episode::{Episode, Grounds, confidence_word, percent, possible};
use crate::rules::attack::seconds::start_of;
use crate::rules::finding::Finding;
use crate::rules::words::counted;
use crate::tcp::Timestamp;

/// Which attack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attack {
    /// SYN+ACKs for SYNs that were forged (AT003).
    Reflection,
    /// Pages of devices that answer without a handshake (AT003).
    Middlebox,
    /// ACKs and payload (AT005).
    AckFlood,
    /// SYN+ACKs from everywhere: no services' answers to forged SYNs, but forged themselves (AT005).
    SynAckFlood,
    /// RSTs and FINs (AT006).
    ResetFlood,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Flood {
    attack: Attack,
    episode: Episode<2>,
    heard: Heard,
}

/// Strays, and what the receiver said to them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    pub tuples: u64,
    pub refused: u64,
    pub again: u64,
}

const COLUMNS: [&str; 2] = ["unexplained", "refused"];

impl Flood {
    pub fn new(attack: Attack, since: i64, raised: Timestamp) -> Self {
        let episode = Episode::new(since, start_of(since), raised);
        Self { attack, episode, heard: Heard::default() }
    }

    /// One more second.
    pub fn second(&mut self, second: i64, bad: u64, heard: &Heard) {
        self.episode.add(second, bad, [bad, heard.refused]);
        self.heard.tuples += heard.tuples;
        self.heard.refused += heard.refused;
        self.heard.again += heard.again;
    }

    /// The finding, as it stands; `speaks` where something else that the receiver sent was captured.
    pub fn finding(&self, addr: IpAddr, picture: Option<&Picture>, speaks: bool, now: Timestamp) -> Finding {
        let refused = percent(self.heard.refused, self.heard.tuples);
        let proof = match self.attack {
            Attack::Reflection | Attack::Middlebox => refused >= 20,
            Attack::AckFlood | Attack::SynAckFlood | Attack::ResetFlood => refused >= 50,
        };
        let lasted = self.episode.lasted(now);
        let confidence = Grounds { both_directions: speaks || refused > 0, proof, lasted }.confidence();
        let (id, variant, mut what, advice) = words(self.attack);
        if self.attack == Attack::AckFlood && picture.is_some_and(|p| !p.is_of_acks()) {
            what = "flood of segments without ACK";
        }
        let sources = picture.map_or(0, Picture::sources);
        let message = format!(
            "{}{what} on {addr}: {} segments of no connection in {lasted}, up to {} a second, from about {}; {refused} % of them were answered with a RST; confidence {}: {advice}",
            possible(confidence),
            self.episode.count,
            self.episode.peak,
            counted(sources, "address", "addresses"),
            confidence_word(confidence),
        );
        let mut evidence = vec![
            ("unexplained", self.episode.count.into()),
            ("refused_percent", refused.into()),
            ("receiver_seen", speaks.into()),
        ];
        evidence.extend(picture.iter().flat_map(|p| p.evidence()));
        let key = (id, addr.to_string());
        let mut finding = self.episode.finding(key, now, (confidence, message), COLUMNS, evidence);
        finding.frames = picture.map(|p| p.frames.sorted()).unwrap_or_default();
        finding.variant = variant;
        finding
    }
}

/// Rule, variant, name, and what to do.
fn words(attack: Attack) -> (&'static str, Option<&'static str>, &'static str, &'static str) {
    match attack {
        Attack::Reflection => (
            "AT003",
            Some("victim"),
            "reflected SYN+ACK flood",
            "others answer SYNs forged in its name; drop SYN+ACKs that belong to no connection before the host, and report the reflectors",
        ),
        Attack::Middlebox => (
            "AT003",
            Some("middlebox"),
            "flood of pages reflected by middleboxes",
            "drop segments that belong to no connection before the host, and report the middleboxes",
        ),
        Attack::AckFlood => {
            ("AT005", None, "ACK flood", "a filter that knows connections in front of the host stops it")
        }
        Attack::SynAckFlood => (
            "AT005",
            Some("syn-ack"),
            "flood of SYN+ACKs",
            "a filter that knows connections in front of the host stops it",
        ),
        Attack::ResetFlood => (
            "AT006",
            Some("out-of-state"),
            "flood of RSTs or FINs",
            "a filter that knows connections in front of the host stops it",
        ),
    }
}
