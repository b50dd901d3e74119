//! A choice of two or three, all of them in sight.

use egui::{Rect, Response, Role, Sense, Ui, Widget, WidgetInfo, pos2, vec2};

use crate::{
    text::Text,
    theme::{self, RADIUS},
};

use super::paint::{self, Look};

/// Up to three segments in a track 28 high; from four on take a [`super::Combo`].
///
/// `ui.add(Segmented::new(&mut range, [(Auto, tr(ui, "a")), (Fixed, tr(ui, "b"))]))`. The response is `changed` when
/// another segment was taken. The workspaces in the top bar are the one place with four.
#[must_use = "a choice does nothing until it is added to a ui"]
pub struct Segmented<'a, T> {
    value: &'a mut T,
    segments: Vec<Segment<T>>,
    width: Option<f32>,
}

struct Segment<T> {
    value: T,
    text: Text,
    icon: Option<&'static str>,
}

impl<'a, T: PartialEq + Clone> Segmented<'a, T> {
    /// A choice of `segments`, as wide as there is room.
    pub fn new<L: Into<Text>>(
        value: &'a mut T,
        segments: impl IntoIterator<Item = (T, L)>,
    ) -> Self {
        let segment = |(value, text): (T, L)| Segment {
            value,
            text: text.into(),
            icon: None,
        };
        Self {
            value,
            segments: segments.into_iter().map(segment).collect(),
            width: None,
        }
    }

    /// Puts icons before the texts, one for each segment.
    pub fn icons(mut self, icons: impl IntoIterator<Item = &'static str>) -> Self {
        for (segment, icon) in self.segments.iter_mut().zip(icons) {
            segment.icon = Some(icon);
        }
        self
    }

    /// This wide.
    pub const fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }
}

impl<T: PartialEq + Clone> Segmented<'_, T> {
    fn segment(&self, ui: &Ui, at: usize, rect: Rect, response: &Response) {
        let Segment { value, text, icon } = &self.segments[at];
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let enabled = ui.is_enabled();
        let on = *value == *self.value;
        let color = match (enabled, on || response.hovered()) {
            (false, _) => palette.text_3,
            (true, true) => palette.text_0,
            (true, false) => palette.text_2,
        };
        if on {
            let look = Look {
                fill: palette.seg_on,
                line: palette.seg_on,
                text: color,
            };
            paint::frame(painter, rect, RADIUS[0], look);
        }
        let icon_width = if icon.is_some() { 20.0 } else { 0.0 };
        let room = rect.width() - icon_width - 8.0;
        let galley = paint::line_of_text(painter, text, paint::small(), color, room);
        let mut x = rect.center().x - f32::midpoint(galley.size().x, icon_width);
        if let Some(icon) = icon {
            paint::icon(painter, pos2(x + 7.5, rect.center().y), icon, 15.0, color);
            x += icon_width;
        }
        paint::text_in(painter, rect, x, galley);
    }
}

impl<T: PartialEq + Clone> Widget for Segmented<'_, T> {
    fn ui(self, ui: &mut Ui) -> Response {
        let palette = theme::palette(ui);
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let (rect, mut response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::hover());
        let look = Look {
            fill: palette.track,
            line: palette.line,
            text: palette.text_2,
        };
        paint::frame(ui.painter(), rect, RADIUS[1], look);
        let inner = rect.shrink(3.0);
        let count = self.segments.len().max(1) as f32;
        let step = (inner.width() + 2.0) / count;
        let mut taken = None;
        for (at, segment) in self.segments.iter().enumerate() {
            let left = inner.left() + at as f32 * step;
            let place =
                Rect::from_min_size(pos2(left, inner.top()), vec2(step - 2.0, inner.height()));
            // The whole height can be hit, as a target is 28 high.
            let target = place.expand2(vec2(1.0, 3.0));
            let mut hit = ui.interact(target, response.id.with(at), Sense::click());
            if hit.clicked() && segment.value != *self.value {
                taken = Some(segment.value.clone());
                hit.mark_changed();
            }
            let on = segment.value == *self.value;
            hit.widget_info(|| {
                WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), on, &*segment.text)
            });
            self.segment(ui, at, place, &hit);
            paint::focus_ring_at(ui, &hit, place, RADIUS[0]);
        }
        if let Some(value) = taken {
            *self.value = value;
            response.mark_changed();
        }
        response
    }
}
