//! Gram anchoring: patch similarities stay what they were when dense features were at their best.

use burn::tensor::Tensor;

use super::normalised;

/// Smallest length that a patch is divided by.
const EPS: f32 = 1e-12;

/// Which patches are compared with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Those of one picture; the matrices are `[patches, patches]`.
    #[default]
    Picture,
    /// Those of all pictures together; the matrix is `[pictures · patches]²`.
    Batch,
}

/// What becomes of negative similarities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negatives {
    /// They count, as in the released recipes.
    #[default]
    Keep,
    /// They are 0 on both sides, and have no gradient.
    Remove,
    /// They are 0 on the teacher's side.
    RemoveTeacher,
}

/// Settings of [`gram`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gram {
    /// Which patches are compared.
    pub level: Level,
    /// What becomes of negative similarities.
    pub negatives: Negatives,
    /// Whether patches are divided by their length first.
    pub normalise: bool,
}

impl Default for Gram {
    fn default() -> Self {
        Self {
            level: Level::Picture,
            negatives: Negatives::Keep,
            normalise: true,
        }
    }
}

/// `mean((S·Sᵀ − T·Tᵀ)²)` over all entries, the diagonal included.
///
/// `student`, `teacher`: `[pictures, patches, dim]`, after the final norm; each may have a `dim` of its own, since only
/// similarities are compared. Returns `[1]`, dimensionless, at least 0. Source: `spec/03`, section 1; DINOv3 paper,
/// section on Gram anchoring.
///
/// # Panics
/// If the numbers of pictures or patches differ.
pub fn gram(student: Tensor<3>, teacher: Tensor<3>, settings: Gram) -> Tensor<1> {
    let [pictures, patches, _] = student.dims();
    let [of_teacher, patches_of_teacher, _] = teacher.dims();
    assert_eq!(
        [pictures, patches],
        [of_teacher, patches_of_teacher],
        "gram: pictures and patches of student and teacher"
    );
    let own = similarities(student, settings);
    let anchor = similarities(teacher.detach(), settings);
    let (own, anchor) = match settings.negatives {
        Negatives::Keep => (own, anchor),
        Negatives::Remove => (own.clamp_min(0.0), anchor.clamp_min(0.0)),
        Negatives::RemoveTeacher => (own, anchor.clamp_min(0.0)),
    };
    (own - anchor).square().mean()
}

fn similarities(patches: Tensor<3>, settings: Gram) -> Tensor<3> {
    let [pictures, count, dim] = patches.dims();
    let unit = if settings.normalise {
        normalised(patches, EPS)
    } else {
        patches
    };
    let unit = match settings.level {
        Level::Picture => unit,
        Level::Batch => unit.reshape([1, pictures * count, dim]),
    };
    unit.clone().matmul(unit.swap_dims(1, 2))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    /// Two pictures of two patches.
    fn patches(dim: usize, values: &[f32]) -> Tensor<3> {
        let data = TensorData::new(values.to_vec(), [2, 2, dim]);
        Tensor::from_data(data, &Device::flex())
    }

    #[test]
    fn an_anchor_may_have_another_width() {
        // The same angles, a right one and one of 0, in two and in three dimensions.
        let narrow = patches(2, &[1.0, 0.0, 0.0, 2.0, 3.0, 3.0, 1.0, 1.0]);
        let wide = [0.0, 0.0, 5.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0];
        let own = |student: &Tensor<3>, wide: &[f32]| -> f32 {
            let loss = gram(student.clone(), patches(3, wide), Gram::default());
            loss.into_data().try_to_vec::<f32>().unwrap()[0]
        };
        // Rounding of f32.
        assert!(own(&narrow, &wide).abs() < 1e-6);
        // The second picture's patches at a right angle too: two of eight entries are 1 apart.
        let other = [0.0, 0.0, 5.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0];
        assert!((own(&narrow, &other) - 0.25).abs() < 1e-6);
    }

    #[test]
    #[should_panic(expected = "pictures and patches of student and teacher")]
    fn other_numbers_of_patches_are_a_bug() {
        let two = patches(2, &[0.5; 8]);
        let one = two.clone().narrow(1, 0, 1);
        let _ = gram(two, one, Gram::default());
    }
}
