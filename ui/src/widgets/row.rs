//! Rows of an inspector: a label, then a control or a value.

use egui::{Align, Layout, Response, RichText, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};

use crate::{text::Text, theme};

use super::{Tip, paint, tooltip};

/// A label 92 wide with a control beside it, at least 28 high.
#[derive(Debug, Clone)]
#[must_use = "a row does nothing until it is shown"]
pub struct Row {
    label: Text,
    help: Option<Text>,
    width: f32,
}

impl Row {
    /// A row with a label.
    pub fn new(label: impl Into<Text>) -> Self {
        Self {
            label: label.into(),
            help: None,
            width: 92.0,
        }
    }

    /// One sentence for the tooltip of the label.
    pub fn help(mut self, sentence: impl Into<Text>) -> Self {
        self.help = Some(sentence.into());
        self
    }

    /// The label this wide instead of 92.
    pub const fn label_width(mut self, width: f32) -> Self {
        self.width = width;
        self
    }

    /// Draws the label, then what `control` adds in the rest of the width, from left to right.
    pub fn show<R>(self, ui: &mut Ui, control: impl FnOnce(&mut Ui) -> R) -> R {
        let before = ui.spacing().item_spacing;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            self.label_ui(ui);
            ui.spacing_mut().item_spacing = before;
            let layout = Layout::left_to_right(Align::Center);
            ui.scope_builder(UiBuilder::new().layout(layout), control)
                .inner
        })
        .inner
    }

    fn label_ui(&self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(vec2(self.width, 28.0), Sense::hover());
        let palette = theme::palette(ui);
        let color = if ui.is_enabled() {
            palette.text_2
        } else {
            palette.text_3
        };
        let galley =
            paint::line_of_text(ui.painter(), &self.label, paint::body(), color, self.width);
        let cut = galley.elided;
        paint::text_in(ui.painter(), rect, rect.left(), galley);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &*self.label));
        if !cut && self.help.is_none() {
            return response;
        }
        let tip = Tip {
            name: self.label.clone(),
            key: None,
            sentence: self.help.clone(),
        };
        tooltip(response, &tip)
    }
}

/// A name and a value that can be selected and copied.
#[derive(Debug, Clone)]
#[must_use = "a row does nothing until it is added to a ui"]
pub struct ValueRow {
    name: Text,
    value: Text,
    mono: bool,
}

impl ValueRow {
    /// A row with a value in the monospace face.
    pub fn new(name: impl Into<Text>, value: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            mono: true,
        }
    }

    /// The value in the text face: for words.
    pub const fn words(mut self) -> Self {
        self.mono = false;
        self
    }
}

impl egui::Widget for ValueRow {
    fn ui(self, ui: &mut Ui) -> Response {
        let palette = theme::palette(ui);
        let value = RichText::new(&*self.value).color(palette.text_0);
        let value = if self.mono { value.monospace() } else { value };
        Row::new(self.name).show(ui, |ui| {
            ui.add(egui::Label::new(value).selectable(true).truncate())
        })
    }
}
