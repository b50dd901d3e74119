//! Models as jobs: opening, describing, listing and downloading them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use dinoscope_engine::analysis::CancelToken;
use dinoscope_engine::cache::{CacheOptions, FeatureCache};
use dinoscope_engine::device::DeviceError;
use dinoscope_engine::model::{ListedModel, ModelError, ModelReport, Presence, list};
use dinoscope_engine::store::{
    DownloadOptions, Installed, Progress, Store, StoreError, Token, Wanted,
};
use dinoscope_engine::{ComputeDevice, DeviceChoice, Extractor, Model};

use crate::runner::{JobContext, JobError, Unit};

/// Where models come from, and the feature cache that they share.
#[derive(Clone, Debug)]
pub struct Models {
    store: Option<Store>,
    cache: Arc<FeatureCache>,
}

/// A model ready to run.
#[derive(Clone, Debug)]
pub struct LoadedModel {
    /// Computes features with it.
    pub extractor: Arc<Extractor>,
    /// What its file holds.
    pub report: Arc<ModelReport>,
    /// Why the device was taken, where the choice was left open.
    pub device_reason: Option<String>,
}

/// Why a model could not be opened on a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The device does not start.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Models {
    /// Models of `store` and files; features are kept beside the store's models unless `cache` names a folder. Without
    /// a store only files and the built-in model open, and features stay in memory.
    pub fn new(store: Option<Store>, cache: CacheOptions) -> Self {
        let beside = || store.as_ref().map(Store::features_dir);
        let dir = cache.dir.or_else(beside);
        let cache = FeatureCache::new(CacheOptions { dir, ..cache });
        Self {
            store,
            cache: Arc::new(cache),
        }
    }

    /// The cache of all models; its limit of memory can be set at any time.
    pub fn cache(&self) -> &FeatureCache {
        &self.cache
    }

    /// Opens the built-in model, a file, a folder or a name in the store. Progress counts parameters.
    pub fn open(
        &self,
        name: &str,
        device: DeviceChoice,
        cx: &JobContext,
    ) -> Result<LoadedModel, OpenError> {
        let (device, device_reason) = match device {
            DeviceChoice::Auto => {
                let (device, reason) = ComputeDevice::auto();
                (device, Some(reason))
            }
            choice => (ComputeDevice::open(choice)?, None),
        };
        let mut progress = |done, total| cx.progress(done, total, Unit::Steps);
        let store = self.store.as_ref();
        let model = Model::open_until(name, store, &device, cx.cancel(), &mut progress)?;
        let cache = Some(Arc::clone(&self.cache));
        Ok(LoadedModel {
            report: Arc::clone(&model.report),
            extractor: Arc::new(Extractor::new(Arc::new(model), cache)),
            device_reason,
        })
    }

    /// What the file of a model holds; an incomplete one too.
    pub fn report(&self, name: &str, cancel: &CancelToken) -> Result<ModelReport, ModelError> {
        ModelReport::read(name, self.store.as_ref(), cancel)
    }

    /// Every model there is, and the `files` that the user opened before and that are still there.
    pub fn list(&self, files: &[PathBuf]) -> Result<Vec<ListedModel>, StoreError> {
        let mut models = list(self.store.as_ref())?;
        let there = files.iter().filter(|path| path.exists());
        models.extend(there.map(|path| ListedModel {
            name: path.display().to_string(),
            presence: Presence::Installed,
            params: None,
            license: None,
            download_bytes: None,
            repository: None,
            path: Some(path.clone()),
        }));
        Ok(models)
    }

    /// Downloads a released model by its name, or any repository as `owner/name`, over all tokens the given one.
    /// Can be paused between two pieces; an interrupted download goes on where it stopped.
    pub fn download(
        &self,
        name: &str,
        token: Option<Token>,
        cx: &JobContext,
    ) -> Result<Installed, JobError> {
        let mut options = DownloadOptions::from_env();
        options.token = token.or(options.token);
        self.download_with(name, &options, cx)
    }

    /// As [`Models::download`], from where and as stubbornly as `options` say.
    pub fn download_with(
        &self,
        name: &str,
        options: &DownloadOptions,
        cx: &JobContext,
    ) -> Result<Installed, JobError> {
        let wanted = Wanted::by_name(name)?;
        let store = self.store.as_ref().ok_or(StoreError::NoHome)?;
        let mut arrived = Arrived::default();
        let mut progress = |event: Progress<'_>| arrived.hear(event, cx);
        let stopped = || cx.checkpoint().is_err();
        Ok(store.download(&wanted, options, &mut progress, &stopped)?)
    }
}

