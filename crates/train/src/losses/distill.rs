//! Learning another network's features: the direction of each, and how those of a picture relate to each other.
//!
//! Source: `spec/06`, section 2 (the relations are the local part of its distillation v3).

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};

use super::normalised;

/// Smallest length that a row is divided by.
const EPS: f32 = 1e-6;

/// `mean(1 − cos(student, teacher))` over rows. Both `[rows, dim]`. Returns `[1]`, 0 to 2.
///
/// # Panics
/// If the shapes differ.
pub fn feature(student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
    assert_eq!(student.dims(), teacher.dims(), "feature: rows and channels");
    let cosines = (normalised(student, EPS) * normalised(teacher.detach(), EPS)).sum_dim(1);
    cosines.mean().neg().add_scalar(1.0)
}

/// Mean divergence between how alike the patches of each picture are to each other, in nats.
///
/// Rows of `softmax(T̂·T̂ᵀ / temperature)` against those of the student. `student` `[pictures, patches, dim]`, `teacher`
/// the same with any number of channels. Returns `[1]`, at least 0.
///
/// # Panics
/// If pictures or patches differ.
pub fn relation(student: Tensor<3>, teacher: Tensor<3>, temperature: f64) -> Tensor<1> {
    let ([pictures, patches, _], [others, count, _]) = (student.dims(), teacher.dims());
    assert_eq!(
        [pictures, patches],
        [others, count],
        "relation: pictures and patches"
    );
    let scores = |tokens: Tensor<3>| {
        let unit = normalised(tokens, EPS);
        unit.clone().matmul(unit.swap_dims(1, 2)) / temperature
    };
    let target = scores(teacher.detach());
    let (probabilities, known) = (softmax(target.clone(), 2), log_softmax(target, 2));
    let predicted = log_softmax(scores(student), 2);
    let rows = (pictures * patches) as f32;
    (probabilities * (known - predicted)).sum().div_scalar(rows)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_data().try_to_vec::<f32>().unwrap()[0]
    }

    #[test]
    fn a_student_with_the_features_of_its_teacher_has_nothing_to_learn() {
        let device = Device::flex();
        let tokens = Tensor::<3>::random([2, 5, 8], Distribution::Normal(0.0, 1.0), &device);
        let rows = tokens.clone().reshape([10, 8]);
        assert!(value(feature(rows.clone() * 3.0, rows.clone())).abs() < 1e-6);
        assert!((value(feature(rows.clone().neg(), rows)) - 2.0).abs() < 1e-5);
        assert!(value(relation(tokens.clone() * 2.0, tokens.clone(), 0.07)).abs() < 1e-5);
        let other = Tensor::<3>::random([2, 5, 6], Distribution::Normal(0.0, 1.0), &device);
        assert!(value(relation(other, tokens, 0.5)) > 1e-3);
    }
}
