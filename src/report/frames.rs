//! `Frames`: which input a frame number belongs to, and its number there, where Wireshark will look for it.

use crate::source::Input;

/// Turns frame numbers that run on over several inputs into a place in one of them.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// First frame number of each input, and one past the last; empty when it can't be known.
    starts: Vec<u64>,
}

impl Frames {
    /// For inputs that gave every packet they hold; a capture filter hides how many there were, so that with several
    /// inputs nothing is known then.
    pub fn new(inputs: &[Input], filtered: bool) -> Self {
        let mut starts = Vec::with_capacity(inputs.len() + 1);
        let mut next = 1;
        for input in inputs {
            starts.push(next);
            next += input.packets;
        }
        starts.push(next);
        match inputs.len() {
            1 => Self { starts: vec![1, u64::MAX] },
            _ if filtered => Self::default(),
            _ => Self { starts },
        }
    }

    /// Index of the input that holds the frame, and the frame's number in it.
    pub fn locate(&self, frame: u64) -> Option<(usize, u64)> {
        let next = self.starts.partition_point(|start| *start <= frame);
        if next == 0 || next >= self.starts.len() {
            return None;
        }
        Some((next - 1, frame - self.starts[next - 1] + 1))
    }

    /// The frames' numbers in the one input that holds them all; `None` when they lie in several.
    pub fn within_one(&self, frames: &[u64]) -> Option<Vec<u64>> {
        let (input, _) = self.locate(*frames.first()?)?;
        frames
            .iter()
            .map(|frame| self.locate(*frame).filter(|(i, _)| *i == input).map(|(_, number)| number))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(packets: &[u64]) -> Vec<Input> {
        packets.iter().map(|&packets| Input { packets, ..Input::default() }).collect()
    }

    #[test]
    fn frames_of_several_inputs_get_their_own_numbers() {
        let frames = Frames::new(&inputs(&[10, 0, 5]), false);
        assert_eq!(frames.locate(10), Some((0, 10)));
        assert_eq!(frames.locate(11), Some((2, 1)));
        assert_eq!(frames.locate(16), None);
        assert_eq!(frames.within_one(&[11, 15]), Some(vec![1, 5]));
        assert_eq!(frames.within_one(&[10, 11]), None);
    }

    #[test]
    fn a_filter_leaves_only_a_single_input_known() {
        assert_eq!(Frames::new(&inputs(&[3]), true).locate(700), Some((0, 700)));
        assert_eq!(Frames::new(&inputs(&[3, 4]), true).locate(2), None);
    }
}
