//! Measured times of networks on devices, kept in a small file, and the times that follow from them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dinoscope_engine::Model;
use dinoscope_model::BackboneConfig;
use serde::{Deserialize, Serialize};

use super::work::Work;
use super::{Cost, forward_bytes};

/// Layout of the file; a file of another one is begun anew.
const FORMAT: u32 = 1;

/// Sizes that are kept of one network on one device.
const SIZES: usize = 24;

/// Networks and devices that are kept; the one that was measured longest ago goes first.
const SERIES: usize = 64;

/// How much slower mixing is than products with weights, operation by operation, as long as nothing tells.
const MIXING: f64 = 1.5;

/// A network on a device, as times are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// SHA-256 of the weights.
    pub sha256: String,
    /// Name of the device.
    pub device: String,
    /// Shape.
    pub config: BackboneConfig,
    /// Whether the CPU's fused kernels run it.
    pub fused: bool,
}

impl Network {
    /// An opened model on its device.
    pub fn of(model: &Model) -> Self {
        Self {
            sha256: model.sha256.clone(),
            device: model.device.name().to_owned(),
            config: model.config.clone(),
            fused: model.device.family() == "cpu",
        }
    }

    fn tokens(&self, input_px: (u32, u32)) -> u64 {
        let patch = self.config.patch() as u32;
        let patches = u64::from(input_px.0 / patch) * u64::from(input_px.1 / patch);
        let prefix = match &self.config {
            BackboneConfig::Vit(vit) => vit.prefix(),
            BackboneConfig::ConvNext(_) => 1,
        };
        patches + prefix as u64
    }
}

/// What a predicted time rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Runs of this network on this device.
    Measured,
    /// Runs of other networks on this device.
    OtherNetworks,
    /// Nothing was measured on this device.
    Nothing,
}

/// Times that were measured; shared by threads.
#[derive(Debug)]
pub struct Speeds {
    path: Option<PathBuf>,
    table: Mutex<Table>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Table {
    format: u32,
    /// The one that was measured last stands last.
    series: Vec<Series>,
}

/// Times of one network on one device.
#[derive(Debug, Serialize, Deserialize)]
struct Series {
    sha256: String,
    device: String,
    /// Ascending in tokens.
    times: Vec<Time>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Time {
    tokens: u64,
    work: Work,
    seconds: f64,
}

impl Speeds {
    /// A table that ends with the program.
    pub fn in_memory() -> Self {
        Self {
            path: None,
            table: Mutex::default(),
        }
    }

    /// The table in a file, which need not be there; one that cannot be read is begun anew.
    pub fn open(path: PathBuf) -> Self {
        let table = read(&path).unwrap_or_default();
        Self {
            path: Some(path),
            table: Mutex::new(table),
        }
    }

    /// Number of times that are kept.
    pub fn measurements(&self) -> usize {
        let table = self.table();
        table.series.iter().map(|series| series.times.len()).sum()
    }

    /// Takes in the time of one run over one picture. A file that cannot be written is only logged.
    pub fn record(&self, network: &Network, input_px: (u32, u32), took: Duration) {
        let time = Time {
            tokens: network.tokens(input_px),
            work: Work::of(&network.config, input_px),
            seconds: took.as_secs_f64(),
        };
        let mut table = self.table();
        table.record(network, time);
        if let Some(path) = &self.path
            && let Err(error) = write(path, &table)
        {
            let path = path.display();
            tracing::warn!(%error, %path, "measured time not kept");
        }
    }

