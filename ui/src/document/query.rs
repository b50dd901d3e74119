//! What is searched for: pins on pictures.

use serde::{Deserialize, Serialize};

use super::PictureId;

/// Number of a pin in its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PinId(pub u32);

/// Whether alike patches are wanted or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Find patches like this one.
    #[default]
    Positive,
    /// Not like this.
    Negative,
}

/// What a pin covers, in pixels of its picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinShape {
    /// The patch under a point (x, y).
    Point([f64; 2]),
    /// The patches of a box between two opposite corners.
    Box([[f64; 2]; 2]),
    /// The patches of a polygon.
    Lasso(Vec<[f64; 2]>),
}

impl PinShape {
    /// Where the pin is drawn: the point, or the middle of the region's corners.
    pub fn center(&self) -> [f64; 2] {
        match self {
            Self::Point(at) => *at,
            Self::Box([a, b]) => [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])],
            Self::Lasso(corners) => {
                let count = corners.len().max(1) as f64;
                let sum = corners
                    .iter()
                    .fold([0.0, 0.0], |sum, at| [sum[0] + at[0], sum[1] + at[1]]);
                sum.map(|value| value / count)
            }
        }
    }

    /// The same shape with its center elsewhere.
    #[must_use]
    pub fn moved_to(&self, [x, y]: [f64; 2]) -> Self {
        let [old_x, old_y] = self.center();
        let shift = |at: &[f64; 2]| [at[0] + x - old_x, at[1] + y - old_y];
        match self {
            Self::Point(_) => Self::Point([x, y]),
            Self::Box(corners) => Self::Box([shift(&corners[0]), shift(&corners[1])]),
            Self::Lasso(corners) => Self::Lasso(corners.iter().map(shift).collect()),
        }
    }
}

/// A prompt that stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// Its number.
    pub id: PinId,
    /// The picture that it stands on.
    pub picture: PictureId,
    /// What it covers.
    pub shape: PinShape,
    /// Like this, or not like this.
    pub sign: Sign,
    /// What the user calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it takes part.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

fn enabled() -> bool {
    true
}

impl Pin {
    /// A pin on the patch under a point.
    pub fn point(id: PinId, picture: PictureId, at: [f64; 2], sign: Sign) -> Self {
        Self {
            id,
            picture,
            shape: PinShape::Point(at),
            sign,
            name: None,
            enabled: true,
        }
    }
}

/// All pins of linked views.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// In the order in which they were set.
    pub pins: Vec<Pin>,
}

impl Query {
    /// Whether something is pinned that takes part and is wanted; without it the pointer asks.
    pub fn asks(&self) -> bool {
        self.active(Sign::Positive).next().is_some()
    }

    /// Pins of one sign that take part.
    pub fn active(&self, sign: Sign) -> impl Iterator<Item = &Pin> {
        self.pins
            .iter()
            .filter(move |pin| pin.enabled && pin.sign == sign)
    }

    /// A pin by its number.
    pub fn get_mut(&mut self, id: PinId) -> Option<&mut Pin> {
        self.pins.iter_mut().find(|pin| pin.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_shape_keeps_its_form() {
        let shape = PinShape::Box([[0.0, 0.0], [4.0, 2.0]]);
        let moved = shape.moved_to([10.0, 10.0]);
        assert_eq!(moved, PinShape::Box([[8.0, 9.0], [12.0, 11.0]]));
        let [x, y] = moved.center();
        assert!(
            (x - 10.0).abs() < 1e-9 && (y - 10.0).abs() < 1e-9,
            "{x}, {y}"
        );
    }

    #[test]
    fn only_enabled_positive_pins_ask() {
        let pin = |sign| Pin::point(PinId(1), PictureId(0), [0.0; 2], sign);
        let mut query = Query {
            pins: vec![pin(Sign::Negative)],
        };
        assert!(!query.asks());
        query.pins.push(pin(Sign::Positive));
        assert!(query.asks());
        query.pins[1].enabled = false;
        assert!(!query.asks());
    }
}
