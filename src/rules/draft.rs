//! `Drafts`: what rules have said of connections that are still open; a finding is final when its connection ends.

use std::fmt::Write as _;

use foldhash::HashMap;
use serde_json::Value;

use super::finding::{Finding, Severity};
use super::registry::{Check, Detail, Judgement, Rule, RuleSet, Scene};
use super::words::counted;
use crate::tcp::{Segment, Timestamp};
use crate::track::{Confidence, Connection, Event, Record, Role};

/// Findings in the making, by connection.
#[derive(Debug, Default)]
pub struct Drafts {
    open: HashMap<u64, Vec<Draft>>,
    /// Drafts as they were made or became worse, where someone wants to know at once.
    news: Option<Vec<Finding>>,
}

/// One rule's say on one connection so far.
#[derive(Clone, Debug)]
struct Draft {
    rule: &'static Rule,
    detail: Detail,
    severity: Severity,
    end: usize,
    frames: Vec<u64>,
    at: Timestamp,
    count: u64,
}

/// First cause, trigger, and at most eight more (tcp.md §2).
const FRAMES_KEPT: usize = 10;

impl Drafts {
    /// No drafts yet; they are kept for [`Drafts::take_news`] as well, if so wanted.
    pub fn new(news: bool) -> Self {
        Self { open: HashMap::default(), news: news.then(Vec::new) }
    }

