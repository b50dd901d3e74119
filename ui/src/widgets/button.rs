//! Buttons: with text, with an icon, or with both.

use egui::{Color32, Response, Role, Sense, Ui, UiBuilder, Widget, WidgetInfo, pos2, vec2};

use crate::{
    text::Text,
    theme::{self, Palette, RADIUS},
};

use super::{
    KeyCap, Tip,
    paint::{self, Look},
    tooltip,
};

/// A button 28 high, or 36 where it is large.
///
/// `ui.add(Button::new(tr(ui, "app-export-figure")).icon(icons::EXPORT).primary())`
#[derive(Debug, Clone)]
#[must_use = "a button does nothing until it is added to a ui"]
pub struct Button {
    text: Text,
    icon: Option<&'static str>,
    icon_only: bool,
    kind: Kind,
    on: bool,
    height: f32,
    key_cap: bool,
    min_width: f32,
    off_because: Option<Text>,
    tip: Option<Tip>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Framed,
    Primary,
    Ghost,
    Link,
}

impl Button {
    /// A framed button with a text.
    pub fn new(text: impl Into<Text>) -> Self {
        Self {
            text: text.into(),
            icon: None,
            icon_only: false,
            kind: Kind::Framed,
            on: false,
            height: 28.0,
            key_cap: false,
            min_width: 0.0,
            off_because: None,
            tip: None,
        }
    }

    /// An icon 28 × 28 without a frame; its name is the tooltip and what is read aloud.
    pub fn icon_only(icon: &'static str, name: impl Into<Text>) -> Self {
        let name = name.into();
        Self {
            icon: Some(icon),
            icon_only: true,
            kind: Kind::Ghost,
            tip: Some(Tip {
                name: name.clone(),
                ..Tip::default()
            }),
            ..Self::new(name)
        }
    }

