//! `Profile`: what the SYNs of a suspected flood have in common, and whether their sources are forged (tcp.md AT001).

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::HashMap;
use serde_json::{Value, json};

use super::episode::percent;
use super::sketch::{Distinct, Top, hash_of};
use crate::rules::counter::Frames;
use crate::rules::key::Fed;
use crate::tcp::{Duration, Timestamp};
use crate::track::Header;

/// What one stack, or one tool, puts into every SYN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Signature {
    window: u16,
    mss: u16,
    layout: u32,
    flags: u16,
    scale: u8,
    /// The low 16 bits of the ISN are zero: no stack's choice (tcp.md M18).
    zero_isn: bool,
}

/// How the sources of a flood are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sources {
    /// Forged addresses.
    Spoofed,
    /// Hosts that send from their own.
    Direct,
    /// Some of either, or not to be told.
    Mixed,
}

impl Sources {
    /// The name of the variant.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spoofed => "spoofed",
            Self::Direct => "direct",
            Self::Mixed => "mixed",
        }
    }
}

/// The SYNs to one victim since it became suspicious.
#[derive(Debug)]
pub(super) struct Profile {
    since: Timestamp,
    until: Timestamp,
    syns: u64,
    completed: u64,
    sources: Distinct,
    /// Sources of which an attempt was completed.
    served: Distinct,
    /// The first sources, each counted; there may be more.
    known: HashMap<Fed<IpAddr>, Source>,
    signatures: Top<Signature, 32>,
    ttls: Box<[u32; 256]>,
    bogons: u64,
    zero_isns: u64,
    ports: Distinct,
    /// SYNs sent again about a second after the one before.
    on_schedule: u64,
    repeats: u64,
    /// The first packets.
    pub frames: Frames,
    /// One of a bounded number.
    _token: Arc<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    syns: u64,
    completed: u64,
}

/// Sources counted one by one.
const KNOWN: usize = 256;
/// Fewer SYNs than this tell little of where they come from.
const ENOUGH: u64 = 256;
/// Sources in per cent of SYNs that tell that nearly every SYN has its own (tcp.md AT001).
const EACH_ITS_OWN: u64 = 80;
/// So few sources may be hosts that attack under their own address.
const FEW: u64 = 64;
/// So may those who send this much of it, in per cent, whoever else there is.
pub(super) const BY_FEW: u64 = 80;

impl Profile {
    /// No SYNs yet. There are as many profiles as clones of the token.
    pub fn new(at: Timestamp, token: Arc<()>) -> Self {
        Self {
            since: at,
            until: at,
            syns: 0,
            completed: 0,
            sources: Distinct::fine(),
            served: Distinct::coarse(),
            known: HashMap::default(),
            signatures: Top::default(),
            ttls: Box::new([0; 256]),
            bogons: 0,
            zero_isns: 0,
            ports: Distinct::coarse(),
            on_schedule: 0,
            repeats: 0,
            frames: Frames::default(),
            _token: token,
        }
    }

    /// A new attempt.
    pub fn syn(&mut self, (at, frame): (Timestamp, u64), source: IpAddr, header: &Header) {
        self.frames.add(frame);
        self.until = self.until.max(at);
        self.syns += 1;
        self.sources.add_hashed(hash_of(source));
        let room = self.known.len() < KNOWN;
        match self.known.get_mut(&Fed(source)) {
            Some(known) => known.syns += 1,
            None if room => {
                self.known.insert(Fed(source), Source { syns: 1, completed: 0 });
            }
            None => {}
        }
        let zero_isn = header.seq.0 & 0xffff == 0;
        let signature = Signature {
            window: header.window,
            mss: header.mss,
            layout: header.layout,
            flags: header.flags.0,
            scale: header.scale,
            zero_isn,
        };
        self.signatures.add(signature, 1);
        self.zero_isns += u64::from(zero_isn);
        self.ttls[usize::from(header.ttl)] += 1;
        self.bogons += u64::from(is_bogon(source));
    }

    /// The port that a SYN asked for, where all ports of a victim are looked at.
    pub fn port(&mut self, port: u16) {
        self.ports.add(port);
    }

    /// A SYN came again.
    pub fn repeated(&mut self, gap: Duration) {
        let schedule = Duration::from_millis(800)..=Duration::from_millis(1300);
        self.repeats += 1;
        self.on_schedule += u64::from(schedule.contains(&gap));
    }

    /// An attempt of a source was completed.
    pub fn completed(&mut self, source: IpAddr) {
        self.served.add_hashed(hash_of(source));
        self.completed += 1;
        if let Some(known) = self.known.get_mut(&Fed(source)) {
            known.completed += 1;
        }
    }

    /// SYNs seen.
    pub fn syns(&self) -> u64 {
        self.syns
    }

    /// Different sources.
    pub fn sources(&self) -> u64 {
        self.sources.count().min(self.syns)
    }

    /// Different ports asked.
    pub fn ports(&self) -> u64 {
        self.ports.count()
    }

    /// Different sources among so many attempts. The profile may know later ones too, and have missed the first: where
    /// nearly every SYN has a source of its own, those had too.
    pub fn sources_of(&self, attempts: u64) -> u64 {
        let (sources, missed) = (self.sources().min(attempts), attempts.saturating_sub(self.syns));
        let share = percent(sources, self.syns);
        if share >= EACH_ITS_OWN { sources + missed * share / 100 } else { sources }
    }

