//! Features of pictures: preprocess, run the network in batches of equal size, remember what was computed.
//!
//! [`Picture`] and [`Request`] → [`Features`]: per layer a class token, registers and a map of patches, f32.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use dinoscope_model::{LayerTokens, Norm, Watch};

use crate::analysis::CancelToken;
use crate::cache::{CacheKey, FeatureCache, Tensors};
use crate::feature_map::{FeatureMap, FeatureMapError};
use crate::grid::Grid;
use crate::model::Model;
use crate::picture::Picture;
use crate::preprocess::{Preprocess, PreprocessError};

/// Why features could not be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeaturesError {
    /// The picture cannot be brought to the network's input.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// A layer that the network does not have.
    #[error("no layer {found}: expected 0 to {last}")]
    Layer {
        /// Layer asked for.
        found: usize,
        /// Last layer there is.
        last: usize,
    },
    /// The network produced something that is not a map.
    #[error(transparent)]
    Map(#[from] FeatureMapError),
    /// The device failed while it ran.
    #[error("device {device} failed: {reason}")]
    Device {
        /// The device.
        device: String,
        /// What it said.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("the features were not computed: the run was cancelled")]
    Cancelled,
}

/// What is wanted of each picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Input size and resampling. Patch and statistics are the model's and are filled in.
    pub preprocess: Preprocess,
    /// 0-based layers; empty for the last.
    pub layers: Vec<usize>,
    /// Whether the final norm is applied.
    pub norm: Norm,
}

/// Features of one picture.
#[derive(Clone, Debug)]
pub struct Features {
    /// Width and height of the network's input in pixels.
    pub input_px: (u32, u32),
    /// One entry a layer, ascending.
    pub layers: Vec<LayerFeatures>,
    /// Whether all of it came from the cache.
    pub cached: bool,
}

/// Features of one layer.
#[derive(Clone, Debug)]
pub struct LayerFeatures {
    /// 0-based layer.
    pub layer: usize,
    /// Where its patches lie in the picture; earlier stages of a `ConvNeXt` have finer ones.
    pub grid: Grid,
    /// Class token `[dim]`; of a `ConvNeXt`, the average of the map.
    pub cls: Vec<f32>,
    /// Register tokens `[registers, dim]`, row by row.
    pub registers: Vec<f32>,
    /// Patches `[rows, cols, dim]`.
    pub patches: FeatureMap,
}

/// Computes features with one model and remembers them.
#[derive(Debug)]
pub struct Extractor {
    model: Arc<Model>,
    cache: Option<Arc<FeatureCache>>,
}

impl Extractor {
    /// Most tokens that one batch carries: beyond it a larger batch is no faster and only takes memory.
    const BATCH_TOKENS: usize = 4096;

