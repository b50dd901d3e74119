//! The kernels' text: valid, plain WebGPU, and each with a test.

use dinoscope_shaders::KERNELS;
use wgpu::naga;

#[test]
fn every_kernel_is_valid_without_any_native_feature() {
    for kernel in KERNELS {
        let module = naga::front::wgsl::parse_str(kernel.source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string(kernel.source)));
        // No capability at all: what is left is what every WebGPU device runs.
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::empty(),
        );
        let info = validator.validate(&module);
        assert!(
            info.is_ok(),
            "{}: {}",
            kernel.name,
            info.unwrap_err().emit_to_string(kernel.source)
        );
        let [entry] = &module.entry_points[..] else {
            panic!("{} has not one entry point", kernel.name)
        };
        assert_eq!(entry.name, "main", "{}", kernel.name);
        let [x, y, z] = entry.workgroup_size;
        assert!(
            [(64, 1, 1), (8, 8, 1), (256, 1, 1)].contains(&(x, y, z)),
            "{}: workgroup of {x} x {y} x {z}",
            kernel.name
        );
        let storage = module
            .global_variables
            .iter()
            .filter(|(_, variable)| matches!(variable.space, naga::AddressSpace::Storage { .. }));
        assert!(storage.count() <= 8, "{}: too many buffers", kernel.name);
        for directive in ["enable ", "requires "] {
            assert!(!kernel.source.contains(directive), "{}", kernel.name);
        }
    }
}

#[test]
fn every_kernel_is_held_against_its_twin() {
    for kernel in KERNELS {
        let tested = super::twins::TESTED.contains(&kernel.name)
            || super::display::TESTED.contains(&kernel.name);
        assert!(tested, "{} has no test", kernel.name);
    }
}
