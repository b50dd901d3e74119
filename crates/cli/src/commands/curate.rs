//! `dinoscope curate`: which pictures to train on, as a manifest.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use dinoscope_engine::values::write_file;
use dinoscope_train::curation::{
    Balance, Duplicates, FeatureTable, HierarchicalKMeans, Hierarchy, KMeans, Known, Progress,
    Retrieval, Stage, Within,
};
use dinoscope_train::data::{DataSet, Source, write_manifest};
use indicatif::ProgressBar;
use serde_json::json;

use super::features::existing;
use crate::args::{Common, Curate, Network};
use crate::session::Session;
use crate::{CancelToken, out, pictures};

/// Pictures of a group, and groups of a group, where nothing else is asked for.
const GROUP: usize = 20;

pub(crate) fn run(common: &Common, arguments: &Curate, cancel: &CancelToken) -> Result<()> {
    let output = common
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("curated.csv"));
    pictures::refuse_existing([&output], common)?;
    let paths = expand(&arguments.pictures)?;
    let mut seen = match &arguments.table {
        Some(table) => Seen::of_table(table, paths)?,
        None => Seen::of_network(common, &arguments.network, &paths, cancel)?,
    };
    let chosen = seen.choose(common, arguments, cancel)?;
    let rows = chosen.rows.iter().map(|(&row, &set)| {
        let group = chosen.groups.as_ref().map(|hierarchy| {
            let path = hierarchy.path(row as usize).into_iter().rev();
            path.map(|group| group.to_string())
                .collect::<Vec<_>>()
                .join("/")
        });
        (
            seen.paths[row as usize].as_path(),
            set,
            group.unwrap_or_default(),
        )
    });
    pictures::make_parent(&output)?;
    let rows: Vec<_> = rows.collect();
    write_file(&output, existing(common), |out| {
        write_manifest(out, "group", rows.clone())
    })?;
    seen.tell(common, &output, &chosen)
}

/// The named pictures, and all below the named folders, by absolute path: the manifest may be moved.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let path = std::path::absolute(path).map_err(|error| pictures::at(error, path))?;
        if path.is_dir() {
            let data = DataSet::open(&Source {
                folder: path.clone(),
                ..Source::default()
            })?;
            found.extend((0..data.len()).map(|at| data.item(at).path().to_path_buf()));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        bail!(
            "no pictures to choose from, expected at least one: {}",
            paths[0].display()
        );
    }
    Ok(found)
}

/// Pictures with their features.
struct Seen {
    paths: Vec<PathBuf>,
    table: Table,
    /// Pictures that could not be read.
    broken: Broken,
    asked: usize,
    session: Option<Session>,
}

enum Table {
    /// Class tokens, `[pictures, dim]`.
    Rows {
        values: Vec<f32>,
        dim: usize,
    },
    File(PathBuf),
}

impl Table {
    fn open(&self) -> Result<FeatureTable<'_>> {
        let table = match self {
            Self::Rows { values, dim } => FeatureTable::from_f32(values, *dim)?,
            Self::File(path) => FeatureTable::open(path, None)?,
        };
        Ok(table.normalized())
    }
}

/// Rows of the table that are chosen, with the name of their set.
struct Chosen {
    rows: BTreeMap<u32, &'static str>,
    duplicates: usize,
    near: usize,
    groups: Option<Hierarchy>,
}

impl Seen {
    fn of_table(table: &Path, paths: Vec<PathBuf>) -> Result<Self> {
        let rows = FeatureTable::open(table, None)?.rows();
        if rows != paths.len() {
            bail!(
                "the table has {rows} rows, expected {}, one a picture: {}",
                paths.len(),
                table.display()
            );
        }
        Ok(Self {
            asked: paths.len(),
            paths,
            table: Table::File(table.to_path_buf()),
            broken: Vec::new(),
            session: None,
        })
    }

    fn of_network(
        common: &Common,
        network: &Network,
        paths: &[PathBuf],
        cancel: &CancelToken,
    ) -> Result<Self> {
        let mut session = Session::open(common, network)?;
        // To random weights all pictures are near-duplicates: the answer would be wrong, not poor.
        if session.model().untrained {
            bail!(
                "an untrained model cannot tell pictures apart, expected a trained one (--model) or --table, found {}",
                session.model().name
            );
        }
        let asked = paths.len();
        let (kept, table, broken) = class_tokens(&mut session, common, paths, cancel)?;
        if kept.is_empty() {
            pictures::report_broken(&broken, asked)?;
        }
        Ok(Self {
            asked,
            paths: kept.into_iter().map(|at| paths[at].clone()).collect(),
            table,
            broken,
            session: Some(session),
        })
    }

