//! A slider that always has its number.

use std::ops::RangeInclusive;

use egui::{Key, Rect, Response, Role, Sense, Ui, Widget, WidgetInfo, emath::Numeric, pos2, vec2};

use crate::{text::Text, theme};

use super::{
    NumberField,
    number::{Bound, Format, bind},
    steps::{asked_value, steps},
};

/// Rail, handle and number field, as wide as there is room.
///
/// `ui.add(NumberSlider::new(&mut detail, 112..=2048, tr(ui, "similarity-detail")).step(16.0).default(512))`. A
/// double click brings the default back; the arrow keys, Home and End move it. The response is `changed` at each
/// step; `drag_stopped` or `lost_focus` is the moment to remember for undo.
#[must_use = "a slider does nothing until it is added to a ui"]
pub struct NumberSlider<'a> {
    value: Bound<'a>,
    format: Format<'a>,
    name: Text,
    default: Option<f64>,
    log: bool,
    filled: bool,
    number_width: f32,
}

impl<'a> NumberSlider<'a> {
    /// A slider over `range`; `name` is what is read aloud, the label stands beside it.
    pub fn new<T: Numeric>(
        value: &'a mut T,
        range: RangeInclusive<T>,
        name: impl Into<Text>,
    ) -> Self {
        let range = range.start().to_f64()..=range.end().to_f64();
        Self {
            value: bind(value),
            format: Format {
                range,
                ..Format::of::<T>()
            },
            name: name.into(),
            default: None,
            log: false,
            filled: true,
            number_width: 56.0,
        }
    }

    /// What a double click brings back.
    pub fn default<T: Numeric>(mut self, default: T) -> Self {
        self.default = Some(default.to_f64());
        self
    }

    /// Holds the number on multiples of a step.
    pub const fn step(mut self, step: f64) -> Self {
        self.format.step = step;
        self
    }

    /// Shows what would round to zero as `1e-4`.
    pub const fn exact(mut self) -> Self {
        self.format.exact = true;
        self
    }

    /// Shows this many digits after the point; 2, or none for whole numbers.
    pub const fn decimals(mut self, decimals: usize) -> Self {
        self.format.decimals = decimals;
        self
    }

    /// Shows a unit, such as ` %`.
    pub fn suffix(mut self, suffix: impl Into<Text>) -> Self {
        self.format.suffix = suffix.into();
        self
    }

    /// Shows the number in words of its own, such as `12/12`; typing takes the plain number.
    pub fn shown_as(mut self, shown: impl Fn(f64) -> String + 'a) -> Self {
        self.format.shown = Some(Box::new(shown));
        self
    }

    /// Equal distances are equal factors. The range has to be positive.
    pub const fn logarithmic(mut self) -> Self {
        self.log = true;
        self
    }

    /// Leaves the rail empty at the left: for a threshold, which is no amount.
    pub const fn unfilled(mut self) -> Self {
        self.filled = false;
        self
    }

    /// The number this wide instead of 56.
    pub const fn number_width(mut self, width: f32) -> Self {
        self.number_width = width;
        self
    }

    /// Where a value lies on the rail, 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let (min, max) = self.ends();
        let value = if self.log { value.ln() } else { value };
        let place = (value - min) / (max - min);
        if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn value_at(&self, place: f64) -> f64 {
        let (min, max) = self.ends();
        let value = min + (max - min) * place.clamp(0.0, 1.0);
        self.format.held(if self.log { value.exp() } else { value })
    }

    fn ends(&self) -> (f64, f64) {
        let (min, max) = (*self.format.range.start(), *self.format.range.end());
        if self.log {
            (
                min.max(f64::MIN_POSITIVE).ln(),
                max.max(f64::MIN_POSITIVE).ln(),
            )
        } else {
            (min, max)
        }
    }

    /// What the pointer and the keys ask for on the rail.
    fn asked(&self, ui: &Ui, rail: Rect, response: &Response, value: f64) -> Option<f64> {
        // A third click must not undo what the second did.
        let twice = response.double_clicked() || response.triple_clicked();
        if twice && self.default.is_some() {
            return self.default;
        }
        let pointer = response.interact_pointer_pos();
        if let (true, Some(at)) = (response.dragged() || response.clicked(), pointer) {
            return Some(self.value_at(f64::from((at.x - rail.left()) / rail.width())));
        }
        if let Some(asked) = asked_value(ui, response.id, &self.format.range) {
            return Some(self.format.held(asked));
        }
        let steps = f64::from(steps(ui, response));
        if steps != 0.0 {
            return Some(self.format.held(value + steps * self.format.key_step()));
        }
        let pressed = |key| response.has_focus() && ui.input(|input| input.key_pressed(key));
        let ends = [
            (Key::Home, *self.format.range.start()),
            (Key::End, *self.format.range.end()),
        ];
        ends.into_iter()
            .find_map(|(key, end)| pressed(key).then_some(end))
    }

