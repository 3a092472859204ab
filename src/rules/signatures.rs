//! `Signatures`: how many kinds of SYN came from one address; several tell that it hides several hosts (tcp.md §2, TW007).

/// Different digests of SYNs, the first few of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Signatures(Vec<u32>);

impl Signatures {
    const KEPT: usize = 16;

    /// One more SYN; `None` where it was not captured.
    pub fn add(&mut self, signature: Option<u32>) {
        if let Some(signature) = signature.filter(|s| self.0.len() < Self::KEPT && !self.0.contains(s)) {
            self.0.push(signature);
        }
    }

    /// How many, [`Signatures::KEPT`] at most.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }
}
