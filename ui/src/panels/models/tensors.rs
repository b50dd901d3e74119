//! The table of all tensors: only visible rows are laid out, since the largest model has 610 of them.

use dinoscope_engine::model::{Builtin, ModelReport};
use dinoscope_model::checkpoint::{Status, TensorReport, tensors};
use egui::{Label, RichText, ScrollArea, Ui, vec2};

use super::super::sheet;
use crate::cx::Cx;
use crate::icons;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::TextField;

/// Height of a row and of the table, in points.
const ROW: f32 = 24.0;
const HEIGHT: f32 = 320.0;
/// Widths of the columns after the name, in points.
const SHAPE: f32 = 130.0;
const TYPE: f32 = 44.0;
const STATE: f32 = 120.0;

/// Draws a search field and the tensors that fit it; faulty ones come first.
pub(super) fn tensors_ui(ui: &mut Ui, cx: &mut Cx<'_>, report: &ModelReport) {
    ui.add_space(4.0);
    let hint = tr(ui, "models-find-tensor");
    ui.add(TextField::search(&mut cx.state.models.tensor_filter, hint));
    let words = cx.state.models.tensor_filter.to_lowercase();
    let rows = rows(report, &words);
    if rows.is_empty() {
        sheet::small(ui, &tr(ui, "app-nothing-found"));
        return;
    }
    let shown = tr_with(ui, "models-tensors-shown", &[("count", rows.len().into())]);
    sheet::small(ui, &shown);
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt("models-tensors")
        .max_height(HEIGHT)
        .auto_shrink([false, true])
        .show_rows(ui, ROW, rows.len(), |ui, range| {
            for row in &rows[range] {
                row_ui(ui, row);
            }
        });
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    shape: String,
    dtype: String,
    /// Nothing for a tensor that the network does not have.
    status: Option<Status>,
}

/// What has all of `words` in its name: faulty tensors, then unexpected ones, then the others.
fn rows(report: &ModelReport, words: &str) -> Vec<Row> {
    let mut rows = match &report.tensors {
        Some(file) => {
            let unexpected = file.unexpected.iter().map(|name| Row {
                name: name.clone(),
                shape: String::new(),
                dtype: String::new(),
                status: None,
            });
            file.tensors.iter().map(row).chain(unexpected).collect()
        }
        // The built-in model has no file: its tensors are those of its shape.
        None => built_in(report),
    };
    rows.retain(|row| {
        let name = row.name.to_lowercase();
        words.split_whitespace().all(|word| name.contains(word))
    });
    rows.sort_by_key(|row| match row.status {
        Some(Status::Loaded) => 2,
        None => 1,
        Some(_) => 0,
    });
    rows
}

fn row(tensor: &TensorReport) -> Row {
    Row {
        name: tensor.name.clone(),
        shape: shape(tensor),
        dtype: tensor.dtype.clone().unwrap_or_default(),
        status: Some(tensor.status),
    }
}

fn built_in(report: &ModelReport) -> Vec<Row> {
    let specs = tensors(&report.config).into_iter();
    let row = |spec: dinoscope_model::checkpoint::TensorSpec| Row {
        shape: sides(&spec.shape),
        name: spec.name,
        dtype: Builtin::DTYPE.to_owned(),
        status: Some(Status::Loaded),
    };
    specs.map(row).collect()
}

fn row_ui(ui: &mut Ui, row: &Row) {
    let palette = theme::palette(ui);
    let (icon, id, color) = match row.status {
        Some(Status::Loaded) => (icons::CHECK, "models-found", palette.ok),
        Some(Status::Missing) => (icons::X, "models-missing", palette.error),
        Some(Status::WrongShape) => (icons::WARNING, "models-wrong-shape", palette.error),
        Some(Status::WrongType) => (icons::WARNING, "models-wrong-type", palette.error),
        None => (icons::PLUS, "models-unexpected", palette.warn),
    };
    ui.horizontal(|ui| {
        ui.set_height(ROW);
        let mono = |text: &str| RichText::new(text).monospace().color(palette.text_1);
        let room = (ui.available_width() - SHAPE - TYPE - STATE - 24.0).max(80.0);
        cell(ui, room, mono(&row.name));
        cell(ui, SHAPE, mono(&row.shape));
        cell(ui, TYPE, mono(&row.dtype));
        cell(
            ui,
            STATE,
            RichText::new(format!("{icon} {}", tr(ui, id)))
                .small()
                .color(color),
        );
    });
}

fn cell(ui: &mut Ui, width: f32, text: RichText) {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(vec2(width, ROW), layout, |ui| {
        ui.set_min_width(width);
        ui.add(Label::new(text).truncate().selectable(true));
    });
}

/// `384 × 3 × 16 × 16`; of a wrong one what was found and what was expected.
fn shape(tensor: &TensorReport) -> String {
    match (&tensor.found, tensor.status) {
        (Some(found), Status::WrongShape) => {
            format!("{} ≠ {}", sides(found), sides(&tensor.expected))
        }
        _ => sides(&tensor.expected),
    }
}

fn sides(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    sides.join(" × ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_model::checkpoint::Group;

    fn tensor(status: Status) -> TensorReport {
        TensorReport {
            name: "blocks.0.norm1.weight".to_owned(),
            group: Group::Blocks,
            expected: vec![384, 2],
            found: Some(vec![192, 2]),
            dtype: Some("f32".to_owned()),
            status,
        }
    }

    #[test]
    fn words_narrow_the_table_of_the_built_in_model() {
        let report = ModelReport::builtin();
        assert_eq!(rows(&report, "").len(), report.counts.expected);
        let norms = rows(&report, "blocks.0. norm");
        assert!(
            !norms.is_empty()
                && norms
                    .iter()
                    .all(|row| row.name.starts_with("blocks.0.norm"))
        );
        assert!(rows(&report, "no such tensor").is_empty());
    }

    #[test]
    fn a_wrong_shape_says_both() {
        assert_eq!(shape(&tensor(Status::WrongShape)), "192 × 2 ≠ 384 × 2");
        assert_eq!(shape(&tensor(Status::Loaded)), "384 × 2");
    }
}
