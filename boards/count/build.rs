//! A plugin names the version of QEMU's interface that it was built for: 1 until QEMU 8, 2 for 9.0, 3
//! for 9.1, 4 from 9.2 on, where 2 is the least accepted since 9.0.

fn main() {
    println!("cargo::rerun-if-env-changed=QEMU_PLUGIN_API");
    let version = std::env::var("QEMU_PLUGIN_API").unwrap_or("1".into());
    println!("cargo::rustc-env=QEMU_PLUGIN_API={version}");
    // QEMU's own symbols are found when it loads the plugin.
    println!("cargo::rustc-cdylib-link-arg=-Wl,--unresolved-symbols=ignore-all");
}
