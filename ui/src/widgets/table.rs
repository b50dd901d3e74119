//! A small table: a header, rows of one height, only the visible ones drawn.

use egui::{Align, Layout, Response, RichText, Sense, Ui};
use egui_extras::{Column as Width, TableBuilder};

use crate::{text::Text, theme};

/// A column of a [`Table`].
#[derive(Debug, Clone)]
#[must_use = "a column does nothing outside of a table"]
pub struct Column {
    title: Text,
    width: Option<f32>,
}

impl Column {
    /// A column that shares the room that is left.
    pub fn new(title: impl Into<Text>) -> Self {
        Self {
            title: title.into(),
            width: None,
        }
    }

    /// A column of a fixed width.
    pub const fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }
}

/// A table over the room that is left, with lines between its rows.
#[derive(Debug, Clone)]
#[must_use = "a table does nothing until it is shown"]
pub struct Table {
    id: &'static str,
    columns: Vec<Column>,
    chosen: Option<usize>,
}

/// What the pointer did in a [`Table`], in numbers of rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct TableAnswer {
    /// The row under the pointer.
    pub hovered: Option<usize>,
    /// The row that was clicked.
    pub clicked: Option<usize>,
}

impl Table {
    /// A table; `id` tells it from others in the same panel.
    pub fn new(id: &'static str, columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            id,
            columns: columns.into_iter().collect(),
            chosen: None,
        }
    }

    /// Marks a row.
    pub const fn chosen(mut self, row: Option<usize>) -> Self {
        self.chosen = row;
        self
    }

    /// Draws it; `cell` is asked for each visible cell with its row and column.
    pub fn show(
        self,
        ui: &mut Ui,
        rows: usize,
        mut cell: impl FnMut(&mut Ui, usize, usize),
    ) -> TableAnswer {
        let palette = theme::palette(ui);
        let mut answer = TableAnswer::default();
        let count = self.columns.len();
        ui.push_id(self.id, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let selection = &mut ui.visuals_mut().selection;
            selection.bg_fill = palette.active;
            selection.stroke.color = palette.text_0;
            let mut table = TableBuilder::new(ui)
                .sense(Sense::click())
                .cell_layout(Layout::left_to_right(Align::Center))
                .striped(false);
            for column in &self.columns {
                table = table.column(match column.width {
                    Some(width) => Width::exact(width),
                    None => Width::remainder().at_least(56.0).clip(true),
                });
            }
            let table = table.header(24.0, |mut header| {
                for column in &self.columns {
                    header.col(|ui| {
                        let title = RichText::new(&*column.title);
                        ui.label(title.small().color(palette.text_2));
                    });
                }
            });
            table.body(|body| {
                body.rows(28.0, rows, |mut row| {
                    let index = row.index();
                    row.set_selected(self.chosen == Some(index));
                    for column in 0..count {
                        row.col(|ui| cell(ui, index, column));
                    }
                    note(&mut answer, index, &row.response());
                });
            });
        });
        answer
    }
}

fn note(answer: &mut TableAnswer, row: usize, response: &Response) {
    if response.hovered() {
        answer.hovered = Some(row);
    }
    if response.clicked() {
        answer.clicked = Some(row);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    #[test]
    fn only_visible_rows_are_asked_for() {
        let mut harness = Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .with_size(egui::vec2(300.0, 200.0))
            .build_ui_state(
                |ui, asked: &mut usize| {
                    *asked = 0;
                    let columns = [Column::new("Name"), Column::new("Cosine").width(80.0)];
                    Table::new("matches", columns).show(ui, 100_000, |ui, row, column| {
                        *asked += 1;
                        ui.label(format!("{row} {column}"));
                    });
                },
                0,
            );
        harness.run();
        assert!(harness.query_by_label("0 1").is_some());
        assert!((2..40).contains(harness.state()), "{}", harness.state());
    }
}
