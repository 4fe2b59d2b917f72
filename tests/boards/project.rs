//! Projects made from `boards/template`.
//!
//! The placeholders are put in as cargo-generate does it: it replaces `{{name}}` and drops the ending `.liquid`
//! (0.23.4 makes the same files).

use super::{BUILDING, Board, boards, command, finish};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A board that QEMU plays, and what is answered for it.
pub struct Project {
    pub board: &'static Board,
    pub name: &'static str,
    pub flash: &'static str,
    pub ram: &'static str,
}

/// All files of a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
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

impl Project {
    /// Makes the project, lets somebody make it theirs, builds it and says where its image is.
    pub fn build(&self, path: &str, own: impl FnOnce(&Path)) -> PathBuf {
        let Self { board, name, flash, ram } = self;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = root.join("target/boards/template").join(board.target).join(name);
        generate(
            &[
                ("project-name", name),
                ("target", board.target),
                ("chip", "none"),
                ("flash_origin", flash),
                ("flash_kib", "512"),
                ("kept_kib", "32"),
                ("ram_origin", ram),
                ("ram_kib", "128"),
                ("idinit", &format!("path = {:?}", root.to_str().unwrap())),
            ],
            &made,
        );
        own(&made);
        let images = root.join("target/boards/template/target");
        let mut cargo = command("cargo");
        cargo.args(["build", "--release"]).current_dir(&made).env("PATH", path);
        cargo.env("CARGO_TARGET_DIR", &images);
        let built = finish(cargo, BUILDING);
        assert!(built.ok, "{name} does not build for {}:\n{}", board.target, built.err);
        images.join(board.target).join("release").join(name)
    }
}
