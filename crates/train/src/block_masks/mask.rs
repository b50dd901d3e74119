//! The mask of one crop while it is drawn. Input: blocks, a number of patches, offsets. Output: hidden patches.

use std::ops::Range;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A rectangle of patches.
pub(super) struct Block {
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
}

/// The mask of one crop while it is drawn.
pub(super) struct Mask {
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// `[rows, cols]`.
    pub(super) hidden: Vec<bool>,
}

impl Mask {
    /// Nothing is hidden.
    pub(super) fn empty(rows: usize, cols: usize) -> Self {
        Self {
            rows,
            cols,
            hidden: vec![false; rows * cols],
        }
    }

    /// Patches of a block that are not hidden yet.
    pub(super) fn visible_in(&self, block: &Block) -> usize {
        let lines = block.rows.clone().map(|row| self.line(row, block));
        lines
            .map(|line| self.hidden[line].iter().filter(|&&hidden| !hidden).count())
            .sum()
    }

    /// Hides all patches of a block.
    pub(super) fn hide(&mut self, block: &Block) {
        for row in block.rows.clone() {
            let line = self.line(row, block);
            self.hidden[line].fill(true);
        }
    }

    fn line(&self, row: usize, block: &Block) -> Range<usize> {
        row * self.cols + block.cols.start..row * self.cols + block.cols.end
    }

    /// Hides `count` of the visible patches, all equally likely.
    pub(super) fn fill(&mut self, count: usize, rng: &mut ChaCha8Rng) {
        let mut visible: Vec<usize> = (0..self.hidden.len())
            .filter(|&at| !self.hidden[at])
            .collect();
        let (chosen, _) = visible.partial_shuffle(rng, count);
        for &mut at in chosen {
            self.hidden[at] = true;
        }
    }

    /// Moves the mask down and right; what leaves the grid comes in at the other side.
    pub(super) fn shift(&mut self, down: usize, right: usize) {
        self.hidden.rotate_right(down * self.cols);
        for row in self.hidden.chunks_exact_mut(self.cols) {
            row.rotate_right(right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_goes_around_the_edges() {
        let mut mask = Mask::empty(2, 3);
        mask.hidden[5] = true;
        mask.shift(1, 2);
        let hidden: Vec<usize> = (0..6).filter(|&at| mask.hidden[at]).collect();
        assert_eq!(hidden, [1]);
    }
}