    /// Drafts made, or become worse, since last asked. Their words may change until their connection ends.
    pub fn take_news(&mut self) -> Vec<Finding> {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Asks every rule that wants this kind of fact.
    pub fn judge(
        &mut self,
        rules: &RuleSet,
        event: &Event,
        connection: &Connection,
        segment: Option<&Segment>,
    ) {
        for rule in rules.wanting(event.fact.kind()) {
            let scene = Scene { event, connection, segment, config: rules.config() };
            let Check::Connection(check) = rule.check else { continue };
            match check(&scene) {
                Some(Judgement::Report(detail)) => self.report(rule, detail, event, connection),
                Some(Judgement::Amend(more)) => self.amend(rule, more, &scene),
                Some(Judgement::Retract) => self.retract(rule, connection.id),
                None => {}
            }
        }
    }

    /// What was said of a connection goes; the facts will be told again.
    pub fn forget(&mut self, connection: u64) {
        self.open.remove(&connection);
    }

    fn report(&mut self, rule: &'static Rule, detail: Detail, event: &Event, connection: &Connection) {
        let severity = detail.severity.unwrap_or(rule.severity);
        let drafts = self.open.entry(connection.id).or_insert_with(|| Vec::with_capacity(1));
        let same = |d: &&mut Draft| d.rule.id == rule.id && d.detail.variant == detail.variant;
        if let Some(draft) = drafts.iter_mut().find(same) {
            let before = draft.severity;
            draft.count += 1;
            draft.severity = draft.severity.max(severity);
            let confidence = draft.detail.confidence.max(detail.confidence);
            if let Some((from, grown)) = detail.grows
                && draft.count >= from
            {
                draft.severity = draft.severity.max(grown);
            }
            draft.say(detail, event.frame);
            draft.detail.confidence = confidence;
            if draft.severity > before {
                tell(&mut self.news, draft, connection);
            }
            return;
        }
        let end = detail.end.unwrap_or(event.end);
        let mut draft = Draft { rule, severity, end, frames: Vec::new(), at: event.at, count: 1, detail };
        for frame in draft.detail.causes.clone().into_iter().chain([event.frame]) {
            draft.add_frame(frame);
        }
        tell(&mut self.news, &draft, connection);
        drafts.push(draft);
    }

    fn amend(&mut self, rule: &Rule, more: fn(&Scene<'_>) -> Detail, scene: &Scene<'_>) {
        let Some(drafts) = self.open.get_mut(&scene.connection.id) else { return };
        let mut drafts = drafts.iter_mut().filter(|d| d.rule.id == rule.id).peekable();
        if drafts.peek().is_none() {
            return;
        }
        let detail = more(scene);
        if let Some(draft) = drafts.find(|d| d.detail.variant == detail.variant) {
            let mut evidence = std::mem::take(&mut draft.detail.evidence);
            evidence.retain(|(name, _)| detail.evidence.iter().all(|(n, _)| n != name));
            draft.say(detail, scene.event.frame);
            evidence.append(&mut draft.detail.evidence);
            draft.detail.evidence = evidence;
        }
    }

    fn retract(&mut self, rule: &Rule, connection: u64) {
        if let Some(drafts) = self.open.get_mut(&connection) {
            drafts.retain(|d| d.rule.id != rule.id);
        }
    }

    /// The findings about a connection whose record is made, by frame then rule.
    pub fn finish(&mut self, record: &Record, connection: &Connection) -> Vec<Finding> {
        let drafts = self.open.remove(&record.id).unwrap_or_default();
        let client = connection.end_of(&record.endpoints.client);
        let mut findings: Vec<Finding> = drafts.into_iter().map(|d| d.finding(record.id, client)).collect();
        if loses_much(record) {
            // What looks like a fault may be what was not captured.
            for finding in findings.iter_mut().filter(|f| f.severity == Severity::Error) {
                finding.severity = Severity::Warning;
                finding.confidence = finding.confidence.min(Confidence::Low);
            }
        }
        findings.sort_by(|a, b| {
            (a.frames.first(), a.rule, a.variant).cmp(&(b.frames.first(), b.rule, b.variant))
        });
        findings
    }
}

fn tell(news: &mut Option<Vec<Finding>>, draft: &Draft, connection: &Connection) {
    if let Some(news) = news {
        news.push(draft.clone().finding(connection.id, connection.client().unwrap_or(0)));
    }
}

/// More than 1 % of the bytes of either direction were not captured (tcp.md SQ001).
fn loses_much(record: &Record) -> bool {
    let sent = [&record.sent.client, &record.sent.server];
    sent.iter()
        .any(|flow| flow.gaps_bytes.saturating_mul(100) > flow.unique_bytes.saturating_add(flow.gaps_bytes))
}

impl Draft {
    /// The newest words count; all packets do.
    fn say(&mut self, detail: Detail, frame: u64) {
        for frame in detail.causes.iter().chain([&frame]) {
            self.add_frame(*frame);
        }
        self.detail.message = detail.message;
        self.detail.evidence = detail.evidence;
    }

    fn add_frame(&mut self, frame: u64) {
        if self.frames.len() < FRAMES_KEPT && !self.frames.contains(&frame) {
            self.frames.push(frame);
            self.frames.sort_unstable();
        }
    }

    fn finding(self, connection: u64, client: usize) -> Finding {
        let role = if self.end == client { Role::Client } else { Role::Server };
        let message = fill(self.detail.message, &self.detail.evidence, role);
        Finding {
            rule: self.rule.id,
            name: self.rule.name,
            severity: self.severity,
            confidence: Confidence::min(self.detail.confidence, Confidence::High),
            variant: self.detail.variant,
            connection: Some(connection),
            endpoint: Some(role),
            key: None,
            frames: self.frames,
            at: self.at,
            start: None,
            end: None,
            count: self.count,
            message,
            evidence: self.detail.evidence,
            series: None,
        }
    }
}

/// The template with its `{names}` filled in; a name that nothing is known of stays. `{name:one:more}` is a number with
/// the word that it counts.
fn fill(template: &str, evidence: &[(&'static str, Value)], role: Role) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or_default();
        let (name, words) =
            name.split_once(':').map_or((name, None), |(name, words)| (name, words.split_once(':')));
        rest = behind;
        match (name, evidence.iter().find(|(known, _)| *known == name)) {
            ("end", _) => text.push_str(role.name()),
            ("peer", _) => text.push_str(role.peer().name()),
            (_, Some((_, Value::String(value)))) => text.push_str(value),
            (_, Some((_, Value::Number(n)))) if let Some((one, more)) = words => {
                text.push_str(&counted(n.as_u64().unwrap_or(0), one, more));
            }
            // Writing into memory can't fail.
            (_, Some((_, value))) => drop(write!(text, "{value}")),
            (_, None) => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_filled_from_the_evidence() {
        let evidence = [("ack", 91.into()), ("expected_ack", 101.into())];
        let text = fill("the {end} acknowledges {ack} instead of {expected_ack}", &evidence, Role::Server);
        assert_eq!(text, "the server acknowledges 91 instead of 101");
    }

    #[test]
    fn a_number_stands_before_the_word_that_it_counts() {
        let text = |times: u64| fill("{times:time:times} in all", &[("times", times.into())], Role::Client);
        assert_eq!((text(1), text(3)), ("1 time in all".into(), "3 times in all".into()));
    }

    #[test]
    fn what_is_not_known_stays_and_values_are_not_templates() {
        let evidence = [("ack", "{end}".into())];
        assert_eq!(fill("{ack} {what} {peer", &evidence, Role::Client), "{end} {what} {peer");
    }
}