    /// The score of tcp.md AT001: what speaks for forged sources, less what speaks against; `unanswered` where at least
    /// half of the victim's SYN+ACKs expire or draw a RST.
    pub fn score(&self, unanswered: bool) -> i32 {
        let (n, sources) = (self.syns, self.sources());
        let (enough, many) = (n >= ENOUGH, sources > FEW && self.share_of_heaviest() < BY_FEW);
        let lasted = self.until.since(self.since);
        let few_ttls = many && percent(self.top_ttls(3), n) >= 95 && sources >= ENOUGH;
        let plus = [
            enough && percent(sources, n) >= EACH_ITS_OWN,
            many && percent(self.signatures.most(), n) >= 90,
            few_ttls,
            many && percent(self.bogons, n) >= 1,
            many && lasted >= Duration::from_secs(5) && self.on_schedule * 100 < n,
            many && unanswered,
        ];
        let served = percent(self.served.count(), sources) >= 10;
        plus.into_iter().map(i32::from).sum::<i32>() - 2 * i32::from(served) - i32::from(!many)
    }

    /// Whether the SYNs are as different as those of many people's machines are.
    pub fn is_diverse(&self) -> bool {
        let stacks = self.signatures.len() >= 20 || percent(self.signatures.most(), self.syns) < 70;
        stacks && self.ttls.iter().filter(|n| **n > 0).count() >= 10
    }

    /// Whether there are many, all alike, that do not say a maximum segment size as every stack does.
    pub fn is_of_a_tool(&self) -> bool {
        let top = self.signatures.sorted();
        self.syns >= ENOUGH && top.first().is_some_and(|(s, n)| s.mss == 0 && percent(*n, self.syns) >= 90)
    }

    /// Whether most attempts are sent again as a client does that gets no answer.
    pub fn is_repeated(&self) -> bool {
        self.repeats * 2 >= self.syns
    }

    /// Whether most attempts that were not completed are sent again so.
    pub fn is_retried(&self) -> bool {
        self.repeats > 0 && self.repeats * 2 >= self.syns.saturating_sub(self.completed)
    }

    /// Sources that sent most, served ones left out; complete only where they are few.
    pub fn heaviest(&self) -> Vec<(IpAddr, u64)> {
        let unserved = |(_, s): &(&Fed<IpAddr>, &Source)| s.completed * 5 < s.syns;
        let mut list: Vec<_> = self.known.iter().filter(unserved).map(|(a, s)| (a.0, s.syns)).collect();
        list.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        list.truncate(LISTED);
        list
    }

    /// What those sent together, in per cent of all that was not completed.
    pub fn share_of_heaviest(&self) -> u64 {
        let sent = self.heaviest().iter().map(|(_, n)| n).sum();
        percent(sent, self.syns.saturating_sub(self.completed).max(sent))
    }

    /// What stands in the evidence of an episode of so many attempts.
    pub fn evidence(&self, attempts: u64, score: i32, kind: Sources) -> Vec<(&'static str, Value)> {
        let mut evidence = vec![
            ("sources", self.sources_of(attempts).into()),
            ("sources_per_100_syns", percent(self.sources(), self.syns).into()),
            ("spoofing_score", score.into()),
            ("top_signature_percent", percent(self.signatures.most(), self.syns).into()),
            ("top_signature", self.top_signature()),
            ("signatures", self.signatures.len().into()),
            ("top_3_ttl_percent", percent(self.top_ttls(3), self.syns).into()),
            ("ttls", self.ttls.iter().filter(|n| **n > 0).count().into()),
            ("bogon_percent", percent(self.bogons, self.syns).into()),
            ("isn_low16_zero_percent", percent(self.zero_isns, self.syns).into()),
            ("syns_repeated", self.repeats.into()),
        ];
        if kind != Sources::Spoofed {
            let list: Vec<Value> = self
                .heaviest()
                .into_iter()
                .map(|(a, n)| json!({ "source": a.to_string(), "syns": n }))
                .collect();
            evidence.push(("top_sources", list.into()));
        }
        evidence
    }

    fn top_signature(&self) -> Value {
        self.signatures.sorted().first().map_or(Value::Null, |(s, _)| {
            json!({
                "window": s.window,
                "mss": (s.mss > 0).then_some(s.mss),
                "window_scale": (s.scale < 255).then_some(s.scale),
                "options": s.layout != 0,
                "flags": crate::tcp::Flags(s.flags).to_string(),
                "isn_low16_zero": s.zero_isn,
            })
        })
    }

    fn top_ttls(&self, count: usize) -> u64 {
        let mut ttls: Vec<u32> = self.ttls.to_vec();
        ttls.sort_unstable_by(|a, b| b.cmp(a));
        ttls.into_iter().take(count).map(u64::from).sum()
    }
}

/// Sources listed.
const LISTED: usize = 10;

/// Addresses that no host on the Internet sends from (RFC 6890): "this network", loopback, link-local, the examples of
/// documentation, benchmarks, multicast and reserved ones. Private ones are not among them: they are ordinary inside.
fn is_bogon(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => {
            let [x, y, z, _] = a.octets();
            x == 0
                || x == 127
                || x >= 224
                || (x, y) == (169, 254)
                || matches!((x, y, z), (192, 0, 2) | (198, 51, 100) | (203, 0, 113))
                || (x == 198 && y & 0xfe == 18)
        }
        IpAddr::V6(a) => {
            a.is_multicast() || a.is_loopback() || a.is_unspecified() || a.segments()[..2] == [0x2001, 0xdb8]
        }
    }
}
