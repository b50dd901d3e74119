//! The call of the command line that makes a view again, for a shell to read.
//!
//! Options that have the command's own default are left out, so that the line says what is special about the view. The
//! options are those of `dinoscope --help`.

use std::path::{Path, PathBuf};

/// For whom a line is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// sh and all that are like it.
    Posix,
    /// PowerShell, on any system.
    PowerShell,
}

/// Which features of which network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// Name or path of the model.
    pub model: String,
    /// `native`, the short side in pixels, or `WxH`.
    pub size: String,
    /// `last` or a 0-based block.
    pub layer: String,
    /// `final` or `none`.
    pub norm: String,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            model: "builtin".to_owned(),
            size: "512".to_owned(),
            layer: "last".to_owned(),
            norm: "final".to_owned(),
        }
    }
}

/// How a map is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Name of the color map.
    pub colormap: String,
    /// Weight of the map over the picture, in [0, 1].
    pub alpha: f32,
    /// Values of the first and last color; by the map itself without one.
    pub range: Option<(f32, f32)>,
}

/// `dinoscope similarity`.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarityCall {
    /// The picture with the points.
    pub image: PathBuf,
    /// Points to look for, (x, y) in pixels.
    pub at: Vec<[f64; 2]>,
    /// Points to look away from, (x, y) in pixels.
    pub not: Vec<[f64; 2]>,
    /// Other pictures to map onto.
    pub against: Vec<PathBuf>,
    /// Best patches that are outlined.
    pub top: usize,
    /// Features that are compared.
    pub features: Features,
    /// How the map is drawn.
    pub look: Look,
}

/// `dinoscope pca`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcaCall {
    /// Pictures that share a basis.
    pub images: Vec<PathBuf>,
    /// Components shown as red, green and blue.
    pub components: Vec<usize>,
    /// Whether the background is left out.
    pub foreground: bool,
    /// A saved basis.
    pub basis: Option<PathBuf>,
    /// Features that are reduced.
    pub features: Features,
}

/// `dinoscope match`.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchCall {
    /// First picture.
    pub a: PathBuf,
    /// Second picture.
    pub b: PathBuf,
    /// Only pairs that are each other's best.
    pub mutual: bool,
    /// Distance that pairs are thinned to, in pixels of the first picture.
    pub stratify_px: Option<f32>,
    /// Whether partners are placed between patches.
    pub refine: bool,
    /// Features that are matched.
    pub features: Features,
}

/// `dinoscope analyze NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyzeCall {
    /// Name of the analysis.
    pub name: String,
    /// Pictures.
    pub images: Vec<PathBuf>,
    /// Settings by name.
    pub set: Vec<(String, String)>,
    /// Features that are analyzed.
    pub features: Features,
}

impl SimilarityCall {
    /// The line.
    pub fn line(&self, shell: Shell) -> String {
        let mut line = Line::new("similarity");
        line.path(&self.image);
        for (option, points) in [("--at", &self.at), ("--not", &self.not)] {
            for [x, y] in points {
                line.option(option, &format!("{},{}", short(*x), short(*y)));
            }
        }
        line.paths("--against", &self.against);
        if self.top > 0 {
            line.option("--top", &self.top.to_string());
        }
        line.look(&self.look);
        line.features(&self.features);
        line.quoted(shell)
    }
}

impl PcaCall {
    /// The line.
    pub fn line(&self, shell: Shell) -> String {
        let mut line = Line::new("pca");
        for image in &self.images {
            line.path(image);
        }
        if self.components != [0, 1, 2] && !self.components.is_empty() {
            let components: Vec<String> = self.components.iter().map(usize::to_string).collect();
            line.option("--components", &components.join(","));
        }
        line.flag("--foreground", self.foreground);
        line.paths("--basis", self.basis.as_slice());
        line.features(&self.features);
        line.quoted(shell)
    }
}