/// Bytes of the files of a download.
#[derive(Default)]
struct Arrived {
    total: Option<u64>,
    /// By the file's name.
    done: BTreeMap<String, u64>,
}

impl Arrived {
    fn hear(&mut self, event: Progress<'_>, cx: &JobContext) {
        match event {
            Progress::Started { total, .. } => self.total = total,
            Progress::Bytes { file, done, .. } => {
                self.done.insert(file.to_owned(), done);
            }
            Progress::Retrying { file, error, .. } => tracing::warn!(file, %error, "trying again"),
            Progress::Waiting | Progress::Verifying { .. } => {}
        }
        cx.progress(self.done.values().sum(), self.total, Unit::Bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_engine::model::LICENSE;

    fn alone() -> JobContext {
        JobContext::alone(CancelToken::default())
    }

    #[test]
    fn the_builtin_model_opens_and_tells_what_it_is() {
        let models = Models::new(None, CacheOptions::default());
        let cx = alone();
        let opened = models.open("builtin", DeviceChoice::Cpu, &cx).unwrap();
        assert!(opened.report.is_complete() && !opened.report.untrained);
        assert_eq!(opened.report.sha256, opened.extractor.model().sha256);
        let progress = cx.last_progress();
        assert_eq!(progress.total, Some(opened.report.params));
        assert_eq!(progress.total, Some(progress.done));
    }

    #[test]
    fn opening_ends_when_cancelled() {
        let models = Models::new(None, CacheOptions::default());
        let cx = alone();
        cx.cancel().cancel();
        let error = models.open("builtin", DeviceChoice::Cpu, &cx).unwrap_err();
        assert!(error.to_string().contains("cancelled"), "{error}");
    }

    #[test]
    fn what_cannot_be_opened_or_downloaded_is_told_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::new(Some(Store::at(folder.path())), CacheOptions::default());
        let error = models
            .open("vits99", DeviceChoice::Cpu, &alone())
            .unwrap_err();
        assert!(
            error.to_string().starts_with("no model \"vits99\""),
            "{error}"
        );
        let broken = folder.path().join("broken.safetensors");
        std::fs::write(&broken, b"none").unwrap();
        let name = broken.display().to_string();
        let error = models.report(&name, &CancelToken::default()).unwrap_err();
        assert!(error.to_string().ends_with(&name), "{error}");
        for (name, says) in [("vitl16plus", "not on the hub"), ("vits99", "no model")] {
            let JobError::Failed(failure) = models.download(name, None, &alone()).unwrap_err()
            else {
                panic!("{name} cannot be downloaded");
            };
            assert!(failure.message.contains(says), "{}", failure.message);
        }
    }

    #[test]
    fn a_download_fails_with_a_sentence_and_stops_when_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::new(Some(Store::at(folder.path())), CacheOptions::default());
        // Port 9 discards: nothing listens there on any machine that runs tests.
        let options = DownloadOptions {
            endpoint: "http://127.0.0.1:9".into(),
            retries: 0,
            ..DownloadOptions::default()
        };
        let failed = models.download_with("vits16", &options, &alone());
        let Err(JobError::Failed(failure)) = failed else {
            panic!("nobody answers");
        };
        assert!(
            failure.message.contains("127.0.0.1:9"),
            "{}",
            failure.message
        );
        let cx = alone();
        cx.cancel().cancel();
        let failed = models.download_with("vits16", &options, &cx);
        assert!(failed.is_err());
        assert!(
            models
                .list(&[])
                .unwrap()
                .iter()
                .all(|model| model.path.is_none())
        );
    }

    #[test]
    fn files_of_the_user_are_listed_as_long_as_they_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine.safetensors");
        std::fs::write(&mine, b"").unwrap();
        let gone = folder.path().join("gone.safetensors");
        let models = Models::new(None, CacheOptions::default());
        let listed = models.list(&[mine.clone(), gone]).unwrap();
        assert_eq!(listed.last().unwrap().path.as_ref(), Some(&mine));
        assert!(listed.iter().any(|model| model.license == Some(LICENSE)));
        assert_eq!(listed.len(), models.list(&[]).unwrap().len() + 1);
    }
}
