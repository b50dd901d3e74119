//! Values and gradients of all losses against the golden cases.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

use super::{Gram, Level, Negatives, Pairs, dino, downsample, gram, ibot, koleo, sinkhorn};

/// One golden case: its description and its tensors.
struct Case {
    json: Value,
    bytes: Vec<u8>,
}

impl Case {
    fn open(name: &str) -> Self {
        let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
            PathBuf::from,
        );
        let read = |file: &str| {
            let path = folder.join(name).join(file);
            std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display()))
        };
        Self {
            json: serde_json::from_slice(&read("case.json")).unwrap(),
            bytes: read("data.safetensors"),
        }
    }

    fn names(&self) -> Vec<String> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        tensors.names().iter().map(ToString::to_string).collect()
    }

    fn raw(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors
            .tensor(name)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        (view.shape().to_vec(), view.data().to_vec())
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.raw(name).1;
        let words = bytes.as_chunks().0.iter();
        words.map(|word| f32::from_le_bytes(*word)).collect()
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let data = TensorData::new(self.floats(name), self.raw(name).0);
        Tensor::from_data(data, device)
    }

    fn tolerance(&self, name: &str) -> f32 {
        self.json["tolerance"][name].as_f64().unwrap() as f32
    }

    /// Fails unless the loss and its gradient are those of the case.
    fn check(&self, prefix: &str, input: &str, loss: &Tensor<1>, gradient: &Tensor<2>) {
        let expected = self.floats(&format!("{prefix}expected.loss"))[0];
        let found = values(loss.clone().inner())[0];
        let allowed = self.tolerance("loss_rel") * expected.abs();
        assert!(
            (found - expected).abs() <= allowed,
            "{prefix}loss {found}, expected {expected}"
        );
        close(
            &format!("{prefix}gradient"),
            &values(gradient.clone()),
            &self.floats(&format!("{prefix}grad.{input}")),
            (self.tolerance("grad_abs"), self.tolerance("grad_rel")),
        );
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Fails at the first value outside `abs + rel · |expected|`.
fn close(what: &str, found: &[f32], expected: &[f32], (abs, rel): (f32, f32)) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= abs + rel * expected.abs(),
            "{what}[{at}]: {found}, expected {expected}"
        );
    }
}

/// Loss and gradient with respect to `input`, flattened to two axes.
fn backward<const D: usize>(
    input: Tensor<D>,
    loss: impl FnOnce(Tensor<D>) -> Tensor<1>,
) -> (Tensor<1>, Tensor<2>) {
    let count = input.dims().iter().product();
    let input = input.require_grad();
    let loss = loss(input.clone());
    let gradients = loss.backward();
    let gradient = input
        .grad(&gradients)
        .expect("the loss depends on the input");
    (loss, gradient.reshape([1, count]))
}

fn devices() -> (Device, Device) {
    (Device::flex(), Device::flex().autodiff())
}

#[test]
fn sinkhorn_targets_equal_the_golden_ones_also_where_exp_overflows() {
    let case = Case::open("sinkhorn");
    let (plain, _) = devices();
    let mut checked = 0;
    for name in case.names() {
        let Some((prefix, setting)) = name.split_once(".expected.targets.t") else {
            continue;
        };
        let (temperature, iterations) = match setting.split_once(".iterations") {
            Some((temperature, iterations)) => (temperature, iterations.parse().unwrap()),
            None => (setting, 3),
        };
        let logits = case.tensor(&format!("{prefix}.input.logits"), &plain);
        let found = values(sinkhorn(logits, temperature.parse().unwrap(), iterations));
        let allowed = if prefix == "large" {
            (1e-4, 5e-3)
        } else {
            (case.tolerance("abs"), case.tolerance("rel"))
        };
        close(&name, &found, &case.floats(&name), allowed);
        checked += 1;
    }
    assert!(checked >= 13, "{checked} targets");
}

#[test]
fn class_token_losses_and_gradients_equal_the_golden_ones() {
    let case = Case::open("dino_loss");
    let (plain, autodiff) = devices();
    for (name, pairs) in [
        ("local", Pairs::All),
        ("global_ignore_diagonal", Pairs::Different),
        ("global_with_diagonal", Pairs::All),
    ] {
        let teacher: Tensor<3> = case.tensor("input.teacher_probs", &plain);
        let teacher = Tensor::from_data(teacher.into_data(), &autodiff);
        let student = case.tensor(&format!("{name}.input.student_logits"), &autodiff);
        let (loss, gradient) = backward(student, |student| dino(teacher, student, pairs));
        case.check(&format!("{name}."), "student_logits", &loss, &gradient);
    }
}

