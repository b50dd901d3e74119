//! A field for one number.

use std::ops::RangeInclusive;

use egui::{
    Align2, Frame, Id, Key, Layout, Margin, Modifiers, Rect, Response, Role, Sense, TextEdit, Ui,
    UiBuilder, Widget, WidgetInfo, emath::Numeric, text::CCursorRange, vec2,
};

use crate::{
    text::Text,
    theme::{self, RADIUS},
};

use super::{
    arithmetic::evaluate,
    paint::{self, Look},
};

/// A bound value: called with a number it stores that, and gives the number that holds.
pub(super) type Bound<'a> = Box<dyn FnMut(Option<f64>) -> f64 + 'a>;

/// Binds a value of any number type.
pub(super) fn bind<T: Numeric>(value: &mut T) -> Bound<'_> {
    Box::new(move |new| {
        if let Some(new) = new {
            *value = T::from_f64(new);
        }
        value.to_f64()
    })
}

/// How a number is shown and held in its range: shared by field and slider.
pub(super) struct Format<'a> {
    pub(super) range: RangeInclusive<f64>,
    /// 0: any value.
    pub(super) step: f64,
    pub(super) decimals: usize,
    /// What would round to zero is shown as `1e-4`.
    pub(super) exact: bool,
    pub(super) suffix: Text,
    pub(super) shown: Option<Box<dyn Fn(f64) -> String + 'a>>,
}

impl Format<'_> {
    pub(super) fn of<T: Numeric>() -> Self {
        Self {
            range: T::MIN.to_f64()..=T::MAX.to_f64(),
            step: if T::INTEGRAL { 1.0 } else { 0.0 },
            decimals: if T::INTEGRAL { 0 } else { 2 },
            exact: false,
            suffix: Text::default(),
            shown: None,
        }
    }

    /// The nearest allowed value.
    pub(super) fn held(&self, value: f64) -> f64 {
        let (min, max) = (*self.range.start(), *self.range.end());
        let value = if self.step > 0.0 {
            // Counted from the start of the range, unless there is none.
            let zero = if min.abs() < 1e9 { min } else { 0.0 };
            zero + ((value - zero) / self.step).round() * self.step
        } else {
            value
        };
        value.max(min).min(max)
    }

    /// What an arrow key adds.
    pub(super) fn key_step(&self) -> f64 {
        let span = self.range.end() - self.range.start();
        if self.step > 0.0 {
            self.step
        } else if span < 1e9 {
            span / 100.0
        } else {
            1.0
        }
    }

    fn plain(&self, value: f64) -> String {
        let text = format!("{value:.*}", self.decimals);
        if self.exact && value.abs() > 0.0 && text.parse() == Ok(0.0) {
            return format!("{value:.1e}").replace(".0e", "e");
        }
        // Rounding may leave "-0.00".
        if text
            .trim_start_matches('-')
            .bytes()
            .all(|it| it == b'0' || it == b'.')
        {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }

    pub(super) fn text(&self, value: f64) -> String {
        match &self.shown {
            Some(shown) => shown(value),
            None => format!("{}{}", self.plain(value), self.suffix),
        }
    }
}

/// A number that can be typed, sums such as `512*2` too; the arrow keys count it up and down.
///
/// Enter or leaving the field takes the number, Escape leaves the old one. The response is `changed` then.
#[must_use = "a field does nothing until it is added to a ui"]
pub struct NumberField<'a> {
    value: Bound<'a>,
    format: Format<'a>,
    name: Text,
    width: f32,
}

impl<'a> NumberField<'a> {
    /// A field 56 wide for `value`; `name` is what is read aloud.
    pub fn new<T: Numeric>(value: &'a mut T, name: impl Into<Text>) -> Self {
        Self {
            format: Format::of::<T>(),
            value: bind(value),
            name: name.into(),
            width: 56.0,
        }
    }

    pub(super) fn bound(value: Bound<'a>, format: Format<'a>, name: Text) -> Self {
        Self {
            value,
            format,
            name,
            width: 56.0,
        }
    }

