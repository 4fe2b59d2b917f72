//! What fuzzing found interesting holds without a fuzzer too: every file of `tests/fuzz/corpus`.

#[path = "fuzz/src/lib.rs"]
mod checks;

use std::path::Path;
use std::{fs, panic};

#[test]
fn every_file_of_every_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut failed = vec![];
    for (target, check) in checks::TARGETS {
        let folder = corpus.join(target);
        let entries = fs::read_dir(&folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} has no files", folder.display());
        println!("{target}: {} files", files.len());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            if panic::catch_unwind(|| check(&bytes)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "these do not hold: {failed:#?}");
}

/// A folder that no target has would be run by nobody.
#[test]
fn every_corpus_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/fuzz_targets");
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> =
            entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mut known: Vec<_> = checks::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!((names(&corpus), names(&targets)), (known.clone(), known));
}
