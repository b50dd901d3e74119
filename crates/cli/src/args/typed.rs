//! Values that can be typed: points, layers, colors, ranges.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use dinoscope_engine::analysis::Combine;
use dinoscope_engine::figure::{Colormap, Range};
use dinoscope_model::Norm;

/// A point in pixels of the original picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            part.trim()
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite())
        };
        text.split_once(',')
            .and_then(|(x, y)| {
                Some(Self {
                    x: number(x)?,
                    y: number(y)?,
                })
            })
            .ok_or_else(|| format!("a point is X,Y in pixels, found \"{text}\""))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.x, self.y)
    }
}

/// Which layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layers(pub(crate) Vec<usize>);

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self(Vec::new()));
        }
        let layers = text
            .split(',')
            .map(|part| part.trim().parse())
            .collect::<Result<Vec<usize>, _>>();
        layers.map(Self).map_err(|_number| {
            format!("layers are last or 0-based numbers I,J,…, found \"{text}\"")
        })
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("last");
        }
        let layers: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&layers.join(","))
    }
}

/// A color as six hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) [u8; 3]);

impl FromStr for Rgb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let value = u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| digits.len() == 6);
        let [_, red, green, blue] = value
            .ok_or_else(|| format!("a color is RRGGBB, found \"{text}\""))?
            .to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NormChoice {
    Final,
    None,
}

impl From<NormChoice> for Norm {
    fn from(choice: NormChoice) -> Self {
        match choice {
            NormChoice::Final => Self::Final,
            NormChoice::None => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeatureFormat {
    Safetensors,
    Npz,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FigureFormat {
    Png,
    Svg,
}

impl FigureFormat {
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValuesFormat {
    Npy,
    Safetensors,
    Csv,
}

impl ValuesFormat {
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Safetensors => "safetensors",
            Self::Csv => "csv",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CombineChoice {
    /// What the points have in common
    Mean,
    /// Whatever resembles any of them
    Max,
    /// A logistic regression between --at and --not
    Logistic,
}

impl From<CombineChoice> for Combine {
    fn from(choice: CombineChoice) -> Self {
        match choice {
            CombineChoice::Mean => Self::Mean,
            CombineChoice::Max => Self::Max,
            CombineChoice::Logistic => Self::Logistic,
        }
    }
}

/// Values of the ends of a color map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RangeChoice(pub(crate) Range);

impl FromStr for RangeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("a range is auto, MIN,MAX or LOW%,HIGH%, found \"{text}\"");
        if text == "auto" {
            return Ok(Self(Range::Auto));
        }
        let (low, high) = text.split_once(',').ok_or_else(bad)?;
        let number = |text: &str| text.trim().parse::<f32>().ok().filter(|n| n.is_finite());
        let percent = |text: &str| number(text.trim().strip_suffix('%')?);
        if let (Some(low), Some(high)) = (percent(low), percent(high)) {
            return Ok(Self(Range::Percentile { low, high }));
        }
        match (number(low), number(high)) {
            (Some(min), Some(max)) => Ok(Self(Range::Fixed { min, max })),
            _ => Err(bad()),
        }
    }
}

/// A color map by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColormapChoice(pub(crate) Colormap);

impl FromStr for ColormapChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = serde_json::from_value(serde_json::Value::String(text.to_owned()));
        read.map(Self).map_err(|_unknown| {
            format!("colors are viridis, magma, inferno, cividis, turbo, grey or diverging, found \"{text}\"")
        })
    }
}