    /// What a run over one picture of `(width, height)` pixels of network input costs.
    pub fn cost(&self, network: &Network, input_px: (u32, u32)) -> Cost {
        let work = Work::of(&network.config, input_px);
        let table = self.table();
        let (times, basis) = table.times(network);
        Cost {
            tokens: network.tokens(input_px),
            work,
            seconds: seconds(&times, work),
            basis,
            bytes: forward_bytes(&network.config, input_px, network.fused),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A table of numbers is valid whatever a panicking thread was doing.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn record(&mut self, network: &Network, time: Time) {
        let place = self.series.iter().position(|series| series.is_of(network));
        let mut series = place.map_or_else(
            || Series {
                sha256: network.sha256.clone(),
                device: network.device.clone(),
                times: Vec::new(),
            },
            |place| self.series.remove(place),
        );
        series.record(time);
        self.series.push(series);
        if self.series.len() > SERIES {
            self.series.remove(0);
        }
    }

    /// The times that tell most of a network, and what they are.
    fn times(&self, network: &Network) -> (Vec<Time>, Basis) {
        let own = self.series.iter().find(|series| series.is_of(network));
        if let Some(own) = own {
            return (own.times.clone(), Basis::Measured);
        }
        // The youngest series alone: those of several networks do not lie on one curve.
        let on_device = |series: &&Series| series.device == network.device;
        match self.series.iter().rfind(on_device) {
            Some(series) => (series.times.clone(), Basis::OtherNetworks),
            None => (Vec::new(), Basis::Nothing),
        }
    }
}

impl Series {
    fn is_of(&self, network: &Network) -> bool {
        self.sha256 == network.sha256 && self.device == network.device
    }

    /// A faster run of a size replaces the kept time, a slower one moves it a quarter of the way: disturbances and
    /// first runs only ever slow down.
    fn record(&mut self, time: Time) {
        match self
            .times
            .binary_search_by_key(&time.tokens, |time| time.tokens)
        {
            Ok(place) => {
                let kept = &mut self.times[place];
                let slower = (time.seconds - kept.seconds).max(0.0);
                kept.seconds = kept.seconds.min(time.seconds) + slower / 4.0;
                kept.work = time.work;
            }
            Err(place) => self.times.insert(place, time),
        }
        if self.times.len() > SIZES {
            self.thin();
        }
    }

    /// Drops the size that stands closest to its neighbors.
    fn thin(&mut self) {
        let gap = |at: &usize| self.times[at + 1].tokens as f64 / self.times[at - 1].tokens as f64;
        let inner = 1..self.times.len() - 1;
        if let Some(place) = inner.min_by(|a, b| gap(a).total_cmp(&gap(b))) {
            self.times.remove(place);
        }
    }
}

/// Seconds of `work`: along the measured times, in proportion to the work beyond them. Grows with the work.
fn seconds(times: &[Time], work: Work) -> Option<f64> {
    let mixing = mixing(times);
    let effective = |work: Work| work.linear + mixing * work.mixing;
    let points = times
        .iter()
        .map(|time| (effective(time.work).max(1.0), time.seconds.max(1e-6)));
    let points = ascending(points.collect());
    let at = effective(work).max(1.0);
    let &(first, first_seconds) = points.first()?;
    let &(last, last_seconds) = points.last()?;
    if at <= first {
        return Some(first_seconds * at / first);
    }
    if at >= last {
        return Some(last_seconds * at / last);
    }
    let above = points.partition_point(|&(work, _)| work <= at);
    let (low, high) = (points[above - 1], points[above]);
    let part = (at / low.0).ln() / (high.0 / low.0).ln();
    Some(low.1 * (high.1 / low.1).powf(part))
}

/// Points of work and seconds in the order of the work, seconds made ascending: more work never takes less time,
/// whatever a disturbed run says. Neighbors that contradict each other get their geometric mean.
fn ascending(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Runs of equal time: the sum of the logarithms, and how many.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for &(_, seconds) in &points {
        let mut run = (seconds.ln(), 1);
        while let Some(&(sum, count)) = runs.last()
            && sum / count as f64 > run.0 / run.1 as f64
        {
            runs.pop();
            run = (run.0 + sum, run.1 + count);
        }
        runs.push(run);
    }
    let seconds = runs
        .iter()
        .flat_map(|&(sum, count)| std::iter::repeat_n((sum / count as f64).exp(), count));
    points
        .iter()
        .zip(seconds)
        .map(|(&(work, _), seconds)| (work, seconds))
        .collect()
}

/// How much slower mixing is, operation by operation: the factor under which the times are most nearly proportional to
/// the work. Needs sizes that differ.
fn mixing(times: &[Time]) -> f64 {
    let share = |time: &Time| time.work.mixing / time.work.total().max(1.0);
    let shares = times.iter().map(share);
    let (least, most) = shares.fold((1.0_f64, 0.0_f64), |(least, most), share| {
        (least.min(share), most.max(share))
    });
    if most - least < 0.1 {
        return MIXING;
    }
    let spread = |mixing: f64| {
        let speeds = times.iter().map(|time| {
            (time.seconds.max(1e-6) / (time.work.linear + mixing * time.work.mixing)).ln()
        });
        let speeds: Vec<f64> = speeds.collect();
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        speeds
            .iter()
            .map(|speed| (speed - mean).powi(2))
            .sum::<f64>()
    };
    let candidates = (-4..=8).map(|power| (f64::from(power) / 4.0).exp2());
    candidates
        .min_by(|&a, &b| spread(a).total_cmp(&spread(b)))
        .unwrap_or(MIXING)
}

fn read(path: &Path) -> Option<Table> {
    let table: Table = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let sane = |time: &Time| {
        let numbers = [time.seconds, time.work.linear, time.work.mixing];
        numbers
            .iter()
            .all(|number| number.is_finite() && *number >= 0.0)
            && time.tokens > 0
    };
    let ascending = |series: &Series| series.times.is_sorted_by(|a, b| a.tokens < b.tokens);
    let whole = |series: &Series| ascending(series) && series.times.iter().all(sane);
    (table.format == FORMAT && table.series.iter().all(whole)).then_some(table)
}

/// Writes beside and renames, so that a file is whole or not there.
fn write(path: &Path, table: &Table) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = path.with_extension(format!("{}.part", std::process::id()));
    let stamped = serde_json::json!({ "format": FORMAT, "series": table.series });
    let written = fs::write(&aside, serde_json::to_vec(&stamped)?);
    written
        .and_then(|()| fs::rename(&aside, path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&aside);
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_model::{VARIANTS, Variant};

    fn network(name: &str, device: &str) -> Network {
        Network {
            sha256: name.to_owned(),
            device: device.to_owned(),
            config: Variant::by_name(name).unwrap().config(),
            fused: true,
        }
    }

    fn square(side: u32) -> (u32, u32) {
        (side, side)
    }

    /// Seconds of a machine that does 50 billion products with weights a second, and mixes at half that speed.
    fn machine(network: &Network, side: u32) -> f64 {
        let work = Work::of(&network.config, square(side));
        (work.linear + 2.0 * work.mixing) / 5e10
    }

    fn measured(network: &Network, sides: &[u32]) -> Speeds {
        let speeds = Speeds::in_memory();
        for &side in sides {
            let took = Duration::from_secs_f64(machine(network, side));
            speeds.record(network, square(side), took);
        }
        speeds
    }

    #[test]
    fn nothing_is_foretold_of_a_device_that_was_never_measured() {
        let small = network("vits16", "cpu");
        let speeds = measured(&small, &[224]);
        let elsewhere = network("vits16", "gpu:0 (card)");
        let cost = speeds.cost(&elsewhere, square(512));
        assert_eq!((cost.seconds, cost.basis), (None, Basis::Nothing));
        assert_eq!((cost.tokens, cost.bytes > 0), (1029, true));
    }

    #[test]
    fn large_sizes_follow_from_small_ones() {
        let small = network("vits16", "cpu");
        let speeds = measured(&small, &[224, 512, 1024]);
        for side in [224, 320, 768, 1024, 2048, 4096] {
            let cost = speeds.cost(&small, square(side));
            let (found, expected) = (cost.seconds.unwrap(), machine(&small, side));
            assert!(
                (found / expected).ln().abs() < 0.02,
                "{side}: {found} s, expected {expected}"
            );
            assert_eq!(cost.basis, Basis::Measured);
        }
    }

    #[test]
    fn another_network_on_the_device_gives_a_first_estimate() {
        let speeds = measured(&network("vits16", "cpu"), &[224, 512, 1024]);
        let large = network("vitl16", "cpu");
        let cost = speeds.cost(&large, square(512));
        let ratio = cost.seconds.unwrap() / machine(&large, 512);
        assert!((0.9..1.1).contains(&ratio), "{ratio}");
        assert_eq!(cost.basis, Basis::OtherNetworks);
    }

    #[test]
    fn a_larger_size_never_costs_less_even_after_disturbed_runs() {
        for variant in VARIANTS {
            let network = network(variant.name, "cpu");
            let speeds = measured(&network, &[224, 512]);
            for (side, secs) in [(256, 9.0), (320, 0.001), (1024, 0.5), (1536, 0.4)] {
                speeds.record(&network, square(side), Duration::from_secs_f64(secs));
            }
            let mut last = (0.0, 0);
            for side in (224..=4096).step_by(network.config.patch()) {
                let cost = speeds.cost(&network, square(side));
                let now = (cost.seconds.unwrap(), cost.bytes);
                // Less by rounding alone is not less.
                let longer = now.0 >= last.0 * (1.0 - 1e-12);
                assert!(longer && now.1 > last.1, "{} at {side}", variant.name);
                last = now;
            }
        }
    }

    #[test]
    fn the_file_is_read_again_and_a_damaged_one_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/speeds.json");
        let small = network("vits16", "cpu");
        let speeds = Speeds::open(path.clone());
        speeds.record(&small, square(224), Duration::from_millis(100));
        speeds.record(&small, square(224), Duration::from_millis(300));
        let again = Speeds::open(path.clone());
        let seconds = again.cost(&small, square(224)).seconds.unwrap();
        assert!((seconds - 0.15).abs() < 1e-9, "{seconds}");
        for damaged in [
            "",
            "{",
            "{\"format\":1,\"series\":[{\"sha256\":\"a\",\"device\":\"b\",\"times\":[{\"tokens\":1,\"work\":{\"linear\":-1,\"mixing\":0},\"seconds\":1}]}]}",
            "{\"format\":2,\"series\":[]}",
        ] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(Speeds::open(path.clone()).measurements(), 0, "{damaged}");
        }
    }

    #[test]
    fn the_table_stays_small() {
        let speeds = Speeds::in_memory();
        for number in 0..100 {
            let mut small = network("vits16", "cpu");
            small.sha256 = number.to_string();
            speeds.record(&small, square(224), Duration::from_millis(1));
        }
        assert_eq!(speeds.measurements(), SERIES);
        let small = network("vits16", "cpu");
        let sides: Vec<u32> = (14..=100).map(|patches| 16 * patches).collect();
        let speeds = measured(&small, &sides);
        assert_eq!(speeds.measurements(), SIZES);
        let cost = speeds.cost(&small, square(1600)).seconds.unwrap();
        assert!(
            (cost / machine(&small, 1600) - 1.0).abs() < 0.02,
            "the ends are kept"
        );
    }
}
