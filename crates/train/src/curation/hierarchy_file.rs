//! A hierarchy as a safetensors file: `level.1.centroids` f32 `[k, dim]`, `level.1.assignment` u32 `[members]`,
//! `level.1.distances` f32 `[members]`, and so on up.
//!
//! What is read is checked: a file that does not fit together is an error, never a panic later.

use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::error::{bad_file, io_error};
use super::mapped::map;
use super::{CurationError, Hierarchy, Level, MAX_DIM};

/// What the file should be, for messages.
const EXPECTED: &str = "a hierarchy of clusters";

impl Hierarchy {
    /// Writes beside the file and renames.
    pub fn save(&self, path: &Path) -> Result<(), CurationError> {
        let mut tensors = Vec::new();
        for (at, level) in self.levels.iter().enumerate() {
            let members = level.assignment.len();
            let clusters = level.centroids.len() / self.dim;
            let assignment = bytemuck::cast_slice(&level.assignment);
            let parts: [(&str, Dtype, Vec<usize>, &[u8]); 3] = [
                (
                    "centroids",
                    Dtype::F32,
                    vec![clusters, self.dim],
                    bytemuck::cast_slice(&level.centroids),
                ),
                ("assignment", Dtype::U32, vec![members], assignment),
                (
                    "distances",
                    Dtype::F32,
                    vec![members],
                    bytemuck::cast_slice(&level.distances),
                ),
            ];
            for (part, dtype, shape, bytes) in parts {
                let view = TensorView::new(dtype, shape, bytes)
                    .map_err(|error| bad_file(EXPECTED, error, path))?;
                tensors.push((name(at, part), view));
            }
        }
        safetensors::serialize_to_file(tensors, None, path).map_err(|error| match error {
            safetensors::SafeTensorError::IoError(source) => io_error("write", path)(source),
            other => bad_file(EXPECTED, other, path),
        })
    }

    /// Reads what [`Self::save`] wrote.
    pub fn load(path: &Path) -> Result<Self, CurationError> {
        let bad = |reason: String| bad_file(EXPECTED, reason, path);
        let bytes = map(path)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| bad(error.to_string()))?;
        read(&tensors).map_err(bad)
    }
}

fn name(level: usize, part: &str) -> String {
    format!("level.{}.{part}", level + 1)
}

/// The hierarchy, or why there is none.
fn read(tensors: &SafeTensors<'_>) -> Result<Hierarchy, String> {
    let mut hierarchy = Hierarchy {
        dim: 0,
        levels: Vec::new(),
    };
    while hierarchy.levels.len() * 3 < tensors.len() {
        let at = hierarchy.levels.len();
        let centroids = view(tensors, at, "centroids", Dtype::F32)?;
        let [clusters, dim] = centroids.shape()[..] else {
            return Err(format!("level {} has no matrix of centroids", at + 1));
        };
        let assignment = view(tensors, at, "assignment", Dtype::U32)?;
        let distances = view(tensors, at, "distances", Dtype::F32)?;
        let level = Level {
            centroids: values(&centroids, f32::from_le_bytes),
            assignment: values(&assignment, u32::from_le_bytes),
            distances: values(&distances, f32::from_le_bytes),
        };
        if at == 0 {
            hierarchy.dim = dim;
        }
        let members = level.assignment.len();
        let expected = hierarchy
            .levels
            .last()
            .map_or(members, |below| below.centroids.len() / hierarchy.dim);
        let fits = (1..=MAX_DIM).contains(&dim)
            && dim == hierarchy.dim
            && (1..=members).contains(&clusters)
            && members == expected
            && u32::try_from(members).is_ok()
            && level.distances.len() == members;
        if !fits {
            return Err(format!(
                "level {} has {clusters} centroids of {dim} and {members} members",
                at + 1
            ));
        }
        check(&level, clusters).map_err(|reason| format!("level {} has {reason}", at + 1))?;
        hierarchy.levels.push(level);
    }
    if hierarchy.levels.is_empty() {
        return Err("it has no levels".to_owned());
    }
    Ok(hierarchy)
}

/// Whether the values of a level make sense.
fn check(level: &Level, clusters: usize) -> Result<(), &'static str> {
    let mut assignment = level.assignment.iter();
    if assignment.any(|&cluster| cluster as usize >= clusters) {
        return Err("a member of a cluster that does not exist");
    }
    let mut floats = level.centroids.iter().chain(&level.distances);
    if floats.any(|value| !value.is_finite()) {
        return Err("values that are not finite");
    }
    Ok(())
}

fn view<'a>(
    tensors: &SafeTensors<'a>,
    level: usize,
    part: &str,
    dtype: Dtype,
) -> Result<TensorView<'a>, String> {
    let name = name(level, part);
    let view = tensors.tensor(&name).map_err(|error| error.to_string())?;
    if view.dtype() != dtype {
        let found = view.dtype();
        return Err(format!(
            "{name:?} has values of {found:?}, expected {dtype:?}"
        ));
    }
    Ok(view)
}

fn values<T>(view: &TensorView<'_>, value: impl Fn([u8; 4]) -> T) -> Vec<T> {
    let (chunks, _) = view.data().as_chunks::<4>();
    chunks.iter().map(|&bytes| value(bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curation::fixtures::{noise, write_raw};

    fn hierarchy() -> Hierarchy {
        let level = |clusters: usize, members: usize| Level {
            centroids: noise(clusters, 3, 1),
            assignment: (0..members).map(|at| (at % clusters) as u32).collect(),
            distances: vec![0.5; members],
        };
        Hierarchy {
            dim: 3,
            levels: vec![level(7, 50), level(2, 7)],
        }
    }

    #[test]
    fn a_saved_hierarchy_is_loaded_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hierarchy.safetensors");
        hierarchy().save(&path).unwrap();
        assert_eq!(Hierarchy::load(&path).unwrap(), hierarchy());
        assert!(Hierarchy::load(&folder.path().join("none")).is_err());
        assert!(hierarchy().save(&folder.path().join("no/such")).is_err());
    }

    #[test]
    fn hierarchies_that_do_not_fit_together_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hierarchy.safetensors");
        let changes: [fn(&mut Hierarchy); 8] = [
            |it| it.levels[0].assignment[3] = 7,
            |it| it.levels[1].assignment[0] = u32::MAX,
            |it| it.levels[0].centroids[3] = f32::NAN,
            |it| it.levels[0].distances[3] = f32::INFINITY,
            |it| it.levels[1].assignment.truncate(6),
            |it| it.levels[0].centroids.truncate(18),
            |it| it.levels[0].distances.truncate(4),
            |it| it.levels.clear(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut broken = hierarchy();
            change(&mut broken);
            // What cannot be saved is an error there already.
            if broken.save(&path).is_ok() {
                assert!(Hierarchy::load(&path).is_err(), "change {at}");
            }
        }
        let header = r#"{"level.1.centroids":{"dtype":"F32","shape":[0,0],"data_offsets":[0,0]},
            "level.1.assignment":{"dtype":"U32","shape":[0],"data_offsets":[0,0]},
            "level.1.distances":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#;
        write_raw(&path, header, &[]);
        assert!(Hierarchy::load(&path).is_err());
        write_raw(&path, "{}", &[]);
        assert!(Hierarchy::load(&path).is_err());
    }
}
