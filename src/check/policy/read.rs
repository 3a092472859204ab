//! Reads `tcpscope.toml`: every word is checked, and every mistake is told with its place and what was likely meant.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::section::{At, Faults, Section};
use super::{
    Expectation, Ignore, Limit, PerCapture, Place, Policy, PolicyFault, SETTINGS, Setting, Subject, Truncated,
};
use crate::check::figures::{FIGURES, Figure};
use crate::check::pattern::Pattern;
use crate::report::{Bound, Condition, Fault, Kind, did_you_mean, rule_meant};
use crate::rules::{self, Severity};

impl Policy {
    /// Reads the text of a policy.
    ///
    /// # Errors
    /// All mistakes in it, in the order of the file; of a text that is not TOML, the first.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyFault>> {
        let table = DeTable::parse(text).map_err(|e| vec![PolicyFault::new(text, syntax(text, &e))])?;
        let faults = Faults::default();
        let reader = Reader { text, faults: &faults };
        let policy = reader.policy(&table);
        let mut faults = faults.into_inner();
        faults.sort_by_key(|fault| fault.at.start);
        match faults.is_empty() {
            true => Ok(policy),
            false => Err(faults.into_iter().map(|fault| PolicyFault::new(text, fault)).collect()),
        }
    }
}

/// The text that is read, and what is wrong with it.
struct Reader<'a> {
    text: &'a str,
    faults: &'a Faults,
}

impl<'a> Reader<'a> {
    fn policy(&self, table: &'a Spanned<DeTable<'a>>) -> Policy {
        let top = Section::new("the policy", table.get_ref(), table.span(), self.faults);
        self.schema(&top);
        let mut policy = Policy { fail_on: Severity::Warning, ..Policy::default() };
        if let Some(input) = top.section("input") {
            self.input(input, &mut policy);
        }
        if let Some(rules) = top.section("rules") {
            self.rules(rules, &mut policy);
        }
        policy.limits = top.section("limits").map(|s| self.limits(&s)).unwrap_or_default();
        if let Some(some) = top.section("per-capture") {
            policy.per_capture =
                some.entries().into_iter().filter_map(|(k, v)| self.per_capture(&some, k, v)).collect();
        }
        if let Some(value) = top.value("expect") {
            self.expect(&top, value, &mut policy);
        }
        if let Some(baseline) = top.section("baseline") {
            policy.baseline = baseline.text("file").map(|file| file.value);
            if policy.baseline.is_none() {
                baseline.fault(
                    baseline.at(),
                    "a baseline needs a file",
                    "write file = \"tcpscope-baseline.json\"",
                );
            }
            baseline.finish();
        }
        top.finish();
        policy
    }

    fn schema(&self, top: &Section<'a>) {
        match top.text("schema") {
            None => top.fault(&(0..0), "the policy does not say its schema", "begin with: schema = 1"),
            Some(schema) if schema.value != "1" => {
                let hint = "this version of tcpscope knows schema = 1";
                top.fault(&schema.at, format!("schema {} is not known", schema.value), hint);
            }
            Some(_) => {}
        }
    }

    fn input(&self, input: Section<'a>, policy: &mut Policy) {
        let patterns = input.texts("captures").into_iter();
        policy.captures =
            patterns.filter_map(|p| Some((self.pattern(&input, &p)?, self.place(p.at.start)))).collect();
        policy.truncated = input.word("truncated", &TRUNCATED).unwrap_or(Truncated::Warn);
        for flag in SETTINGS {
            let values = input.texts(flag).into_iter();
            policy.settings.extend(values.map(|v| Setting {
                flag,
                place: self.place(v.at.start),
                value: v.value,
            }));
        }
        input.finish();
    }

    fn rules(&self, rules: Section<'a>, policy: &mut Policy) {
        let select = rules.texts("select").into_iter();
        policy.select =
            select.filter_map(|word| Some(canonical(&word.value, &self.named(&rules, &word)?))).collect();
        policy.ignore = self.ignores(&rules);
        policy.severity = self.severities(&rules);
        policy.fail_on = rules.word("fail_on", &SEVERITIES).unwrap_or(Severity::Warning);
        rules.finish();
    }

