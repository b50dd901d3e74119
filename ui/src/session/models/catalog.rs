//! The list of models: the released ones with what this computer has of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dinoscope_engine::device::{Cpu, cpu};
use dinoscope_engine::model::{BUILTIN, Builtin};
use dinoscope_engine::store::{DownloadOptions, Installed, Store};
use dinoscope_model::checkpoint::parameter_count;
use dinoscope_model::{VARIANTS, Variant};

use super::report::{self, About};
use super::{Known, Place};

/// What one look at this computer finds.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    installed: Vec<(Installed, Option<u64>)>,
    file_bytes: BTreeMap<String, u64>,
    builtin_params: u64,
    /// Whether the built-in model has learned nothing.
    pub(super) builtin_is_untrained: bool,
    /// The processor and its memory.
    pub(super) cpu: Option<Cpu>,
    /// Where features are kept.
    pub(super) features_dir: Option<PathBuf>,
    /// Whether the environment has an access token.
    pub(super) has_token: bool,
}

impl Default for Catalog {
    /// Before the first look: what is part of the program.
    fn default() -> Self {
        let builtin = Builtin::read();
        Self {
            installed: Vec::new(),
            file_bytes: BTreeMap::new(),
            builtin_params: parameter_count(&builtin.config),
            builtin_is_untrained: builtin.untrained,
            cpu: None,
            features_dir: None,
            has_token: false,
        }
    }
}

impl Catalog {
    /// Looks at the store and at the user's `files`.
    pub(super) fn read(files: &[String]) -> Self {
        let store = Store::open().ok();
        let installed = store.as_ref().map(Store::models).transpose();
        let installed = installed.unwrap_or_else(|error| {
            tracing::warn!(%error, "the store cannot be listed");
            None
        });
        let with_length = |model: Installed| {
            let bytes = report::length(&model.path);
            (model, bytes)
        };
        let lengths = files
            .iter()
            .filter_map(|file| Some((file.clone(), report::length(Path::new(file))?)));
        Self {
            installed: installed
                .unwrap_or_default()
                .into_iter()
                .map(with_length)
                .collect(),
            file_bytes: lengths.collect(),
            cpu: Some(cpu()),
            features_dir: store.map(|store| store.features_dir()),
            has_token: DownloadOptions::from_env().token.is_some(),
            ..Self::default()
        }
    }

    /// The built-in model, those of the store, the user's files, then what can be had.
    pub(super) fn list(&self, files: &[String]) -> Vec<Known> {
        let stored = self
            .installed
            .iter()
            .map(|(model, bytes)| of_store(model, *bytes));
        let files = files.iter().map(|file| Known {
            bytes: self.file_bytes.get(file).copied(),
            ..Known::file(file)
        });
        let is_here = |variant: &&Variant| {
            self.installed
                .iter()
                .any(|(model, _)| model.name == variant.name)
        };
        let away = VARIANTS
            .iter()
            .filter(|variant| !is_here(variant))
            .map(released);
        std::iter::once(self.builtin())
            .chain(stored)
            .chain(files)
            .chain(away)
            .collect()
    }

    fn builtin(&self) -> Known {
        Known {
            name: BUILTIN.to_owned(),
            place: Place::BuiltIn,
            variant: None,
            params: Some(self.builtin_params),
            bytes: None,
            repository: None,
            path: None,
        }
    }
}

fn of_store(model: &Installed, bytes: Option<u64>) -> Known {
    let variant = Variant::by_name(&model.name);
    Known {
        name: model.name.clone(),
        place: Place::Store,
        variant: variant.map(|variant| variant.name.to_owned()),
        params: variant.map(|variant| variant.params),
        bytes,
        repository: model
            .source
            .as_ref()
            .map(|source| source.repository.clone()),
        path: Some(model.path.clone()),
    }
}

fn released(variant: &Variant) -> Known {
    Known {
        name: variant.name.to_owned(),
        place: if variant.repository.is_some() {
            Place::Hub
        } else {
            Place::Elsewhere
        },
        variant: Some(variant.name.to_owned()),
        params: Some(variant.params),
        // The released files are f32.
        bytes: Some(variant.params * 4),
        repository: variant.repository.map(ToOwned::to_owned),
        path: None,
    }
}

/// What is known of a released model without its file.
pub(super) fn about_released(name: &str) -> Option<About> {
    let variant = Variant::by_name(name)?;
    Some(About {
        params: Some(variant.params),
        dtypes: vec!["f32".to_owned()],
        variant: Some(variant.name.to_owned()),
        bytes: Some(variant.params * 4),
        ..report::shape(&variant.config())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_model_once_and_those_of_this_computer_first() {
        let catalog = Catalog {
            installed: vec![(
                Installed {
                    name: "vits16".to_owned(),
                    path: "/store/vits16".into(),
                    source: None,
                },
                Some(86),
            )],
            ..Catalog::default()
        };
        let list = catalog.list(&["/a/mine.pth".to_owned()]);
        let names: Vec<&str> = list.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names[..3], ["builtin", "vits16", "/a/mine.pth"]);
        assert_eq!(names.iter().filter(|name| **name == "vits16").count(), 1);
        assert_eq!(list.len(), VARIANTS.len() + 2);
        assert_eq!(list[1].place, Place::Store);
        let large = list
            .iter()
            .find(|known| known.name == "vitl16plus")
            .unwrap();
        assert_eq!(large.place, Place::Elsewhere);
    }
}
