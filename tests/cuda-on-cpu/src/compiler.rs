//! C++ text to a library, by the system's compiler, kept under a name made of its content.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::{fs, process};

use crate::settings::settings;

/// The runtime, included by every module.
const HEADERS: [(&str, &str); 6] = [
    ("numbers.h", include_str!("runtime/numbers.h")),
    ("fibers.h", include_str!("runtime/fibers.h")),
    ("barriers.h", include_str!("runtime/barriers.h")),
    ("memory.h", include_str!("runtime/memory.h")),
    ("run.h", include_str!("runtime/run.h")),
    ("ptx.h", include_str!("runtime/ptx.h")),
];

/// No contraction of a product and a sum, no assumption about signed overflow or types: as PTX has it.
const FLAGS: [&str; 9] = [
    "-std=gnu++17",
    "-O2",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fPIC",
    "-shared",
    "-w",
];

/// The compiled library of a translation unit.
pub fn compile(code: &str) -> Result<PathBuf, String> {
    let folder = folder()?;
    let mut flags = FLAGS.to_vec();
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") {
        flags.push("-mfma");
    }
    let compilers: Vec<&str> = match &settings().compiler {
        Some(compiler) => vec![compiler],
        None => vec!["c++", "g++", "clang++"],
    };
    let library = folder.join(format!("{:032x}.so", key(code, &flags, &compilers)));
    if library.exists() {
        return Ok(library);
    }
    // Other processes may be at the same: each works in its own folder and moves the result in one step.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let work = folder.join(format!("work-{}-{}", process::id(), NUMBER.fetch_add(1, Relaxed)));
    let built = build(code, &flags, &compilers, &work)
        .and_then(|built| fs::rename(built, &library).map_err(|error| error.to_string()));
    let _ = fs::remove_dir_all(&work);
    built.map(|()| library)
}

fn build(code: &str, flags: &[&str], compilers: &[&str], work: &Path) -> Result<PathBuf, String> {
    let write = |name: &str, text: &str| {
        fs::write(work.join(name), text).map_err(|error| format!("{}: {error}", work.display()))
    };
    fs::create_dir_all(work).map_err(|error| format!("{}: {error}", work.display()))?;
    for (name, text) in HEADERS {
        write(name, text)?;
    }
    write("module.cpp", code)?;
    for compiler in compilers {
        let mut command = Command::new(compiler);
        command.args(flags).args(["module.cpp", "-o", "module.so"]).current_dir(work);
        // The compiler's own libraries, not this device.
        command.env_remove("LD_LIBRARY_PATH");
        match command.output() {
            Ok(output) if output.status.success() => return Ok(work.join("module.so")),
            Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(_) => {}
        }
    }
    Err(format!("no C++ compiler: tried {compilers:?}; CUDA_ON_CPU_CXX names another"))
}

/// `CUDA_ON_CPU_CACHE`, or a folder beside this library.
fn folder() -> Result<PathBuf, String> {
    let folder = match &settings().cache {
        Some(folder) => folder.clone(),
        None => beside_library().ok_or("CUDA_ON_CPU_CACHE must name a folder")?,
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    fs::canonicalize(&folder).map_err(|error| error.to_string())
}

fn beside_library() -> Option<PathBuf> {
    // SAFETY: all zeros is a Dl_info; the address is of this library, so its name is set and stays
    let path = unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(compile as *const libc::c_void, &mut info) == 0 {
            return None;
        }
        CStr::from_ptr(info.dli_fname)
    };
    let library = fs::canonicalize(OsStr::from_bytes(path.to_bytes())).ok()?;
    Some(library.parent()?.join("cuda-on-cpu-cache"))
}

/// FNV-1a of 128 bits of everything that goes in.
fn key(code: &str, flags: &[&str], compilers: &[&str]) -> u128 {
    let headers = HEADERS.iter().map(|(_, text)| *text);
    let parts = [code].into_iter().chain(headers).chain(flags.iter().copied());
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for part in parts.chain(compilers.iter().copied()) {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        }
    }
    hash
}