    fn per_capture(
        &self,
        some: &Section<'a>,
        key: At<String>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<PerCapture> {
        let pattern = self.pattern(some, &key);
        let own = some.section_of(value, format!("[per-capture.{:?}]", key.value))?;
        let ignore = self.ignores(&own);
        let severity = self.severities(&own);
        let fail_on = own.word("fail_on", &SEVERITIES);
        let truncated = own.word("truncated", &TRUNCATED);
        let limits = own.section("limits").map(|s| self.limits(&s)).unwrap_or_default();
        own.finish();
        let place = self.place(key.at.start);
        Some(PerCapture { pattern: pattern?, ignore, severity, fail_on, truncated, limits, place })
    }

    fn ignores(&self, section: &Section<'a>) -> Vec<Ignore> {
        let words = section.texts("ignore").into_iter();
        let ignore = |word: At<String>| {
            let rules = self.named(section, &word)?;
            Some(Ignore { word: canonical(&word.value, &rules), rules, place: self.place(word.at.start) })
        };
        words.filter_map(ignore).collect()
    }

    fn severities(&self, section: &Section<'a>) -> Vec<(&'static str, Severity)> {
        let Some(table) = section.section("severity") else { return Vec::new() };
        let mut severities = Vec::new();
        for (key, value) in table.entries() {
            let rules = self.named(&table, &key);
            let severity = table.text_of(value).and_then(|text| table.word_of(&text, &SEVERITIES));
            let (Some(rules), Some(severity)) = (rules, severity) else { continue };
            severities.extend(rules.into_iter().map(|rule| (rule, severity)));
        }
        severities
    }

    fn limits(&self, section: &Section<'a>) -> Vec<Limit> {
        let mut limits = Vec::new();
        for (key, value) in section.entries() {
            let Some(figure) = Figure::find(&key.value) else {
                let names: Vec<_> = FIGURES.iter().map(|f| f.name).collect();
                let hint = did_you_mean(&key.value, &names, &format!("there are: {}", names.join(", ")));
                section.fault(&key.at, format!("there is no figure {:?}", key.value), hint);
                continue;
            };
            let Some(text) = section.text_of(value) else { continue };
            if let Some(bound) = self.bound(section, &text, figure.kind()) {
                limits.push(Limit { figure, bound, place: self.place(key.at.start) });
            }
        }
        limits
    }

    fn expect(&self, top: &Section<'a>, value: &'a Spanned<DeValue<'a>>, policy: &mut Policy) {
        let DeValue::Array(items) = value.get_ref() else {
            return top.fault(&value.span(), "expectations are a list", "write [[expect]]");
        };
        let inline = self.text.get(value.span()).is_some_and(|t| t.starts_with('[') && t.ends_with(']'));
        policy.expect_at = inline.then(|| value.span());
        policy.expect = items.iter().filter_map(|item| self.expectation(top, item)).collect();
    }

    fn expectation(&self, top: &Section<'a>, value: &'a Spanned<DeValue<'a>>) -> Option<Expectation> {
        let own = top.section_of(value, "[[expect]]".into())?;
        let pattern = own.text("capture");
        if pattern.is_none() {
            own.fault(own.at(), "the expectation names no capture", "add capture = \"FILE\"");
        }
        let pattern = pattern.and_then(|p| self.pattern(&own, &p));
        let subject = self.subject(&own);
        let count = match own.text("count") {
            Some(text) => self.bound(&own, &text, Kind::Count),
            None => Some(Bound::at_least(1)),
        };
        let note = own.text("note").map(|note| note.value);
        let place = self.place(own.at().start);
        own.finish();
        Some(Expectation { pattern: pattern?, subject: subject?, count: count?, note, place })
    }

    fn subject(&self, own: &Section<'a>) -> Option<Subject> {
        match (own.text("rule"), own.text("where")) {
            (Some(word), None) => {
                let rules = self.named(own, &word)?;
                Some(Subject::Rule { word: canonical(&word.value, &rules), rules })
            }
            (None, Some(text)) => match Condition::parse(&text.value) {
                Ok(condition) => Some(Subject::Connections(condition)),
                Err(fault) => {
                    self.inside(own, &text, fault);
                    None
                }
            },
            (both, _) => {
                let message =
                    if both.is_some() { "rule and where exclude each other" } else { "nothing is expected" };
                own.fault(own.at(), message, "give rule = \"TW005\", or where = \"state == TIME_WAIT\"");
                None
            }
        }
    }

    fn named(&self, section: &Section<'a>, word: &At<String>) -> Option<Vec<&'static str>> {
        match rules::find(&word.value) {
            Ok(rules) => Some(rules.iter().map(|rule| rule.id).collect()),
            Err(e) => {
                section.fault(&word.at, e.to_string(), rule_meant(&word.value));
                None
            }
        }
    }

    fn pattern(&self, section: &Section<'a>, text: &At<String>) -> Option<Pattern> {
        Pattern::parse(&text.value)
            .map_err(|(at, why)| {
                let hint = "* stands for any part of a name, ** for any folders, [abc] for one letter";
                self.inside(
                    section,
                    text,
                    Fault::new(at..at + 1, format!("wrong pattern: {why}"), hint.into()),
                );
            })
            .ok()
    }

    fn bound(&self, section: &Section<'a>, text: &At<String>, kind: Kind) -> Option<Bound> {
        Bound::parse(&text.value, kind)
            .map_err(|fault| {
                let hint = format!("{}; a limit is an operator and a value, as in \"<= 10\"", fault.hint);
                self.inside(section, text, Fault { hint, ..fault });
            })
            .ok()
    }

    /// A fault within a text: its place in the file, where the text stands there letter by letter.
    fn inside(&self, section: &Section<'a>, text: &At<String>, fault: Fault) {
        let found = self.text.get(text.at.clone()).and_then(|raw| raw.find(&text.value));
        let at = match found {
            Some(quote) => {
                let start = text.at.start + quote;
                start + fault.at.start..start + fault.at.end
            }
            None => text.at.clone(),
        };
        section.fault(&at, fault.message, fault.hint);
    }

    fn place(&self, at: usize) -> Place {
        Place::of(self.text, at)
    }
}

/// Where the text is not TOML.
fn syntax(text: &str, error: &toml::de::Error) -> Fault {
    let at: Range<usize> = error.span().unwrap_or(text.len()..text.len());
    let message = error.message().replace('\n', "; ");
    Fault::new(at, format!("not TOML: {message}"), "a policy is TOML: key = \"value\", and [section]".into())
}

/// An id as rules have it; a prefix in capitals.
fn canonical(word: &str, rules: &[&'static str]) -> String {
    match rules {
        [one] => (*one).into(),
        _ => word.trim().to_ascii_uppercase(),
    }
}

const TRUNCATED: [(&str, Truncated); 2] = [("fail", Truncated::Fail), ("warn", Truncated::Warn)];
const SEVERITIES: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("note", Severity::Note)];