    /// Puts an icon before the text.
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = Some(icon);
        self
    }

    /// The one button of a panel that goes on; at its right.
    pub const fn primary(mut self) -> Self {
        self.kind = Kind::Primary;
        self
    }

    /// Without a frame.
    pub const fn ghost(mut self) -> Self {
        self.kind = Kind::Ghost;
        self
    }

    /// With a frame: for icons that stand among framed controls.
    pub const fn framed(mut self) -> Self {
        self.kind = Kind::Framed;
        self
    }

    /// A text in the accent color that looks like a link.
    pub const fn link(mut self) -> Self {
        self.kind = Kind::Link;
        self
    }

    /// Whether what the button switches is on.
    pub const fn on(mut self, on: bool) -> Self {
        self.on = on;
        self
    }

    /// 36 high.
    pub const fn large(mut self) -> Self {
        self.height = 36.0;
        self
    }

    /// At least this wide.
    pub const fn min_width(mut self, width: f32) -> Self {
        self.min_width = width;
        self
    }

    /// The key that does the same: in the tooltip.
    pub fn key(mut self, key: impl Into<Text>) -> Self {
        self.tip_mut().key = Some(key.into());
        self
    }

    /// Shows the key on the button, too.
    pub const fn show_key(mut self) -> Self {
        self.key_cap = true;
        self
    }

    /// One sentence for the tooltip.
    pub fn help(mut self, sentence: impl Into<Text>) -> Self {
        self.tip_mut().sentence = Some(sentence.into());
        self
    }

    /// Switches the button off where there is a reason; the tooltip says it and what switches the button on.
    pub fn disabled_because(mut self, reason: Option<impl Into<Text>>) -> Self {
        if let Some(reason) = reason {
            let reason = reason.into();
            self.tip_mut().sentence = Some(reason.clone());
            self.off_because = Some(reason);
        }
        self
    }

    fn tip_mut(&mut self) -> &mut Tip {
        let name = &self.text;
        self.tip.get_or_insert_with(|| Tip {
            name: name.clone(),
            ..Tip::default()
        })
    }

    fn is_large(&self) -> bool {
        self.height > 28.0
    }

    fn padding(&self) -> f32 {
        match (self.kind, self.is_large()) {
            (Kind::Link, _) => 0.0,
            (_, true) => 16.0,
            (_, false) => 10.0,
        }
    }

    fn cap(&self) -> Option<KeyCap> {
        let key = self.tip.as_ref()?.key.as_ref()?;
        self.key_cap.then(|| KeyCap::new(key))
    }

    fn look(&self, palette: &Palette, response: &Response, enabled: bool) -> Look {
        let none = Color32::TRANSPARENT;
        let framed = paint::framed(palette, response, enabled);
        match self.kind {
            _ if !enabled && self.kind != Kind::Framed => Look {
                line: none,
                ..framed
            },
            _ if !enabled => framed,
            _ if self.on => Look {
                fill: palette.accent_bg,
                line: none,
                text: palette.accent,
            },
            Kind::Framed => framed,
            Kind::Primary => Look {
                // Hover shows by the line: text on the accent has no other ground of enough contrast.
                fill: palette.accent,
                line: if response.hovered() {
                    palette.text_0
                } else {
                    palette.accent
                },
                text: palette.on_accent,
            },
            Kind::Link => Look {
                fill: none,
                line: none,
                text: palette.accent,
            },
            Kind::Ghost => Look {
                fill: if response.hovered() {
                    framed.fill
                } else {
                    none
                },
                line: none,
                text: framed.text,
            },
        }
    }

    /// Draws the content from the left side that centers it.
    fn paint(&self, ui: &Ui, rect: egui::Rect, content: f32, look: Look) {
        let painter = ui.painter();
        let radius = if self.is_large() {
            RADIUS[2]
        } else {
            RADIUS[1]
        };
        paint::frame(painter, rect, radius, look);
        let icon_size = if self.icon_only { 16.0 } else { 15.0 };
        if self.icon_only {
            let icon = self.icon.unwrap_or_default();
            paint::icon(painter, rect.center(), icon, icon_size, look.text);
            return;
        }
        let mut x = rect.center().x - content / 2.0;
        if let Some(icon) = self.icon {
            let center = pos2(x + icon_size / 2.0, rect.center().y);
            paint::icon(painter, center, icon, icon_size, look.text);
            x += icon_size + 6.0;
        }
        let galley =
            paint::line_of_text(painter, &self.text, self.font(), look.text, f32::INFINITY);
        let right = paint::text_in(painter, rect, x, galley);
        if self.kind == Kind::Link && ui.rect_contains_pointer(rect) {
            let y = rect.center().y + 8.0;
            painter.hline(x..=right, y, egui::Stroke::new(1.0, look.text));
        }
        if let Some(cap) = self.cap() {
            cap.paint(ui, rect, right + 8.0 + cap.width(ui));
        }
    }

    fn font(&self) -> egui::FontId {
        if self.kind == Kind::Primary {
            paint::strong()
        } else {
            paint::body()
        }
    }

    fn content_width(&self, ui: &Ui) -> f32 {
        let color = Color32::PLACEHOLDER;
        let text = paint::line_of_text(ui.painter(), &self.text, self.font(), color, f32::INFINITY);
        let icon = if self.icon.is_some() { 21.0 } else { 0.0 };
        let cap = self.cap().map_or(0.0, |cap| cap.width(ui) + 8.0);
        text.size().x + icon + cap
    }
}

impl Widget for Button {
    fn ui(self, ui: &mut Ui) -> Response {
        let content = self.content_width(ui);
        let size = if self.icon_only {
            vec2(self.height, self.height)
        } else {
            vec2(
                (content + 2.0 * self.padding()).max(self.min_width),
                self.height,
            )
        };
        let enabled = self.off_because.is_none() && ui.is_enabled();
        let (id, rect) = ui.allocate_space(size);
        let response = if enabled {
            ui.interact(rect, id, Sense::click())
        } else {
            let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
            child.disable();
            child.interact(rect, id, Sense::click())
        };
        if ui.is_rect_visible(response.rect) {
            let look = self.look(theme::palette(ui), &response, enabled);
            self.paint(ui, response.rect, content, look);
        }
        response.widget_info(|| {
            let role = if self.kind == Kind::Link {
                Role::Link
            } else {
                Role::Button
            };
            if self.on {
                WidgetInfo::selected(role, enabled, true, &*self.text)
            } else {
                WidgetInfo::labeled(role, enabled, &*self.text)
            }
        });
        paint::focus_ring(ui, &response);
        match &self.tip {
            Some(tip) => tooltip(response, tip),
            None => response,
        }
    }
}
