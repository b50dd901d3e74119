//! What each command does, whichever way it was asked for: key, menu, palette or button.

use egui::{Context, Ui};

use super::App;
use crate::canvas::{Tool, camera};
use crate::commands::{Command, KeyContext};
use crate::cx::{Purpose, Request, Sheet};
use crate::document::{
    CompareShow, Document, MatchShow, PictureId, RangeMode, ScalarLook, Settings, Sign, View,
    ViewId, ViewKind, Workspace,
};
use crate::host::{Dialog, DialogKind};
use crate::panels;
use dinoscope_engine::analysis::Analysis;

/// Endings of pictures, for dialogs.
const PICTURES: [&str; 9] = [
    "jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp", "gif", "jfif",
];
/// Weight that one press adds to the map.
const STRENGTH_STEP: f32 = 0.1;
/// Zoom of one press.
const ZOOM_STEP: f32 = 1.25;

impl App {
    /// Turns keys into commands.
    pub(super) fn keys(&mut self, ui: &Ui) {
        if self.state.sheet == Sheet::Settings && self.state.settings.is_recording() {
            // The page of shortcuts waits for the keys themselves.
            return;
        }
        // Where a control has the focus, its keys are its own.
        let free = ui
            .memory(egui::Memory::focused)
            .is_none_or(|id| self.session.is_canvas(id));
        let canvas = free
            && self.state.presentation.active.is_some()
            && self.state.sheet == Sheet::None
            && self.state.presentation.workspace != Workspace::Models;
        let context = KeyContext {
            canvas,
            modal: self.state.sheet != Sheet::None,
        };
        let pressed = self.keys.pressed(ui.ctx(), context);
        self.state.blink = canvas && self.keys.held(ui.ctx(), Command::Blink);
        self.todo.commands.extend(pressed);
    }

