//! Who belongs to a cluster: labels → lists of members.

/// Members of every cluster, each list ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// Where the list of each cluster starts, and the number of all members.
    starts: Vec<usize>,
    numbers: Vec<u32>,
}

impl Members {
    /// Sorts `labels` `[members]` into lists of the clusters `0 .. clusters`.
    ///
    /// # Panics
    /// If a label is not below `clusters`.
    pub fn of_labels(labels: &[u32], clusters: usize) -> Self {
        let mut starts = vec![0; clusters + 1];
        for &label in labels {
            starts[label as usize + 1] += 1;
        }
        for cluster in 0..clusters {
            starts[cluster + 1] += starts[cluster];
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; labels.len()];
        for (number, &label) in labels.iter().enumerate() {
            let place = &mut next[label as usize];
            numbers[*place] = number as u32;
            *place += 1;
        }
        Self { starts, numbers }
    }

    /// One cluster of `members` members.
    pub(super) fn together(members: usize) -> Self {
        Self {
            starts: vec![0, members],
            numbers: (0..members as u32).collect(),
        }
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> usize {
        self.starts.len() - 1
    }

    /// Members of a cluster, ascending. Panics if there is no such cluster.
    pub fn of(&self, cluster: usize) -> &[u32] {
        &self.numbers[self.starts[cluster]..self.starts[cluster + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_the_list_of_its_label() {
        let members = Members::of_labels(&[2, 0, 2, 3, 0], 5);
        let lists: Vec<&[u32]> = (0..members.clusters())
            .map(|cluster| members.of(cluster))
            .collect();
        assert_eq!(lists, [&[1, 4][..], &[], &[0, 2], &[3], &[]]);
        assert_eq!(Members::together(3), Members::of_labels(&[0; 3], 1));
    }
}
