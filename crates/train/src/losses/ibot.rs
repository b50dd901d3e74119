//! The masked-patch loss: what is hidden is predicted.

use burn::tensor::Tensor;

use super::cross_entropy;

/// Cross-entropy of the masked patches, each picture weighing the same however much of it was masked.
///
/// `−(1/pictures) Σ_p weights[p] Σ_k teacher[p,k] · log softmax(student[p] / 0.1)[k]`.
/// `teacher`: `[masked, prototypes]`, rows add up to 1; `student`: `[masked, prototypes]` logits; `weights`: `[masked]`,
/// one over the masked patches of the patch's picture; `pictures` counts those without a mask too.
/// Returns `[1]`, in nats. Source: `spec/02`, section 4.3.
///
/// # Panics
/// If shapes differ, or without a picture.
pub fn ibot(
    teacher: Tensor<2>,
    student: Tensor<2>,
    weights: Tensor<1>,
    pictures: usize,
) -> Tensor<1> {
    let [masked, prototypes] = student.dims();
    assert_eq!(
        teacher.dims(),
        [masked, prototypes],
        "ibot: teacher and student"
    );
    assert_eq!(weights.dims(), [masked], "ibot: one weight a masked patch");
    assert!(pictures > 0, "ibot: no picture");
    let rows = |tensor: Tensor<2>| tensor.reshape([1, masked, prototypes]);
    let losses = cross_entropy(rows(teacher.detach()), rows(student));
    let weights = weights.detach().reshape([1, masked, 1]);
    (losses * weights).sum().div_scalar(pictures as f32)
}
