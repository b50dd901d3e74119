//! The right column: the license of a model, and the way to the files that need approval.

use dinoscope_engine::model::{Builtin, LICENSE as DINOV3_LICENSE};
use egui::{Checkbox, FontId, Label, RichText, Sense, Ui, vec2};

use super::super::sheet;
use super::list;
use crate::cx::{Cx, Request};
use crate::icons;
use crate::session::Slot;
use crate::session::models::{Download, Fetched, Known, Place};
use crate::text::{self, Text, tr, tr_with};
use crate::theme;
use crate::widgets::{Button, Note, TextField, Tone};

/// Where accounts and tokens are made.
const HUB: &str = "https://huggingface.co";
const TOKENS: &str = "https://huggingface.co/settings/tokens";
/// The model card that the README links for it.
pub(in crate::panels) const DINOV3_CARD: &str =
    "https://huggingface.co/facebook/dinov3-vits16-pretrain-lvd1689m";

/// Draws the license and, for a model that can be downloaded, what it takes.
pub(super) fn access_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    license_ui(ui, cx, model);
    ui.separator();
    if model.is_here() {
        more_ui(ui, cx);
        return;
    }
    match &model.repository {
        Some(repository) => {
            approval_ui(ui, cx, model, repository);
            fetch_ui(ui, cx, model);
            outcome_ui(ui, cx, model);
        }
        None => elsewhere_ui(ui, cx),
    }
    without_account_ui(ui);
}

/// Beside a model that is here: why others are not, and the way to the smallest of them.
fn more_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    heading_ui(ui, icons::LOCK_KEY, &tr(ui, "models-why-approval"));
    sheet::quiet(ui, &tr(ui, "models-why-approval-words"));
    let away = cx
        .session
        .models
        .known()
        .iter()
        .find(|known| known.place == Place::Hub);
    let Some(name) = away.map(|known| known.name.clone()) else {
        return;
    };
    let get = Button::new(tr(ui, "models-get-larger")).icon(icons::DOWNLOAD_SIMPLE);
    if ui.add(get).clicked() {
        cx.state.model = Some(name);
    }
}

fn heading_ui(ui: &mut Ui, icon: &str, text: &str) {
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(icon)
                .size(20.0)
                .color(theme::palette(ui).text_2),
        );
        let shown = RichText::new(text)
            .size(14.0)
            .family(crate::fonts::semibold());
        ui.add(Label::new(shown.color(theme::palette(ui).text_0)).wrap());
    });
}

fn license_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    heading_ui(ui, icons::CERTIFICATE, &tr(ui, "models-licence"));
    let stated = cx
        .session
        .models
        .about(&model.name)
        .and_then(|about| about.license);
    let license = License::of(model, stated.as_deref());
    ui.spacing_mut().item_spacing.y = 6.0;
    let name = match &license {
        License::Unstated => tr(ui, "models-license-unstated"),
        License::Dinov3 => Text::from(DINOV3_LICENSE),
        License::Own(name) | License::Stated(name) => Text::from(*name),
    };
    ui.label(RichText::from(name).color(theme::palette(ui).text_0));
    let words = match license {
        License::Own(_) => "models-license-own-words",
        License::Dinov3 => "models-license-dinov3-words",
        License::Stated(_) => "models-license-stated-words",
        License::Unstated => "models-license-unstated-words",
    };
    sheet::quiet(ui, &tr(ui, words));
    if license == License::Dinov3 {
        let address = model.repository.as_deref().map(page);
        let address = address.unwrap_or_else(|| DINOV3_CARD.to_owned());
        let read = Button::new(tr(ui, "models-read-licence"))
            .link()
            .help(address.clone());
        if ui.add(read).clicked() {
            cx.todo.requests.push_back(Request::OpenUrl(address));
        }
    }
    ui.spacing_mut().item_spacing.y = 8.0;
}