    /// Does it.
    pub(super) fn command(&mut self, ctx: &Context, command: Command) {
        let active = self.state.presentation.active;
        match command {
            Command::OpenPictures
            | Command::OpenFolder
            | Command::OpenModel
            | Command::OpenProject => {
                self.ask_open(command);
            }
            Command::Recent => self.state.sheet = Sheet::Palette,
            Command::NewProject => self.new_project(),
            Command::Save => self.save(None),
            Command::SaveAs => self.save_as(None),
            Command::Undo => {
                self.history.undo();
            }
            Command::Redo => {
                self.history.redo();
            }
            Command::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Command::Palette => self.toggle_sheet(Sheet::Palette),
            Command::Shortcuts => self.toggle_sheet(Sheet::Shortcuts),
            Command::Settings => self.toggle_sheet(Sheet::Settings),
            Command::About => self.toggle_sheet(Sheet::About),
            Command::Manual => self.open_help("index"),
            Command::Lesson => {
                self.state.lesson = Some(0);
                self.state.start = false;
            }
            Command::Start => self.state.start = true,
            Command::Cancel => self.cancel(),
            Command::Explore => self.state.presentation.workspace = Workspace::Explore,
            Command::Compare => self.compare_workspace(),
            Command::Models => self.state.presentation.workspace = Workspace::Models,
            Command::ToggleLibrary => self.state.panels.library = !self.state.panels.library,
            Command::ToggleInspector => self.state.panels.inspector = !self.state.panels.inspector,
            Command::ToggleTray => self.state.panels.jobs = !self.state.panels.jobs,
            Command::NextRegion => panels::regions::next(ctx, true),
            Command::PreviousRegion => panels::regions::next(ctx, false),
            Command::FullScreen => {
                let full = ctx.input(|input| input.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!full));
            }
            Command::TextLarger => self.scale_text(0.1),
            Command::TextSmaller => self.scale_text(-0.1),
            Command::TextNormal => self.preferences.text_scale = 1.0,
            Command::SwitchTheme => {
                self.preferences.theme = self.preferences.theme.next(ctx.theme());
            }
            Command::SwitchLanguage => {
                let next = match crate::text::lang(ctx) {
                    crate::text::Lang::En => "zh-CN",
                    crate::text::Lang::ZhCn => "en",
                };
                self.preferences.language = Some(next.to_owned());
            }
            Command::ToolPointer => self.state.tool = Tool::Pointer,
            Command::ToolPin => self.state.tool = Tool::Pin,
            Command::ToolBox => self.state.tool = Tool::Box,
            Command::ToolLasso => self.state.tool = Tool::Lasso,
            Command::ToolPan => self.state.tool = Tool::Pan,
            Command::WalkLeft => self.walk((-1, 0)),
            Command::WalkRight => self.walk((1, 0)),
            Command::WalkUp => self.walk((0, -1)),
            Command::WalkDown => self.walk((0, 1)),
            Command::WalkFarLeft => self.walk((-8, 0)),
            Command::WalkFarRight => self.walk((8, 0)),
            Command::WalkFarUp => self.walk((0, -8)),
            Command::WalkFarDown => self.walk((0, 8)),
            Command::PinPositive => self.pin_here(ctx, Sign::Positive),
            Command::PinNegative => self.pin_here(ctx, Sign::Negative),
            Command::Jump => self.jump(),
            Command::NextTab | Command::PreviousTab => self.next_tab(command == Command::NextTab),
            Command::ViewSimilarity
            | Command::ViewPca
            | Command::ViewMatches
            | Command::ViewCompare
            | Command::ViewClusters
            | Command::ViewNorms
            | Command::NewView => self.new_view(command),
            _ => {
                if let Some(active) = active {
                    self.view_command(ctx, command, active);
                }
            }
        }
    }

    /// Commands that need a view.
    fn view_command(&mut self, ctx: &Context, command: Command, id: ViewId) {
        match command {
            Command::ExportFigure => self.export_figure(id),
            Command::ExportValues => self.export_values(id),
            Command::CopyView => self.copy_view(ctx, id),
            Command::CopyValues => self.copy_values(ctx, id),
            Command::CopyCommandLine => self.copy_command(ctx, id),
            Command::CloseTab => self.todo.requests.push_back(Request::Close(id)),
            Command::SplitView => self.split(id),
            Command::RemovePin => self.remove_pin(ctx, id),
            Command::ZoomIn | Command::ZoomOut | Command::ZoomFit | Command::ZoomActual => {
                self.zoom(ctx, command, id);
            }
            Command::LayerUp | Command::LayerDown => {
                self.layer(ctx, id, command == Command::LayerUp);
            }
            Command::PictureNext | Command::PicturePrevious => {
                self.step(ctx, id, command == Command::PictureNext);
            }
            Command::FreezeBasis => self.toggle_freeze(ctx, id),
            Command::SwapPictures => self.swap(ctx, id),
            Command::PastePicture => ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            Command::ToggleLink => self.edit_now(ctx, "edit-link", move |document| {
                let linked = document.views.get(&id).is_some_and(View::is_linked);
                document.set_linked(id, !linked);
            }),
            _ => self.setting_command(ctx, command, id),
        }
    }

    /// Commands that change one setting of a view.
    fn setting_command(&mut self, ctx: &Context, command: Command, id: ViewId) {
        let range = self.range_of(id);
        let Some(kind) = self.document().views.get(&id).map(|view| view.kind.clone()) else {
            return;
        };
        let change: Box<dyn FnOnce(&mut Settings)> = match command {
            Command::ToggleOverlay => Box::new(|it| it.look.visible = !it.look.visible),
            Command::OverlayStronger => Box::new(|it| strengthen(&mut it.look)),
            Command::ToggleGrid => Box::new(|it| it.look.grid = !it.look.grid),
            Command::ToggleRange => Box::new(move |it| {
                let mut look = it.look_of(&kind);
                look.range = match (look.range, range) {
                    (RangeMode::Auto, Some((min, max))) => RangeMode::Fixed { min, max },
                    _ => RangeMode::Auto,
                };
                it.set_look(&kind, look);
            }),
            Command::OutlineTop => Box::new(|it| it.similarity.outline = !it.similarity.outline),
            Command::Component1 => Box::new(|it| single(it, 0)),
            Command::Component2 => Box::new(|it| single(it, 1)),
            Command::Component3 => Box::new(|it| single(it, 2)),
            Command::ComponentAll => Box::new(|it| it.pca.single = None),
            Command::Swipe => Box::new(|it| show(it, CompareShow::Swipe)),
            Command::Difference => Box::new(|it| it.compare.difference = !it.compare.difference),
            Command::MatchColors => Box::new(|it| {
                it.matches.show = match it.matches.show {
                    MatchShow::Colors => MatchShow::Lines,
                    _ => MatchShow::Colors,
                };
            }),
            _ => return,
        };
        self.edit_now(ctx, "edit-setting", move |document| {
            change(document.settings_mut(id));
        });
    }

    /// Smallest and largest number that a view shows, if it shows numbers.
    fn range_of(&mut self, id: ViewId) -> Option<(f32, f32)> {
        let view = self.document().views.get(&id)?;
        let (kind, picture) = (view.kind.clone(), view.picture()?);
        let state = self.session.view(id);
        match kind {
            ViewKind::Similarity => state.similarity.read().map(|read| read.range),
            ViewKind::Compare => state.compare.range,
            ViewKind::Analysis(_) => state.analysis.read(picture).map(|read| read.range),
            ViewKind::Pca | ViewKind::Matches => None,
        }
    }

    /// Exchanges the two pictures of a view; its keypoints go along.
    fn swap(&mut self, ctx: &Context, id: ViewId) {
        let pair = self
            .document()
            .views
            .get(&id)
            .map(|view| &view.pictures[..]);
        let Some(&[a, b]) = pair else { return };
        let points = self.carried_keypoints(id).unwrap_or_default();
        self.edit_now(ctx, "edit-swap", move |document| {
            if let Some(view) = document.views.get_mut(&id) {
                view.pictures.reverse();
            }
            for point in &mut document.settings_mut(id).matches.keypoints {
                let carried = points.iter().find(|(known, _)| known == point);
                if let Some((_, there)) = carried {
                    point.b = Some(std::mem::replace(&mut point.a, *there));
                    point.pair = [b, a];
                }
            }
        });
    }

    fn toggle_sheet(&mut self, sheet: Sheet) {
        self.state.sheet = if self.state.sheet == sheet {
            Sheet::None
        } else {
            sheet
        };
        self.state.palette = crate::cx::PaletteState::default();
    }

    fn scale_text(&mut self, by: f32) {
        let scale = ((self.preferences.text_scale + by) * 10.0).round() / 10.0;
        self.preferences.text_scale = scale.clamp(0.8, 2.0);
    }

    /// Stops, in this order: a sheet, the lesson, a tool, a job.
    fn cancel(&mut self) {
        if self.state.sheet != Sheet::None {
            self.state.sheet = Sheet::None;
        } else if self.state.tool != Tool::Pointer {
            self.state.tool = Tool::Pointer;
        } else if let Some(job) = self.session.runner.active().first() {
            self.session.runner.cancel(job.id);
        } else {
            self.state.pin = None;
            self.state.start = false;
        }
    }

    fn ask_open(&mut self, command: Command) {
        let pictures = PICTURES.map(str::to_owned).to_vec();
        let models = ["safetensors", "pth"].map(str::to_owned).to_vec();
        let (kind, title, filters, purpose) = match command {
            Command::OpenFolder => (
                DialogKind::OpenFolder,
                "cmd-open-folder",
                Vec::new(),
                Purpose::Open,
            ),
            Command::OpenModel => {
                let filters = vec![(self.word("models-file-kind"), models)];
                (
                    DialogKind::OpenFiles,
                    "cmd-open-model",
                    filters,
                    Purpose::OpenModel,
                )
            }
            Command::OpenProject => {
                let filters = vec![(
                    self.word("project-file-kind"),
                    vec![super::files::ENDING.to_owned()],
                )];
                (
                    DialogKind::OpenFiles,
                    "cmd-open-project",
                    filters,
                    Purpose::Open,
                )
            }
            _ => {
                let filters = vec![(self.word("library-picture-kind"), pictures)];
                (
                    DialogKind::OpenFiles,
                    "cmd-open-pictures",
                    filters,
                    Purpose::Open,
                )
            }
        };
        let dialog = Dialog {
            id: 0,
            kind,
            title: self.word(title),
            filters,
            file_name: None,
            folder: None,
        };
        self.ask(dialog, purpose);
    }

    /// The comparisons; the first one is made of what is looked at.
    fn compare_workspace(&mut self) {
        self.state.presentation.workspace = Workspace::Compare;
        let any = self
            .document()
            .views
            .values()
            .any(|view| view.kind == ViewKind::Compare);
        if !any && let Some(picture) = self.chosen().first().copied() {
            self.add_view(View::new(ViewKind::Compare, picture));
        }
    }

    /// Opens a view of what is looked at.
    fn new_view(&mut self, command: Command) {
        let Some(picture) = self
            .chosen()
            .first()
            .copied()
            .or_else(|| self.first_picture())
        else {
            self.ask_open(Command::OpenPictures);
            return;
        };
        let kind = match command {
            Command::ViewPca => ViewKind::Pca,
            Command::ViewMatches => ViewKind::Matches,
            Command::ViewCompare => ViewKind::Compare,
            Command::ViewClusters => {
                ViewKind::Analysis(Analysis::from(dinoscope_engine::analysis::KMeans::default()))
            }
            Command::ViewNorms => {
                ViewKind::Analysis(Analysis::from(dinoscope_engine::analysis::Norms::default()))
            }
            _ => ViewKind::Similarity,
        };
        self.todo.requests.push_back(Request::Show(kind, picture));
    }

    fn first_picture(&self) -> Option<PictureId> {
        self.document().library.iter().next().map(|(id, _)| id)
    }

    /// A second view of the same picture beside the first.
    fn split(&mut self, id: ViewId) {
        if let Some(view) = self.document().views.get(&id).cloned() {
            self.add_view(view);
            if let Some(new) = self.state.presentation.active {
                let tree = self.tree();
                panels::tiles::split(tree, id, new);
            }
        }
    }

    fn tree(&mut self) -> &mut egui_tiles::Tree<ViewId> {
        match self.state.presentation.workspace {
            Workspace::Compare => &mut self.compare,
            _ => &mut self.explore,
        }
    }

    fn next_tab(&mut self, forward: bool) {
        if let Some(active) = self.state.presentation.active
            && let Some(next) = panels::tiles::next_tab(self.tree(), active, forward)
        {
            self.state.presentation.active = Some(next);
        }
    }

    fn remove_pin(&mut self, ctx: &Context, id: ViewId) {
        match self.document().views.get(&id).map(|view| &view.kind) {
            Some(ViewKind::Similarity | ViewKind::Compare) => {}
            Some(ViewKind::Matches) => return self.remove_keypoint(ctx, id),
            _ => return,
        }
        let pins = &self.document().settings(id).query.pins;
        let Some(pin) = self.state.pin.or_else(|| pins.last().map(|pin| pin.id)) else {
            return;
        };
        self.state.pin = None;
        self.edit_now(ctx, "edit-remove-pin", move |document| {
            document
                .settings_mut(id)
                .query
                .pins
                .retain(|other| other.id != pin);
        });
    }

    /// Removes the keypoint that was placed last.
    fn remove_keypoint(&mut self, ctx: &Context, id: ViewId) {
        self.edit_now(ctx, "edit-remove-keypoint", move |document| {
            let pair = document.views.get(&id).map(|view| view.pictures.clone());
            let points = &mut document.settings_mut(id).matches.keypoints;
            let last = points
                .iter()
                .rposition(|point| pair.as_deref() == Some(&point.pair[..]));
            if let Some(last) = last {
                points.remove(last);
            }
        });
    }

    /// The canvas of a view in the window, and the size of a picture in pixels.
    pub(super) fn canvas_of(
        &mut self,
        view: ViewId,
        picture: PictureId,
    ) -> Option<(egui::Rect, egui::Vec2)> {
        let (width, height) = self.session.pictures.peek(picture)?.size_px();
        let rect = self.session.view(view).canvas?;
        Some((rect, egui::vec2(width as f32, height as f32)))
    }

    /// What panels are given, outside of drawing.
    pub(super) fn cx<'a>(&'a mut self, document: &'a Document) -> crate::cx::Cx<'a> {
        crate::cx::Cx {
            document,
            session: &mut self.session,
            state: &mut self.state,
            preferences: &mut self.preferences,
            keys: &self.keys,
            todo: &mut self.todo,
        }
    }

    fn zoom(&mut self, ctx: &Context, command: Command, id: ViewId) {
        let document = std::sync::Arc::clone(self.history.present());
        let Some(view) = document.views.get(&id) else {
            return;
        };
        for &picture in &view.pictures {
            let Some((rect, size)) = self.canvas_of(id, picture) else {
                continue;
            };
            let mut cx = self.cx(&document);
            let mut camera = cx.camera(id, picture);
            match command {
                Command::ZoomIn => {
                    camera::zoom_at(&mut camera, rect, size, rect.center(), ZOOM_STEP);
                }
                Command::ZoomOut => {
                    camera::zoom_at(&mut camera, rect, size, rect.center(), 1.0 / ZOOM_STEP);
                }
                Command::ZoomActual => {
                    camera::one_to_one(&mut camera, rect, size, ctx.pixels_per_point());
                }
                _ => camera = crate::document::Camera::default(),
            }
            cx.set_camera(id, picture, camera);
        }
    }

    fn layer(&mut self, ctx: &Context, id: ViewId, up: bool) {
        let model = self.document().model_of(id).to_owned();
        let Some(layers) = self.session.models.layers(&model) else {
            return;
        };
        let last = layers.saturating_sub(1);
        self.edit_now(ctx, "edit-layer", move |document| {
            let features = &mut document.settings_mut(id).features;
            let now = features.layer.unwrap_or(last).min(last);
            let next = if up {
                (now + 1).min(last)
            } else {
                now.saturating_sub(1)
            };
            features.layer = Some(next).filter(|&layer| layer != last);
        });
    }

    fn step(&mut self, ctx: &Context, id: ViewId, forward: bool) {
        let document = self.document();
        let Some(picture) = document.views.get(&id).and_then(View::picture) else {
            return;
        };
        let Some(next) = document.library.neighbor(picture, forward) else {
            return;
        };
        self.state.presentation.selected = vec![next];
        self.edit_now(ctx, "edit-show-picture", move |document: &mut Document| {
            if let Some(first) = document
                .views
                .get_mut(&id)
                .and_then(|view| view.pictures.first_mut())
            {
                *first = next;
            }
        });
    }

    fn toggle_freeze(&mut self, ctx: &Context, id: ViewId) {
        if self.document().settings(id).pca.frozen.is_none() {
            self.freeze(id);
            return;
        }
        self.edit_now(ctx, "edit-unfreeze", move |document| {
            document.settings_mut(id).pca.frozen = None;
        });
    }
}

