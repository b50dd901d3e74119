//! Pictures of a command: folders opened up, output names made, features in batches of equal size.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dinoscope_engine::picture::{ENDINGS, has_picture_ending};
use dinoscope_engine::{Features, Picture};
use image::RgbImage;

use crate::CancelToken;
use crate::args::Common;
use crate::out;
use crate::session::Session;

/// Pictures that wait for others of their size; more of them would only fill the memory.
const MOST_WAITING: usize = 64;

/// The named pictures; a folder stands for the pictures right inside it, by name.
pub(crate) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for path in paths {
        if !path.is_dir() {
            pictures.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path)
            .with_context(|| format!("cannot list folder: {}", path.display()))?;
        let mut inside: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.is_file() && has_picture_ending(path))
            .collect();
        if inside.is_empty() {
            bail!(
                "folder has no pictures, expected files that end in {}: {}",
                ENDINGS.join(", "),
                path.display()
            );
        }
        inside.sort();
        pictures.append(&mut inside);
    }
    Ok(pictures)
}

/// `folder/<stem>.<ending>` for each picture; two pictures of one stem are an error before any work is done.
pub(crate) fn outputs(pictures: &[PathBuf], folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut taken: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    let mut outputs = Vec::with_capacity(pictures.len());
    for picture in pictures {
        let output = folder.join(format!("{}.{ending}", stem(picture)));
        if let Some(other) = taken.insert(output.clone(), picture) {
            bail!(
                "two pictures would write {}: {} and {}",
                output.display(),
                other.display(),
                picture.display()
            );
        }
        outputs.push(output);
    }
    Ok(outputs)
}

/// File name without its ending.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "picture".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// File name.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Fails if a file is there and must stay.
pub(crate) fn refuse_existing<'a>(
    paths: impl IntoIterator<Item = &'a PathBuf>,
    common: &Common,
) -> Result<()> {
    match paths
        .into_iter()
        .find(|path| !common.force && path.symlink_metadata().is_ok())
    {
        Some(path) => bail!(
            "file exists, expected a free name or --force: {}",
            path.display()
        ),
        None => Ok(()),
    }
}

/// The picture over a background.
pub(crate) fn rgb(picture: &Picture, background: [u8; 3]) -> RgbImage {
    let pixels = picture.rgb_over(background);
    RgbImage::from_raw(picture.width(), picture.height(), pixels).expect("three bytes a pixel")
}

/// Makes the folder that a file is to be written in.
pub(crate) fn make_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .map_err(|error| anyhow!("cannot make folder, {error}: {}", folder.display())),
        _ => Ok(()),
    }
}

/// Puts the path behind an error, where it belongs.
pub(crate) fn at(error: impl std::fmt::Display, path: &Path) -> anyhow::Error {
    anyhow!("{error}: {}", path.display())
}

/// Features of all pictures, given to `each` with their index as they are done; broken ones are returned at the end.
///
/// Pictures wait until enough of one network input are there for a batch, so `each` may see them out of order.
pub(crate) fn extract(
    session: &mut Session,
    common: &Common,
    paths: &[PathBuf],
    cancel: &CancelToken,
    mut each: impl FnMut(usize, Picture, Features) -> Result<()>,
) -> Result<Vec<(usize, String)>> {
    let bar = out::progress(common, paths.len() as u64, "pictures");
    bar.set_message("features");
    let mut broken = Vec::new();
    let mut waiting: BTreeMap<(u32, u32), Vec<(usize, Picture)>> = BTreeMap::new();
    let mut run =
        |session: &mut Session, group: Vec<(usize, Picture)>, broken: &mut Vec<(usize, String)>| {
            let pictures: Vec<&Picture> = group.iter().map(|(_, picture)| picture).collect();
            let (extractor, request) = (&session.extractor, &session.request);
            let features = session
                .timings
                .time("features", || extractor.features_of(&pictures, request));
            bar.inc(group.len() as u64);
            match features {
                Ok(features) => {
                    for ((index, picture), features) in group.into_iter().zip(features) {
                        if let Err(error) = each(index, picture, features) {
                            broken.push((index, out::message(&error)));
                        }
                    }
                }
                Err(error) => broken.extend(
                    group
                        .iter()
                        .map(|(index, _)| (*index, at(&error, &paths[*index]).to_string())),
                ),
            }
        };
    for (index, path) in paths.iter().enumerate() {
        if cancel.is_cancelled() {
            bail!("interrupted");
        }
        let opened = session.timings.time("decode", || Picture::open(path));
        let prepared = opened.map_err(anyhow::Error::new).and_then(|picture| {
            session.note(&picture, path);
            let preprocess = session.extractor.preprocess(&session.request);
            let size = preprocess.target(picture.width(), picture.height());
            let size = size.map_err(|error| at(error, path))?;
            Ok((size, picture))
        });
        match prepared {
            Err(error) => {
                broken.push((index, out::message(&error)));
                bar.inc(1);
            }
            Ok((size, picture)) => {
                let patch = session.model().patch();
                let tokens = (size.0 / patch * (size.1 / patch)) as usize;
                let group = waiting.entry(size).or_default();
                group.push((index, picture));
                if group.len() >= session.extractor.batch(tokens) {
                    let group = std::mem::take(group);
                    run(session, group, &mut broken);
                }
            }
        }
        if waiting.values().map(Vec::len).sum::<usize>() >= MOST_WAITING {
            let largest = waiting
                .iter()
                .max_by_key(|(_, group)| group.len())
                .map(|(&size, _)| size);
            if let Some(group) = largest.and_then(|size| waiting.remove(&size)) {
                run(session, group, &mut broken);
            }
        }
    }
    for (_, group) in std::mem::take(&mut waiting) {
        if cancel.is_cancelled() {
            bail!("interrupted");
        }
        if !group.is_empty() {
            run(session, group, &mut broken);
        }
    }
    bar.finish_and_clear();
    broken.sort();
    Ok(broken)
}

/// Tells which pictures failed and makes the command fail if there are any.
pub(crate) fn report_broken(broken: &[(usize, String)], count: usize) -> Result<()> {
    match broken {
        [] => Ok(()),
        [(_, only)] if count == 1 => bail!("{only}"),
        _ => {
            for (_, error) in broken {
                out::broken(error);
            }
            bail!("{} of {count} pictures failed", broken.len())
        }
    }
}
