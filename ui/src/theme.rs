//! Colors, sizes and text styles of the window, for dark and light: the only place with colors in it.
//!
//! [`install`] sets egui's style of both themes; [`palette`] gives the colors of the theme that is shown.

use std::collections::BTreeMap;

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme,
    Ui, Vec2, Visuals,
    style::{HandleShape, ScrollAnimation, ScrollStyle, Selection, WidgetVisuals, Widgets},
};

use crate::fonts;

/// Colors of one theme. Names and values: `DESIGN.md`, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Which theme this is.
    pub theme: Theme,
    /// Behind pictures.
    pub canvas: Color32,
    /// Bars, library, inspector.
    pub panel: Color32,
    /// Buttons, cards, combo boxes.
    pub raised: Color32,
    /// Text and number fields.
    pub field: Color32,
    /// The ground of a segmented choice.
    pub track: Color32,
    /// The pointer is over it.
    pub hover: Color32,
    /// Pressed, the selected row, the rail of a slider.
    pub active: Color32,
    /// The chosen segment.
    pub seg_on: Color32,
    /// Separators.
    pub line: Color32,
    /// Meaningful outlines, idle bars of charts.
    pub line_strong: Color32,
    /// Headings and values.
    pub text_0: Color32,
    /// Body.
    pub text_1: Color32,
    /// Labels.
    pub text_2: Color32,
    /// Disabled only.
    pub text_3: Color32,
    /// Primary, focus, progress.
    pub accent: Color32,
    /// A tool that is on, a chip.
    pub accent_bg: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    /// Passed, healthy.
    pub ok: Color32,
    /// Ground of `ok`.
    pub ok_bg: Color32,
    /// Look at this.
    pub warn: Color32,
    /// Ground of `warn`.
    pub warn_bg: Color32,
    /// Failed.
    pub error: Color32,
    /// Ground of `error`.
    pub error_bg: Color32,
    /// Good to know.
    pub info: Color32,
    /// Ground of `info`.
    pub info_bg: Color32,
    /// Lines of charts, in order; from the third on also dashed.
    pub series: [Color32; 6],
    /// The three channels of a PCA map.
    pub channels: [Color32; 3],
}

/// Colors that lie on pictures: the same in both themes, so that they show on any picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnPicture {
    /// Ground of the read-out and of badges.
    pub box_fill: Color32,
    /// Line around the read-out.
    pub box_line: Color32,
    /// Names in the read-out.
    pub label: Color32,
    /// Values in the read-out.
    pub value: Color32,
    /// Crosshair, outlines, swipe line, rims of pins.
    pub line: Color32,
    /// Under every `line`, 2 wider.
    pub halo: Color32,
    /// What lies outside the visible part in the minimap.
    pub shade: Color32,
}

/// Color of a pin and of the sign on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinColor {
    /// The body.
    pub fill: Color32,
    /// The sign or letter.
    pub sign: Color32,
}

/// A color that stands for data, as the engine's color maps and palettes give it.
pub fn data_color([red, green, blue]: [u8; 3]) -> Color32 {
    Color32::from_rgb(red, green, blue)
}

/// On pictures.
pub const ON_PICTURE: OnPicture = OnPicture {
    box_fill: Color32::from_rgba_unmultiplied_const(0x0D, 0x0E, 0x10, 235),
    box_line: rgb(0x0044_474F),
    label: rgb(0x00AE_B3BC),
    value: rgb(0x00F3_F4F6),
    line: Color32::WHITE,
    halo: Color32::from_black_alpha(128),
    shade: Color32::from_black_alpha(115),
};

/// "Find patches like".
pub const PIN_POSITIVE: PinColor = PinColor {
    fill: rgb(0x005A_B4FF),
    sign: rgb(0x0006_121F),
};

/// "Not like this".
pub const PIN_NEGATIVE: PinColor = PinColor {
    fill: rgb(0x00FF_9A4D),
    sign: rgb(0x001C_0D02),
};

/// The third set.
pub const PIN_THIRD: PinColor = PinColor {
    fill: rgb(0x00C7_9BFF),
    sign: rgb(0x0006_121F),
};