impl MatchCall {
    /// The line.
    pub fn line(&self, shell: Shell) -> String {
        let mut line = Line::new("match");
        line.path(&self.a);
        line.path(&self.b);
        line.flag("--mutual", self.mutual);
        if let Some(px) = self.stratify_px {
            line.option("--stratify", &px.to_string());
        }
        line.flag("--refine", self.refine);
        line.features(&self.features);
        line.quoted(shell)
    }
}

impl AnalyzeCall {
    /// The line.
    pub fn line(&self, shell: Shell) -> String {
        let mut line = Line::new("analyze");
        line.word(&self.name);
        for image in &self.images {
            line.path(image);
        }
        for (name, value) in &self.set {
            line.option("--set", &format!("{name}={value}"));
        }
        line.features(&self.features);
        line.quoted(shell)
    }
}

/// The words of a line, not quoted yet.
struct Line(Vec<String>);

impl Line {
    fn new(command: &str) -> Self {
        Self(vec!["dinoscope".to_owned(), command.to_owned()])
    }

    fn word(&mut self, word: &str) {
        self.0.push(word.to_owned());
    }

    /// A file. A name that begins as an option does is made a path.
    fn path(&mut self, path: &Path) {
        let text = path.to_string_lossy();
        let guard = if text.starts_with('-') { "./" } else { "" };
        self.0.push(format!("{guard}{text}"));
    }

    fn paths(&mut self, option: &str, paths: &[PathBuf]) {
        if !paths.is_empty() {
            self.word(option);
            for path in paths {
                self.path(path);
            }
        }
    }

    /// A value that begins with a sign is tied to its option, so that it is not taken for one itself.
    fn option(&mut self, option: &str, value: &str) {
        if value.starts_with('-') {
            self.0.push(format!("{option}={value}"));
        } else {
            self.0.extend([option.to_owned(), value.to_owned()]);
        }
    }

    fn flag(&mut self, option: &str, is_on: bool) {
        if is_on {
            self.word(option);
        }
    }

    fn look(&mut self, look: &Look) {
        self.option("--colormap", &look.colormap);
        self.option("--overlay", &short(f64::from(look.alpha)));
        if let Some((min, max)) = look.range {
            self.option("--range", &format!("{min},{max}"));
        }
    }

    fn features(&mut self, features: &Features) {
        let default = Features::default();
        for (option, value, default) in [
            ("--model", &features.model, default.model),
            ("--size", &features.size, default.size),
            ("--layer", &features.layer, default.layer),
            ("--norm", &features.norm, default.norm),
        ] {
            if *value != default {
                self.option(option, value);
            }
        }
    }

    fn quoted(&self, shell: Shell) -> String {
        let words: Vec<String> = self.0.iter().map(|word| quote(word, shell)).collect();
        words.join(" ")
    }
}

/// A number with two decimals at most: hundredths of a pixel or of a weight say more than anybody can see.
fn short(value: f64) -> String {
    ((value * 100.0).round() / 100.0).to_string()
}

/// A word as a shell reads it back.
fn quote(word: &str, shell: Shell) -> String {
    // Letters of all scripts mean themselves in both shells; of the signs, these do in every place.
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=+".contains(c);
    // PowerShell reads a list into a comma, sh does not.
    let is_plain = |c: char| is_plain(c) || (c == ',' && shell == Shell::Posix);
    // PowerShell cuts a bare `-a.b` in two.
    let is_cut = shell == Shell::PowerShell && word.starts_with('-') && word.contains(['.', ':']);
    if !word.is_empty() && !is_cut && word.chars().all(is_plain) {
        return word.to_owned();
    }
    match shell {
        Shell::Posix => format!("'{}'", word.replace('\'', r"'\''")),
        Shell::PowerShell => {
            let mut quoted = String::from("'");
            for c in word.chars() {
                quoted.push(c);
                // Typographic quotes end a string there as the plain one does; doubled, they stand for themselves.
                if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
                    quoted.push(c);
                }
            }
            quoted.push('\'');
            quoted
        }
    }
}

#[cfg(test)]
mod tests;
