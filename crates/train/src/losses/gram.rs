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
/// `student`, `teacher`: `[pictures, patches, dim]`, after the final norm. Returns `[1]`, dimensionless, at least 0.
/// Source: `spec/03`, section 1; DINOv3 paper, section on Gram anchoring.
///
/// # Panics
/// If the shapes differ.
pub fn gram(student: Tensor<3>, teacher: Tensor<3>, settings: Gram) -> Tensor<1> {
    assert_eq!(
        student.dims(),
        teacher.dims(),
        "gram: patches of student and teacher"
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
