//! The model manager: which models there are, what is in a file, what it costs here, and how to get more.
//!
//! Left the list, in the middle one model with its load report, right its license and the way to a download.

use egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};

use crate::cx::Cx;
use crate::session::models::Known;
use crate::theme;

mod access;
mod facts;
mod list;
mod report;
mod summary;
mod tensors;

pub(super) use access::DINOV3_CARD;

/// Width of the list and of the column at the right, in points.
const LIST: f32 = 316.0;
const ACCESS: f32 = 336.0;
/// A window narrower than this has the right column below the middle one.
const WIDE: f32 = 1180.0;

/// What the model manager keeps between frames.
#[derive(Debug, Default)]
pub struct State {
    /// Words to find models by.
    pub filter: String,
    /// Whether the table of all tensors is shown.
    pub shows_tensors: bool,
    /// Words to find tensors by.
    pub tensor_filter: String,
    /// Whether the access token is shown in clear.
    pub shows_token: bool,
    /// Models whose license was accepted in this session.
    pub accepted: std::collections::BTreeSet<String>,
}

/// Draws the workspace of models.
pub fn models_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    cx.session.models.refresh(&cx.session.runner);
    let known: Vec<Known> = cx.session.models.known().to_vec();
    let current = current(cx, &known);
    let palette = theme::palette(ui);
    let panel = Frame::new().fill(palette.panel);
    Panel::left("models-list")
        .exact_size(LIST)
        .resizable(false)
        .frame(panel)
        .show(ui, |ui| list::list_ui(ui, cx, &known, &current.name));
    let is_wide = ui.available_width() + LIST >= WIDE;
    if is_wide {
        Panel::right("models-access")
            .exact_size(ACCESS)
            .resizable(false)
            .frame(panel)
            .show(ui, |ui| {
                let scroll = ScrollArea::vertical().id_salt("models-access-scroll");
                scroll.auto_shrink(false).show(ui, |ui| {
                    Frame::new()
                        .inner_margin(Margin::same(20))
                        .show(ui, |ui| access::access_ui(ui, cx, &current));
                });
            });
    }
    CentralPanel::default().frame(panel).show(ui, |ui| {
        let scroll = ScrollArea::vertical().id_salt(("models-middle", &current.name));
        scroll.auto_shrink(false).show(ui, |ui| {
            Frame::new()
                .inner_margin(Margin::symmetric(28, 22))
                .show(ui, |ui| {
                    middle_ui(ui, cx, &current);
                    if !is_wide {
                        ui.add_space(16.0);
                        access::access_ui(ui, cx, &current);
                    }
                });
        });
    });
}

fn middle_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    summary::header_ui(ui, cx, model);
    ui.add_space(10.0);
    report::report_ui(ui, cx, model);
    ui.add_space(8.0);
    facts::facts_ui(ui, cx, model);
    ui.add_space(8.0);
    facts::precision_ui(ui);
}

/// The model that is described: the chosen one, else the project's, else the built-in one.
fn current(cx: &Cx<'_>, known: &[Known]) -> Known {
    let wanted = cx.state.model.as_deref().unwrap_or(&cx.document.model);
    let found = known.iter().find(|model| model.name == wanted);
    found
        .or_else(|| known.first())
        .cloned()
        .unwrap_or_else(|| Known::file(wanted))
}

/// Parameters in the words of model cards: `21.6 M`, `6.7 B`.
fn parameters(count: u64) -> String {
    let millions = count as f64 / 1e6;
    if millions >= 1000.0 {
        format!("{:.1} B", millions / 1000.0)
    } else if millions >= 100.0 {
        format!("{millions:.0} M")
    } else {
        format!("{millions:.1} M")
    }
}
