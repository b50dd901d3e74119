//! Copy and paste: the view as a picture, its numbers, the command that makes it again, and pictures from elsewhere.

use std::io::Cursor;
use std::sync::Arc;

use dinoscope_engine::Picture;
use egui::{ColorImage, Context};
use image::RgbaImage;

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

    /// Keeps a pasted picture as a file and opens it.
    pub(super) fn paste(&mut self, image: &ColorImage) {
        match self.keep_pasted(image) {
            Ok(path) => self.todo.requests.push_back(Request::Open(vec![path])),
            Err(problem) => self.state.say(problem),
        }
    }

    fn keep_pasted(&self, image: &ColorImage) -> Result<std::path::PathBuf, String> {
        let [width, height] = image.size.map(|side| u32::try_from(side).unwrap_or(0));
        let bytes: Vec<u8> = image
            .pixels
            .iter()
            .flat_map(egui::Color32::to_srgba_unmultiplied)
            .collect();
        let picture =
            Picture::from_rgba(width, height, bytes.clone()).map_err(|error| error.to_string())?;
        let pixels = RgbaImage::from_raw(width, height, bytes)
            .ok_or_else(|| self.word("export-paste-bad"))?;
        let folder = self.session.folders.data.join("pasted");
        let path = folder.join(format!("pasted-{}.png", &picture.sha256()[..12]));
        let mut png = Cursor::new(Vec::new());
        pixels
            .write_to(&mut png, image::ImageFormat::Png)
            .map_err(|error| error.to_string())?;
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{error}: {}", folder.display()))?;
        let existing = dinoscope_engine::values::Existing::Replace;
        dinoscope_engine::values::write_file(&path, existing, |out| out.write_all(png.get_ref()))
            .map_err(|error| error.to_string())?;
        Ok(path)
    }
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
        ViewKind::Similarity => similarity_call(document, view, settings, features)?.line(shell),
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
        ViewKind::Analysis(analysis) => AnalyzeCall {
            name: analysis.get().id().to_owned(),
            images: vec![path(0)?],
            set: analysis
                .settings()
                .into_iter()
                .map(|knob| (knob.name.to_owned(), knob.current))
                .collect(),
            features,
        }
        .line(shell),
        ViewKind::Compare => return None,
    })
}

fn similarity_call(
    document: &Document,
    view: &View,
    settings: &Settings,
    features: Features,
) -> Option<SimilarityCall> {
    let shown = view.picture()?;
    let asks = settings.query.active(Sign::Positive).next()?.picture;
    let library = &document.library;
    let points = |sign| {
        let pins = settings
            .query
            .active(sign)
            .filter(|pin| pin.picture == asks);
        pins.filter_map(|pin| match pin.shape {
            PinShape::Point(at) => Some(at),
            PinShape::Box(_) | PinShape::Lasso(_) => None,
        })
        .collect::<Vec<[f64; 2]>>()
    };
    let look = &settings.look;
    Some(SimilarityCall {
        image: library.get(asks)?.path.clone(),
        at: points(Sign::Positive),
        not: points(Sign::Negative),
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
    })
}
