//! What a network sees in fixed pictures while it learns: principal components as colors, and what is like the middle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dinoscope_engine::analysis::{Analyze, Context as AnalysisContext, Layer, Pca, Subject};
use dinoscope_engine::{ComputeDevice, Extractor, Model, Picture, Preprocess, Request, Size};
use image::RgbImage;

use super::checkpoints::Checkpoints;
use crate::error::TrainError;
use crate::recipes::{Context, Task};

/// Pixels of a patch in a preview.
const CELL: u32 = 16;

/// Draws the pictures of the configuration; the folder they are in, or nothing where none are named.
pub(super) fn draw(
    context: &Context,
    task: &dyn Task,
    checkpoints: &Checkpoints,
    done: u64,
) -> Result<Option<PathBuf>, TrainError> {
    let pictures = &context.config.preview.pictures;
    let exports = task.exports();
    let Some(export) = exports.first().filter(|_| !pictures.is_empty()) else {
        return Ok(None);
    };
    let folder = checkpoints
        .run()
        .join("previews")
        .join(format!("step-{done}"));
    let aside = folder.with_extension("part");
    let failed = |path: &Path, error: &std::io::Error| TrainError::Write {
        what: "a preview",
        reason: error.to_string(),
        path: path.to_path_buf(),
    };
    let _ = fs::remove_dir_all(&aside);
    fs::create_dir_all(&aside).map_err(|error| failed(&aside, &error))?;
    // The engine opens a file as it does for everybody else: what is drawn is what the checkpoint gives.
    let file = aside.join("model.safetensors");
    let drawn = checkpoints
        .write_model(task, export, &file)
        .and_then(|()| draw_all(&file, pictures, context.config.preview.px, &aside));
    let _ = fs::remove_file(&file);
    if let Err(error) = drawn {
        let _ = fs::remove_dir_all(&aside);
        return Err(error);
    }
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&aside, &folder).map_err(|error| failed(&folder, &error))?;
    Ok(Some(folder))
}

fn draw_all(model: &Path, pictures: &[PathBuf], px: u32, folder: &Path) -> Result<(), TrainError> {
    let told = |reason: String, path: &Path| TrainError::Write {
        what: "a preview",
        reason,
        path: path.to_path_buf(),
    };
    let name = model.to_string_lossy();
    let opened = Model::open(&name, None, &ComputeDevice::cpu())?;
    let extractor = Extractor::new(Arc::new(opened), None);
    let request = Request {
        preprocess: Preprocess {
            size: Size::Short(px),
            ..Preprocess::default()
        },
        ..Request::default()
    };
    let mut subjects = Vec::new();
    for path in pictures {
        let picture = Picture::open(path).map_err(|error| told(error.to_string(), path))?;
        let mut features = extractor
            .features(&picture, &request)
            .map_err(|error| told(error.to_string(), path))?;
        let layer = features.layers.pop();
        let layer = layer.ok_or_else(|| told("the network gave no layer".into(), path))?;
        subjects.push(Subject {
            name: path.display().to_string(),
            grid: layer.grid,
            features: layer.patches,
            cls: layer.cls.into(),
            registers: layer.registers.into(),
            picture: None,
        });
    }
    let cx = AnalysisContext::default();
    let found = Pca::default().run(&subjects, &cx);
    let found = found.map_err(|error| told(error.to_string(), folder))?;
    for (map, path) in found.maps.iter().zip(pictures) {
        let Layer::Components { map, .. } = &map.layer else {
            continue;
        };
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let target = folder.join(format!("{stem}-pca.png"));
        blocks(&map.colours, [map.rows, map.cols])
            .save(&target)
            .map_err(|error| told(error.to_string(), &target))?;
    }
    for (subject, path) in subjects.iter().zip(pictures) {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let target = folder.join(format!("{stem}-similarity.png"));
        let (rows, columns) = (subject.grid.rows, subject.grid.cols);
        let alike = like_the_middle(subject.features.values(), [rows, columns]);
        let gray: Vec<f32> = alike
            .into_iter()
            .flat_map(|value| [value.max(0.0); 3])
            .collect();
        blocks(&gray, [rows, columns])
            .save(&target)
            .map_err(|error| told(error.to_string(), &target))?;
    }
    Ok(())
}

/// Cosine of every patch to the middle one, `[rows, columns]`.
fn like_the_middle(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let dim = values.len() / (rows * columns);
    let patch = |index: usize| &values[index * dim..][..dim];
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let middle = patch(rows / 2 * columns + columns / 2);
    let length = |a: &[f32]| dot(a, a).sqrt().max(1e-12);
    (0..rows * columns)
        .map(|index| dot(patch(index), middle) / (length(patch(index)) * length(middle)))
        .collect()
}

/// Each patch as a block of its color.
fn blocks(values: &[f32], [rows, columns]: [usize; 2]) -> RgbImage {
    RgbImage::from_fn(columns as u32 * CELL, rows as u32 * CELL, |x, y| {
        let at = ((y / CELL) as usize * columns + (x / CELL) as usize) * 3;
        #[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
        let level = |channel: usize| (values[at + channel].clamp(0.0, 1.0) * 255.0).round() as u8;
        image::Rgb([level(0), level(1), level(2)])
    })
}