    fn paint(&self, ui: &Ui, rail: Rect, response: &Response, value: f64) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let enabled = ui.is_enabled();
        let line = Rect::from_center_size(rail.center(), vec2(rail.width() + 10.0, 4.0));
        painter.rect_filled(line, 2.0, palette.active);
        let x = rail.left() + rail.width() * self.place(value) as f32;
        if self.filled {
            let mut filled = line;
            filled.set_right(x);
            let color = if enabled {
                palette.accent
            } else {
                palette.text_3
            };
            painter.rect_filled(filled, 2.0, color);
        }
        let center = pos2(x, rail.center().y);
        painter.circle_filled(center, 7.0, palette.panel);
        let (radius, color) = match (enabled, response.hovered() || response.dragged()) {
            (false, _) => (5.0, palette.text_3),
            (true, true) => (6.0, palette.text_0),
            (true, false) => (5.0, palette.text_0),
        };
        painter.circle_filled(center, radius, color);
        if response.has_focus() {
            painter.circle_stroke(center, 9.0, egui::Stroke::new(2.0, palette.accent));
        }
    }
}

impl Widget for NumberSlider<'_> {
    fn ui(mut self, ui: &mut Ui) -> Response {
        let gap = 8.0;
        let width = (ui.available_width() - self.number_width - gap).max(40.0);
        let before = ui.spacing().item_spacing.x;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            let (rect, mut response) =
                ui.allocate_exact_size(vec2(width, 28.0), Sense::click_and_drag());
            let rail = rect.shrink2(vec2(5.0, 0.0));
            let value = (self.value)(None);
            #[expect(clippy::float_cmp, reason = "only a different number is a change")]
            if let Some(asked) = self.asked(ui, rail, &response, value)
                && asked != value
            {
                (self.value)(Some(asked));
                response.mark_changed();
            }
            let value = (self.value)(None);
            self.paint(ui, rail, &response, value);
            let enabled = ui.is_enabled();
            response.widget_info(|| WidgetInfo {
                enabled,
                label: Some(self.name.to_string()),
                value: Some(value),
                ..WidgetInfo::new(Role::Slider)
            });
            let field = NumberField::bound(self.value, self.format, self.name);
            let field = ui.add(field.width(self.number_width));
            ui.spacing_mut().item_spacing.x = before;
            response.union(field)
        })
        .inner
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable as _};
    use proptest::prelude::*;

    use super::*;

    fn harness(value: f32) -> Harness<'static, f32> {
        Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .with_size(vec2(200.0, 40.0))
            // Two clicks within the time of a double click.
            .with_step_dt(0.02)
            .build_ui_state(
                |ui, value| {
                    let slider = NumberSlider::new(value, 0.0..=1.0, "Strength").default(0.78);
                    ui.add(slider);
                },
                value,
            )
    }

    #[test]
    fn keys_move_the_handle() {
        let mut harness = harness(0.5);
        harness
            .get_by_role_and_label(Role::Slider, "Strength")
            .focus();
        harness.run();
        for (key, expected) in [
            (Key::ArrowRight, 0.51),
            (Key::ArrowLeft, 0.5),
            (Key::End, 1.0),
            (Key::Home, 0.0),
        ] {
            harness.key_press(key);
            harness.run();
            assert!(
                (harness.state() - expected).abs() < 1e-5,
                "{key:?}: {}",
                harness.state()
            );
        }
    }

    #[test]
    fn a_press_on_the_rail_goes_there_and_a_double_click_brings_the_default() {
        let mut harness = harness(0.2);
        let rect = harness
            .get_by_role_and_label(Role::Slider, "Strength")
            .rect();
        harness.drag_at(rect.center());
        harness.run();
        harness.drop_at(rect.center());
        harness.run();
        assert!((harness.state() - 0.5).abs() < 0.02, "{}", harness.state());
        for _ in 0..2 {
            harness
                .get_by_role_and_label(Role::Slider, "Strength")
                .click();
            harness.step();
        }
        harness.run();
        assert!((harness.state() - 0.78).abs() < 1e-5, "{}", harness.state());
    }

    #[test]
    fn assistive_technologies_move_it() {
        let mut harness = harness(0.5);
        let slider = |harness: &Harness<'_, f32>, value: Option<f64>| {
            let node = harness.get_by_role_and_label(Role::Slider, "Strength");
            match value {
                Some(value) => node.set_value_accesskit(value),
                None => node.increment_accesskit(),
            }
        };
        slider(&harness, Some(0.25));
        harness.run();
        slider(&harness, None);
        harness.run();
        assert!((harness.state() - 0.26).abs() < 1e-5, "{}", harness.state());
    }

    proptest! {
        #[test]
        fn a_place_gives_back_its_value(value in 1_f64..1000.0, log in any::<bool>()) {
            let mut bound = value;
            let mut slider = NumberSlider::new(&mut bound, 1.0..=1000.0, "x");
            slider.log = log;
            let back = slider.value_at(slider.place(value));
            prop_assert!((back - value).abs() < 1e-6 * value);
        }
    }
}