/// The dark theme.
pub const DARK: Palette = Palette {
    theme: Theme::Dark,
    canvas: rgb(0x0013_1416),
    panel: rgb(0x001B_1C20),
    raised: rgb(0x0025_272C),
    field: rgb(0x0013_1416),
    track: rgb(0x0013_1416),
    hover: rgb(0x002E_3036),
    active: rgb(0x003A_3D45),
    seg_on: rgb(0x003A_3D45),
    line: rgb(0x0030_3239),
    line_strong: rgb(0x0078_7D87),
    text_0: rgb(0x00F3_F4F6),
    text_1: rgb(0x00D5_D8DD),
    text_2: rgb(0x00A8_ADB6),
    text_3: rgb(0x006B_7079),
    accent: rgb(0x004C_C7B3),
    accent_bg: rgb(0x0017_3C38),
    on_accent: rgb(0x0006_201C),
    ok: rgb(0x0086_CF73),
    ok_bg: rgb(0x0023_331F),
    warn: rgb(0x00F0_B93F),
    warn_bg: rgb(0x0037_301C),
    error: rgb(0x00FF_8C7D),
    error_bg: rgb(0x003D_2422),
    info: rgb(0x007F_B6FF),
    info_bg: rgb(0x001E_2C40),
    series: [
        rgb(0x005A_B4FF),
        rgb(0x00FF_9A4D),
        rgb(0x004C_C7B3),
        rgb(0x00C7_9BFF),
        rgb(0x00F0_B93F),
        rgb(0x00A8_ADB6),
    ],
    channels: CHANNELS,
};

/// The light theme.
pub const LIGHT: Palette = Palette {
    theme: Theme::Light,
    canvas: rgb(0x00DC_DEE2),
    panel: rgb(0x00F5_F6F8),
    raised: rgb(0x00FF_FFFF),
    field: rgb(0x00FF_FFFF),
    track: rgb(0x00E4_E6EA),
    hover: rgb(0x00E9_EBEE),
    active: rgb(0x00D9_DCE1),
    seg_on: rgb(0x00FF_FFFF),
    line: rgb(0x00D3_D6DC),
    line_strong: rgb(0x0072_777F),
    text_0: rgb(0x0012_1417),
    text_1: rgb(0x002A_2D33),
    text_2: rgb(0x0053_5862),
    text_3: rgb(0x0092_97A0),
    accent: rgb(0x0008_6A5D),
    accent_bg: rgb(0x00D3_EFEA),
    on_accent: rgb(0x00FF_FFFF),
    ok: rgb(0x0028_6823),
    ok_bg: rgb(0x00E2_F3DE),
    warn: rgb(0x007D_5000),
    warn_bg: rgb(0x00FB_F0D3),
    error: rgb(0x00AD_281B),
    error_bg: rgb(0x00FB_E3E0),
    info: rgb(0x0014_58AC),
    info_bg: rgb(0x00DF_EBFB),
    series: [
        rgb(0x0015_5CB5),
        rgb(0x00B0_4A00),
        rgb(0x0008_6A5D),
        rgb(0x007B_3FC4),
        rgb(0x007D_5000),
        rgb(0x0053_5862),
    ],
    channels: CHANNELS,
};

const CHANNELS: [Color32; 3] = [rgb(0x00FF_8272), rgb(0x0086_CF73), rgb(0x007F_B6FF)];

/// Radius of small things, controls and cards, in points.
pub const RADIUS: [u8; 3] = [4, 6, 8];

/// Smallest and largest text scale.
pub const TEXT_SCALE: std::ops::RangeInclusive<f32> = 0.8..=2.0;

/// An opaque color from `0xRRGGBB`.
const fn rgb(value: u32) -> Color32 {
    let [_, red, green, blue] = value.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// The colors of the theme that `ui` is drawn in.
pub fn palette(ui: &Ui) -> &'static Palette {
    of_visuals(ui.visuals())
}

/// The colors of the theme that is set on `ctx`.
pub fn palette_of(ctx: &Context) -> &'static Palette {
    match ctx.theme() {
        Theme::Dark => &DARK,
        Theme::Light => &LIGHT,
    }
}

const fn of_visuals(visuals: &Visuals) -> &'static Palette {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// Sets the style of both themes.
pub fn install(ctx: &Context) {
    for palette in [&DARK, &LIGHT] {
        ctx.set_style_of(palette.theme, style(palette));
    }
    // Text scale has its own range and is a setting that is kept.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
}

/// Makes all text and everything around it larger or smaller; 1 is the size of the system, clamped to [`TEXT_SCALE`].
///
/// Letters stay crisp, as they are drawn for the size on screen; the canvas has less room in exchange.
pub fn set_text_scale(ctx: &Context, scale: f32) {
    if scale.is_finite() {
        ctx.set_zoom_factor(scale.clamp(*TEXT_SCALE.start(), *TEXT_SCALE.end()));
    }
}

/// Switches all motion off or back on.
pub fn set_reduced_motion(ctx: &Context, reduced: bool) {
    ctx.all_styles_mut(|style| style.animation_time = if reduced { 0.0 } else { ANIMATION_SECS });
}