    /// Holds the number in a range.
    pub fn range<T: Numeric>(mut self, range: RangeInclusive<T>) -> Self {
        self.format.range = range.start().to_f64()..=range.end().to_f64();
        self
    }

    /// Holds the number on multiples of a step.
    pub const fn step(mut self, step: f64) -> Self {
        self.format.step = step;
        self
    }

    /// Shows what would round to zero as `1e-4`: for settings, where the two are not the same.
    pub const fn exact(mut self) -> Self {
        self.format.exact = true;
        self
    }

    /// Shows this many digits after the point.
    pub const fn decimals(mut self, decimals: usize) -> Self {
        self.format.decimals = decimals;
        self
    }

    /// Shows a unit, such as ` %`.
    pub fn suffix(mut self, suffix: impl Into<Text>) -> Self {
        self.format.suffix = suffix.into();
        self
    }

    /// This wide instead of 56.
    pub const fn width(mut self, width: f32) -> Self {
        self.width = width;
        self
    }

    /// What is being typed, while the field has the focus.
    fn typed(ui: &Ui, id: Id) -> Option<String> {
        if ui.memory(|memory| memory.has_focus(id)) {
            ui.data(|data| data.get_temp(id))
        } else {
            None
        }
    }

    /// Arrow keys in the focused field, taken before the text sees them.
    fn count(&mut self, ui: &Ui, id: Id) -> Option<f64> {
        if !ui.memory(|memory| memory.has_focus(id)) {
            return None;
        }
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let steps = f64::from(i8::from(pressed(Key::ArrowUp)) - i8::from(pressed(Key::ArrowDown)));
        let value = (self.value)(None);
        (steps != 0.0).then(|| self.format.held(value + steps * self.format.key_step()))
    }

    fn take(&mut self, new: f64, response: &mut Response) {
        let held = self.format.held(new);
        #[expect(clippy::float_cmp, reason = "only a different number is a change")]
        if held != (self.value)(None) {
            (self.value)(Some(held));
            response.mark_changed();
        }
    }
}

impl Widget for NumberField<'_> {
    fn ui(mut self, ui: &mut Ui) -> Response {
        let (outer, mut response) = ui.allocate_exact_size(vec2(self.width, 28.0), Sense::hover());
        let id = response.id.with("number");
        let rect = Rect::from_center_size(outer.center(), vec2(self.width, 24.0));
        if let Some(counted) = self.count(ui, id) {
            self.take(counted, &mut response);
            let text = self.format.plain((self.value)(None));
            ui.data_mut(|data| data.insert_temp(id, text));
        }
        let typed = Self::typed(ui, id);
        paint_field(ui, rect, typed.as_deref());
        let mut text = typed.unwrap_or_else(|| self.format.text((self.value)(None)));
        let edit = edit_in(ui, rect.shrink2(vec2(5.0, 0.0)), id, &mut text);
        if edit.gained_focus() {
            text = self.format.plain((self.value)(None));
            select_all(ui, id, &text);
        }
        if edit.has_focus() {
            ui.data_mut(|data| data.insert_temp(id, text));
        } else if edit.lost_focus() {
            ui.data_mut(|data| data.remove::<String>(id));
            if !ui.input(|input| input.key_pressed(Key::Escape))
                && let Some(new) = evaluate(&text)
            {
                self.take(new, &mut response);
            }
        }
        let (value, enabled) = ((self.value)(None), ui.is_enabled());
        edit.widget_info(|| WidgetInfo {
            enabled,
            value: Some(value),
            label: Some(self.name.to_string()),
            ..WidgetInfo::new(Role::SpinButton)
        });
        response.union(edit)
    }
}

