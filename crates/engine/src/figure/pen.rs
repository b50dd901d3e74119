//! How a legend is drawn: line below line into the strip under a figure.
//!
//! Input: legends and the strip. Output: shapes, in the text sizes and greys of the light theme. All sizes are in units
//! of the figure (`Scene::unit`).

use super::canvas::Ink;
use super::legend::{Component, ComponentLegend, LabelLegend, MAX_LABELS};
use super::scene::{Item, Rect, Scene};
use super::text::{Anchor, Text, Weight, fit, middle_baseline, width, wrap};
use super::ticks::count_text;

/// Sizes of titles, labels and notes, in units: body, small and tiny of the theme.
pub(super) const TITLE: f32 = 13.0;
pub(super) const SMALL: f32 = 12.0;
const TINY: f32 = 11.0;
/// From one line of text to the next, in units.
pub(super) const LINE: f32 = 18.0;
const SWATCH: f32 = 12.0;
/// From a swatch to its text, and from an entry to the next one.
const SWATCH_GAP: f32 = 6.0;
pub(super) const ENTRY_GAP: f32 = 16.0;
/// Between entries and a note.
const NOTE_GAP: f32 = 2.0;
/// Another face than ours may be so much wider.
pub(super) const FACE_SLACK: f32 = 1.06;
/// Names and swatches of the channels of a map.
const SINGLE: [(&str, [u8; 3]); 1] = [("grey", [0x80; 3])];
const CHANNELS: [(&str, [u8; 3]); 3] = [
    ("red", [0xE0, 0x2A, 0x2A]),
    ("green", [0x1F, 0xA8, 0x3A]),
    ("blue", [0x2A, 0x50, 0xE0]),
];
/// Tokens `text-0`, `text-1`, `text-2` and `line-strong` of the light theme.
const TEXT_0: [u8; 3] = [0x12, 0x14, 0x17];
const TEXT_1: [u8; 3] = [0x2A, 0x2D, 0x33];
const TEXT_2: [u8; 3] = [0x53, 0x58, 0x62];
pub(super) const LINE_STRONG: [u8; 3] = [0x72, 0x77, 0x7F];

/// Where the next line of a legend starts.
pub(super) struct Pen<'a> {
    pub(super) scene: &'a mut Scene,
    pub(super) unit: f32,
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) room: f32,
}

impl<'a> Pen<'a> {
    /// Starts at (`left`, `top`) of a strip that is `room` points wide.
    pub(super) fn new(scene: &'a mut Scene, left: f32, top: f32, room: f32) -> Self {
        Self {
            unit: scene.unit,
            scene,
            left,
            top,
            room,
        }
    }

    /// Where the next line starts, in points.
    pub(super) fn top(&self) -> f32 {
        self.top
    }

    pub(super) fn components(&mut self, legend: &ComponentLegend) {
        self.title(&legend.title);
        let names = match legend.components.len() {
            1 => &SINGLE[..],
            _ => &CHANNELS[..],
        };
        let entries: Vec<Entry> = legend
            .components
            .iter()
            .zip(names)
            .map(|(component, &(name, colour))| Entry {
                colour,
                strong: String::new(),
                plain: component_text(name, *component),
            })
            .collect();
        self.entries(&entries, false);
        self.top += NOTE_GAP * self.unit;
        self.note(&legend.note);
    }

    pub(super) fn labels(&mut self, legend: &LabelLegend) {
        self.title(&legend.title);
        let listed = legend.labels.iter().take(MAX_LABELS);
        let entries: Vec<Entry> = listed
            .map(|label| Entry {
                colour: label.colour,
                strong: label.number.to_string(),
                plain: count_text(label.count),
            })
            .collect();
        self.entries(&entries, true);
        self.top += NOTE_GAP * self.unit;
        if let more @ 1.. = legend.labels.len().saturating_sub(MAX_LABELS) {
            self.note(&format!("and {} more", count_text(more)));
        }
        self.note(&legend.note);
    }

    /// Swatches with their texts, wrapped over lines; `aligned` ones stand in columns.
    fn entries(&mut self, entries: &[Entry], aligned: bool) {
        let unit = self.unit;
        let widths: Vec<f32> = entries.iter().map(|entry| entry.width(unit)).collect();
        let widest = widths.iter().copied().fold(0.0, f32::max);
        let mut x = 0.0;
        for (entry, own) in entries.iter().zip(widths) {
            let needed = if aligned { widest } else { own };
            if x > 0.0 && x + needed > self.room {
                x = 0.0;
                self.top += LINE * unit;
            }
            self.entry(entry, self.left + x);
            x += needed + ENTRY_GAP * unit;
        }
        if !entries.is_empty() {
            self.top += LINE * unit;
        }
    }

    fn entry(&mut self, entry: &Entry, left: f32) {
        let unit = self.unit;
        // Whole points keep the swatch's outline crisp.
        let side = (SWATCH * unit).round();
        let swatch = Rect::new(left.round(), (self.top + unit).round(), side, side);
        let baseline = middle_baseline(swatch.y, side, SMALL * unit);
        let radius = 2.0 * unit;
        self.scene.fill(swatch, radius, Ink::solid(entry.colour));
        let edge = Ink {
            colour: [0; 3],
            alpha: 0.35,
        };
        self.scene.frame(swatch, radius, unit.round(), edge);
        let x = left + (SWATCH + SWATCH_GAP) * unit;
        self.text(entry.strong.clone(), [x, baseline], Face::STRONG);
        let x = x + entry.strong_width(unit);
        self.text(entry.plain.clone(), [x, baseline], Face::PLAIN);
    }

