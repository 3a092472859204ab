//! `Frames`: which input a frame number belongs to, and its number there, where Wireshark will look for it.

use crate::source::Input;

/// Turns frame numbers that run on over several inputs into a place in one of them.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// First frame number of each input, and one past the last.
    starts: Vec<u64>,
}

impl Frames {
    /// Counts what each input gave and what a capture filter held back.
    pub fn new(inputs: &[Input]) -> Self {
        let mut starts = Vec::with_capacity(inputs.len() + 1);
        let mut next = 1;
        for input in inputs {
            starts.push(next);
            next += input.packets + input.filtered;
        }
        // Of a single input the number of packets need not be known yet.
        starts.push(if inputs.len() == 1 { u64::MAX } else { next });
        Self { starts }
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

    fn inputs(packets: &[(u64, u64)]) -> Vec<Input> {
        let input = |&(packets, filtered)| Input { packets, filtered, ..Input::default() };
        packets.iter().map(input).collect()
    }

    #[test]
    fn frames_of_several_inputs_get_their_own_numbers() {
        let frames = Frames::new(&inputs(&[(4, 6), (0, 0), (5, 0)]));
        assert_eq!(frames.locate(0), None);
        assert_eq!(frames.locate(10), Some((0, 10)));
        assert_eq!(frames.locate(11), Some((2, 1)));
        assert_eq!(frames.locate(16), None);
        assert_eq!(frames.within_one(&[11, 15]), Some(vec![1, 5]));
        assert_eq!(frames.within_one(&[10, 11]), None);
    }

    #[test]
    fn a_single_input_holds_every_frame() {
        assert_eq!(Frames::new(&inputs(&[(0, 0)])).locate(700), Some((0, 700)));
        assert_eq!(Frames::new(&[]).locate(1), None);
    }
}
