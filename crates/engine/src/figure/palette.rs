//! Colors of labels.
//!
//! Input: the number of a label. Output: RGB8. The first twelve colors were searched for the largest least distance
//! between any two of them in `OKLab`, as seen by the usual, the red-blind, the green-blind and the blue-blind eye
//! (Machado et al. 2009), and are ordered so that the first few are the furthest apart. Further labels go round the
//! circle of hues by the golden angle.

/// Colors that stay apart for every eye.
const DISTINCT: [[u8; 3]; 12] = [
    [60, 30, 255],
    [210, 240, 195],
    [195, 60, 0],
    [0, 165, 150],
    [240, 105, 255],
    [105, 0, 165],
    [0, 240, 30],
    [135, 0, 15],
    [165, 165, 45],
    [135, 90, 165],
    [240, 180, 240],
    [15, 75, 90],
];
/// `1 − 1 / φ` of a turn.
const GOLDEN_TURN: f64 = 0.381_966_011_250_105;
/// Where the hues of further labels start, away from those above.
const FIRST_TURN: f64 = 0.69;
/// Saturation and value of further labels in turn, because neighboring hues alone are soon too close.
const SHADES: [(f64, f64); 4] = [(0.65, 0.75), (0.8, 0.45), (0.65, 0.85), (0.8, 0.55)];

/// Color of a label, 0-based.
pub fn label_color(label: u32) -> [u8; 3] {
    if let Some(color) = DISTINCT.get(label as usize) {
        return *color;
    }
    let number = label - DISTINCT.len() as u32;
    let hue = (FIRST_TURN + f64::from(number) * GOLDEN_TURN).fract();
    let (saturation, value) = SHADES[number as usize % SHADES.len()];
    from_hue(hue, saturation, value)
}

/// Colors of the labels below `count`, at least one.
pub fn palette(count: usize) -> Vec<[u8; 3]> {
    let most = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    (0..most).map(label_color).collect()
}

/// Hue, saturation and value in [0, 1] as RGB8.
#[expect(
    clippy::cast_sign_loss,
    reason = "all three are in [0, 1], so the channels are"
)]
fn from_hue(hue: f64, saturation: f64, value: f64) -> [u8; 3] {
    [0.0, 4.0, 2.0].map(|offset| {
        let ramp = ((hue * 6.0 + offset) % 6.0 - 3.0).abs() - 1.0;
        let channel = value * (1.0 - saturation * (1.0 - ramp.clamp(0.0, 1.0)));
        (channel * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the usual, the red-blind, the green-blind and the blue-blind eye see, on linear RGB.
    const EYES: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];
    const LMS: [[f64; 3]; 3] = [
        [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
        [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
        [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
    ];
    const LAB: [[f64; 3]; 3] = [
        [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
        [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
        [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
    ];

    fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        let row = |row: &[f64; 3]| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2];
        [row(&matrix[0]), row(&matrix[1]), row(&matrix[2])]
    }

    fn seen(color: [u8; 3], eye: &[[f64; 3]; 3]) -> [f64; 3] {
        let linear = color.map(|byte| {
            let channel = f64::from(byte) / 255.0;
            if channel <= 0.040_45 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        let shown = times(eye, linear).map(|channel| channel.clamp(0.0, 1.0));
        times(&LAB, times(&LMS, shown).map(f64::cbrt))
    }

    fn least_distance(colors: &[[u8; 3]], eye: &[[f64; 3]; 3]) -> f64 {
        let mut least = f64::INFINITY;
        for (at, a) in colors.iter().enumerate() {
            for b in &colors[..at] {
                let (a, b) = (seen(*a, eye), seen(*b, eye));
                let squares = (0..3).map(|i| (a[i] - b[i]).powi(2));
                least = least.min(squares.sum::<f64>().sqrt());
            }
        }
        least
    }

    #[test]
    fn the_first_twelve_stay_apart_for_every_eye() {
        // OKLab runs from 0 to 1 in lightness; 0.02 is just noticed side by side. Found: 0.161, 0.131, 0.126, 0.127.
        for (eye, wanted) in EYES.iter().zip([0.16, 0.125, 0.125, 0.125]) {
            let least = least_distance(&palette(12), eye);
            assert!(least > wanted, "{least}");
        }
    }

    #[test]
    fn further_labels_can_be_told_side_by_side() {
        for (count, wanted) in [(24, 0.06), (48, 0.03)] {
            let least = least_distance(&palette(count), &EYES[0]);
            assert!(least > wanted, "{count}: {least}");
        }
        assert_eq!(palette(0).len(), 1);
    }

    #[test]
    fn hues_are_those_of_the_circle() {
        assert_eq!(from_hue(0.0, 1.0, 1.0), [255, 0, 0]);
        assert_eq!(from_hue(1.0 / 3.0, 1.0, 1.0), [0, 255, 0]);
        assert_eq!(from_hue(2.0 / 3.0, 1.0, 0.5), [0, 0, 128]);
    }
}
