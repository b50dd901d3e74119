//! Activation checkpointing: a pass of training that keeps the tokens between blocks and nothing inside of them.
//!
//! The gradient computes each block a second time, from the last to the first. The numbers are those of the plain pass,
//! bit for bit on the CPU; a step takes about a third longer.

use burn::module::Module;
use burn::tensor::{Gradients, Tensor};

use crate::vit::{TrainingPass, Vit};

/// What a pass kept for its gradient.
#[derive(Debug)]
pub struct Segments {
    images: Tensor<4>,
    pass: TrainingPass,
    /// What went into each block, without a graph.
    inputs: Vec<Tensor<3>>,
    /// What came out of the last one: where the graph of the losses begins.
    last: Tensor<3>,
}

impl Vit {
    /// As [`Vit::forward_training`] of a network on an autodiff device; `images` on the plain one.
    ///
    /// The gradients of the network's end are in the graph of the tokens; [`Segments::backward`] gives the others.
    ///
    /// # Panics
    /// As [`Vit::forward_training`].
    pub fn forward_segments(&self, images: Tensor<4>, pass: TrainingPass) -> (Tensor<3>, Segments) {
        let plain = self.valid();
        let inner = TrainingPass {
            masks: pass.masks.clone().map(Tensor::inner),
            ..pass.clone()
        };
        let blocks = self.config().depth;
        inner.check(blocks);
        let rope = plain.rope_of(&images, &inner);
        let mut x = plain.embed(images.clone(), inner.masks.clone());
        let mut inputs = Vec::with_capacity(blocks);
        for index in 0..blocks {
            inputs.push(x.clone());
            x = plain.training_block(index, x, &rope, &inner);
        }
        let last = Tensor::from_inner(x).require_grad();
        let tokens = self.training_norm(last.clone(), &pass);
        let segments = Segments {
            images,
            pass,
            inputs,
            last,
        };
        (tokens, segments)
    }
}

impl Segments {
    /// Gradients of blocks and embedding, a part at a time given to `each`; `found` are those of the losses.
    ///
    /// # Panics
    /// Never: every block passes its input on.
    pub fn backward(self, vit: &Vit, found: &mut Gradients, mut each: impl FnMut(Gradients)) {
        // Losses that do not depend on the tokens have no gradient for the network.
        let Some(mut gradient) = self.last.grad_remove(found) else {
            return;
        };
        let images = Tensor::from_inner(self.images);
        let rope = vit.rope_of(&images, &self.pass);
        for (index, input) in self.inputs.into_iter().enumerate().rev() {
            let x = Tensor::from_inner(input).require_grad();
            let y = vit.training_block(index, x.clone(), &rope, &self.pass);
            let mut found = (y * Tensor::from_inner(gradient)).sum().backward();
            gradient = x
                .grad_remove(&mut found)
                .expect("a block passes its input on");
            each(found);
        }
        let y = vit.embed(images, self.pass.masks);
        each((y * Tensor::from_inner(gradient)).sum().backward());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::{Bool, Device, Distribution, TensorData};

    use super::*;
    use crate::params::{ParamName, Params, VisitParams};
    use crate::rope::RopeAugment;
    use crate::weights::Placement;
    use crate::{Backbone, BackboneConfig, Fresh, Variant};

    /// Gradients of all parameters by name.
    struct Take<'a> {
        found: &'a mut Gradients,
        sums: &'a mut BTreeMap<String, Vec<f32>>,
    }

    impl VisitParams for Take<'_> {
        fn visit<const D: usize>(&mut self, name: &ParamName, value: &Tensor<D>) {
            let Some(gradient) = value.grad_remove(self.found) else {
                return;
            };
            let values: Vec<f32> = gradient.into_data().try_to_vec().unwrap();
            let before = self.sums.insert(name.name.clone(), values);
            assert!(before.is_none(), "{} came twice", name.name);
        }
    }

    #[test]
    fn the_gradients_are_those_of_the_plain_pass() {
        let BackboneConfig::Vit(mut config) = Variant::by_name("vits16").unwrap().config() else {
            panic!("a ViT");
        };
        (config.dim, config.depth, config.heads, config.ffn_hidden) = (32, 3, 2, 64);
        config.local_cls_norm = true;
        let device = Device::flex();
        let at = Placement::plain(&device.clone().autodiff());
        let network = Backbone::load(&config.into(), &Fresh { seed: 4 }, &at).unwrap();
        let images = Tensor::<4>::random([4, 3, 48, 32], Distribution::Normal(0.0, 1.0), &device);
        let hidden: Vec<bool> = (0..24).map(|i| i % 5 == 0).collect();
        let masks = TensorData::new(hidden, [4, 6]);
        let masks = Tensor::<2, Bool>::from_data(masks, &device.clone().autodiff());
        let some = vec![[vec![0, 2, 3], vec![1, 2]]; 3];
        for (masks, kept, local) in [(None, Vec::new(), true), (Some(masks), some, false)] {
            let pass = TrainingPass {
                masks,
                rope: RopeAugment {
                    rescale: 1.3,
                    ..RopeAugment::default()
                },
                kept,
                local,
            };
            let loss = |tokens: &crate::LayerTokens| {
                tokens.cls.clone().powi_scalar(3).sum() + tokens.patches.clone().abs().sum()
            };
            let plain = network.training(Tensor::from_inner(images.clone()), &pass);
            let mut expected = BTreeMap::new();
            let take = |found: &mut Gradients, sums: &mut BTreeMap<String, Vec<f32>>| {
                network.visit_params("", &mut Take { found, sums });
            };
            take(&mut loss(&plain).backward(), &mut expected);
            let (tokens, segments) = network.training_segments(images.clone(), &pass);
            assert_eq!(
                tokens.patches.clone().inner().into_data(),
                plain.patches.inner().into_data()
            );
            let mut found = loss(&tokens).backward();
            let mut sums = BTreeMap::new();
            network.backward_segments(segments.unwrap(), &mut found, |mut part| {
                take(&mut part, &mut sums);
            });
            take(&mut found, &mut sums);
            assert!(sums.len() > 40 && sums == expected, "gradients differ");
        }
    }
}
