//! The class-token loss: crops of a picture agree on prototypes.

use burn::tensor::Tensor;

use super::cross_entropy;

/// Which pairs of a student's and a teacher's crop count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// All: the student's crops are others than the teacher's.
    All,
    /// Those of different number: both sides have the same crops, and one would predict itself.
    Different,
}

/// Mean cross-entropy of the student's predictions against the teacher's targets over pairs of crops and pictures.
///
/// `−(1/n) Σ_{s,t} Σ_b Σ_k teacher[t,b,k] · log softmax(student[s,b] / 0.1)[k]`.
/// `teacher`: `[teacher crops, pictures, prototypes]`, rows add up to 1; `student`: `[student crops, pictures,
/// prototypes]` logits. Returns `[1]`, in nats. Source: `spec/02`, section 4.2.
///
/// # Panics
/// If pictures or prototypes differ, or if no pair is left.
pub fn dino(teacher: Tensor<3>, student: Tensor<3>, pairs: Pairs) -> Tensor<1> {
    let [teacher_crops, pictures, prototypes] = teacher.dims();
    let [student_crops, student_pictures, student_prototypes] = student.dims();
    assert_eq!(
        [pictures, prototypes],
        [student_pictures, student_prototypes],
        "dino: pictures and prototypes of teacher and student"
    );
    let teacher = teacher.detach();
    // Targets of all teacher crops at once: the cross-entropy is linear in them.
    let sum = teacher.clone().sum_dim(0).repeat_dim(0, student_crops);
    let (targets, left_out) = match pairs {
        Pairs::All => (sum, 0),
        Pairs::Different => {
            let shared = teacher_crops.min(student_crops);
            let own = teacher.narrow(0, 0, shared);
            let others = sum.clone().narrow(0, 0, shared) - own;
            let targets = if shared == student_crops {
                others
            } else {
                let rest = sum.narrow(0, shared, student_crops - shared);
                Tensor::cat(vec![others, rest], 0)
            };
            (targets, shared)
        }
    };
    let count = (teacher_crops * student_crops - left_out) * pictures;
    assert!(count > 0, "dino: no pair of crops is left");
    cross_entropy(targets, student)
        .sum()
        .div_scalar(count as f32)
}
