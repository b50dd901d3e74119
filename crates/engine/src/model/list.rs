//! The models there are: built in, in the store, and those that could be downloaded.

use std::path::PathBuf;

use dinoscope_model::checkpoint::parameter_count;
use dinoscope_model::{VARIANTS, Variant};
use serde::Serialize;

use super::{BUILTIN, Builtin};
use crate::store::{Installed, Store, StoreError};

/// License of the released weights.
pub const LICENSE: &str = "DINOv3 License";

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedModel {
    /// What [`super::Model::open`] takes.
    pub name: String,
    /// Whether it can be used at once.
    pub presence: Presence,
    /// Learnable parameters, where the name tells.
    pub params: Option<u64>,
    /// License of the weights, where the name tells.
    pub license: Option<&'static str>,
    /// Size of the download, of weights in f32.
    pub download_bytes: Option<u64>,
    /// `owner/name` on the hub.
    pub repository: Option<&'static str>,
    /// Where its files are.
    pub path: Option<PathBuf>,
}

/// Whether a model can be used at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Ships with the program.
    Builtin,
    /// In the store.
    Installed,
    /// On the hub.
    Downloadable,
    /// Released elsewhere: its file has to be opened.
    FileOnly,
}

/// The built-in model, the released ones, and what else is in the store.
pub fn list(store: Option<&Store>) -> Result<Vec<ListedModel>, StoreError> {
    let installed = store.map_or(Ok(Vec::new()), Store::models)?;
    let mut models = vec![builtin()];
    models.extend(VARIANTS.iter().map(|variant| released(variant, &installed)));
    let others = installed
        .into_iter()
        .filter(|model| Variant::by_name(&model.name).is_none());
    models.extend(others.map(|model| ListedModel {
        name: model.name,
        presence: Presence::Installed,
        params: None,
        license: None,
        download_bytes: None,
        repository: None,
        path: Some(model.path),
    }));
    Ok(models)
}

fn builtin() -> ListedModel {
    let builtin = Builtin::read();
    ListedModel {
        name: BUILTIN.into(),
        presence: Presence::Builtin,
        params: Some(parameter_count(&builtin.config)),
        license: Some(Builtin::LICENSE),
        download_bytes: None,
        repository: None,
        path: None,
    }
}

fn released(variant: &'static Variant, installed: &[Installed]) -> ListedModel {
    let here = installed.iter().find(|model| model.name == variant.name);
    let presence = match (here, variant.repository) {
        (Some(_), _) => Presence::Installed,
        (None, Some(_)) => Presence::Downloadable,
        (None, None) => Presence::FileOnly,
    };
    ListedModel {
        name: variant.name.into(),
        presence,
        params: Some(variant.params),
        license: Some(LICENSE),
        download_bytes: Some(variant.params * 4),
        repository: variant.repository,
        path: here.map(|model| model.path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_listed_once_and_tells_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path());
        for name in ["vits16", "mine"] {
            let model = folder.path().join("models").join(name);
            std::fs::create_dir_all(&model).unwrap();
            std::fs::write(model.join("model.safetensors"), b"").unwrap();
        }
        let models = list(Some(&store)).unwrap();
        let presence = |name: &str| {
            let mut named = models.iter().filter(|model| model.name == name);
            let found = named.next().unwrap().presence;
            assert_eq!(named.next(), None, "{name}");
            found
        };
        assert_eq!(presence("builtin"), Presence::Builtin);
        assert_eq!(presence("vits16"), Presence::Installed);
        assert_eq!(presence("vitb16"), Presence::Downloadable);
        assert_eq!(presence("vitl16plus"), Presence::FileOnly);
        assert_eq!(presence("mine"), Presence::Installed);
        assert_eq!(list(None).unwrap().len(), models.len() - 1);
    }
}
