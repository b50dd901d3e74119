//! Short messages at the bottom of the window.

use egui::{Align2, Area, Frame, Id, Margin, Order, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use crate::cx::Cx;
use crate::text::tr;
use crate::theme::{ON_PICTURE, RADIUS};
use crate::widgets::paint;

/// Distance from the bottom: the status bar and some space.
const BOTTOM: f32 = 26.0 + 16.0;
/// Most width of a message, in points.
const WIDTH: f32 = 520.0;

/// Draws what was said lately over everything else; a click sends a message away.
pub fn toasts_ui(ui: &Ui, cx: &mut Cx<'_>) {
    if cx.state.said.is_empty() {
        return;
    }
    let tray = cx.state.tray.height(cx.state.panels.jobs);
    let mut gone = None;
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -(BOTTOM + tray)))
        .show(ui.ctx(), |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.vertical_centered(|ui| {
                for (place, (message, _)) in cx.state.said.iter().enumerate() {
                    if toast_ui(ui, message) {
                        gone = Some(place);
                    }
                }
            });
        });
    if let Some(place) = gone {
        cx.state.said.remove(place);
    }
}

fn toast_ui(ui: &mut Ui, message: &str) -> bool {
    let stroke = Stroke::new(1.0, ON_PICTURE.box_line);
    let frame = Frame::new()
        .fill(ON_PICTURE.box_fill)
        .stroke(stroke)
        .corner_radius(RADIUS[1]);
    let shown = frame.inner_margin(Margin::symmetric(12, 8)).show(ui, |ui| {
        let width = WIDTH.min(ui.content_rect().width() - 64.0);
        let galley =
            ui.painter()
                .layout(message.to_owned(), paint::body(), ON_PICTURE.value, width);
        let (rect, _) = ui.allocate_exact_size(galley.size(), Sense::hover());
        ui.painter().galley(rect.min, galley, ON_PICTURE.value);
    });
    let response = shown.response.interact(Sense::CLICK);
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, message));
    response.on_hover_text(tr(ui, "app-close")).clicked()
}

#[cfg(test)]
mod tests {
    use crate::cx::UiState;

    #[test]
    fn what_was_said_goes_after_its_time_and_three_are_the_most() {
        let mut state = UiState::default();
        for number in 0..5 {
            state.say(number.to_string());
        }
        assert!(state.hear(10.0, 4.0));
        let left: Vec<&str> = state
            .said
            .iter()
            .map(|(message, _)| message.as_str())
            .collect();
        assert_eq!(left, ["2", "3", "4"]);
        assert!(state.hear(13.9, 4.0));
        assert!(!state.hear(14.0, 4.0));
    }
}
