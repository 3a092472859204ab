//! `tcpscope rules` and `tcpscope explain`; and the rules that `--select` and `--ignore` name.

use super::args::{ExplainArgs, RulesArgs};
use super::failure::Usage;
use super::place::Place;
use super::screen;
use crate::output::{Layout, explain_rule, list_rules, rules_json};
use crate::rules::{self, Rule};

/// Lists every rule.
pub fn list(args: &RulesArgs) -> anyhow::Result<u8> {
    let all: Vec<_> = rules::rules().collect();
    match args.json {
        true => Place::Stdout.write(|out| rules_json(&all, out))?,
        false => show_list(&all)?,
    }
    Ok(0)
}

/// Explains a rule; of a family, or of all without a word, a list.
pub fn explain(args: &ExplainArgs) -> anyhow::Result<u8> {
    let found = match &args.rule {
        Some(word) => rules::find(word).map_err(unknown)?,
        None => rules::rules().collect(),
    };
    match found.as_slice() {
        [rule] => Place::Stdout.write(|out| explain_rule(rule, &layout(), out))?,
        several => show_list(several)?,
    }
    Ok(0)
}

/// Checks what `--select` or `--ignore` names; names of rules become their ids.
pub fn chosen(words: &[String]) -> Result<Vec<String>, Usage> {
    let id = |word: &String| match rules::find(word).map_err(unknown)?.as_slice() {
        [rule] => Ok(rule.id.to_string()),
        _ => Ok(word.trim().to_ascii_uppercase()),
    };
    words.iter().map(id).collect()
}

fn show_list(rules: &[&Rule]) -> anyhow::Result<()> {
    Ok(Place::Stdout.write(|out| list_rules(rules, &layout(), out))?)
}

fn layout() -> Layout {
    let terminal = Place::Stdout.is_terminal().into();
    let color = screen::color(super::args::When::Auto, terminal);
    Layout { color, width: screen::width(terminal), ..Layout::default() }
}

fn unknown(error: rules::UnknownRule) -> Usage {
    let hint = match error.near.as_slice() {
        [] => "see them all with `tcpscope rules`".into(),
        near => format!("did you mean {}? all rules: `tcpscope rules`", near.join(" or ")),
    };
    Usage::new(error.to_string(), hint)
}
