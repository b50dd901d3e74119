//! Regions of the window that F6 walks through: each begins with an anchor that takes the focus.
//!
//! From the anchor Tab goes on to the first control of the region, and a screen reader says the region's name.

use egui::{Context, Id, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

use crate::text::tr;
use crate::theme;

/// A part of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// The bar at the top.
    TopBar,
    /// The library.
    Library,
    /// The views.
    Views,
    /// The settings of the view.
    Inspector,
    /// Running jobs.
    Tray,
    /// The line at the bottom.
    Status,
}

impl Region {
    const ALL: [Self; 6] = [
        Self::TopBar,
        Self::Library,
        Self::Views,
        Self::Inspector,
        Self::Tray,
        Self::Status,
    ];

    fn id(self) -> Id {
        Id::unique(("region", self))
    }

    fn name_id(self) -> &'static str {
        match self {
            Self::TopBar => "app-region-top",
            Self::Library => "app-region-library",
            Self::Views => "app-region-views",
            Self::Inspector => "app-region-inspector",
            Self::Tray => "app-region-jobs",
            Self::Status => "app-region-status",
        }
    }
}

/// Which regions were drawn in which frame.
#[derive(Clone, Copy, Debug, Default)]
struct Seen([u64; 6]);

/// Marks the start of a region; called first in its panel.
pub fn anchor(ui: &mut Ui, region: Region) {
    let area = ui.max_rect();
    let spot = Rect::from_min_size(area.min, Vec2::splat(1.0));
    let response = ui.interact(spot, region.id(), Sense::focusable_noninteractive());
    let name = tr(ui, region.name_id());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &*name));
    if response.has_focus() {
        let stroke = Stroke::new(2.0, theme::palette(ui).accent);
        ui.painter()
            .rect_stroke(area, 0.0, stroke, StrokeKind::Inside);
    }
    let frame = ui.ctx().cumulative_frame_nr();
    ui.data_mut(|data| {
        let seen: &mut Seen = data.get_temp_mut_or_default(Id::unique("regions"));
        seen.0[region as usize] = frame;
    });
}

/// Gives the focus to the next region that is seen, or to the one before.
pub fn next(ctx: &Context, forward: bool) {
    let (seen, current) = ctx.data(|data| {
        let seen: Seen = data.get_temp(Id::unique("regions")).unwrap_or_default();
        let current: Option<usize> = data.get_temp(Id::unique("region"));
        (seen, current)
    });
    let frame = ctx.cumulative_frame_nr();
    let count = Region::ALL.len();
    let start = current.unwrap_or(if forward { count - 1 } else { 0 });
    let step = if forward { 1 } else { count - 1 };
    let mut at = start;
    for _ in 0..count {
        at = (at + step) % count;
        if seen.0[at] + 1 >= frame {
            ctx.memory_mut(|memory| memory.request_focus(Region::ALL[at].id()));
            ctx.data_mut(|data| data.insert_temp(Id::unique("region"), at));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_are_not_drawn_are_passed_over() {
        let ctx = Context::default();
        crate::fonts::install(&ctx);
        crate::theme::install(&ctx);
        let mut focused = Vec::new();
        for _ in 0..4 {
            let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
                anchor(ui, Region::TopBar);
                anchor(ui, Region::Status);
            });
            output.textures_delta.clear();
            next(&ctx, true);
            focused.push(ctx.memory(egui::Memory::focused));
        }
        let [top, status] = [Region::TopBar, Region::Status].map(|region| Some(region.id()));
        assert_eq!(focused, [top, status, top, status]);
    }
}
