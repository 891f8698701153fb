//! Tells the program which compiler and target built it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=LIKELY_COMPILER={}", version.as_deref().unwrap_or("unknown").trim());
    println!("cargo::rustc-env=LIKELY_TARGET={}", std::env::var("TARGET").as_deref().unwrap_or("unknown"));
}
