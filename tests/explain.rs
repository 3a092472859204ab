//! What the program says of its rules: the list, the explanations, and what it says to a rule that is not there.

use crate::support::program::{Ran, run};

#[test]
fn every_rule_of_the_list_explains_itself_under_five_headings() {
    let list = run(["rules", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let rules = json["rules"].as_array().expect("a list");
    assert!(!rules.is_empty());
    let plain = text(&run(["rules"]));
    for rule in rules {
        let (id, name) = (rule["id"].as_str().expect("an id"), rule["name"].as_str().expect("a name"));
        assert!(plain.contains(id) && plain.contains(name), "{id} is not in the list");
        assert!(rule["summary"].as_str().is_some_and(|s| !s.is_empty()), "{id}");
        assert!(["connection", "capture"].iter().any(|scope| rule["scope"] == *scope), "{id}");
        let explained = text(&run(["explain", &id.to_lowercase()]));
        for heading in ["What it reports", "Why it matters", "When it is normal", "Example", "Source"] {
            assert!(explained.lines().any(|l| l == heading), "{id} has no {heading:?}");
        }
        assert_eq!(explained, text(&run(["explain", name])), "{id} by its name");
    }
}

#[test]
fn explain_without_a_rule_lists_and_with_a_family_lists_that() {
    assert_eq!(text(&run(["explain"])), text(&run(["rules"])));
    let family = text(&run(["explain", "tw"]));
    assert!(family.contains("TW001") && !family.contains("HS001"));
}

#[test]
fn a_rule_that_is_not_there_is_wrong_usage_with_the_nearest() {
    for arguments in [
        &["explain", "HS0002"][..],
        &["read", "x", "--select", "HS0002"],
        &["read", "x", "--ignore", "TW,HS0002"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("hint: did you mean") && ran.stderr.contains("HS002"), "{}", ran.stderr);
    }
}

fn text(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    String::from_utf8(ran.stdout.clone()).expect("UTF-8")
}
