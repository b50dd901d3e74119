//! Copy and paste: the view as a picture, its numbers, the command that makes it again, and pictures from elsewhere.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dinoscope_engine::Picture;
use dinoscope_engine::analysis::{Analysis, Combine, Similarity};
use dinoscope_engine::values::{Existing, write_file};
use dinoscope_jobs::runner::{Failure, JobError, Lane, Poll, Spec, Title, Visibility};
use egui::{ColorImage, Context};

use super::App;
use crate::cx::Request;
use crate::document::{Document, PinShape, RangeMode, Settings, Sign, View, ViewId, ViewKind};
use crate::keep::command_line::{
    AnalyzeCall, Features, Look, MatchCall, PcaCall, Shell, SimilarityCall,
};
use crate::views::figure::Plan;

impl App {
    /// Copies what a view shows as a picture.
    pub(super) fn copy_view(&mut self, ctx: &Context, view: ViewId) {
        let document = Arc::clone(self.history.present());
        let image = Plan::of(&document, &mut self.session, view)
            .map_err(|message| self.word(message))
            .and_then(|plan| plan.image().map_err(|error| error.to_string()));
        match image {
            Ok(image) => {
                let size = [image.width() as usize, image.height() as usize];
                ctx.copy_image(ColorImage::from_rgb(size, image.as_raw()));
                self.say("export-view-copied");
            }
            Err(problem) => self.state.say(problem),
        }
    }

    /// Copies the read-out under the pointer, or all numbers of the view.
    pub(super) fn copy_values(&mut self, ctx: &Context, view: ViewId) {
        if let Some(read_out) = self.session.last_read_out.clone() {
            ctx.copy_text(read_out);
            self.say("export-read-out-copied");
            return;
        }
        self.copy_table(ctx, view);
    }

    /// Copies all numbers of a view as a table.
    pub(super) fn copy_table(&mut self, ctx: &Context, view: ViewId) {
        let document = Arc::clone(self.history.present());
        match Plan::of(&document, &mut self.session, view) {
            Ok(plan) => {
                ctx.copy_text(plan.table());
                self.say("export-values-copied");
            }
            Err(message) => self.say(message),
        }
    }

    /// Copies the command that makes the view again.
    pub(super) fn copy_command(&mut self, ctx: &Context, view: ViewId) {
        match command_line(self.document(), view) {
            Some(line) => {
                ctx.copy_text(line);
                self.say("export-command-copied");
            }
            None => self.say("export-no-command"),
        }
    }

    /// Keeps a pasted picture as a file, in the background, and opens that.
    pub(super) fn paste(&mut self, image: Arc<ColorImage>) {
        let folder = self.session.folders.data.join("pasted");
        let mut spec = Spec::new(Lane::Files, Title::new("job-paste"));
        spec.visible = Visibility::Hidden;
        let kept = self
            .session
            .runner
            .submit(spec, move |_| keep_pasted(&folder, &image));
        self.pastes.push(kept);
    }

    /// Opens the pasted pictures that are kept by now.
    pub(super) fn poll_pastes(&mut self) {
        let mut pastes = std::mem::take(&mut self.pastes);
        pastes.retain(|kept| match kept.poll() {
            Poll::Waiting | Poll::Running(_) => true,
            Poll::Done(path) => {
                self.todo.requests.push_back(Request::Open(vec![path]));
                false
            }
            Poll::Failed(failure) => {
                self.state.say(failure.message);
                false
            }
            Poll::Cancelled | Poll::Over => false,
        });
        self.pastes = pastes;
    }
}

fn keep_pasted(folder: &Path, image: &ColorImage) -> Result<PathBuf, JobError> {
    let [width, height] = image.size.map(|side| u32::try_from(side).unwrap_or(0));
    let bytes: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(egui::Color32::to_srgba_unmultiplied)
        .collect();
    let picture = Picture::from_rgba(width, height, bytes.clone())?;
    let path = folder.join(format!("pasted-{}.png", &picture.sha256()[..12]));
    let mut png = Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut png,
        &bytes,
        width,
        height,
        image::ExtendedColorType::Rgba8,
        image::ImageFormat::Png,
    )?;
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::new(format!("{error}: {}", folder.display())))?;
    write_file(&path, Existing::Replace, |out| out.write_all(png.get_ref()))?;
    Ok(path)
}