    fn choose(
        &mut self,
        common: &Common,
        arguments: &Curate,
        cancel: &CancelToken,
    ) -> Result<Chosen> {
        let near = match (&mut self.session, &arguments.near[..]) {
            (Some(session), [_, ..]) => {
                let paths = expand(&arguments.near)?;
                let (_, table, broken) = class_tokens(session, common, &paths, cancel)?;
                pictures::report_broken(&broken, paths.len())?;
                Some(table)
            }
            _ => None,
        };
        let bar = out::progress(common, 100, "percent");
        let watch = |progress: Progress| watch(progress, &bar, cancel);
        let table = self.table.open()?;
        let rows = table.rows();
        let groups = match arguments.count {
            Some(count) if count.get() < rows => {
                let settings = HierarchicalKMeans {
                    levels: levels(&arguments.levels, rows),
                    kmeans: KMeans {
                        // More rows would hardly move the centroids, and are held in memory.
                        train_rows: Some(250_000),
                        seed: arguments.seed,
                        ..KMeans::default()
                    },
                    resampling: None,
                };
                Some(settings.build(&table, &watch)?)
            }
            _ => None,
        };
        let (is_kept, duplicates) = if arguments.duplicates > 1.0 {
            (vec![true; rows], 0)
        } else {
            let sizes: Vec<u64> = self.paths.iter().map(|path| bytes(path)).collect();
            let settings = Duplicates {
                threshold: arguments.duplicates,
                seed: arguments.seed,
                ..Duplicates::default()
            };
            let known = Known {
                clusters: groups.as_ref().map(|hierarchy| &hierarchy.levels[0]),
                sizes: Some(&sizes),
            };
            let found = settings.find(&table, known, &watch)?;
            let removed = found.groups.iter().map(|group| group.removed.len()).sum();
            (found.is_kept, removed)
        };
        let balanced: Vec<u32> = if let (Some(count), Some(groups)) = (arguments.count, &groups) {
            let balance = Balance {
                count: count.get(),
                within: if arguments.typical {
                    Within::Nearest
                } else {
                    Within::Random
                },
                seed: arguments.seed,
            };
            balance.sample(groups, Some(&is_kept))?
        } else {
            (0..rows as u32)
                .filter(|&row| is_kept[row as usize])
                .collect()
        };
        let mut chosen: BTreeMap<u32, &'static str> =
            balanced.into_iter().map(|row| (row, "balanced")).collect();
        let mut found = 0;
        if let Some(seeds) = near {
            let retrieval = Retrieval {
                neighbors: arguments.neighbors,
                ..Retrieval::default()
            };
            let retrieved = retrieval.from_table(&table, &seeds.open()?, &watch)?;
            let rows = retrieved.rows.into_iter();
            let rows: Vec<u32> = rows.filter(|&row| is_kept[row as usize]).collect();
            found = rows.len();
            chosen.extend(rows.into_iter().map(|row| (row, "near")));
        }
        bar.finish_and_clear();
        Ok(Chosen {
            rows: chosen,
            duplicates,
            near: found,
            groups,
        })
    }

    fn tell(&self, common: &Common, output: &Path, chosen: &Chosen) -> Result<()> {
        let levels: Vec<usize> = chosen.groups.as_ref().map_or_else(Vec::new, |hierarchy| {
            (0..hierarchy.levels.len())
                .map(|level| hierarchy.clusters(level))
                .collect()
        });
        let results = json!({
            "manifest": output, "pictures": self.paths.len(), "chosen": chosen.rows.len(),
            "duplicates": chosen.duplicates, "near": chosen.near, "groups": levels,
        });
        let line = format!(
            "{}  {} of {} pictures, {} near-duplicates left out",
            output.display(),
            chosen.rows.len(),
            self.paths.len(),
            chosen.duplicates
        );
        if let Some(session) = &self.session {
            let json = session.json("curate", &json!({ "groups": levels }), &results);
            session.finish(common, &json, &[line]);
        } else {
            let json = json!({ "command": "curate", "results": results, "timings_ms": {} });
            out::results(common, &json, &[line]);
        }
        pictures::report_broken(&self.broken, self.asked)
    }
}

/// Places of pictures that could not be read, with the reason.
type Broken = Vec<(usize, String)>;

/// Class tokens of the pictures that can be read: their places, the table, the others.
fn class_tokens(
    session: &mut Session,
    common: &Common,
    paths: &[PathBuf],
    cancel: &CancelToken,
) -> Result<(Vec<usize>, Table, Broken)> {
    // Filled by place, whatever the order in which pictures are done; what stays empty is broken.
    let mut values: Vec<f32> = Vec::new();
    let mut dim = 0;
    let mut is_there = vec![false; paths.len()];
    let broken = pictures::extract(session, common, paths, cancel, |index, _, features| {
        if let Some(layer) = features.layers.last() {
            dim = layer.cls.len();
            values.resize(paths.len() * dim, 0.0);
            values[index * dim..][..dim].copy_from_slice(&layer.cls);
            is_there[index] = true;
        }
        Ok(())
    })?;
    let kept: Vec<usize> = (0..paths.len()).filter(|&at| is_there[at]).collect();
    for (to, &from) in kept.iter().enumerate() {
        values.copy_within(from * dim..(from + 1) * dim, to * dim);
    }
    values.truncate(kept.len() * dim);
    Ok((kept, Table::Rows { values, dim }, broken))
}

/// Groups of each level: as asked, else one for [`GROUP`] pictures and one for [`GROUP`] of those.
fn levels(asked: &[usize], rows: usize) -> Vec<usize> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let first = rows.div_ceil(GROUP).min(10_000);
    let second = first.div_ceil(GROUP);
    if second < first {
        vec![first, second]
    } else {
        vec![first]
    }
}

/// Size of a picture's file; 0 where it is gone.
fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn watch(progress: Progress, bar: &ProgressBar, cancel: &CancelToken) -> ControlFlow<()> {
    bar.set_message(match progress.stage {
        Stage::Seeding | Stage::Clustering => "groups",
        Stage::Assigning => "assigning",
        Stage::Searching => "nearest",
        Stage::Comparing => "duplicates",
    });
    let percent = 100 * progress.done / progress.total.max(1);
    bar.set_position(percent as u64);
    if cancel.is_cancelled() {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
