//! What can be chosen about a step of self-supervised training.

use serde::{Deserialize, Serialize};

use crate::block_masks::BlockMasking;

/// What can be chosen; the defaults are those of the first stage, for small networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Weight of the class-token loss.
    pub dino_weight: f64,
    /// Weight of the masked-patch loss.
    pub ibot_weight: f64,
    /// Weight of the sum of the spread losses of both global crops.
    pub koleo_weight: f64,
    /// Which crops have masks, and how large they are.
    pub masks: BlockMasking,
    /// How the coordinates of patches are changed at random.
    pub rope: RopeJitter,
    /// Part of a batch whose branch a block leaves out, 0 to below 1.
    pub drop_path: f64,
    /// Longest gradient of backbone and of each head; 0 for any length.
    pub clip: f64,
    /// Iterations of Sinkhorn-Knopp.
    pub sinkhorn_iterations: usize,
    /// What the student follows.
    pub teacher: Teacher,
    /// Whether blocks are computed a second time for the gradient instead of kept.
    pub checkpointing: bool,
    /// Where the Gram teacher comes from; its loss has the weight of the schedule.
    pub gram: Option<GramTeacher>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dino_weight: 1.0,
            ibot_weight: 1.0,
            koleo_weight: 0.1,
            masks: BlockMasking::default(),
            rope: RopeJitter::default(),
            drop_path: 0.0,
            clip: 3.0,
            sinkhorn_iterations: 3,
            teacher: Teacher::Average,
            checkpointing: false,
            gram: None,
        }
    }
}

/// What the student follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Teacher {
    /// Its own running average; the student's global crops are masked.
    #[default]
    Average,
    /// A frozen network with heads; the student sees no masks, and an average of it is kept beside.
    Frozen,
}

/// How the coordinates of patches are changed at random, once a pass. Source: `spec/01`, section 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RopeJitter {
    /// Largest shift of each axis; 0 for none.
    pub shift: f64,
    /// Largest factor of each axis by itself, at least 1; its inverse is the smallest.
    pub jitter: f64,
    /// Largest factor of both axes, at least 1; its inverse is the smallest.
    pub rescale: f64,
}

impl Default for RopeJitter {
    fn default() -> Self {
        Self {
            shift: 0.0,
            jitter: 1.0,
            rescale: 2.0,
        }
    }
}

/// Where the Gram teacher comes from, and when it is taken anew from the average. Source: `spec/03`, section 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GramTeacher {
    /// The average at each step.
    Average,
    /// A copy of the average, or of the network that the run started from.
    Copy {
        /// Step after which it is first taken anew.
        first: u64,
        /// Steps between two times.
        every: u64,
        /// Times that it is taken anew; 0: it stays.
        times: u64,
    },
}

impl GramTeacher {
    /// Whether the copy is taken anew after the step with this index, from 0, having been taken `taken` times.
    pub fn is_due(self, step: u64, taken: u64) -> bool {
        match self {
            Self::Average => false,
            Self::Copy {
                first,
                every,
                times,
            } => {
                let due = every > 0 && (step + 1).is_multiple_of(every);
                taken < times && step + 1 >= first && due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_renewed_at_the_steps_of_the_second_stage() {
        let gram = GramTeacher::Copy {
            first: 1_010_000,
            every: 10_000,
            times: 3,
        };
        let mut taken = 0;
        let mut at = Vec::new();
        for step in 1_000_000..1_060_000 {
            if gram.is_due(step, taken) {
                taken += 1;
                at.push(step + 1);
            }
        }
        assert_eq!(at, [1_010_000, 1_020_000, 1_030_000]);
    }
}