    /// An extractor; without a `cache` everything is computed anew. Models may share one.
    pub fn new(model: Arc<Model>, cache: Option<Arc<FeatureCache>>) -> Self {
        Self { model, cache }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What the cache did, if there is one.
    pub fn cache(&self) -> Option<&FeatureCache> {
        self.cache.as_deref()
    }

    /// The same model without a cache: everything is computed anew.
    #[must_use]
    pub fn without_cache(&self) -> Self {
        Self::new(Arc::clone(&self.model), None)
    }

    /// The preprocessing that this model needs for `request`.
    pub fn preprocess(&self, request: &Request) -> Preprocess {
        Preprocess {
            statistics: self.model.statistics,
            patch: self.model.patch(),
            ..request.preprocess.clone()
        }
    }

    /// How many pictures of so many patches are best run at once.
    pub fn batch(&self, patches: usize) -> usize {
        (Self::BATCH_TOKENS / patches.max(1)).max(1)
    }

    /// Features of one picture.
    pub fn features(
        &self,
        picture: &Picture,
        request: &Request,
    ) -> Result<Features, FeaturesError> {
        self.features_until(picture, request, &CancelToken::default(), &mut |_, _| {})
    }

    /// As [`Extractor::features`]; `progress` hears after each block how many are done and how many there are.
    ///
    /// On the CPU a cancel is seen within the block. Nothing is called for what the cache holds.
    #[expect(clippy::missing_panics_doc, reason = "one picture in, one out")]
    pub fn features_until(
        &self,
        picture: &Picture,
        request: &Request,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Features, FeaturesError> {
        let mut observer = |done, total| self.after_block(cancel, progress, done, total);
        let mut watch = Watch::new(cancel.stop().clone(), &mut observer);
        let mut features = self.run(&[picture], request, &mut watch)?;
        Ok(features.pop().expect("one picture in, one out"))
    }

    fn after_block(
        &self,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(usize, usize),
        done: usize,
        total: usize,
    ) -> ControlFlow<()> {
        if !self.model.device.is_synchronous() {
            // A graphics device runs behind. What fails here fails again when the result is read, with a reason.
            let _ = self.model.device.burn().sync();
        }
        progress(done, total);
        if cancel.is_cancelled() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Features of pictures whose network inputs have the same size, in one batch; pictures in the cache are not run.
    ///
    /// Pictures of different sizes are run one size after the other.
    pub fn features_of(
        &self,
        pictures: &[&Picture],
        request: &Request,
    ) -> Result<Vec<Features>, FeaturesError> {
        self.run(pictures, request, &mut Watch::default())
    }

    fn run(
        &self,
        pictures: &[&Picture],
        request: &Request,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Features>, FeaturesError> {
        let layers = self.layers(request)?;
        let preprocess = self.preprocess(request);
        let mut out: Vec<Option<Features>> = Vec::new();
        let mut missing: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for (i, picture) in pictures.iter().enumerate() {
            let input_px = preprocess.target(picture.width(), picture.height())?;
            let features = self.recall(picture, &preprocess, request.norm, &layers, input_px);
            if features.is_none() {
                missing.entry(input_px).or_default().push(i);
            }
            out.push(features);
        }
        for (input_px, indices) in missing {
            let chosen: Vec<&Picture> = indices.iter().map(|&i| pictures[i]).collect();
            let images = self.images(&chosen, &preprocess, input_px)?;
            let found = self
                .model
                .backbone
                .features_until(images, &layers, request.norm, watch);
            let tokens = found.ok_or(FeaturesError::Cancelled)?;
            let computed = self.split(&chosen, tokens, input_px)?;
            for (i, features) in indices.into_iter().zip(computed) {
                self.remember(pictures[i], &preprocess, request.norm, &features);
                out[i] = Some(features);
            }
        }
        Ok(out.into_iter().flatten().collect())
    }

    /// The layers of a request, ascending, each once; the last if none is named.
    fn layers(&self, request: &Request) -> Result<Vec<usize>, FeaturesError> {
        let last = self.model.config.layers() - 1;
        let mut layers = if request.layers.is_empty() {
            vec![last]
        } else {
            request.layers.clone()
        };
        layers.sort_unstable();
        layers.dedup();
        match layers.iter().find(|&&layer| layer > last) {
            Some(&found) => Err(FeaturesError::Layer { found, last }),
            None => Ok(layers),
        }
    }

    /// The network's input `[batch, 3, height, width]`.
    fn images(
        &self,
        pictures: &[&Picture],
        preprocess: &Preprocess,
        input_px: (u32, u32),
    ) -> Result<Tensor<4>, FeaturesError> {
        let (width, height) = (input_px.0 as usize, input_px.1 as usize);
        let mut pixels = Vec::with_capacity(pictures.len() * 3 * width * height);
        for picture in pictures {
            let input = preprocess.run(picture)?;
            pixels.extend(input.pixels);
        }
        let data = TensorData::new(pixels, [pictures.len(), 3, height, width]);
        Ok(Tensor::from_data(data, self.model.device.burn()))
    }

    /// The network's output, picture by picture.
    fn split(
        &self,
        pictures: &[&Picture],
        tokens: Vec<LayerTokens>,
        input_px: (u32, u32),
    ) -> Result<Vec<Features>, FeaturesError> {
        let tokens: Vec<Read> = tokens
            .into_iter()
            .map(|layer| self.read(layer))
            .collect::<Result<_, _>>()?;
        let of_picture = |(i, picture): (usize, &&Picture)| {
            let layers = tokens
                .iter()
                .map(|layer| layer.picture(i, picture, input_px));
            Ok(Features {
                input_px,
                layers: layers.collect::<Result<_, _>>()?,
                cached: false,
            })
        };
        pictures.iter().enumerate().map(of_picture).collect()
    }

    /// Brings one layer's tokens to host memory.
    fn read(&self, tokens: LayerTokens) -> Result<Read, FeaturesError> {
        let failed = |reason: String| FeaturesError::Device {
            device: self.model.device.name().into(),
            reason,
        };
        let host = |data: TensorData| {
            data.try_to_vec::<f32>()
                .map_err(|error| failed(format!("{error:?}")))
        };
        let [_, _, dim] = tokens.patches.dims();
        Ok(Read {
            layer: tokens.layer,
            grid: tokens.grid,
            dim,
            cls: host(tokens.cls.into_data())?,
            registers: match tokens.registers {
                Some(registers) => host(registers.into_data())?,
                None => Vec::new(),
            },
            patches: host(tokens.patches.into_data())?,
        })
    }

    fn key(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        norm: Norm,
        layer: usize,
        input_px: (u32, u32),
    ) -> CacheKey {
        let statistics = preprocess.statistics;
        let settings = [
            ("input", format!("{}x{}", input_px.0, input_px.1)),
            ("resample", preprocess.resample.to_string()),
            ("road", preprocess.road.to_string()),
            ("background", format!("{:?}", preprocess.background)),
            ("mean", format!("{:?}", statistics.mean)),
            ("std", format!("{:?}", statistics.std)),
            ("device", self.model.device.family().to_owned()),
        ];
        CacheKey {
            picture: picture.sha256().to_owned(),
            model: self.model.sha256.clone(),
            preprocessing: settings
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            layer,
            norm: norm_name(norm).to_owned(),
        }
    }

    fn recall(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        norm: Norm,
        layers: &[usize],
        input_px: (u32, u32),
    ) -> Option<Features> {
        let cache = self.cache.as_ref()?;
        let mut found = Vec::with_capacity(layers.len());
        for &layer in layers {
            let key = self.key(picture, preprocess, norm, layer, input_px);
            match cache
                .get(&key)
                .and_then(|tensors| unpack(&tensors, layer, picture, input_px))
            {
                Some(features) => found.push(features),
                None => return None,
            }
        }
        Some(Features {
            input_px,
            layers: found,
            cached: true,
        })
    }

    /// Stores what was computed; a cache that cannot be written costs time, not results.
    fn remember(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        norm: Norm,
        features: &Features,
    ) {
        let Some(cache) = &self.cache else { return };
        for layer in &features.layers {
            let key = self.key(picture, preprocess, norm, layer.layer, features.input_px);
            if let Err(error) = cache.put(&key, Arc::new(pack(layer))) {
                tracing::warn!(%error, "features not cached");
            }
        }
    }
}

/// `final` or `none`, as on the command line.
pub fn norm_name(norm: Norm) -> &'static str {
    match norm {
        Norm::Final => "final",
        Norm::None => "none",
    }
}

/// One layer of a batch in host memory.
struct Read {
    layer: usize,
    grid: [usize; 2],
    dim: usize,
    cls: Vec<f32>,
    registers: Vec<f32>,
    patches: Vec<f32>,
}

impl Read {
    fn picture(
        &self,
        index: usize,
        picture: &Picture,
        input_px: (u32, u32),
    ) -> Result<LayerFeatures, FeaturesError> {
        let [rows, cols] = self.grid;
        let part = |values: &[f32], len: usize| values[index * len..][..len].to_vec();
        let batch = self.cls.len() / self.dim;
        Ok(LayerFeatures {
            layer: self.layer,
            grid: layer_grid(picture, input_px, rows),
            cls: part(&self.cls, self.dim),
            registers: part(&self.registers, self.registers.len() / batch),
            patches: FeatureMap::new(
                rows,
                cols,
                self.dim,
                part(&self.patches, rows * cols * self.dim),
            )?,
        })
    }
}

/// The grid of a layer of `rows` rows: its patches are the input's height divided by them.
fn layer_grid(picture: &Picture, input_px: (u32, u32), rows: usize) -> Grid {
    Grid::new(
        (picture.width(), picture.height()),
        input_px,
        input_px.1 / rows as u32,
    )
}

fn pack(layer: &LayerFeatures) -> Tensors {
    let map = &layer.patches;
    let tensors = [
        ("cls", vec![map.dim()], layer.cls.clone()),
        (
            "registers",
            vec![layer.registers.len() / map.dim(), map.dim()],
            layer.registers.clone(),
        ),
        (
            "patches",
            vec![map.rows(), map.cols(), map.dim()],
            map.values().to_vec(),
        ),
    ];
    Tensors {
        tensors: tensors
            .into_iter()
            .map(|(name, shape, values)| (name.to_owned(), (shape, values)))
            .collect(),
        metadata: BTreeMap::new(),
    }
}

/// The inverse of [`pack`]; nothing if the stored tensors have other names or shapes.
fn unpack(
    tensors: &Tensors,
    layer: usize,
    picture: &Picture,
    input_px: (u32, u32),
) -> Option<LayerFeatures> {
    let get = |name: &str| tensors.tensors.get(name);
    let (shape, patches) = get("patches")?;
    let &[rows, cols, dim] = shape.as_slice() else {
        return None;
    };
    Some(LayerFeatures {
        layer,
        grid: layer_grid(picture, input_px, rows),
        cls: get("cls")?.1.clone(),
        registers: get("registers")?.1.clone(),
        patches: FeatureMap::new(rows, cols, dim, patches.clone()).ok()?,
    })
}