/// What is known of a model's license.
#[derive(Clone, Copy, Debug, PartialEq)]
enum License<'a> {
    /// That of the program.
    Own(&'a str),
    /// Meta's.
    Dinov3,
    /// Another one that the file states.
    Stated(&'a str),
    /// The file says nothing.
    Unstated,
}

impl<'a> License<'a> {
    fn of(model: &Known, stated: Option<&'a str>) -> Self {
        match (model.place, stated) {
            (Place::BuiltIn, stated) => Self::Own(stated.unwrap_or(Builtin::LICENSE)),
            (_, Some(stated)) if stated.to_lowercase().contains("dinov3") => Self::Dinov3,
            (_, Some(stated)) => Self::Stated(stated),
            // A released model is Meta's wherever it lies.
            (_, None) if model.is_released => Self::Dinov3,
            (_, None) => Self::Unstated,
        }
    }
}

fn page(repository: &str) -> String {
    format!("{HUB}/{repository}")
}

fn approval_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, repository: &str) {
    heading_ui(ui, icons::LOCK_KEY, &tr(ui, "models-why-approval"));
    sheet::quiet(ui, &tr(ui, "models-why-approval-words"));
    let is_granted = matches!(fetched(cx, model), Some(Fetched::Access | Fetched::Done));
    let has_token = !cx.state.token.trim().is_empty() || cx.session.models.has_token();
    let steps = [
        (
            is_granted,
            "models-step-account",
            "models-step-account-help",
            Some(HUB.to_owned()),
        ),
        (
            is_granted,
            "models-step-accept",
            "models-step-accept-help",
            Some(page(repository)),
        ),
        (
            is_granted || has_token,
            "models-step-token",
            "models-step-token-help",
            Some(TOKENS.to_owned()),
        ),
    ];
    for (at, (is_done, title, help, address)) in steps.into_iter().enumerate() {
        step_ui(ui, cx, (at + 1, is_done), (title, help), address);
    }
}

fn step_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (number, is_done): (usize, bool),
    (title, help): (&'static str, &'static str),
    address: Option<String>,
) {
    ui.horizontal_top(|ui| {
        step_mark(ui, number, is_done);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.add(
                Label::new(RichText::from(tr(ui, title)).color(theme::palette(ui).text_0)).wrap(),
            );
            sheet::small(ui, &tr(ui, help));
            if let Some(address) = address {
                let open = Button::new(tr(ui, "models-open-page"))
                    .link()
                    .help(address.clone());
                if ui.add(open).clicked() {
                    cx.todo.requests.push_back(Request::OpenUrl(address));
                }
            }
        });
    });
}

/// The number of a step in a circle, or a check once it is done.
fn step_mark(ui: &mut Ui, number: usize, is_done: bool) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
    if is_done {
        let font = FontId::new(20.0, crate::fonts::fill());
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            icons::CHECK_CIRCLE,
            font,
            palette.ok,
        );
        return;
    }
    let stroke = egui::Stroke::new(1.5, palette.accent);
    ui.painter().circle_stroke(rect.center(), 9.0, stroke);
    let font = FontId::proportional(12.0);
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        number.to_string(),
        font,
        palette.accent,
    );
}

