//! What turns gradients into new weights: groups by name, clipping by part, `AdamW`, the running average of a teacher.
//!
//! Input: a network whose parameters have names, and its gradients. Output: the network after the step. Source:
//! `spec/02`, sections 5 to 8.

mod adamw;
mod gradients;
mod groups;
mod update;

pub use adamw::{AdamW, AdamWConfig, Moments, StepRates};
pub use gradients::{Gradients, Keep, Norms};
pub use groups::{Group, Grouping};

use burn::tensor::Tensor;
use dinoscope_model::{MapParams, ParamName, Params, VisitParams};

use std::collections::BTreeMap;

/// Moves every parameter of `teacher` towards that of `student`: `momentum · teacher + (1 − momentum) · student`.
///
/// Parameters that the student lacks stay. Source: `spec/02`, section 5.
#[must_use]
pub fn follow<P: Params>(teacher: P, student: &impl Params, momentum: f64) -> P {
    struct Collect(BTreeMap<String, Tensor<1>>);
    impl VisitParams for Collect {
        fn visit<const D: usize>(&mut self, name: &ParamName, value: &Tensor<D>) {
            self.0.insert(name.name.clone(), flat(plain(value.clone())));
        }
    }
    struct Blend {
        student: BTreeMap<String, Tensor<1>>,
        momentum: f64,
    }
    impl MapParams for Blend {
        fn map<const D: usize>(&mut self, name: &ParamName, value: Tensor<D>) -> Tensor<D> {
            let Some(student) = self.student.remove(&name.name) else {
                return value;
            };
            let shape = value.dims();
            update::blend(flat(value), student, self.momentum).reshape(shape)
        }
    }
    let mut students = Collect(BTreeMap::new());
    student.visit_params("", &mut students);
    let mut blend = Blend {
        student: students.0,
        momentum,
    };
    teacher.map_params("", &mut blend)
}

/// `[values]`.
fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let count = tensor.dims().iter().product::<usize>();
    tensor.reshape([count])
}

/// The tensor without its graph.
fn plain<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if tensor.is_autodiff() {
        tensor.inner()
    } else {
        tensor
    }
}
