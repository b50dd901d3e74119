//! What a distillation shows its students and its teacher: two distorted crops of each picture.
//!
//! With a teacher's features in files, the crop's features are read off the picture's map where the student's patches
//! lie: the student sees other scales and colors and answers with the same features.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors};

use crate::augment::resample::crop_bicubic;
use crate::augment::{GramCrops, write_normalized};
use crate::config::{Config, ConfigError};
use crate::data::{DataSet, Item};
use crate::error::TrainError;
use crate::start::Statistics;

/// One picture as students and teacher see it.
#[derive(Clone, Debug)]
pub(super) struct Views {
    /// Each `[3, side, side]`, normalized.
    student: Vec<Vec<f32>>,
    side: usize,
    /// The same crops for the teacher, if it wants another side.
    teacher: Option<(Vec<Vec<f32>>, usize)>,
    /// The teacher's patches of each view, `[side, side, dim]`, from files.
    targets: Vec<Vec<f32>>,
    grid: usize,
}

impl Views {
    /// `[views, 3, side, side]`, view by view.
    pub(super) fn pixels(batch: &[Self], device: &Device) -> Tensor<4> {
        let side = batch.first().map_or(0, |views| views.side);
        stack(
            batch.iter().flat_map(|views| &views.student),
            [3, side, side],
            device,
        )
    }

    /// What the teacher sees.
    pub(super) fn teacher_pixels(batch: &[Self], device: &Device) -> Tensor<4> {
        let Some((_, side)) = batch.first().and_then(|views| views.teacher.as_ref()) else {
            return Self::pixels(batch, device);
        };
        let crops = batch
            .iter()
            .filter_map(|views| views.teacher.as_ref())
            .flat_map(|(crops, _)| crops);
        stack(crops, [3, *side, *side], device)
    }

    /// The teacher's patches from files `[views, patches, dim]`, and their grid.
    pub(super) fn targets(batch: &[Self], device: &Device) -> (Tensor<3>, [usize; 2]) {
        let grid = batch.first().map_or(0, |views| views.grid);
        let rows = batch.iter().flat_map(|views| &views.targets);
        let dim = rows
            .clone()
            .next()
            .map_or(0, |map| map.len() / (grid * grid));
        let maps = stack(rows, [grid, grid, dim], device);
        let [views, ..] = maps.dims();
        (maps.reshape([views, grid * grid, dim]), [grid, grid])
    }
}

