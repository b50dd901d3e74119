//! The table of all tensors: only visible rows are laid out, since the largest model has 610 of them.

use egui::{Label, RichText, ScrollArea, Ui, vec2};

use super::super::sheet;
use crate::cx::Cx;
use crate::icons;
use crate::session::models::{Report, Tensor, TensorState};
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
pub(super) fn tensors_ui(ui: &mut Ui, cx: &mut Cx<'_>, report: &Report) {
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
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row<'a> {
    Expected(&'a Tensor),
    Unexpected(&'a str),
}

/// What has all of `words` in its name: faulty tensors, then unexpected ones, then the others.
fn rows<'a>(report: &'a Report, words: &str) -> Vec<Row<'a>> {
    let fits = |name: &str| {
        words
            .split_whitespace()
            .all(|word| name.to_lowercase().contains(word))
    };
    let of = |is_loaded: bool| {
        let tensors = report.tensors.iter();
        tensors
            .filter(move |tensor| (tensor.state == TensorState::Loaded) == is_loaded)
            .map(Row::Expected)
    };
    let unexpected = report.unexpected.iter().map(|name| Row::Unexpected(name));
    let all = of(false).chain(unexpected).chain(of(true));
    all.filter(|row| match row {
        Row::Expected(tensor) => fits(&tensor.name),
        Row::Unexpected(name) => fits(name),
    })
    .collect()
}

fn row_ui(ui: &mut Ui, row: &Row<'_>) {
    let palette = theme::palette(ui);
    let (name, shape, dtype) = match row {
        Row::Expected(tensor) => (tensor.name.as_str(), shape(tensor), tensor.dtype.as_deref()),
        Row::Unexpected(name) => (*name, String::new(), None),
    };
    let (icon, id, color) = match row {
        Row::Unexpected(_) => (icons::PLUS, "models-unexpected", palette.warn),
        Row::Expected(tensor) => match tensor.state {
            TensorState::Loaded => (icons::CHECK, "models-found", palette.ok),
            TensorState::Missing => (icons::X, "models-missing", palette.error),
            TensorState::WrongShape => (icons::WARNING, "models-wrong-shape", palette.error),
            TensorState::WrongType => (icons::WARNING, "models-wrong-type", palette.error),
        },
    };
    ui.horizontal(|ui| {
        ui.set_height(ROW);
        let mono = |text: &str| RichText::new(text).monospace().color(palette.text_1);
        let room = (ui.available_width() - SHAPE - TYPE - STATE - 24.0).max(80.0);
        cell(ui, room, mono(name));
        cell(ui, SHAPE, mono(&shape));
        cell(ui, TYPE, mono(dtype.unwrap_or_default()));
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
fn shape(tensor: &Tensor) -> String {
    let sides = |shape: &[usize]| {
        let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
        sides.join(" × ")
    };
    match (&tensor.found, tensor.state) {
        (Some(found), TensorState::WrongShape) => {
            format!("{} ≠ {}", sides(found), sides(&tensor.expected))
        }
        _ => sides(&tensor.expected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, state: TensorState) -> Tensor {
        Tensor {
            name: name.to_owned(),
            expected: vec![384, 2],
            found: Some(vec![192, 2]),
            dtype: Some("f32".to_owned()),
            state,
        }
    }

    #[test]
    fn faults_come_first_and_words_narrow() {
        let report = Report {
            tensors: vec![
                tensor("norm.weight", TensorState::Loaded),
                tensor("blocks.0.norm1.weight", TensorState::WrongShape),
            ],
            unexpected: vec!["extra.norm".to_owned()],
            ..Report::default()
        };
        let names = |words: &str| {
            let name = |row: &Row<'_>| match row {
                Row::Expected(tensor) => tensor.name.clone(),
                Row::Unexpected(name) => (*name).to_owned(),
            };
            rows(&report, words).iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(""),
            ["blocks.0.norm1.weight", "extra.norm", "norm.weight"]
        );
        assert_eq!(
            names("norm weight"),
            ["blocks.0.norm1.weight", "norm.weight"]
        );
        assert!(names("head").is_empty());
    }

    #[test]
    fn a_wrong_shape_says_both() {
        assert_eq!(
            shape(&tensor("a", TensorState::WrongShape)),
            "192 × 2 ≠ 384 × 2"
        );
        assert_eq!(shape(&tensor("a", TensorState::Loaded)), "384 × 2");
    }
}
