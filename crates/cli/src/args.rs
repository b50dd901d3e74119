//! What can be typed. The help texts are the manual: short with `-h`, complete with `--help`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use dinoscope_engine::DeviceChoice;
use dinoscope_engine::figure::isolines::Isolines;
use dinoscope_engine::figure::{Look, Sampling};
use dinoscope_engine::preprocess::{Resample, Size};
use dinoscope_model::checkpoint::{DType, Layout};

mod typed;

pub(crate) use typed::{
    ColormapChoice, CombineChoice, FeatureFormat, FigureFormat, Layers, NormChoice, Point,
    RangeChoice, Rgb, ValuesFormat,
};

/// DINOv3 features of pictures: extract, compare, color, match.
#[derive(Debug, Parser)]
#[command(
    name = "dinoscope",
    version,
    propagate_version = true,
    after_help = "Examples:\n  \
        dinoscope pca photos/*.jpg -o out\n  \
        dinoscope similarity cat.jpg --at 172,112 -o cat-eye.png\n  \
        dinoscope match left.jpg right.jpg -o pairs.csv --figure pairs.png\n  \
        dinoscope features cat.jpg --layer 5,11 -o features\n\n\
        Exit status: 0 done, 1 failed, 2 usage, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Model: builtin, a name of `model list`, a file or a folder
    #[arg(
        long,
        short,
        global = true,
        default_value = "builtin",
        value_name = "NAME|PATH"
    )]
    pub(crate) model: String,
    /// Device: auto, cpu, gpu, gpu:N, cuda, cuda:N
    ///
    /// auto takes a real GPU if there is one, else the CPU; a software adapter such as lavapipe only runs when
    /// asked for with gpu:N.
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub(crate) device: DeviceChoice,
    /// CPU threads [default: all cores]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Print one JSON object: results, settings, timings
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where to write
    #[arg(long, short, global = true, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace existing files
    #[arg(long, global = true)]
    pub(crate) force: bool,
    /// No progress and no summary
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more on stderr; twice for debugging
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[arg(skip = Instant::now())]
    pub(crate) started: Instant,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List adapters and say which one `auto` takes
    Devices,
    /// List, describe, download and convert models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Write features of pictures, one file a picture
    Features(Features),
    /// Map how alike the patches of a picture are to the patch at a point
    Similarity(Similarity),
    /// Color the patches of pictures by their common principal components
    Pca(Pca),
    /// Match the patches of two pictures
    Match(Match),
    /// Run any analysis by its name; without one, list them
    Analyze(Analyze),
    /// Train: pre-train, distil, probe, fine-tune on your own pictures
    Train(Train),
    /// Choose pictures to train on: without near-duplicates, balanced over what they show
    Curate(Curate),
    /// Time the network on this machine
    Bench(Bench),
}

/// Trains what a configuration describes; the folder of the run is -o, by default runs/CONFIG.
///
/// A configuration is TOML. The least that works: recipe = "pretrain" and data.folder = "pictures". Everything else has
/// a default that depends on the recipe and on the number of pictures: `--explain all` lists it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        dinoscope train distil.toml -o runs/first\n  \
        dinoscope train distil.toml --dry-run\n  \
        dinoscope train -o runs/first --resume\n  \
        dinoscope train distil.toml --set run.steps=500 --set seed=1\n  \
        dinoscope train --explain optimizer.lr")]
pub(crate) struct Train {
    /// The configuration
    #[arg(value_name = "CONFIG.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Set a key, over the configuration; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Go on from the newest checkpoint in the folder of the run
    #[arg(long)]
    pub(crate) resume: bool,
    /// Time a few steps, tell time, memory and disk of the run, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Say what a key means and do nothing else; `all` lists every key
    #[arg(long, value_name = "KEY")]
    pub(crate) explain: Option<String>,
}

/// Chooses pictures to train on and writes them as a manifest for `data.manifest`.
///
/// Near-duplicates go first. Then pictures are grouped by their features, the groups again, and as many are drawn of each
/// group as its size allows, so that what is frequent does not drown what is rare. With --near the pictures that are
/// nearest to chosen ones come in as a set of their own, for data.homogeneous.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        dinoscope curate photos --model vits16 --count 2000 -o photos.csv\n  \
        dinoscope curate photos --model vits16 --near birds --neighbors 8 -o photos.csv\n  \
        dinoscope curate photos --model vits16 --duplicates 1 -o unique.csv")]