/// Whether motion is switched off.
pub fn reduced_motion(ui: &Ui) -> bool {
    ui.style().animation_time == 0.0
}

/// Fold, switch and hover take this long.
const ANIMATION_SECS: f32 = 0.08;

/// Title of a page: 20, semibold.
pub fn title() -> TextStyle {
    TextStyle::Name("title".into())
}

/// First start only: 28, semibold.
pub fn display() -> TextStyle {
    TextStyle::Name("display".into())
}

/// Badges, key caps, labels of axes: 11.
pub fn tiny() -> TextStyle {
    TextStyle::Name("tiny".into())
}

/// Titles of sections: 13, semibold.
pub fn strong() -> TextStyle {
    TextStyle::Name("strong".into())
}

fn text_styles() -> BTreeMap<TextStyle, FontId> {
    let text = FontFamily::Proportional;
    BTreeMap::from([
        (TextStyle::Heading, FontId::new(16.0, fonts::semibold())),
        (TextStyle::Body, FontId::new(13.0, text.clone())),
        (TextStyle::Button, FontId::new(13.0, text.clone())),
        (TextStyle::Small, FontId::new(12.0, text.clone())),
        (TextStyle::Monospace, FontId::monospace(12.0)),
        (title(), FontId::new(20.0, fonts::semibold())),
        (display(), FontId::new(28.0, fonts::semibold())),
        (tiny(), FontId::new(11.0, text)),
        (strong(), FontId::new(13.0, fonts::semibold())),
    ])
}

fn style(palette: &Palette) -> Style {
    let mut style = Style {
        text_styles: text_styles(),
        drag_value_text_style: TextStyle::Monospace,
        visuals: visuals(palette),
        animation_time: ANIMATION_SECS,
        scroll_animation: ScrollAnimation::none(),
        ..Style::default()
    };
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(8.0, 8.0);
    spacing.button_padding = Vec2::new(10.0, 5.0);
    spacing.interact_size = Vec2::new(28.0, 28.0);
    spacing.indent = 12.0;
    spacing.window_margin = Margin::same(12);
    spacing.menu_margin = Margin::same(6);
    spacing.slider_width = 100.0;
    spacing.slider_rail_height = 4.0;
    spacing.combo_width = 160.0;
    spacing.icon_width = 16.0;
    spacing.icon_spacing = 6.0;
    spacing.tooltip_width = 280.0;
    spacing.scroll = ScrollStyle::thin();
    let interaction = &mut style.interaction;
    interaction.tooltip_delay = 0.5;
    interaction.selectable_labels = false;
    interaction.resize_grab_radius_side = 5.0;
    style
}

fn visuals(palette: &Palette) -> Visuals {
    let start = match palette.theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    let mut visuals = Visuals {
        widgets: widgets(palette),
        weak_text_color: Some(palette.text_2),
        selection: Selection {
            bg_fill: palette.accent_bg,
            stroke: Stroke::new(2.0, palette.accent),
        },
        hyperlink_color: palette.accent,
        faint_bg_color: palette.hover,
        extreme_bg_color: palette.canvas,
        text_edit_bg_color: Some(palette.field),
        code_bg_color: palette.field,
        warn_fg_color: palette.warn,
        error_fg_color: palette.error,
        window_corner_radius: CornerRadius::same(RADIUS[2]),
        menu_corner_radius: CornerRadius::same(RADIUS[2]),
        window_shadow: egui::Shadow::NONE,
        popup_shadow: egui::Shadow::NONE,
        window_fill: palette.raised,
        window_stroke: Stroke::new(1.0, palette.line_strong),
        window_highlight_topmost: false,
        panel_fill: palette.panel,
        button_frame: true,
        indent_has_left_vline: false,
        striped: false,
        slider_trailing_fill: true,
        handle_shape: HandleShape::Circle,
        interact_cursor: Some(egui::CursorIcon::PointingHand),
        disabled_alpha: 1.0,
        ..start
    };
    visuals.text_cursor.stroke = Stroke::new(1.5, palette.accent);
    visuals
}

