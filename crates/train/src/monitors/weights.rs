//! How far the teacher is from the student.
//!
//! Input: two lists of weights, or two networks. Output: `‖θ_T − θ_S‖ / ‖θ_S‖`. Source: `spec/06`, section 7.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use dinoscope_model::{ParamName, Params, VisitParams};

/// `‖average − current‖ / ‖current‖` over all pairs of tensors; 0 for the same weights.
///
/// # Panics
/// If the two tensors of a pair have different lengths.
pub fn gap<'a>(pairs: impl IntoIterator<Item = (&'a [f32], &'a [f32])>) -> f64 {
    let (mut away, mut own) = (0.0, 0.0);
    for (average, current) in pairs {
        assert_eq!(average.len(), current.len(), "gap: values of two tensors");
        for (&average, &current) in average.iter().zip(current) {
            let (average, current) = (f64::from(average), f64::from(current));
            away += (average - current).powi(2);
            own += current.powi(2);
        }
    }
    ratio(away, own)
}

/// [`gap`] between the parameters that two networks share, by name. Sums on the device and reads two numbers back.
///
/// # Panics
/// If two tensors of one name have different lengths, or if no name is shared.
pub fn network_gap(average: &impl Params, current: &impl Params) -> f64 {
    let (average, current) = (parameters(average), parameters(current));
    let mut sums: Option<[Tensor<1>; 2]> = None;
    for (name, current) in current {
        let Some(average) = average.get(&name) else {
            continue;
        };
        let away = (average.clone() - current.clone()).square().sum();
        let own = current.square().sum();
        sums = Some(match sums {
            None => [away, own],
            Some([away_sum, own_sum]) => [away_sum + away, own_sum + own],
        });
    }
    let sums = sums.expect("two networks of one kind share their parameters");
    let sums: Vec<f32> = Tensor::cat(sums.into(), 0)
        .into_data()
        .try_to_vec()
        .expect("parameters are f32");
    ratio(f64::from(sums[0]), f64::from(sums[1]))
}

fn ratio(away: f64, own: f64) -> f64 {
    if away == 0.0 {
        return 0.0;
    }
    (away / own).sqrt()
}

/// Every parameter `[values]` by name, without its graph.
fn parameters(network: &impl Params) -> BTreeMap<String, Tensor<1>> {
    struct Collect(BTreeMap<String, Tensor<1>>);
    impl VisitParams for Collect {
        fn visit<const D: usize>(&mut self, name: &ParamName, value: &Tensor<D>) {
            let value = value.clone();
            let value = if value.is_autodiff() {
                value.inner()
            } else {
                value
            };
            let count: usize = value.dims().iter().product();
            self.0
                .insert(name.name.clone(), value.reshape::<1, _>([count]));
        }
    }
    let mut collect = Collect(BTreeMap::new());
    network.visit_params("", &mut collect);
    collect.0
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use dinoscope_model::MapParams;

    use super::*;

    /// A network of one parameter.
    struct Single(Tensor<2>);

    impl Params for Single {
        fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
            visitor.visit(&ParamName::plain(format!("{prefix}weight")), &self.0);
        }

        fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
            Self(mapper.map(&ParamName::plain(format!("{prefix}weight")), self.0))
        }
    }

    #[test]
    fn the_gap_is_relative_to_the_student() {
        let student = [3.0, 0.0, 4.0, 0.0];
        let teacher = [3.0, 0.0, 4.0, 1.0];
        let found = gap([(&teacher[..], &student[..])]);
        assert!((found - 0.2).abs() < 1e-9, "{found}");
        let same = gap([(&student[..], &student[..]); 2]);
        assert!(same.abs() < 1e-12);
        assert!(gap([(&[f32::NAN][..], &[1.0][..])]).is_nan());
    }

    #[test]
    fn networks_are_compared_where_they_are() {
        let device = Device::default();
        let network = |values: [f32; 4], device: &Device| {
            Single(Tensor::from_data(
                TensorData::new(values.to_vec(), [2, 2]),
                device,
            ))
        };
        let student = network([3.0, 0.0, 4.0, 0.0], &device.clone().autodiff());
        let teacher = network([3.0, 0.0, 4.0, 1.0], &device);
        let found = network_gap(&teacher, &student);
        assert!((found - 0.2).abs() < 1e-6, "{found}");
    }
}
