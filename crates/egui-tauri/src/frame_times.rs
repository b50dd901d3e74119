//! How long the parts of the last frame took.

use std::time::Duration;

use egui::{Context, Id};

/// Times of the last painted frame of a window; all zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTimes {
    /// Number of frames painted so far.
    pub frames: u64,
    /// The app's `logic` and `ui`, with egui's layout.
    pub ui: Duration,
    /// Shapes to triangles.
    pub tessellate: Duration,
    /// Uploads, draw calls, and the wait for the display.
    pub paint: Duration,
    /// From [`crate::Options::started`] until the first frame was presented.
    pub first_frame: Option<Duration>,
}

impl FrameTimes {
    /// Times of the last frame of the window whose context is `ctx`.
    pub fn last(ctx: &Context) -> Self {
        ctx.data(|data| data.get_temp(Self::id()))
            .unwrap_or_default()
    }

    pub(crate) fn store(self, ctx: &Context) {
        ctx.data_mut(|data| data.insert_temp(Self::id(), self));
    }

    fn id() -> Id {
        Id::unique("egui-tauri frame times")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_times_are_read_back() {
        let ctx = Context::default();
        assert_eq!(FrameTimes::last(&ctx), FrameTimes::default());
        let times = FrameTimes {
            frames: 3,
            ui: Duration::from_millis(2),
            ..FrameTimes::default()
        };
        times.store(&ctx);
        assert_eq!(FrameTimes::last(&ctx), times);
    }
}