pub(crate) struct Curate {
    /// Pictures, or folders with all pictures below them
    #[arg(required = true, value_name = "PICTURE")]
    pub(crate) pictures: Vec<PathBuf>,
    /// How many pictures to choose, balanced over what they show [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<NonZeroUsize>,
    /// Groups of each level, from the pictures up [default: one for 20 pictures, one for 20 groups]
    #[arg(long, value_delimiter = ',', value_name = "K,K,…")]
    pub(crate) levels: Vec<usize>,
    /// Take the pictures nearest to the middle of a group instead of random ones
    #[arg(long)]
    pub(crate) typical: bool,
    /// Cosine similarity from which two pictures are the same; above 1: all stay
    #[arg(long, default_value_t = 0.96, value_name = "COSINE")]
    pub(crate) duplicates: f32,
    /// Chosen pictures: those of PICTURE nearest to them make the set "near"
    #[arg(long, value_name = "PICTURE", num_args = 1..)]
    pub(crate) near: Vec<PathBuf>,
    /// How many for each chosen picture
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) neighbors: usize,
    /// Seed of the random draws
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// A table of features `[pictures, dim]` in a safetensors file, in the order of the pictures' paths
    ///
    /// No network runs then, and the table is read in parts: a million pictures need no memory for it.
    #[arg(long, value_name = "FILE", conflicts_with = "near")]
    pub(crate) table: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Known models: built in, installed, downloadable
    List,
    /// What is in a model's files, tensor by tensor
    Info {
        /// Model: builtin, a name of `model list`, a file or a folder
        target: String,
    },
    /// Download a model from the Hugging Face hub
    ///
    /// Interrupted transfers go on where they stopped. The weights are under the DINOv3 License: accept it on the
    /// model's page, make an access token and set `HF_TOKEN`.
    Download {
        /// A name of `model list`, or a repository `owner/name`
        name: String,
        /// Address of the hub [default: `HF_ENDPOINT`, else the public hub]
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
    },
    /// Convert between layouts and number types; writes safetensors
    Convert {
        /// Model to read
        target: String,
        /// File or folder to write
        out: PathBuf,
        /// Names and shapes: hf, meta or timm
        #[arg(long, default_value = "hf")]
        layout: Layout,
        /// Number type: f32, f16 or bf16 [default: as it is]
        #[arg(long)]
        dtype: Option<DType>,
    },
}

/// What is wanted of the network.
#[derive(Args, Debug)]
pub(crate) struct Network {
    /// Input size: native, a short side in pixels, or `WxH`
    ///
    /// N is the short side, aspect kept, each side rounded to the nearest multiple of the patch. native rounds each
    /// side of the picture itself, which resamples nothing where it is a multiple already.
    #[arg(long, default_value = "512", value_name = "native|N|WxH")]
    pub(crate) size: Size,
    /// Filter of the resize, antialiased: bilinear or bicubic
    #[arg(long, default_value = "bilinear")]
    pub(crate) resample: Resample,
    /// Layer: last, or 0-based blocks I,J,…
    #[arg(long, default_value = "last", value_name = "last|I,J,…")]
    pub(crate) layer: Layers,
    /// Norm: final (the model's final norm) or none
    #[arg(long, default_value = "final")]
    pub(crate) norm: NormChoice,
    /// Color behind transparent pixels, RRGGBB
    #[arg(long, default_value = "ffffff", value_name = "RRGGBB")]
    pub(crate) background: Rgb,
    /// Compute anew and remember nothing
    #[arg(long)]
    pub(crate) no_cache: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Features {
    /// Pictures, or folders of pictures
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// File format
    #[arg(long, default_value = "safetensors")]
    pub(crate) format: FeatureFormat,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Args, Debug)]
