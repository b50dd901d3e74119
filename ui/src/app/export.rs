//! Figures, values, keypoints and bases into files, in the background.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dinoscope_engine::analysis::PcaBasis;
use dinoscope_engine::values::{Existing, write_file};
use dinoscope_jobs::runner::{Failure, JobContext, JobError, Lane, Poll, Spec, Ticket, Title};
use egui::Context;

use super::App;
use crate::cx::Purpose;
use crate::document::{FrozenBasis, Keypoint, PictureId, ViewId, ViewKind};
use crate::host::{Dialog, DialogKind};
use crate::session::FeatureKey;
use crate::views::figure::Plan;
use crate::views::matches;

/// Jobs that took longer than this end with a notification of the system.
const LONG_SECS: f64 = 10.0;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Export {
    ticket: Ticket<()>,
    path: PathBuf,
    /// What follows once it is there.
    then: Then,
    started: std::time::Instant,
}

#[derive(Debug)]
enum Then {
    Say,
    Freeze(ViewId, usize),
}

impl App {
    /// Asks where the figure of a view goes.
    pub(super) fn export_figure(&mut self, view: ViewId) {
        let kinds = [("export-png", "png"), ("export-svg", "svg")];
        self.ask_export(view, "export-figure-title", &kinds, Purpose::Figure(view));
    }

    /// Asks where the values of a view go.
    pub(super) fn export_values(&mut self, view: ViewId) {
        let document = self.document();
        let pairs = document
            .views
            .get(&view)
            .is_some_and(|view| view.kind == ViewKind::Matches);
        let kinds: &[(&str, &str)] = if pairs {
            &[("export-csv", "csv")]
        } else {
            &[
                ("export-npy", "npy"),
                ("export-csv", "csv"),
                ("export-safetensors", "safetensors"),
            ]
        };
        self.ask_export(view, "export-values-title", kinds, Purpose::Values(view));
    }

    fn ask_export(&mut self, view: ViewId, title: &str, kinds: &[(&str, &str)], purpose: Purpose) {
        let document = Arc::clone(self.history.present());
        match Plan::of(&document, &mut self.session, view) {
            Err(message) => self.say(message),
            Ok(plan) => {
                let ending = kinds[0].1;
                let dialog = Dialog {
                    id: 0,
                    kind: DialogKind::SaveFile,
                    title: self.word(title),
                    filters: kinds
                        .iter()
                        .map(|(name, ending)| (self.word(name), vec![(*ending).to_owned()]))
                        .collect(),
                    file_name: Some(format!("{}.{ending}", plan.stem)),
                    folder: self.preferences.export_folder.clone(),
                };
                self.ask(dialog, purpose);
            }
        }
    }

    /// Writes the figure of a view.
    pub(super) fn write_figure(&mut self, view: ViewId, path: PathBuf) {
        let scale = self.preferences.figure_scale.clamp(1, 4);
        self.write_plan(view, path, "job-figure", move |plan, path| {
            plan.write_figure(path, scale)
                .map_err(|error| Failure::of(&error))
        });
    }

    /// Writes the values of a view.
    pub(super) fn write_values(&mut self, view: ViewId, path: PathBuf) {
        self.write_plan(view, path, "job-values", |plan, path| {
            plan.write_values(path).map_err(|error| Failure::of(&error))
        });
    }

    fn write_plan(
        &mut self,
        view: ViewId,
        path: PathBuf,
        title: &'static str,
        write: impl FnOnce(&Plan, &Path) -> Result<(), Failure> + Send + 'static,
    ) {
        let document = Arc::clone(self.history.present());
        match Plan::of(&document, &mut self.session, view) {
            Err(message) => self.say(message),
            Ok(plan) => {
                let target = path.clone();
                self.export(title, path, Then::Say, move |_| Ok(write(&plan, &target)?));
            }
        }
    }

    fn export(
        &mut self,
        title: &'static str,
        path: PathBuf,
        then: Then,
        write: impl FnOnce(&JobContext) -> Result<(), JobError> + Send + 'static,
    ) {
        self.preferences.export_folder = path.parent().map(Path::to_owned);
        let spec = Spec::new(Lane::Files, Title::new(title));
        let ticket = self.session.runner.submit(spec, write);
        let started = std::time::Instant::now();
        self.exports.push(Export {
            ticket,
            path,
            then,
            started,
        });
    }

    /// Asks where the keypoints of a view go.
    pub(super) fn export_keypoints(&mut self, view: ViewId) {
        let dialog = Dialog {
            id: 0,
            kind: DialogKind::SaveFile,
            title: self.word("export-keypoints-title"),
            filters: vec![
                (self.word("export-coco"), vec!["json".to_owned()]),
                (self.word("export-csv"), vec!["csv".to_owned()]),
            ],
            file_name: Some("keypoints.json".to_owned()),
            folder: self.preferences.export_folder.clone(),
        };
        self.ask(dialog, Purpose::Keypoints(view));
    }

