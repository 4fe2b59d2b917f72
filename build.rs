//! Tells the kernels what the user's profile wants: at `opt-level` "s" or "z" they sum one number at
//! a time instead of several abreast. The bits are the same.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(optimize_for_size)");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("OPT_LEVEL").is_ok_and(|level| level == "s" || level == "z") {
        println!("cargo::rustc-cfg=optimize_for_size");
    }
}
