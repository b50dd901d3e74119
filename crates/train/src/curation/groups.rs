//! Connected components by union-find: pairs → groups.

/// Numbers joined into groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// A number of the same group that is not larger; itself for the first of a group.
    parents: Vec<u32>,
}

impl Groups {
    /// Each of `count` numbers alone.
    pub(super) fn new(count: usize) -> Self {
        Self {
            parents: (0..count as u32).collect(),
        }
    }

    /// The first number of the group of `number`.
    pub(super) fn first(&mut self, number: u32) -> u32 {
        let mut at = number;
        loop {
            let parent = self.parents[at as usize];
            if parent == at {
                return at;
            }
            // Halves the path for later.
            let above = self.parents[parent as usize];
            self.parents[at as usize] = above;
            at = above;
        }
    }

    /// Joins the groups of two numbers; whether they were two.
    pub(super) fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.first(a), self.first(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a != b
    }

    /// Groups of at least two numbers, by their first number; numbers ascending.
    pub(super) fn groups(mut self) -> Vec<Vec<u32>> {
        let count = self.parents.len();
        let firsts: Vec<u32> = (0..count as u32).map(|number| self.first(number)).collect();
        let mut place = vec![usize::MAX; count];
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for (number, &first) in firsts.iter().enumerate() {
            if number == first as usize {
                continue;
            }
            let place = &mut place[first as usize];
            if *place == usize::MAX {
                *place = groups.len();
                groups.push(vec![first]);
            }
            groups[*place].push(number as u32);
        }
        groups.sort_unstable();
        groups
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_are_the_transitive_closure_of_pairs(
            pairs in prop::collection::vec((0_u32..30, 0_u32..30), 0..40),
        ) {
            let mut groups = Groups::new(30);
            // Labels spread until nothing changes.
            let mut labels: Vec<u32> = (0..30).collect();
            for &(a, b) in &pairs {
                groups.join(a, b);
                let (a, b) = (labels[a as usize], labels[b as usize]);
                labels.iter_mut().filter(|label| **label == a.max(b)).for_each(|label| *label = a.min(b));
            }
            let all = (0..30).map(|first| (0..30).filter(|&at| labels[at as usize] == first).collect());
            let expected: Vec<Vec<u32>> = all.filter(|group: &Vec<u32>| group.len() > 1).collect();
            prop_assert_eq!(groups.groups(), expected);
        }
    }
}
