//! `PortSet`: which local ports a client used, in at most 8 KiB.

/// A set of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSet(Ports);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    /// Up to as many as take no memory of their own, and how many.
    First([u16; FIRST], u8),
    Few(Vec<u16>),
    Many(Box<[u64; 1024]>),
}

impl Default for PortSet {
    fn default() -> Self {
        Self(Ports::First([0; FIRST], 0))
    }
}

impl PortSet {
    /// Adds a port.
    pub fn insert(&mut self, port: u16) {
        match &mut self.0 {
            Ports::First(list, count) => {
                let (known, rest) = list.split_at_mut(usize::from(*count));
                let Err(at) = known.binary_search(&port) else { return };
                if rest.is_empty() {
                    let mut list = list.to_vec();
                    list.insert(at, port);
                    self.0 = Ports::Few(list);
                } else {
                    *count += 1;
                    list[at..usize::from(*count)].rotate_right(1);
                    list[at] = port;
                }
            }
            Ports::Few(list) => {
                let Err(at) = list.binary_search(&port) else { return };
                list.insert(at, port);
                if list.len() > FEW {
                    let mut bits = Box::new([0; 1024]);
                    list.iter().for_each(|p| set(&mut bits, *p));
                    self.0 = Ports::Many(bits);
                }
            }
            Ports::Many(bits) => set(bits, port),
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Ports::First(_, count) => u64::from(*count),
            Ports::Few(list) => list.len() as u64,
            Ports::Many(bits) => bits.iter().map(|word| u64::from(word.count_ones())).sum(),
        }
    }

    /// The lowest and the highest.
    pub fn span(&self) -> Option<(u16, u16)> {
        match &self.0 {
            Ports::First(list, count) => {
                let list = list.get(..usize::from(*count))?;
                list.first().copied().zip(list.last().copied())
            }
            Ports::Few(list) => list.first().copied().zip(list.last().copied()),
            Ports::Many(bits) => {
                let low = bits.iter().position(|w| *w != 0)?;
                let high = bits.iter().rposition(|w| *w != 0)?;
                let first = low * 64 + bits[low].trailing_zeros() as usize;
                let last = high * 64 + 63 - bits[high].leading_zeros() as usize;
                Some((first as u16, last as u16))
            }
        }
    }
}

fn set(bits: &mut [u64; 1024], port: u16) {
    bits[usize::from(port / 64)] |= 1 << (port % 64);
}

/// In the room that a list takes anyway.
const FIRST: usize = 8;
/// Beyond so many a bit for every port is smaller to search.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_count_once_however_many() {
        let mut ports = PortSet::default();
        assert_eq!((ports.count(), ports.span()), (0, None));
        for port in (40_000..41_000).chain(40_500..40_600).chain([65_535, 0]) {
            ports.insert(port);
            ports.insert(port);
        }
        assert_eq!((ports.count(), ports.span()), (1002, Some((0, 65_535))));
    }

    #[test]
    fn few_ports_are_in_order() {
        let mut ports = PortSet::default();
        for (n, port) in [9, 3, 9, 7, 1, 20, 15, 11, 12, 3, 2, 30].into_iter().enumerate() {
            ports.insert(port);
            let seen: std::collections::BTreeSet<u16> =
                [9, 3, 9, 7, 1, 20, 15, 11, 12, 3, 2, 30].into_iter().take(n + 1).collect();
            let span = seen.first().copied().zip(seen.last().copied());
            assert_eq!((ports.count(), ports.span()), (seen.len() as u64, span));
        }
    }
}