/// The call of the command line that makes a view again; none for views that it has no command for.
pub(super) fn command_line(document: &Document, id: ViewId) -> Option<String> {
    let view = document.views.get(&id)?;
    let settings = document.settings(id);
    let path = |at: usize| {
        let entry = document.library.get(*view.pictures.get(at)?)?;
        Some(entry.path.clone())
    };
    let features = Features {
        model: document.model_of(id).to_owned(),
        size: settings.features.size.to_string(),
        layer: settings.features.layer_name(),
        norm: dinoscope_engine::features::norm_name(settings.features.norm).to_owned(),
    };
    let shell = if cfg!(windows) {
        Shell::PowerShell
    } else {
        Shell::Posix
    };
    Some(match &view.kind {
        ViewKind::Similarity => similarity_line(document, view, settings, (features, shell))?,
        ViewKind::Pca => PcaCall {
            images: vec![path(0)?],
            components: settings.pca.components.to_vec(),
            foreground: settings.pca.foreground,
            basis: settings
                .pca
                .frozen
                .as_ref()
                .map(|frozen| frozen.path.clone()),
            features,
        }
        .line(shell),
        ViewKind::Matches => MatchCall {
            a: path(0)?,
            b: path(1)?,
            mutual: settings.matches.mutual,
            stratify_px: Some(settings.matches.spread_px).filter(|&px| px > 0.0),
            refine: settings.matches.refine,
            features,
        }
        .line(shell),
        ViewKind::Analysis(analysis) => {
            analyze_call(analysis, vec![path(0)?], features).line(shell)
        }
        ViewKind::Compare => return None,
    })
}

/// None where the pins are regions, or stand on several pictures: no command asks for that.
fn similarity_line(
    document: &Document,
    view: &View,
    settings: &Settings,
    (features, shell): (Features, Shell),
) -> Option<String> {
    let shown = view.picture()?;
    let asks = settings.query.active(Sign::Positive).next()?.picture;
    let library = &document.library;
    let points = |sign| {
        let pins = settings.query.active(sign);
        pins.map(|pin| match pin.shape {
            PinShape::Point(at) if pin.picture == asks => Some(at),
            _ => None,
        })
        .collect::<Option<Vec<[f64; 2]>>>()
    };
    let (at, not) = (points(Sign::Positive)?, points(Sign::Negative)?);
    if settings.similarity.combine != Combine::Mean {
        let analysis = Analysis::from(Similarity {
            at,
            not,
            negative_weight: settings.similarity.negative_weight,
            combine: settings.similarity.combine,
            regularization: settings.similarity.regularization,
            top: settings.similarity.top,
            ..Similarity::default()
        });
        let mut images = vec![library.get(asks)?.path.clone()];
        if shown != asks {
            images.push(library.get(shown)?.path.clone());
        }
        return Some(analyze_call(&analysis, images, features).line(shell));
    }
    let look = &settings.look;
    let call = SimilarityCall {
        image: library.get(asks)?.path.clone(),
        at,
        not,
        against: if shown == asks {
            Vec::new()
        } else {
            vec![library.get(shown)?.path.clone()]
        },
        top: settings.similarity.top,
        features,
        look: Look {
            colormap: look.colormap.name().to_owned(),
            alpha: look.strength,
            range: match look.range {
                RangeMode::Auto => None,
                RangeMode::Fixed { min, max } => Some((min, max)),
            },
        },
    };
    Some(call.line(shell))
}

fn analyze_call(analysis: &Analysis, images: Vec<PathBuf>, features: Features) -> AnalyzeCall {
    AnalyzeCall {
        name: analysis.get().id().to_owned(),
        images,
        set: analysis
            .settings()
            .into_iter()
            .map(|knob| (knob.name.to_owned(), knob.current))
            .collect(),
        features,
    }
}
