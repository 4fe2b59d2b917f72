//! A project made from `boards/template` learns, and what it says is what the same files say here.
//!
//! The placeholders are put in as cargo-generate does it: it replaces `{{name}}` and drops the ending `.liquid`
//! (0.23.4 makes the same files).

use super::{BUILDING, M4F, RISCV, RUNNING, boards, command, finish, skip, toolchain};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[path = "../../boards/template/src/learning.rs"]
mod learning;
#[path = "../../boards/template/src/sensor.rs"]
mod sensor;

/// A board that QEMU plays, and what is answered for it.
struct Project {
    board: &'static super::Board,
    machine: &'static [&'static str],
    flash: &'static str,
    ram: &'static str,
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Writes the project that these answers make.
fn generate(answers: &[(&str, &str)], into: &Path) {
    let template = boards().join("template");
    let _ = fs::remove_dir_all(into);
    for path in files(&template) {
        let name = path.strip_prefix(&template).unwrap().to_str().unwrap();
        if name == "cargo-generate.toml" {
            continue;
        }
        let mut text = fs::read_to_string(&path).unwrap();
        for (placeholder, answer) in answers {
            text = text.replace(&format!("{{{{{placeholder}}}}}"), answer);
        }
        assert!(!text.contains("{{") && !text.contains("{%"), "{name} has more than placeholders");
        let path = into.join(name.strip_suffix(".liquid").unwrap_or(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What `main` of the template does, without its memory and its prints.
fn host_says() -> String {
    let (mut weights, mut arena) = ([0.0; learning::WEIGHTS], [0.0; learning::ARENA]);
    let mut learner = learning::start(&mut weights, &mut arena).unwrap();
    let mut said = String::new();
    for hundred in 0..3 {
        let mut wrong = 0.0;
        for number in 100 * hundred..100 * (hundred + 1) {
            let (window, kind) = sensor::labelled(number);
            wrong += learning::learn(&mut learner, &window, kind).unwrap();
        }
        said += &format!("learnt {} windows, loss {}\n", 100 * (hundred + 1), wrong / 100.0);
    }
    let told = (300..330).filter(|&number| {
        let (window, kind) = sensor::labelled(number);
        learning::tell(&mut learner, &window).unwrap() == kind
    });
    said + &format!("right {} of 30\n", told.count())
}

/// A project for `board` learns as it is.
fn learns(project: &Project) {
    let board = project.board;
    let test = format!("the template on {}", board.folder);
    let Ok(path) = toolchain(board).inspect_err(|why| skip(&test, why)) else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = root.join("target/boards/template").join(board.target);
    generate(
        &[
            ("project-name", "made"),
            ("target", board.target),
            ("chip", "none"),
            ("flash_origin", project.flash),
            ("flash_kib", "512"),
            ("kept_kib", "32"),
            ("ram_origin", project.ram),
            ("ram_kib", "128"),
            ("idinit", &format!("path = {:?}", root.to_str().unwrap())),
        ],
        &made,
    );
    let images = root.join("target/boards/template/target");
    let mut cargo = command("cargo");
    cargo.args(["build", "--release"]).current_dir(&made).env("PATH", path);
    cargo.env("CARGO_TARGET_DIR", &images);
    let built = finish(cargo, BUILDING);
    assert!(built.ok, "{test} does not build:\n{}", built.err);
    let mut qemu = command(board.qemu);
    qemu.args(project.machine).arg("-nographic");
    qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]);
    qemu.arg(images.join(board.target).join("release/made"));
    let ran = finish(qemu, RUNNING);
    assert!(ran.ok, "{test} failed:\n{}{}", ran.out, ran.err);
    assert_eq!(ran.out, host_says(), "{test}");
    assert!(ran.out.ends_with("right 30 of 30\n"), "{}", ran.out);
}

#[test]
fn a_project_made_from_the_template_learns() {
    let machine = &["-machine", "mps2-an386"];
    learns(&Project { board: &M4F, machine, flash: "0x00000000", ram: "0x20000000" });
    let machine = &["-machine", "virt", "-bios", "none"];
    learns(&Project { board: &RISCV, machine, flash: "0x80000000", ram: "0x80080000" });
}

/// What the template asks is what its files have, with the name that cargo-generate asks for itself.
#[test]
fn every_placeholder_of_the_template_is_asked_for() {
    let template = boards().join("template");
    let asked = fs::read_to_string(template.join("cargo-generate.toml")).unwrap();
    let mut asked: Vec<_> =
        asked.lines().filter_map(|line| line.strip_prefix("[placeholders.")).collect();
    asked.push("project-name]");
    asked.sort_unstable();
    let mut had = vec![];
    for path in files(&template) {
        let text = fs::read_to_string(&path).unwrap();
        had.extend(
            text.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0.to_owned() + "]"),
        );
    }
    had.sort_unstable();
    had.dedup();
    assert_eq!(asked, had);
}