pub(crate) struct Similarity {
    /// Picture
    pub(crate) image: PathBuf,
    /// Point to look for, in pixels of the picture; repeat for several
    #[arg(long, required = true, allow_hyphen_values = true, value_name = "X,Y")]
    pub(crate) at: Vec<Point>,
    /// Point to look away from; repeat for several
    #[arg(long, allow_hyphen_values = true, value_name = "X,Y")]
    pub(crate) not: Vec<Point>,
    /// Other pictures to map the same query onto
    #[arg(long, num_args = 1.., value_name = "IMAGE")]
    pub(crate) against: Vec<PathBuf>,
    /// Leave out patches this near to a point, in patches
    #[arg(long, value_name = "N")]
    pub(crate) exclude_radius: Option<f32>,
    /// Outline and list the best K patches
    #[arg(long, default_value_t = 0, value_name = "K")]
    pub(crate) top: usize,
    /// Weight of the points of --not
    #[arg(long, default_value_t = 1.0, value_name = "W")]
    pub(crate) not_weight: f32,
    /// How several points become one map
    #[arg(long, default_value = "mean")]
    pub(crate) combine: CombineChoice,
    /// Write the map as .npy, .safetensors or .csv, [rows, cols] f32
    #[arg(long, value_name = "OUT.npy")]
    pub(crate) values: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Args, Debug)]
pub(crate) struct Pca {
    /// Pictures, or folders of pictures; they share one basis
    #[arg(required_unless_present = "values", value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Components shown as red, green, blue
    #[arg(
        long,
        default_value = "0,1,2",
        value_delimiter = ',',
        value_name = "I,J,K"
    )]
    pub(crate) components: Vec<usize>,
    /// Find the foreground, fit on it alone and blacken the rest
    #[arg(long)]
    pub(crate) foreground: bool,
    /// Divide values by their standard deviation (colors always are)
    #[arg(long)]
    pub(crate) whiten: bool,
    /// Write the basis, to color other pictures alike later
    #[arg(long, value_name = "FILE")]
    pub(crate) save_basis: Option<PathBuf>,
    /// Use a saved basis instead of fitting one
    #[arg(long, value_name = "FILE")]
    pub(crate) basis: Option<PathBuf>,
    /// Give the fitted basis the order and signs of a saved one, so that colors agree
    #[arg(long, value_name = "FILE", conflicts_with = "basis")]
    pub(crate) align: Option<PathBuf>,
    /// Write DIR/<stem>.npy too, [rows, cols, k] f32; for one picture a name may follow
    #[arg(long, num_args = 0..=1, value_name = "OUT.npy")]
    #[expect(
        clippy::option_option,
        reason = "absent, given alone, given with a name"
    )]
    pub(crate) values: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Args, Debug)]