    /// Writes the keypoints of a view as CSV, or in COCO's layout.
    pub(super) fn write_keypoints(&mut self, view: ViewId, path: PathBuf) {
        let csv = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("csv"));
        let Some(made) = self.keypoints(view, csv) else {
            self.say("export-nothing");
            return;
        };
        let target = path.clone();
        self.export("job-values", path, Then::Say, move |_| {
            Ok(write_file(&target, Existing::Replace, |out| {
                out.write_all(made.as_bytes())
            })?)
        });
    }

    fn keypoints(&self, view: ViewId, csv: bool) -> Option<String> {
        let document = self.document();
        let pair = &document.views.get(&view)?.pictures;
        let [a, b] = <[PictureId; 2]>::try_from(&pair[..]).ok()?;
        let points = self.carried_keypoints(view)?;
        let points: Vec<(String, [f64; 2], [f64; 2])> = points
            .into_iter()
            .map(|(point, there)| (point.name, point.a, there))
            .collect();
        if points.is_empty() {
            return None;
        }
        if csv {
            return Some(matches::csv(&points));
        }
        let size = |picture| {
            self.session
                .pictures
                .peek(picture)
                .map(|open| open.size_px())
        };
        let (name_a, name_b) = (document.library.name(a), document.library.name(b));
        let coco = matches::coco([(&name_a, size(a)?), (&name_b, size(b)?)], &points);
        serde_json::to_string_pretty(&coco).ok()
    }

    /// The keypoints of a view's pair, with their places in the second picture.
    pub(super) fn carried_keypoints(&self, view: ViewId) -> Option<Vec<(Keypoint, [f64; 2])>> {
        let document = self.document();
        let shown = document.views.get(&view)?;
        let [a, b] = <[PictureId; 2]>::try_from(&shown.pictures[..]).ok()?;
        let settings = document.settings(view);
        let ready = |picture| {
            let key = FeatureKey::new(picture, &settings.features, &document.model);
            self.session.features.peek(&key)
        };
        let (here, there) = (ready(a)?, ready(b)?);
        let points = settings.matches.keypoints.iter();
        let mine = points.filter(|point| point.pair == [a, b]);
        let found = mine.filter_map(|point| {
            let there = matches::carried(point, here, there)?;
            Some((point.clone(), there))
        });
        Some(found.collect())
    }

    /// Asks where the basis of a view goes.
    pub(super) fn ask_basis(&mut self, view: ViewId, freeze: bool) {
        let dialog = Dialog {
            id: 0,
            kind: DialogKind::SaveFile,
            title: self.word("pca-save-title"),
            filters: vec![(self.word("pca-basis-kind"), vec!["safetensors".to_owned()])],
            file_name: Some("basis.safetensors".to_owned()),
            folder: self.preferences.export_folder.clone(),
        };
        self.ask(dialog, Purpose::SaveBasis { view, freeze });
    }

    /// Keeps the basis of a view in the program's own folder and uses it from now on.
    pub(super) fn freeze(&mut self, view: ViewId) {
        let folder = self.session.folders.data.join("bases");
        if let Err(error) = std::fs::create_dir_all(&folder) {
            self.state.say(format!("{error}: {}", folder.display()));
            return;
        }
        let stamp = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| time.as_millis());
        self.save_basis(
            view,
            folder.join(format!("basis-{stamp}.safetensors")),
            true,
        );
    }

    /// Writes the basis of a view.
    pub(super) fn save_basis(&mut self, view: ViewId, path: PathBuf, freeze: bool) {
        let Some(fit) = self.session.view(view).pca.fit.clone() else {
            self.say("export-nothing");
            return;
        };
        let mut basis = PcaBasis::clone(&fit.basis);
        let document = self.document();
        let pictures: Vec<String> = fit
            .pictures
            .iter()
            .map(|it| document.library.name(it.picture))
            .collect();
        let settings = &document.settings(view).features;
        let first = fit
            .pictures
            .first()
            .map(|it| FeatureKey::new(it.picture, settings, &document.model));
        if let Some(ready) = first.and_then(|key| self.session.features.peek(&key)) {
            basis.origin.provenance = ready.provenance.clone();
        }
        basis.origin.pictures = pictures;
        let then = if freeze {
            Then::Freeze(view, fit.pictures.len())
        } else {
            Then::Say
        };
        let target = path.clone();
        self.export("job-values", path, then, move |_| {
            Ok(basis.save(&target, Existing::Replace)?)
        });
    }

    /// Uses a saved basis.
    pub(super) fn load_basis(&mut self, view: ViewId, path: PathBuf) {
        match PcaBasis::load(&path) {
            Ok(basis) => self.use_basis(view, path, basis.origin.pictures.len()),
            Err(error) => self.state.say(error.to_string()),
        }
    }

    fn use_basis(&mut self, view: ViewId, path: PathBuf, pictures: usize) {
        self.todo.edits.push_back(crate::cx::Edit {
            label: "edit-freeze",
            key: None,
            change: Box::new(move |document| {
                document.settings_mut(view).pca.frozen = Some(FrozenBasis { path, pictures });
            }),
        });
    }

    /// Bases that are being saved are not used by the project that is there now.
    pub(super) fn drop_freezes(&mut self) {
        for export in &mut self.exports {
            export.then = Then::Say;
        }
    }

    /// Takes what was written.
    pub(super) fn poll_exports(&mut self, ctx: &Context) {
        let mut exports = std::mem::take(&mut self.exports);
        exports.retain(|export| match export.ticket.poll() {
            Poll::Waiting | Poll::Running(_) => true,
            Poll::Done(()) => {
                self.tell_export(ctx, export);
                false
            }
            Poll::Failed(failure) => {
                self.state.say(failure.message);
                false
            }
            Poll::Cancelled | Poll::Over => false,
        });
        exports.append(&mut self.exports);
        self.exports = exports;
    }

    fn tell_export(&mut self, ctx: &Context, export: &Export) {
        let name = export.path.display().to_string();
        let said = self.words("export-written", &[("path", name.into())]);
        if export.started.elapsed().as_secs_f64() > LONG_SECS && !ctx.input(|input| input.focused) {
            self.host.notify("Dinoscope", &said);
        }
        match export.then {
            Then::Say => self.state.say(said),
            Then::Freeze(view, pictures) => self.use_basis(view, export.path.clone(), pictures),
        }
    }
}