fn stack<'a>(
    parts: impl Iterator<Item = &'a Vec<f32>>,
    shape: [usize; 3],
    device: &Device,
) -> Tensor<4> {
    let mut values = Vec::new();
    let mut count = 0;
    for part in parts {
        values.extend_from_slice(part);
        count += 1;
    }
    let shape = [count, shape[0], shape[1], shape[2]];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Mean and inverse deviation of each channel of `[rows, dim]`, `[1, dim]` each.
pub(super) fn target_statistics(rows: &Tensor<2>) -> [Tensor<2>; 2] {
    let mean = rows.clone().mean_dim(0);
    let variance = (rows.clone() - mean.clone()).square().mean_dim(0);
    // A channel that never changes says nothing.
    let scale = variance.clone().add_scalar(1e-12).sqrt().recip();
    let still = variance.lower_elem(1e-10);
    [mean, scale.mask_fill(still, 0.0)]
}

/// The function that the loader makes views with.
pub(super) fn views(
    config: &Config,
    features: Option<Arc<TeacherFeatures>>,
    (mean, std): Statistics,
    patch: usize,
) -> Result<impl Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> Views + Send + Sync + 'static, TrainError>
{
    let mut multicrop = config.multicrop().map_err(|error| ConfigError::Value {
        key: format!("crops.{}", error.name),
        found: error.found,
        expected: error.expected.into(),
    })?;
    multicrop.locals = 0;
    let teacher_px = config.distill.teacher_px;
    if teacher_px > 0 && features.is_none() {
        multicrop.gram = Some(GramCrops {
            px: teacher_px,
            distorted: true,
        });
    }
    let side = multicrop.global_px as usize;
    let normalized = move |picture: &RgbImage| {
        let mut out = vec![0.0; picture.as_raw().len()];
        write_normalized(picture, mean, std, &mut out);
        out
    };
    Ok(
        move |picture: &RgbImage, item: &Item, rng: &mut ChaCha8Rng| {
            let Some(features) = &features else {
                let crops = multicrop.crops(picture, rng);
                return Views {
                    student: crops.global.iter().map(normalized).collect(),
                    side,
                    teacher: crops
                        .gram
                        .map(|crops| (crops.iter().map(normalized).collect(), teacher_px as usize)),
                    targets: Vec::new(),
                    grid: 0,
                };
            };
            let grid = side / patch;
            let map = features.of(item.path());
            let mut views = Views {
                student: Vec::new(),
                side,
                teacher: None,
                targets: Vec::new(),
                grid,
            };
            for chances in multicrop.global_chances {
                let (width, height) = picture.dimensions();
                let region = multicrop.global.draw(width, height, rng);
                let symmetry = multicrop.orientation.draw(rng);
                let mut crop =
                    symmetry.apply(crop_bicubic(picture, region, side as u32, side as u32));
                multicrop.distortions.draw(chances, rng).apply(&mut crop);
                views.student.push(normalized(&crop));
                let parts = [
                    f64::from(region.left) / f64::from(width),
                    f64::from(region.top) / f64::from(height),
                    f64::from(region.width) / f64::from(width),
                    f64::from(region.height) / f64::from(height),
                ];
                let target = map.sample(parts, grid, |row, column| {
                    symmetry.source(row, column, grid)
                });
                views.targets.push(target);
            }
            views
        },
    )
}

/// The features of pictures that another program computed.
#[derive(Debug)]
pub(super) struct TeacherFeatures {
    files: BTreeMap<String, PathBuf>,
    dim: usize,
    lineage: Vec<(String, String)>,
}

/// Patches of one picture.
struct Map {
    rows: usize,
    columns: usize,
    dim: usize,
    values: Vec<f32>,
}

/// Opens a folder with one safetensors file a picture; every picture needs one.
pub(super) fn features_folder(
    folder: &Path,
    data: &DataSet,
) -> Result<TeacherFeatures, TrainError> {
    let read = |reason: String, path: &Path| TrainError::Read {
        what: "the teacher's features",
        reason,
        path: path.to_path_buf(),
    };
    let entries = std::fs::read_dir(folder).map_err(|error| read(error.to_string(), folder))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry
            .map_err(|error| read(error.to_string(), folder))?
            .path();
        let is_features = path
            .extension()
            .is_some_and(|ending| ending == "safetensors");
        if let (true, Some(stem)) = (is_features, path.file_stem()) {
            files.insert(stem.to_string_lossy().into_owned(), path);
        }
    }
    let mut missing = (0..data.len())
        .map(|index| data.item(index))
        .filter(|item| !files.contains_key(&stem(item.path())));
    if let Some(item) = missing.next() {
        return Err(read(
            format!(
                "picture {} has none, {} more",
                stem(item.path()),
                missing.count()
            ),
            folder,
        ));
    }
    let first = data.item(0);
    let path = &files[&stem(first.path())];
    let map = Map::read(path).map_err(|reason| read(reason, path))?;
    let mut lineage = vec![("teacher".to_owned(), "features in files".to_owned())];
    lineage.extend(Map::metadata(path));
    Ok(TeacherFeatures {
        files,
        dim: map.dim,
        lineage,
    })
}

impl TeacherFeatures {
    /// Channels.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// What the files say about where they come from.
    pub(super) fn lineage(&self) -> &[(String, String)] {
        &self.lineage
    }