fn widgets(palette: &Palette) -> Widgets {
    let state = |weak_bg_fill, bg_fill, line, text| WidgetVisuals {
        bg_fill,
        weak_bg_fill,
        bg_stroke: Stroke::new(1.0, line),
        corner_radius: CornerRadius::same(RADIUS[1]),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let Palette {
        panel,
        raised,
        hover,
        active,
        line,
        line_strong,
        text_0,
        text_1,
        ..
    } = *palette;
    Widgets {
        noninteractive: state(panel, panel, line, text_1),
        inactive: state(raised, active, line, text_1),
        hovered: state(hover, active, line_strong, text_0),
        active: state(active, active, line_strong, text_0),
        open: state(hover, active, line_strong, text_0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratio of the luminances of two colors, 1 to 21 (WCAG 2).
    fn contrast(a: Color32, b: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = |color: Color32| {
            0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn grounds(palette: &Palette) -> [Color32; 5] {
        [
            palette.canvas,
            palette.panel,
            palette.raised,
            palette.hover,
            palette.active,
        ]
    }

    /// The table prints one digit: half a digit is allowed, and a little for the rounding of 5s.
    #[track_caller]
    fn assert_ratio(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 0.06,
            "found {found:.2}, expected {expected}"
        );
    }

    fn assert_row(palette: &Palette, color: Color32, expected: [f64; 5]) {
        for (ground, expected) in grounds(palette).into_iter().zip(expected) {
            assert_ratio(contrast(color, ground), expected);
        }
    }

    fn lowest(palette: &Palette, color: Color32) -> f64 {
        grounds(palette)
            .into_iter()
            .map(|ground| contrast(color, ground))
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn text_has_the_contrast_of_the_table() {
        assert_row(&DARK, DARK.text_1, [12.9, 11.9, 10.5, 9.2, 7.6]);
        assert_row(&LIGHT, LIGHT.text_1, [10.2, 12.8, 13.8, 11.6, 10.0]);
        assert_row(&DARK, DARK.text_2, [8.2, 7.6, 6.6, 5.9, 4.8]);
        assert_row(&LIGHT, LIGHT.text_2, [5.3, 6.6, 7.1, 6.0, 5.2]);
        assert_row(&DARK, DARK.accent, [8.9, 8.2, 7.2, 6.4, 5.2]);
        assert_row(&LIGHT, LIGHT.accent, [4.8, 6.0, 6.5, 5.4, 4.7]);
    }

    #[test]
    fn states_have_the_contrast_of_the_table() {
        let states = |it: &Palette| {
            [
                (it.ok, it.ok_bg),
                (it.warn, it.warn_bg),
                (it.error, it.error_bg),
                (it.info, it.info_bg),
            ]
        };
        let dark = [(5.8, 7.1), (6.1, 7.3), (4.8, 6.3), (5.2, 6.7)];
        let light = [(4.9, 5.9), (5.1, 6.1), (4.9, 5.5), (5.1, 5.8)];
        for (palette, table) in [(&DARK, dark), (&LIGHT, light)] {
            for ((color, own), (everywhere, on_own)) in states(palette).into_iter().zip(table) {
                assert_ratio(lowest(palette, color), everywhere);
                assert_ratio(contrast(color, own), on_own);
            }
        }
    }

    #[test]
    fn accents_lines_and_pins_have_the_contrast_of_the_table() {
        for (it, on, bg) in [(&DARK, 8.2, 5.8), (&LIGHT, 6.5, 5.4)] {
            assert_ratio(contrast(it.on_accent, it.accent), on);
            assert_ratio(contrast(it.accent, it.accent_bg), bg);
        }
        for (it, expected) in [(&DARK, [4.5, 4.1, 3.6]), (&LIGHT, [3.3, 4.2, 4.5])] {
            for (ground, expected) in grounds(it).into_iter().zip(expected) {
                assert_ratio(contrast(it.line_strong, ground), expected);
            }
        }
        assert_ratio(contrast(PIN_POSITIVE.sign, PIN_POSITIVE.fill), 8.4);
        assert_ratio(contrast(PIN_NEGATIVE.sign, PIN_NEGATIVE.fill), 9.0);
    }

    #[test]
    fn the_scale_of_text_is_kept_in_its_range() {
        let ctx = Context::default();
        install(&ctx);
        for (asked, expected) in [(5.0, 2.0), (0.1, 0.8), (1.25, 1.25), (f32::NAN, 1.25)] {
            set_text_scale(&ctx, asked);
            ctx.begin_pass(egui::RawInput::default());
            let found = ctx.zoom_factor();
            ctx.end_pass().drop_without_applying_deltas();
            assert!((found - expected).abs() < 1e-6, "{asked}: {found}");
        }
    }

    #[test]
    fn both_themes_get_their_colors() {
        let ctx = Context::default();
        install(&ctx);
        for palette in [&DARK, &LIGHT] {
            let style = ctx.style_of(palette.theme);
            assert_eq!(of_visuals(&style.visuals), palette);
            assert_eq!(style.visuals.panel_fill, palette.panel);
        }
        set_reduced_motion(&ctx, true);
        assert!(ctx.style_of(Theme::Light).animation_time.abs() < f32::EPSILON);
    }
}
