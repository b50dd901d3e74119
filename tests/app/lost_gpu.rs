//! A Vulkan loader whose devices can be lost: it hands everything to the real one, but fails one submission.
//!
//! Compiled by the test into `libvulkan.so.1`. `LOST_GPU_LOADER` names the real loader. When the file that
//! `LOST_GPU_SIGNAL` names is there, the next submission removes it and answers `VK_ERROR_DEVICE_LOST`.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::transmute;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

type GetProc = unsafe extern "system" fn(*mut c_void, *const c_char) -> *mut c_void;
type Submit = unsafe extern "system" fn(*mut c_void, u32, *const c_void, u64) -> i32;

const DEVICE_LOST: i32 = -4;
const RTLD_NOW: c_int = 2;

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

static SUBMIT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static DEVICE_PROC: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

fn real() -> GetProc {
    static REAL: OnceLock<usize> = OnceLock::new();
    let found = *REAL.get_or_init(|| {
        let path = std::env::var("LOST_GPU_LOADER").expect("LOST_GPU_LOADER names the real loader");
        let path = CString::new(path).expect("a path without zeros");
        unsafe {
            dlsym(
                dlopen(path.as_ptr(), RTLD_NOW),
                c"vkGetInstanceProcAddr".as_ptr(),
            ) as usize
        }
    });
    assert_ne!(found, 0, "no vkGetInstanceProcAddr in the real loader");
    unsafe { transmute::<usize, GetProc>(found) }
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkGetInstanceProcAddr(
    instance: *mut c_void,
    name: *const c_char,
) -> *mut c_void {
    let found = unsafe { real()(instance, name) };
    if unsafe { CStr::from_ptr(name) } == c"vkGetDeviceProcAddr" && !found.is_null() {
        DEVICE_PROC.store(found, Ordering::Relaxed);
        return device_proc as *mut c_void;
    }
    found
}

unsafe extern "system" fn device_proc(device: *mut c_void, name: *const c_char) -> *mut c_void {
    let real: GetProc = unsafe { transmute(DEVICE_PROC.load(Ordering::Relaxed)) };
    let found = unsafe { real(device, name) };
    if unsafe { CStr::from_ptr(name) } == c"vkQueueSubmit" && !found.is_null() {
        SUBMIT.store(found, Ordering::Relaxed);
        return submit as *mut c_void;
    }
    found
}

unsafe extern "system" fn submit(
    queue: *mut c_void,
    count: u32,
    submits: *const c_void,
    fence: u64,
) -> i32 {
    if std::env::var_os("LOST_GPU_SIGNAL").is_some_and(|file| std::fs::remove_file(file).is_ok()) {
        return DEVICE_LOST;
    }
    let real: Submit = unsafe { transmute(SUBMIT.load(Ordering::Relaxed)) };
    unsafe { real(queue, count, submits, fence) }
}
