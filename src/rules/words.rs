//! Numbers with the word that they count, in the sentences of findings.

/// `1 address`, `2 addresses`.
pub(super) fn counted(n: u64, one: &str, more: &str) -> String {
    format!("{n} {}", form(n, one, more))
}

/// The word as it stands after this number.
pub(super) fn form<'a>(n: u64, one: &'a str, more: &'a str) -> &'a str {
    if n == 1 { one } else { more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_nothing_is_many() {
        let hosts = [0, 1, 2].map(|n| counted(n, "host", "hosts"));
        assert_eq!(hosts, ["0 hosts", "1 host", "2 hosts"]);
    }
}