fn paint_field(ui: &Ui, rect: Rect, typed: Option<&str>) {
    let palette = theme::palette(ui);
    let line = match typed {
        Some(text) if evaluate(text).is_none() => palette.error,
        Some(_) => palette.accent,
        None => palette.line,
    };
    let look = Look {
        fill: palette.field,
        line,
        text: palette.text_0,
    };
    paint::frame(ui.painter(), rect, RADIUS[1] - 1, look);
    if typed.is_some() {
        let stroke = egui::Stroke::new(1.0, line);
        let radius = egui::CornerRadius::same(RADIUS[1]);
        ui.painter()
            .rect_stroke(rect, radius, stroke, egui::StrokeKind::Outside);
    }
}

fn edit_in(ui: &mut Ui, rect: Rect, id: Id, text: &mut String) -> Response {
    let palette = theme::palette(ui);
    let color = if ui.is_enabled() {
        palette.text_0
    } else {
        palette.text_3
    };
    let edit = TextEdit::singleline(text)
        .id(id)
        .frame(Frame::NONE)
        .margin(Margin::ZERO)
        .font(paint::mono())
        .text_color(color)
        .align(Align2::RIGHT_CENTER)
        .min_size(rect.size())
        .desired_width(rect.width());
    edit_child(ui, rect).add(edit)
}

/// A ui for a text inside of `rect`, whose height is that of the text's row and not of a control.
pub(super) fn edit_child(ui: &mut Ui, rect: Rect) -> Ui {
    let layout = Layout::top_down(egui::Align::Min);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    child.spacing_mut().interact_size.y = rect.height();
    child
}

fn select_all(ui: &Ui, id: Id, text: &str) {
    if let Some(mut state) = TextEdit::load_state(ui.ctx(), id) {
        let all = CCursorRange::select_all_str(text);
        state.cursor.set_char_range(Some(all));
        TextEdit::store_state(ui.ctx(), id, state);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    fn harness(value: f64) -> Harness<'static, f64> {
        Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .build_ui_state(
                |ui, value| {
                    ui.add(
                        NumberField::new(value, "Detail")
                            .range(0.0..=4096.0)
                            .step(16.0),
                    );
                },
                value,
            )
    }

    fn type_in(harness: &mut Harness<'_, f64>, text: &str, end: Key) {
        harness.get_by_label("Detail").focus();
        harness.run();
        harness.get_by_label("Detail").type_text(text);
        harness.run();
        harness.key_press(end);
        harness.run();
    }

    #[test]
    fn small_settings_do_not_look_like_zero() {
        let mut format = Format::of::<f32>();
        assert_eq!(format.plain(1e-4), "0.00");
        format.exact = true;
        assert_eq!(format.plain(f64::from(1e-4_f32)), "1e-4");
        assert_eq!(format.plain(-0.0025), "-2.5e-3");
        assert_eq!(
            [0.0, -0.0, 0.01].map(|it| format.plain(it)),
            ["0.00", "0.00", "0.01"]
        );
    }

    #[test]
    fn a_typed_sum_is_taken_on_the_nearest_step() {
        let mut harness = harness(512.0);
        type_in(&mut harness, "500*2", Key::Enter);
        assert!(
            (harness.state() - 1008.0).abs() < 1e-9,
            "{}",
            harness.state()
        );
    }

    #[test]
    fn escape_and_nonsense_leave_the_number() {
        let mut harness = harness(512.0);
        type_in(&mut harness, "77", Key::Escape);
        type_in(&mut harness, "many", Key::Enter);
        assert!((harness.state() - 512.0).abs() < 1e-9);
    }

    #[test]
    fn arrows_count_by_the_step() {
        let mut harness = harness(512.0);
        harness.get_by_label("Detail").focus();
        harness.run();
        harness.key_press(Key::ArrowUp);
        harness.run();
        assert!((harness.state() - 528.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_held_in_range_and_have_no_negative_zero() {
        let format = Format {
            range: -1.0..=1.0,
            ..Format::of::<f64>()
        };
        assert!((format.held(7.0) - 1.0).abs() < 1e-9);
        assert_eq!(format.text(-0.001), "0.00");
        assert_eq!(format.text(-0.5), "-0.50");
        assert!((Format::of::<f32>().held(3.3) - 3.3).abs() < 1e-9);
    }
}