/// Token, consent and the buttons.
fn fetch_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    let hint = tr(ui, "models-token");
    let field = TextField::new(&mut cx.state.token, hint).icon(icons::KEY);
    ui.add(field.secret(&mut cx.state.models.shows_token));
    if cx.state.token.trim().is_empty() && cx.session.models.has_token() {
        sheet::small(ui, &tr(ui, "models-token-found"));
    }
    let mut accepts = cx.state.models.accepted.contains(&model.name);
    let consent = tr_with(ui, "models-accept", &[("licence", DINOV3_LICENSE.into())]);
    if ui.add(Checkbox::new(&mut accepts, &*consent)).changed() {
        let accepted = &mut cx.state.models.accepted;
        if accepts {
            accepted.insert(model.name.clone());
        } else {
            accepted.remove(&model.name);
        }
    }
    let is_busy = cx
        .session
        .models
        .download(&model.name)
        .is_some_and(|download| download.slot().is_busy());
    let blocked = match (accepts, is_busy) {
        (_, true) => Some(tr(ui, "models-is-loading")),
        (false, false) => Some(tr(ui, "models-accept-first")),
        (true, false) => None,
    };
    ui.horizontal_wrapped(|ui| {
        let mut download = Button::new(tr(ui, "models-download")).disabled_because(blocked.clone());
        if blocked.is_none() {
            download = download.primary();
        }
        if ui.add(download).clicked() {
            fetch(cx, model, true);
        }
        let check = Button::new(tr(ui, "models-check")).help(tr(ui, "models-check-help"));
        if ui.add(check.disabled_because(blocked)).clicked() {
            fetch(cx, model, false);
        }
        have_file_ui(ui, cx);
    });
    let too_large = list::is_too_large(model, cx.session.models.memory_bytes());
    if too_large {
        let needed = text::bytes(model.bytes.unwrap_or_default());
        let has = text::bytes(cx.session.models.memory_bytes().unwrap_or_default());
        let said = tr_with(
            ui,
            "models-too-large-words",
            &[("needed", needed.into()), ("has", has.into())],
        );
        Note::new(Tone::Warn, said).show(ui);
    }
}

fn fetch(cx: &mut Cx<'_>, model: &Known, whole: bool) {
    let session = &mut *cx.session;
    session
        .models
        .fetch(model, &cx.state.token, whole, &session.runner);
}

fn have_file_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let own = Button::new(tr(ui, "models-have-file"))
        .icon(icons::FOLDER_OPEN)
        .ghost();
    if ui.add(own).clicked() {
        list::ask_for_file(ui, cx);
    }
}

fn fetched(cx: &Cx<'_>, model: &Known) -> Option<Fetched> {
    cx.session
        .models
        .download(&model.name)?
        .slot()
        .ready()
        .copied()
}

/// How the last try ended.
fn outcome_ui(ui: &mut Ui, cx: &Cx<'_>, model: &Known) {
    let Some(slot) = cx.session.models.download(&model.name).map(Download::slot) else {
        return;
    };
    match slot {
        Slot::Ready(Fetched::Access) => {
            Note::new(Tone::Ok, tr(ui, "models-access-granted")).show(ui);
        }
        Slot::Ready(Fetched::Gated { with_token }) => {
            let next = tr(
                ui,
                if *with_token {
                    "errors-approval-next"
                } else {
                    "models-token-next"
                },
            );
            Note::new(Tone::Error, next)
                .cause(tr(ui, "errors-approval"))
                .show(ui);
        }
        Slot::Failed(failure) => {
            let note =
                Note::new(Tone::Error, &failure.message).cause(tr(ui, "models-download-failed"));
            let lines = std::iter::once(&failure.message).chain(&failure.details);
            let details = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
            if note.details(tr(ui, "app-copy-details")).show(ui).details {
                ui.ctx().copy_text(details);
            }
        }
        _ => {}
    }
}

/// A released model that the hub does not have.
fn elsewhere_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    heading_ui(ui, icons::FILE, &tr(ui, "models-file-only"));
    sheet::quiet(ui, &tr(ui, "models-file-only-words"));
    have_file_ui(ui, cx);
}

fn without_account_ui(ui: &mut Ui) {
    ui.add_space(4.0);
    Note::new(Tone::Info, tr(ui, "models-without-account")).show(ui);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_model_is_under_metas_license_and_an_unknown_file_states_none() {
        let file = Known::file("/a/b.safetensors");
        assert_eq!(License::of(&file, None), License::Unstated);
        assert_eq!(
            License::of(&file, Some("cc0-1.0")),
            License::Stated("cc0-1.0")
        );
        assert_eq!(License::of(&file, Some("dinov3-license")), License::Dinov3);
        let released = Known {
            is_released: true,
            ..file
        };
        assert_eq!(License::of(&released, None), License::Dinov3);
        let own = Known {
            place: Place::BuiltIn,
            ..Known::file("builtin")
        };
        assert_eq!(License::of(&own, None), License::Own(Builtin::LICENSE));
    }
}
