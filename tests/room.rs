//! Runs the program under test in a folder of its own and reads back what it wrote.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot handle its own files has failed"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use image::{Rgb, RgbImage};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use tempfile::TempDir;

/// Held alone by tests that click in a window, with others by those that load every core for long: what somebody clicks
/// has to be drawn before the next click.
static MACHINE: RwLock<()> = RwLock::new(());

/// For a test that loads every core for long.
pub(crate) fn busy() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that needs the machine.
pub(crate) fn quiet() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Names of all files in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// A disk of so many KiB in a folder, which takes root; the folder is a plain one again when this is dropped.
#[cfg(target_os = "linux")]
pub(crate) struct Disk<'a>(pub(crate) &'a Path);

#[cfg(target_os = "linux")]
impl Disk<'_> {
    /// Whether it is there now, with these options.
    pub(crate) fn mount(&self, options: &str) -> bool {
        Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(self.0)
            .output()
            .is_ok_and(|mount| mount.status.success())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// An empty folder in which the program runs, on the CPU, with a store that starts empty.
pub(crate) struct Room(TempDir);

/// How one run of the program ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A room with a golden backbone: its checkpoint in the folder `model`, its picture as `image.png`.
    pub(crate) fn with_backbone(case: &str) -> Self {
        let room = Self::new();
        room.copy_backbone(case, "model");
        // The golden folder tells the statistics by its name, which is lost here.
        let json: Value = serde_json::from_slice(&room.read("model/case.json")).unwrap();
        let statistics =
            serde_json::json!({ "image_mean": json["mean"], "image_std": json["std"] });
        room.write("model/preprocessor_config.json", statistics.to_string());
        room
    }

    /// Copies a golden backbone to the folder `model` and its picture to `image.png`.
    pub(crate) fn copy_backbone(&self, case: &str, model: &str) {
        let golden = crate::golden::folder().join(case);
        let copy = |file: &str, to: &str| self.write(to, fs::read(golden.join(file)).unwrap());
        for file in ["model.safetensors", "config.json", "case.json"] {
            copy(file, &format!("{model}/{file}"));
        }
        copy("image.png", "image.png");
    }

    /// A copy of the checkpoint in `model` whose file says that its weights are random.
    pub(crate) fn mark_untrained(&self, model: &str, copy: &str) {
        let bytes = self.read(&format!("{model}/model.safetensors"));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let mut stated = header.metadata().clone().unwrap_or_default();
        stated.insert("untrained".into(), "true".into());
        let marked = safetensors::serialize(file.tensors(), Some(stated)).unwrap();
        self.write(&format!("{copy}/model.safetensors"), marked);
        for file in ["config.json", "preprocessor_config.json"] {
            self.write(
                &format!("{copy}/{file}"),
                self.read(&format!("{model}/{file}")),
            );
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes a file; its folder is made if need be.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a picture of noise, so that no two patches are alike.
    pub(crate) fn picture(&self, name: &str, (width, height): (u32, u32), seed: u32) {
        let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let pixels = RgbImage::from_fn(width, height, |_, _| Rgb([byte(), byte(), byte()]));
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        pixels.save(self.path(name)).unwrap();
    }

    /// Names of all files in a folder, sorted.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }

    /// Runs the program with arguments that are separated by spaces.
    pub(crate) fn run(&self, arguments: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dinoscope-under-test"));
        command.current_dir(self.0.path());
        command.args(["--device", "cpu"]).args(arguments.split(' '));
        command.env("DINOSCOPE_HOME", self.path(".home"));
        for name in ["DINOSCOPE_LOG", "RUST_BACKTRACE", "HF_TOKEN", "HF_ENDPOINT"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the program, which must succeed.
    pub(crate) fn succeeds(&self, arguments: &str) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments}: {}", run.stderr);
        run
    }

    /// Runs the program, which must succeed and print one JSON object on one line.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let run = self.succeeds(&format!("{arguments} --json"));
        assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        assert!(json.is_object(), "{json}");
        json
    }

    /// Runs the program, which must fail with one line on stderr and nothing on stdout; returns that line.
    pub(crate) fn fails(&self, arguments: &str) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(1), "{arguments}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{arguments}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments}");
        run.stderr
    }
}

/// Element type, shape and bytes of each tensor of a file.
pub(crate) type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// All tensors of a safetensors file.
pub(crate) fn tensors(path: &Path) -> Tensors {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter();
    tensors
        .map(|(name, view)| {
            (
                name,
                (view.dtype(), view.shape().to_vec(), view.data().to_vec()),
            )
        })
        .collect()
}

/// Little-endian values.
pub(crate) fn f32s(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks().0.iter();
    values.map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Texts in the header of a safetensors file.
pub(crate) fn metadata(path: &Path) -> BTreeMap<String, String> {
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let entries = header.metadata().clone().unwrap().into_iter();
    entries.collect()
}

/// Shape and values of an `.npy` file.
pub(crate) fn npy(bytes: &[u8]) -> (Vec<u64>, Vec<f32>) {
    let file = npyz::NpyFile::new(bytes).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

/// Keys and values of the Latin-1 text chunks of a PNG.
pub(crate) fn png_texts(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut rest = &bytes[8..];
    while let Some((length, chunk)) = rest.split_first_chunk() {
        let (kind, chunk) = chunk.split_at(4);
        let (data, after) = chunk.split_at(u32::from_be_bytes(*length) as usize);
        if kind == b"tEXt" {
            let text: String = data.iter().map(|&byte| char::from(byte)).collect();
            let (key, value) = text.split_once('\0').unwrap();
            texts.insert(key.to_owned(), value.to_owned());
        }
        rest = &after[4..];
    }
    texts
}
