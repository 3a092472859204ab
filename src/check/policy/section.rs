//! `Section`: one table of a policy; hands out its values by key, and notes what is of the wrong type or was never asked for.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::report::{Fault, did_you_mean};

/// The mistakes found so far.
pub type Faults = RefCell<Vec<Fault>>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub at: Range<usize>,
}

/// One table.
pub struct Section<'a> {
    /// As messages name it: `[input]`.
    name: String,
    table: &'a DeTable<'a>,
    at: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    /// A table of this name and place.
    pub fn new(
        name: impl Into<String>,
        table: &'a DeTable<'a>,
        at: Range<usize>,
        faults: &'a Faults,
    ) -> Self {
        Self { name: name.into(), table, at, asked: RefCell::default(), faults }
    }

    /// Notes a mistake.
    pub fn fault(&self, at: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.faults.borrow_mut().push(Fault::new(at.clone(), message.into(), hint.into()));
    }

    /// Where it begins.
    pub fn at(&self) -> &Range<usize> {
        &self.at
    }

    /// Every key with its value; for tables whose keys are names.
    pub fn entries(&self) -> Vec<(At<String>, &'a Spanned<DeValue<'a>>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(k, v)| (At { value: k.get_ref().to_string(), at: k.span() }, v))
            .collect();
        entries.sort_by_key(|(key, _)| key.at.start);
        entries
    }

    /// The value of a key, if it is there.
    pub fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Option<At<String>> {
        self.text_of(self.value(key)?)
    }

    /// A text, or several in an array.
    pub fn texts(&self, key: &'static str) -> Vec<At<String>> {
        match self.value(key).map(|v| (v, v.get_ref())) {
            None => Vec::new(),
            Some((_, DeValue::Array(items))) => items.iter().filter_map(|item| self.text_of(item)).collect(),
            Some((value, _)) => self.text_of(value).into_iter().collect(),
        }
    }

    /// A text; whole numbers count as one.
    pub fn text_of(&self, value: &'a Spanned<DeValue<'a>>) -> Option<At<String>> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
            DeValue::Float(number) => number.as_str().replace('_', ""),
            other => {
                let hint = format!("write it in quotes; this is {}", article(other.type_str()));
                self.fault(&value.span(), "a text belongs here", hint);
                return None;
            }
        };
        Some(At { value: text, at: value.span() })
    }

    /// The table of a key.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        self.section_of(value, format!("[{key}]"))
    }

    /// A value that has to be a table.
    pub fn section_of(&self, value: &'a Spanned<DeValue<'a>>, name: String) -> Option<Section<'a>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(name, table, value.span(), self.faults)),
            other => {
                let message = format!("a table belongs here, not {}", article(other.type_str()));
                self.fault(
                    &value.span(),
                    message,
                    format!("write {name} on a line of its own, its keys below"),
                );
                None
            }
        }
    }

    /// A word out of a list.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        self.text(key).and_then(|text| self.word_of(&text, words))
    }

    /// A word out of a list.
    pub fn word_of<T: Copy>(&self, text: &At<String>, words: &[(&'static str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let hint = did_you_mean(&text.value, &words, &format!("there are: {}", words.join(", ")));
            self.fault(&text.at, format!("{:?} is not known here", text.value), hint);
        }
        found
    }

    /// Notes every key that was never asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries() {
            if !asked.contains(&key.value.as_str()) {
                let hint = did_you_mean(&key.value, &asked, &format!("there are: {}", asked.join(", ")));
                self.fault(&key.at, format!("there is no key {:?} in {}", key.value, self.name), hint);
            }
        }
    }
}

/// `an array`, `a table`.
fn article(kind: &str) -> Cow<'static, str> {
    match kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => format!("an {kind}").into(),
        false => format!("a {kind}").into(),
    }
}