    /// The map of a picture; one that cannot be read or has other channels is all zeros, which teaches nothing.
    fn of(&self, picture: &Path) -> Map {
        let map = self.files.get(&stem(picture)).map(|path| Map::read(path));
        match map {
            Some(Ok(map)) if map.dim == self.dim => map,
            _ => {
                tracing::warn!(picture = %picture.display(), "no features of the teacher");
                Map {
                    rows: 1,
                    columns: 1,
                    dim: self.dim,
                    values: vec![0.0; self.dim],
                }
            }
        }
    }
}

impl Map {
    fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
        let view = file.tensor("patches").map_err(|error| error.to_string())?;
        let &[rows, columns, dim] = view.shape() else {
            return Err(format!(
                "patches have the shape {:?}, expected [rows, cols, dim]",
                view.shape()
            ));
        };
        if rows * columns * dim == 0 {
            return Err("there is no patch".into());
        }
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => {
                let words = view.data().as_chunks::<4>().0.iter();
                words.map(|word| f32::from_le_bytes(*word)).collect()
            }
            Dtype::F16 => {
                let words = view.data().as_chunks::<2>().0.iter();
                words
                    .map(|word| half::f16::from_le_bytes(*word).to_f32())
                    .collect()
            }
            other => return Err(format!("patches are {other:?}, expected F32 or F16")),
        };
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(format!("value {at} of the patches is not finite"));
        }
        Ok(Self {
            rows,
            columns,
            dim,
            values,
        })
    }

    fn metadata(path: &Path) -> Vec<(String, String)> {
        let header = std::fs::read(path).ok().and_then(|bytes| {
            let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
            header.metadata().clone()
        });
        let known = ["license", "teacher", "model"];
        let stated = header.unwrap_or_default().into_iter();
        let mut stated: Vec<_> = stated
            .filter(|(key, _)| known.contains(&key.as_str()))
            .collect();
        stated.sort();
        stated
    }

    /// Features `[grid, grid, dim]` at the centers of the patches of a region, bilinear; `place` turns a patch of the
    /// student's crop into one of the region.
    fn sample(
        &self,
        [left, top, width, height]: [f64; 4],
        grid: usize,
        place: impl Fn(usize, usize) -> (usize, usize),
    ) -> Vec<f32> {
        let mut out = Vec::with_capacity(grid * grid * self.dim);
        let center = |index: usize, first: f64, length: f64, count: usize| {
            let at = first + length * (index as f64 + 0.5) / grid as f64;
            (at * count as f64 - 0.5).clamp(0.0, (count - 1) as f64)
        };
        for row in 0..grid {
            for column in 0..grid {
                let (row, column) = place(row, column);
                let y = center(row, top, height, self.rows);
                let x = center(column, left, width, self.columns);
                self.bilinear(y, x, &mut out);
            }
        }
        out
    }

    fn bilinear(&self, y: f64, x: f64, out: &mut Vec<f32>) {
        #[expect(clippy::cast_sign_loss, reason = "clamped to the map")]
        let (row, column) = (y as usize, x as usize);
        let (below, right) = (
            (row + 1).min(self.rows - 1),
            (column + 1).min(self.columns - 1),
        );
        let (down, across) = ((y - row as f64) as f32, (x - column as f64) as f32);
        let at = |row: usize, column: usize| {
            &self.values[(row * self.columns + column) * self.dim..][..self.dim]
        };
        let corners = [
            at(row, column),
            at(row, right),
            at(below, column),
            at(below, right),
        ];
        let weights = [
            (1.0 - down) * (1.0 - across),
            (1.0 - down) * across,
            down * (1.0 - across),
            down * across,
        ];
        out.extend((0..self.dim).map(|channel| {
            let parts = corners.iter().zip(weights);
            parts
                .map(|(corner, weight)| corner[channel] * weight)
                .sum::<f32>()
        }));
    }
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
