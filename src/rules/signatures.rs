//! `Signatures`: how many kinds of SYN came from one address; several tell that it hides several hosts (tcp.md §2, TW007).

/// Different digests of SYNs, the first few of them. Most addresses have one.
#[derive(Clone, Debug, Default)]
pub(super) struct Signatures {
    first: Option<u32>,
    #[allow(
        clippy::box_collection,
        reason = "one word in each entry of large tables, most of which need none"
    )]
    others: Option<Box<Vec<u32>>>,
}

impl Signatures {
    const KEPT: usize = 16;

    /// One more SYN; `None` where it was not captured.
    pub fn add(&mut self, signature: Option<u32>) {
        let Some(signature) = signature else { return };
        let first = *self.first.get_or_insert(signature);
        if signature != first {
            let others = self.others.get_or_insert_default();
            if others.len() + 1 < Self::KEPT && !others.contains(&signature) {
                others.push(signature);
            }
        }
    }

    /// How many, [`Signatures::KEPT`] at most.
    pub fn count(&self) -> u64 {
        u64::from(self.first.is_some()) + self.others.as_ref().map_or(0, |others| others.len() as u64)
    }
}
