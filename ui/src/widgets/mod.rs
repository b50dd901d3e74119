//! The controls of the window, each once. They take plain data, draw with [`crate::theme`] and answer with a
//! `Response` or with what was changed.
//!
//! Most are builders for `ui.add(..)`; those with content of their own have `show(ui, |ui| ..)`. Each can be used
//! with the keyboard, has an accessible name and, where it is an icon, a tooltip.

pub mod arithmetic;
mod bars;
mod button;
mod card;
mod chip;
mod color_bar;
mod combo;
mod empty;
mod field;
#[cfg(test)]
mod gallery;
mod histogram;
mod key_cap;
mod minimap;
mod note;
mod number;
pub mod paint;
mod pin;
mod progress;
mod readout;
mod row;
mod section;
mod segmented;
mod slider;
mod steps;
mod swipe;
mod switch;
mod table;
mod thumbnail;
mod tooltip;

pub use bars::BarChart;
pub use button::Button;
pub use card::Card;
pub use chip::{Chip, Tone, paint_badge};
pub use color_bar::ColorBar;
pub use combo::Combo;
pub use empty::EmptyState;
pub use field::TextField;
pub use histogram::Histogram;
pub use key_cap::KeyCap;
pub use minimap::Minimap;
pub use note::{Note, NoteAnswer};
pub use number::NumberField;
pub use paint::focus_ring;
pub use pin::{PinRow, PinRowAnswer, PinShape, paint_pin};
pub use progress::{ProgressBar, ProgressRow, busy_bar};
pub use readout::ReadOut;
pub use row::{Row, ValueRow};
pub use section::{PanelHeader, Section};
pub use segmented::Segmented;
pub use slider::NumberSlider;
pub use swipe::SwipeHandle;
pub use switch::Switch;
pub use table::{Column, Table, TableAnswer};
pub use thumbnail::Thumbnail;
pub use tooltip::{Tip, tooltip};

/// Fonts and theme of a context, for tests.
#[cfg(test)]
pub(crate) fn set_up(ctx: &egui::Context) {
    crate::fonts::install(ctx);
    crate::theme::install(ctx);
}