pub(crate) struct Match {
    /// First picture
    pub(crate) a: PathBuf,
    /// Second picture
    pub(crate) b: PathBuf,
    /// Only these points of the first picture
    #[arg(long, num_args = 1.., allow_negative_numbers = true, value_name = "X,Y")]
    pub(crate) points: Vec<Point>,
    /// Only pairs that are each other's best partner
    #[arg(long)]
    pub(crate) mutual: bool,
    /// Only pairs whose distance is at most so large a part of that to the second best partner
    #[arg(long, value_name = "0..1")]
    pub(crate) ratio: Option<f32>,
    /// Only pairs that come back to within so many pixels of their start
    #[arg(long, value_name = "PX")]
    pub(crate) cycle: Option<f32>,
    /// Thin the pairs to this distance in the first picture
    #[arg(long, value_name = "PX")]
    pub(crate) stratify: Option<f32>,
    /// Place partners between patches
    #[arg(long)]
    pub(crate) refine: bool,
    /// Draw both pictures and the pairs, as .png or .svg
    #[arg(long, value_name = "OUT.png")]
    pub(crate) figure: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        dinoscope analyze\n  \
        dinoscope analyze clusters\n  \
        dinoscope analyze clusters photos/*.jpg --set clusters=6 -o out\n  \
        dinoscope analyze region cat.jpg --set 'points=120,60;220,140' -o out")]
pub(crate) struct Analyze {
    /// Name of the analysis; without one, all are listed
    pub(crate) name: Option<String>,
    /// Pictures, or folders of pictures; without any, the settings are listed
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// A setting of the analysis; repeat for several
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Write the values too, as DIR/<stem>-<analysis>.<format>
    #[arg(long, value_name = "FORMAT")]
    pub(crate) values: Option<ValuesFormat>,
    /// Format of the figures
    #[arg(long, default_value = "png")]
    pub(crate) format: FigureFormat,
    #[command(flatten)]
    pub(crate) drawing: Drawing,
    #[command(flatten)]
    pub(crate) network: Network,
}

/// How maps are drawn.
#[derive(Args, Debug)]
pub(crate) struct Drawing {
    /// Weight of the map over the picture, 0 to 1 [default: 0.6; components alone]
    #[arg(long, value_name = "0..1")]
    pub(crate) overlay: Option<f32>,
    /// Colors: viridis, magma, inferno, cividis, turbo, grey, diverging [default: by what the numbers are]
    #[arg(long)]
    pub(crate) colormap: Option<ColormapChoice>,
    /// Values of the first and last color: auto, MIN,MAX, or percentiles LOW%,HIGH%
    #[arg(
        long,
        default_value = "auto",
        allow_hyphen_values = true,
        value_name = "RANGE"
    )]
    pub(crate) range: RangeChoice,
    /// Between patches: nearest, bilinear, bicubic or `joint_bilateral` [default: bilinear; labels and components nearest]
    #[arg(long)]
    pub(crate) sampling: Option<Sampling>,
    /// How grey the picture is below the map, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "0..1")]
    pub(crate) desaturate: f32,
    /// Lines of equal value at so many levels
    #[arg(long, value_name = "N")]
    pub(crate) isolines: Option<u32>,
    /// Pixels of a PNG for each pixel of the picture
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4), value_name = "1..4")]
    pub(crate) scale: u32,
    /// Leave out the legend below the picture
    #[arg(long)]
    pub(crate) no_legend: bool,
}

impl Drawing {
    pub(crate) fn look(&self) -> Look {
        Look {
            alpha: self.overlay,
            colormap: self.colormap.map(|choice| choice.0),
            range: self.range.0,
            sampling: self.sampling,
            desaturate: self.desaturate,
            isolines: self.isolines.map(|levels| Isolines {
                levels,
                ..Isolines::default()
            }),
            bare: self.no_legend,
            ..Look::default()
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// Square input sizes in pixels
    #[arg(long, default_value = "224,448,768", value_delimiter = ',')]
    pub(crate) sizes: Vec<usize>,
    /// Forwards per size that are timed, after two that are not
    #[arg(long, default_value = "5")]
    pub(crate) rounds: NonZeroUsize,
    /// Time maps instead: similarity, projection and matches on the CPU, hovers on a graphics device
    #[arg(long, conflicts_with = "serve")]
    pub(crate) maps: bool,
    /// Time steps of training instead: a plain one and a self-supervised one of a small ViT
    #[arg(long, conflicts_with = "maps")]
    pub(crate) training: bool,
    /// Number of the graphics adapter for --maps
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) adapter: usize,
    /// Read sizes (with --training: plain, ssl) from stdin and time one for each line, for interleaved comparisons
    #[arg(long)]
    pub(crate) serve: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use dinoscope_engine::figure::Range;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn points_and_layers_are_read() {
        assert_eq!("1.5,2".parse(), Ok(Point { x: 1.5, y: 2.0 }));
        assert!("1.5".parse::<Point>().is_err());
        assert!("nan,1".parse::<Point>().is_err());
        assert_eq!("last".parse(), Ok(Layers(vec![])));
        assert_eq!("3,1".parse(), Ok(Layers(vec![3, 1])));
        assert!("-1".parse::<Layers>().is_err());
        assert_eq!("#ff0080".parse(), Ok(Rgb([255, 0, 128])));
        assert!("fff".parse::<Rgb>().is_err());
        let range = |text: &str| text.parse::<RangeChoice>().map(|range| range.0);
        assert_eq!(
            range("-1,0.5"),
            Ok(Range::Fixed {
                min: -1.0,
                max: 0.5
            })
        );
        assert_eq!(
            range("2%,98%"),
            Ok(Range::Percentile {
                low: 2.0,
                high: 98.0
            })
        );
        for text in ["", "1", "2%,98", "a,b", "nan,1"] {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
