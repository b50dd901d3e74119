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
use crate::augment::{GramCrops, normalized};
use crate::config::{Config, ConfigError};
use crate::data::{DataSet, Item};
use crate::error::TrainError;
use crate::start::Statistics;

/// One picture as students and teacher see it.
#[derive(Clone, Debug)]
pub(super) struct Views {
    /// What the students see, of one side.
    student: Vec<RgbImage>,
    /// The same crops for the teacher, if it wants another side.
    teacher: Option<[RgbImage; 2]>,
    /// The teacher's patches of each view, `[side, side, dim]`, from files.
    targets: Vec<Vec<f32>>,
    grid: usize,
}

impl Views {
    /// `[views, 3, side, side]`, view by view.
    pub(super) fn pixels(batch: &[Self], statistics: Statistics, device: &Device) -> Tensor<4> {
        let crops = batch.iter().flat_map(|views| &views.student);
        normalized(crops, statistics, device)
    }

    /// What the teacher sees.
    pub(super) fn teacher_pixels(
        batch: &[Self],
        statistics: Statistics,
        device: &Device,
    ) -> Tensor<4> {
        let own = |views: &Self| views.teacher.is_some();
        if !batch.iter().any(own) {
            return Self::pixels(batch, statistics, device);
        }
        let crops = batch.iter().filter_map(|views| views.teacher.as_ref());
        normalized(crops.flatten(), statistics, device)
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

/// Views of a picture, or why there are none.
type Made = Result<Views, String>;

/// The function that the loader makes views with. A picture whose features cannot be read has none.
pub(super) fn views(
    config: &Config,
    features: Option<Arc<TeacherFeatures>>,
    patch: usize,
) -> Result<impl Fn(&RgbImage, &Item, &mut ChaCha8Rng) -> Made + Send + Sync + 'static, TrainError>
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
    Ok(
        move |picture: &RgbImage, item: &Item, rng: &mut ChaCha8Rng| -> Made {
            let Some(features) = &features else {
                let crops = multicrop.crops(picture, rng);
                return Ok(Views {
                    student: crops.global.into(),
                    teacher: crops.gram,
                    targets: Vec::new(),
                    grid: 0,
                });
            };
            let grid = side / patch;
            let map = features.of(item.path())?;
            let mut views = Views {
                student: Vec::new(),
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
                views.student.push(crop);
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
            Ok(views)
        },
    )
}

/// The features of pictures that another program computed.
#[derive(Debug)]
pub(super) struct TeacherFeatures {
    /// The file of each picture.
    files: BTreeMap<PathBuf, PathBuf>,
    dim: usize,
    lineage: Vec<(String, String)>,
}

/// Patches of one picture.
#[derive(Debug)]
struct Map {
    rows: usize,
    columns: usize,
    dim: usize,
    values: Vec<f32>,
}

/// Opens a folder with one safetensors file a picture, in the subfolder that the picture has below its own folder or
/// else right in it; every picture needs one of its own.
pub(super) fn features_folder(
    folder: &Path,
    data: &DataSet,
) -> Result<TeacherFeatures, TrainError> {
    let read = |reason: String, path: &Path| TrainError::Read {
        what: "the teacher's features",
        reason,
        path: path.to_path_buf(),
    };
    if let Err(error) = std::fs::read_dir(folder) {
        return Err(read(error.to_string(), folder));
    }
    let mut files = BTreeMap::new();
    let mut owners = BTreeMap::new();
    let mut missing = Vec::new();
    for picture in (0..data.len()).map(|index| data.item(index).path()) {
        let Some(file) = file_of(folder, data.subfolder(picture), picture) else {
            missing.push(picture);
            continue;
        };
        if let Some(other) = owners.insert(file.clone(), picture) {
            let reason = format!(
                "it would be that of {} and of {}, expected one each in subfolders like theirs",
                other.display(),
                picture.display()
            );
            return Err(read(reason, &file));
        }
        files.insert(picture.to_path_buf(), file);
    }
    if let Some(picture) = missing.first() {
        let stem = picture.file_stem().unwrap_or_default().to_string_lossy();
        let more = missing.len() - 1;
        return Err(read(
            format!("picture {stem} has none, {more} more"),
            folder,
        ));
    }
    let path = &files[data.item(0).path()];
    let map = Map::read(path).map_err(|reason| read(reason, path))?;
    let mut lineage = vec![("teacher".to_owned(), "features in files".to_owned())];
    lineage.extend(Map::metadata(path));
    Ok(TeacherFeatures {
        files,
        dim: map.dim,
        lineage,
    })
}

/// The file of a picture's features, if there is one.
fn file_of(folder: &Path, below: Option<&Path>, picture: &Path) -> Option<PathBuf> {
    let mut name = picture.file_stem().unwrap_or_default().to_os_string();
    name.push(".safetensors");
    let nested = below.map(|below| folder.join(below).join(&name));
    let candidates = nested.into_iter().chain([folder.join(&name)]);
    candidates.into_iter().find(|file| file.is_file())
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

    /// The map of a picture, or why there is none.
    fn of(&self, picture: &Path) -> Result<Map, String> {
        let Some(path) = self.files.get(picture) else {
            return Err(format!(
                "there are no features of the teacher for the picture: {}",
                picture.display()
            ));
        };
        let map = Map::read(path).and_then(|map| {
            if map.dim == self.dim {
                return Ok(map);
            }
            let (found, expected) = (map.dim, self.dim);
            Err(format!("they have {found} channels, expected {expected}"))
        });
        map.map_err(|reason| {
            format!(
                "cannot read the teacher's features, {reason}: {}",
                path.display()
            )
        })
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

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;
    use crate::data::Source;

    /// A map of 1 × 1 patches, whose channels are all `value`.
    fn save(path: &Path, dim: usize, value: f32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes: Vec<u8> = (0..dim).flat_map(|_| value.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![1, 1, dim], &bytes).unwrap();
        safetensors::serialize_to_file([("patches", view)], None, path).unwrap();
    }

    /// Pictures, which nobody opens.
    fn pictures(folder: &Path, names: &[&str]) -> DataSet {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        DataSet::open(&Source {
            folder: folder.into(),
            ..Source::default()
        })
        .unwrap()
    }

    #[test]
    fn pictures_of_one_name_in_two_folders_have_their_own_features() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = pictures(data.path(), &["a/001.png", "b/001.png", "b/002.png"]);
        save(&folder.path().join("a/001.safetensors"), 2, 1.0);
        save(&folder.path().join("b/001.safetensors"), 2, 2.0);
        // Another one right in the folder, for a name that comes once.
        save(&folder.path().join("002.safetensors"), 2, 3.0);
        let features = features_folder(folder.path(), &data).unwrap();
        assert_eq!(features.dim(), 2);
        for (index, value) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            let map = features.of(data.item(index).path()).unwrap();
            let close = |found: &f32| (found - value).abs() < 1e-6;
            assert!(map.values.iter().all(close), "{:?}", map.values);
        }
    }

    #[test]
    fn two_pictures_with_the_features_of_one_are_refused() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = pictures(data.path(), &["a/001.png", "b/001.png"]);
        save(&folder.path().join("001.safetensors"), 2, 1.0);
        let error = features_folder(folder.path(), &data).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("expected one each") && error.ends_with("001.safetensors"),
            "{error}"
        );
        std::fs::remove_file(folder.path().join("001.safetensors")).unwrap();
        let error = features_folder(folder.path(), &data).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("picture 001 has none, 1 more"), "{error}");
    }

    #[test]
    fn features_that_cannot_be_read_are_an_error_and_no_zeros() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = pictures(data.path(), &["1.png", "2.png", "3.png"]);
        save(&folder.path().join("1.safetensors"), 2, 1.0);
        save(&folder.path().join("2.safetensors"), 3, 1.0);
        std::fs::write(folder.path().join("3.safetensors"), "no features").unwrap();
        let features = features_folder(folder.path(), &data).unwrap();
        assert!(features.of(data.item(0).path()).is_ok());
        let error = features.of(data.item(1).path()).unwrap_err();
        assert!(
            error.contains("3 channels, expected 2") && error.ends_with("2.safetensors"),
            "{error}"
        );
        let error = features.of(data.item(2).path()).unwrap_err();
        assert!(error.ends_with("3.safetensors"), "{error}");
        assert!(features.of(Path::new("4.png")).is_err());
    }
}
