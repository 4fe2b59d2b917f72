//! Tells the kernels what the user's profile wants: at `opt-level` "s" or "z" they sum one number at
//! a time instead of several abreast. And what the processor has: the compiler of a stable release does
//! not tell a crate that Arm's DSP extension is there. The bits are the same.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(optimize_for_size)");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("OPT_LEVEL").is_ok_and(|level| level == "s" || level == "z") {
        println!("cargo::rustc-cfg=optimize_for_size");
    }
    println!("cargo::rustc-check-cfg=cfg(arm_dsp)");
    let is = |name: &str, test: fn(&str) -> bool| std::env::var(name).is_ok_and(|v| test(&v));
    // every thumbv7em (Cortex-M4, M7) has the extension; others say so, to a compiler that passes it on
    if is("TARGET", |target| target.starts_with("thumbv7em-"))
        || is("CARGO_CFG_TARGET_ARCH", |arch| arch == "arm")
            && is("CARGO_CFG_TARGET_FEATURE", |all| all.split(',').any(|one| one == "dsp"))
    {
        println!("cargo::rustc-cfg=arm_dsp");
    }
}