    fn title(&mut self, title: &str) {
        if title.is_empty() {
            return;
        }
        let title = fit(title, TITLE * self.unit, Weight::SemiBold, self.room);
        let at = [self.left, self.top + TITLE * self.unit];
        self.text(title, at, Face::TITLE);
        self.top += (LINE + 4.0) * self.unit;
    }

    pub(super) fn note(&mut self, note: &str) {
        for line in wrap(
            note,
            TINY * self.unit,
            Weight::Regular,
            self.room / FACE_SLACK,
        ) {
            let at = [self.left, self.top + (TINY + 1.0) * self.unit];
            self.text(line, at, Face::NOTE);
            self.top += 15.0 * self.unit;
        }
    }

    pub(super) fn text(&mut self, content: String, at: [f32; 2], face: Face) {
        if content.is_empty() {
            return;
        }
        self.scene.items.push(Item::Text(Text {
            content,
            at,
            size: face.size * self.unit,
            weight: face.weight,
            anchor: face.anchor,
            colour: face.colour,
        }));
    }
}

/// How a text of a legend looks.
#[derive(Clone, Copy)]
pub(super) struct Face {
    size: f32,
    weight: Weight,
    anchor: Anchor,
    colour: [u8; 3],
}

impl Face {
    pub(super) const TITLE: Self = Self::new(TITLE, Weight::SemiBold, Anchor::Left, TEXT_0);
    pub(super) const RANGE: Self = Self::new(SMALL, Weight::Regular, Anchor::Right, TEXT_2);
    pub(super) const TICK: Self = Self::new(SMALL, Weight::Regular, Anchor::Middle, TEXT_1);
    const STRONG: Self = Self::new(SMALL, Weight::SemiBold, Anchor::Left, TEXT_0);
    const PLAIN: Self = Self::new(SMALL, Weight::Regular, Anchor::Left, TEXT_1);
    const NOTE: Self = Self::new(TINY, Weight::Regular, Anchor::Left, TEXT_2);

    const fn new(size: f32, weight: Weight, anchor: Anchor, colour: [u8; 3]) -> Self {
        Self {
            size,
            weight,
            anchor,
            colour,
        }
    }
}

/// A swatch and what stands beside it.
struct Entry {
    colour: [u8; 3],
    strong: String,
    plain: String,
}

impl Entry {
    fn strong_width(&self, unit: f32) -> f32 {
        if self.strong.is_empty() {
            return 0.0;
        }
        width(&self.strong, SMALL * unit, Weight::SemiBold) * FACE_SLACK + 5.0 * unit
    }

    fn width(&self, unit: f32) -> f32 {
        let plain = width(&self.plain, SMALL * unit, Weight::Regular) * FACE_SLACK;
        (SWATCH + SWATCH_GAP) * unit + self.strong_width(unit) + plain
    }
}

/// `red: component 1, 46.9 %`.
fn component_text(channel: &str, component: Component) -> String {
    let share = component.explained.map_or_else(String::new, |share| {
        format!(", {:.1} %", f64::from(share) * 100.0)
    });
    format!("{channel}: component {}{share}", component.number)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Legend;
    use super::super::legend::Label;
    use super::*;

    /// The texts of a legend below a content of this width, which must all lie inside the strip.
    pub(in super::super) fn texts(legend: &Legend, width: u32) -> Vec<Text> {
        let scene = Scene::new(width, 100).with_legends(std::slice::from_ref(legend));
        let (wide, high) = (scene.width as f32, scene.height as f32);
        let texts: Vec<Text> = scene
            .items
            .into_iter()
            .filter_map(|item| match item {
                Item::Text(text) => Some(text),
                _ => None,
            })
            .collect();
        for text in &texts {
            let long = super::width(&text.content, text.size, text.weight);
            let left = match text.anchor {
                Anchor::Left => text.at[0],
                Anchor::Middle => text.at[0] - long / 2.0,
                Anchor::Right => text.at[0] - long,
            };
            let inside = left >= 0.0 && left + long <= wide;
            assert!(
                inside && text.at[1] > 100.0 && text.at[1] + 3.0 < high,
                "{text:?}"
            );
        }
        texts
    }

    pub(in super::super) fn contents(legend: &Legend, width: u32) -> Vec<String> {
        let texts = texts(legend, width).into_iter();
        texts.map(|text| text.content).collect()
    }

    #[test]
    fn channels_are_named_in_their_order() {
        let legend = |count: usize| {
            let component = |number| Component {
                number,
                explained: (number != 2).then_some(0.469),
            };
            Legend::Components(ComponentLegend {
                components: (1..=count).map(component).collect(),
                ..ComponentLegend::default()
            })
        };
        assert_eq!(contents(&legend(1), 600), ["grey: component 1, 46.9 %"]);
        assert_eq!(
            contents(&legend(3), 600),
            [
                "red: component 1, 46.9 %",
                "green: component 2",
                "blue: component 3, 46.9 %"
            ]
        );
        assert!(contents(&legend(0), 600).is_empty());
    }

    #[test]
    fn labels_wrap_and_at_most_32_are_listed() {
        let label = |number| Label {
            number,
            colour: [9; 3],
            count: 1000 * number,
        };
        let legend = Legend::Labels(LabelLegend {
            labels: (0..45).map(label).collect(),
            ..LabelLegend::default()
        });
        let found = texts(&legend, 300);
        assert_eq!(found.len(), 2 * MAX_LABELS + 1);
        assert_eq!(found[2 * MAX_LABELS].content, "and 13 more");
        assert_eq!(found[2 * 31 + 1].content, "31,000");
        let lines: std::collections::BTreeSet<u32> =
            found.iter().map(|text| text.at[1].to_bits()).collect();
        assert!(lines.len() > 5, "{lines:?}");
    }
}
