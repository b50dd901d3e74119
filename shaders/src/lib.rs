//! Dinoscope's compute kernels as WGSL text.
//!
//! One kernel a file; file, kernel and CPU twin share their name. Every kernel has the entry point `main` and keeps all
//! of its bindings in group 0: inputs, then outputs, then the uniform `params`. WGSL of the WebGPU standard only, so
//! that any adapter that fulfils the standard's minimum runs them.

/// One compute kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// Name of its file without the ending.
    pub name: &'static str,
    /// Complete WGSL, shared functions first.
    pub source: &'static str,
}

impl Kernel {
    /// The kernel of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KERNELS.iter().find(|kernel| kernel.name == name)
    }
}

/// A line of [`KERNELS`]: the kernel's name, then the shared files it uses.
macro_rules! kernel {
    ($name:literal $(, $shared:literal)*) => {
        Kernel {
            name: $name,
            source: concat!(
                $(include_str!(concat!("../shared/", $shared, ".wgsl")),)*
                include_str!(concat!("../", $name, ".wgsl")),
            ),
        }
    };
}

/// Every kernel, by subject.
pub const KERNELS: &[Kernel] = &[
    // Patches to numbers.
    kernel!("lengths"),
    kernel!("cosine"),
    kernel!("cosine_max"),
    kernel!("exclude"),
    kernel!("weighted_sum"),
    kernel!("sum_slices"),
    kernel!("channel_moments"),
    kernel!("project"),
    kernel!("resize_features"),
    // Patches to patches.
    kernel!("nearest"),
    kernel!("cycle"),
    kernel!("window_cosines"),
    kernel!("soft_offset"),
    // Patches to groups.
    kernel!("assign"),
    kernel!("cluster_sum"),
    // Numbers to pixels.
    kernel!("value_range"),
    kernel!("top_k"),
    kernel!("colorize", "color", "sample"),
    kernel!("colorize_rgb", "color", "sample"),
    kernel!("colorize_labels", "color", "sample"),
    kernel!("warp", "color"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_file_is_listed() {
        let mut names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
        names.sort_unstable();
        let folder =
            std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the package has a folder");
        let mut files: Vec<String> = folder
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".wgsl").map(str::to_owned))
            .collect();
        files.sort_unstable();
        assert_eq!(names, files);
    }

    #[test]
    fn every_kernel_says_its_twin_and_binds_in_order() {
        for kernel in KERNELS {
            let own = kernel.source;
            assert!(own.contains("Twin: "), "{} names no CPU twin", kernel.name);
            assert!(
                own.contains("fn main("),
                "{} has no entry point main",
                kernel.name
            );
            let bindings: Vec<&str> = own
                .lines()
                .filter(|line| line.starts_with("@group"))
                .collect();
            for (at, line) in bindings.iter().enumerate() {
                let expected = format!("@group(0) @binding({at}) ");
                assert!(
                    line.starts_with(&expected),
                    "{}: {line}, expected {expected}",
                    kernel.name
                );
            }
            let last = bindings.last().copied().unwrap_or_default();
            assert!(
                last.contains("var<uniform> params"),
                "{}: {last}",
                kernel.name
            );
        }
    }
}