/// Strength goes up in steps and starts again at the bottom.
fn strengthen(look: &mut ScalarLook) {
    let next = look.strength + STRENGTH_STEP;
    look.strength = if next > 1.0 + 1e-3 {
        STRENGTH_STEP
    } else {
        next.min(1.0)
    };
}

/// One of the three shown components alone; the same again shows all.
fn single(settings: &mut Settings, place: usize) {
    let component = settings.pca.components[place];
    settings.pca.single = (settings.pca.single != Some(component)).then_some(component);
}

fn show(settings: &mut Settings, wanted: CompareShow) {
    settings.compare.show = if settings.compare.show == wanted {
        CompareShow::Grid
    } else {
        wanted
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_starts_again_after_the_top() {
        let mut look = ScalarLook {
            strength: 0.95,
            ..ScalarLook::default()
        };
        strengthen(&mut look);
        assert!(
            (look.strength - STRENGTH_STEP).abs() < 1e-6,
            "{}",
            look.strength
        );
        look.strength = 0.9;
        strengthen(&mut look);
        assert!((look.strength - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_component_alone_is_turned_off_by_the_same_key() {
        let mut settings = Settings::default();
        single(&mut settings, 1);
        assert_eq!(settings.pca.single, Some(1));
        single(&mut settings, 1);
        assert_eq!(settings.pca.single, None);
    }
}