#[test]
fn masked_patch_losses_and_gradients_equal_the_golden_ones() {
    let case = Case::open("ibot_loss");
    let (_, autodiff) = devices();
    let teacher = case.tensor("input.teacher_probs", &autodiff);
    let weights = case.tensor("input.masks_weight", &autodiff);
    let pictures = usize::try_from(case.json["images"].as_u64().unwrap()).unwrap();
    let student = case.tensor("input.student_logits", &autodiff);
    let (loss, gradient) = backward(student, |student| ibot(teacher, student, weights, pictures));
    case.check("", "student_logits", &loss, &gradient);
}

#[test]
fn spread_losses_and_gradients_equal_the_golden_ones() {
    let case = Case::open("koleo_loss");
    let (_, autodiff) = devices();
    for (prefix, rows, neighbours) in [("", 8, 1), ("first4.", 4, 1), ("top2.", 8, 2)] {
        let features: Tensor<2> = case.tensor("input.features", &autodiff);
        let features = features.narrow(0, 0, rows).detach();
        let (loss, gradient) = backward(features, |features| koleo(features, neighbours));
        case.check(prefix, "features", &loss, &gradient);
    }
}

#[test]
fn copies_of_a_picture_leave_the_spread_loss_finite() {
    let (_, autodiff) = devices();
    let copies = Tensor::<2>::ones([4, 6], &autodiff);
    let (loss, gradient) = backward(copies, |copies| koleo(copies, 1));
    assert!(values(loss.inner())[0].is_finite());
    assert!(values(gradient).iter().all(|value| value.is_finite()));
}

#[test]
fn gram_losses_and_gradients_equal_the_golden_ones() {
    let case = Case::open("gram_loss");
    let (_, autodiff) = devices();
    let levels = [
        ("img_level_true", Level::Picture),
        ("img_level_false", Level::Batch),
    ];
    let negatives = [
        ("keep_neg", Negatives::Keep),
        ("remove_neg", Negatives::Remove),
        ("remove_only_teacher_neg", Negatives::RemoveTeacher),
    ];
    let mut cases = vec![(
        "img_level_true.no_norm.".to_owned(),
        Gram {
            normalise: false,
            ..Gram::default()
        },
    )];
    for (level_name, level) in levels {
        for (negatives_name, negatives) in negatives {
            let settings = Gram {
                level,
                negatives,
                ..Gram::default()
            };
            cases.push((format!("{level_name}.{negatives_name}."), settings));
        }
    }
    for (prefix, settings) in cases {
        let teacher = case.tensor("input.teacher", &autodiff);
        let student = case.tensor("input.student", &autodiff);
        let (loss, gradient) = backward(student, |student| gram(student, teacher, settings));
        case.check(&prefix, "student", &loss, &gradient);
    }
}

#[test]
fn zero_patches_have_a_finite_gram_gradient() {
    let (_, autodiff) = devices();
    let teacher = Tensor::<3>::ones([1, 3, 4], &autodiff);
    let student = Tensor::<3>::zeros([1, 3, 4], &autodiff);
    let (_, gradient) = backward(student, |student| gram(student, teacher, Gram::default()));
    assert!(values(gradient).iter().all(|value| value.is_finite()));
}

#[test]
fn larger_teacher_grids_are_resized_as_the_reference_does() {
    let case = Case::open("gram_downsample");
    let (_, autodiff) = devices();
    let allowed = (case.tolerance("abs"), case.tolerance("rel"));
    for pair in case.json["grids"].as_array().unwrap() {
        let side = |key: &str| usize::try_from(pair[key].as_u64().unwrap()).unwrap();
        let name = format!("from{}_to{}", side("from"), side("to"));
        let patches = case.tensor(&format!("{name}.input.patches"), &autodiff);
        let found = downsample(patches, [side("from"); 2], [side("to"); 2]);
        let expected = case.floats(&format!("{name}.expected.patches"));
        close(&name, &values(found.inner()), &expected, allowed);
    }
    let teacher = case.tensor("from9_to6.input.patches", &autodiff);
    let teacher = downsample(teacher, [9; 2], [6; 2]);
    let student = case.tensor("loss_after_resize.input.student", &autodiff);
    let (loss, gradient) = backward(student, |student| gram(student, teacher, Gram::default()));
    let expected = case.floats("loss_after_resize.expected.loss")[0];
    let found = values(loss.inner())[0];
    assert!(
        (found - expected).abs() <= 2e-5 * expected.abs(),
        "{found} {expected}"
    );
    let expected = case.floats("loss_after_resize.grad.student");
    // The tolerance of the case `gram_loss`.
    close("gradient", &values(gradient), &expected, (1e-6, 2e-4));
}
