//! What is amiss with the order in which captures were given.

use std::collections::HashSet;

use crate::source::Input;
use crate::tcp::Duration;

/// Captures are read one after the other, as given, which a shell does by name: `ring10` comes before `ring2`.
pub fn amiss(inputs: &[Input]) -> Option<String> {
    let late = inputs.windows(2).find_map(|pair| {
        let [before, after] = pair else { return None };
        (after.first? + OVERLAP < before.last?).then_some((before, after))
    });
    let name = |input: &Input| input.path.display().to_string();
    let mut seen = HashSet::new();
    let twice = inputs.iter().find(|i| i.path.as_os_str() != "-" && !seen.insert(&i.path));
    match (twice, late) {
        (Some(input), _) => {
            Some(format!("{} is read more than once: its packets count as often", name(input)))
        }
        (None, Some((before, after))) => Some(format!(
            "{} begins before {} ends, so time goes back; give captures in the order of time, or merge them with mergecap",
            name(after),
            name(before)
        )),
        (None, None) => None,
    }
}

/// Files that one capture wrote by turns may overlap by what network cards and processors deliver late; what the summary
/// calls a step back in time is as long.
const OVERLAP: Duration = Duration::from_secs(1);
