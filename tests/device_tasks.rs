//! A real task on a board: a network that was trained on nine wearers of a watch goes to an emulated
//! Cortex-M4F, which learns from the first windows of the tenth and tells the others. Its weights are those of
//! `examples/device_tasks`, to the bit, and so is what it tells.
//!
//! Without QEMU or a bare-metal toolchain a test passes with a line `SKIPPED`; with
//! `IDINIT_REQUIRE_QEMU=1` it fails. The windows are those of `bash examples/get-data.sh watch DATA`, where
//! `IDINIT_DATA` names DATA.

#![cfg(all(feature = "cli", unix))]

#[allow(dead_code)] // the example has more ways to learn
#[path = "../examples/device_tasks/adapt.rs"]
mod adapt;
#[allow(dead_code)] // and more starts
#[path = "../examples/device_tasks/backbone.rs"]
mod backbone;
#[path = "boards/mod.rs"]
mod boards;
#[allow(dead_code)] // not all of what it says is asked
#[path = "../examples/device_tasks/data.rs"]
mod data;
#[path = "../boards/common/src/gestures.rs"]
mod gestures;
#[allow(dead_code)] // what else a board can be asked
#[path = "boards/machine.rs"]
mod machine;
#[allow(dead_code)] // one of them is on the watch
#[path = "../boards/common/src/nets.rs"]
mod nets;

use adapt::{How, adapt, delta};
use backbone::Begin;
use boards::{M4F, build, skip, toolchain};
use data::Window;
use gestures::{KEPT, PLAN, SETTINGS, STEPS};
use idinit::recipe::{Fingerprint, Kind};
use machine::{Machine, last};
use nets::Gestures;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The wearer, from 0, who labels the first windows and asks about the next.
const WEARER: usize = 2;
const LABELLED: usize = KEPT;
const ASKED: usize = 50;

/// The folder with the windows, or a line that says that there is none.
fn recorded() -> Option<PathBuf> {
    let data = env::var_os("IDINIT_DATA").map(PathBuf::from);
    let found = data.filter(|data| data.join("watch").is_dir());
    if found.is_none() {
        // not by eprintln, which the test harness keeps to itself when a test passes
        let _ =
            writeln!(io::stderr(), "SKIPPED: device_tasks: IDINIT_DATA names no folder with watch");
    }
    found
}

/// A line for each window, as `idinit device` reads them.
fn write(file: &Path, windows: &[Window]) {
    let line = |(label, numbers): &Window| {
        let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
        format!("{label},{}\n", numbers.join(","))
    };
    fs::write(file, windows.iter().map(line).collect::<String>()).unwrap();
}

#[test]
fn a_watch_learns_its_wearer_as_the_example_does() {
    let path = match toolchain(&M4F) {
        Ok(path) => path,
        Err(why) => return skip("a_watch_learns_its_wearer_as_the_example_does", &why),
    };
    let Some(data) = recorded() else { return };
    let subjects = data::watch(&data).unwrap();
    let start = Begin::IdInit.weights(&Gestures::GRAPH, 0).unwrap();
    let windows = data::others(&subjects, WEARER);
    let trained = backbone::train(&Gestures::GRAPH, &start, &windows, (1, 1)).unwrap();
    let (labelled, rest) = subjects[WEARER].split_at(LABELLED);
    let asked = &rest[..ASKED];
    let how = How { settings: SETTINGS, kept: KEPT, steps: STEPS };
    let here = adapt::<_, { Gestures::CLASSES }>(&PLAN, &trained, labelled, asked, how).unwrap();

    let image = build(&M4F, &path, "gestures", &["--features", "talk"]);
    let machine = Machine::start(&M4F, &image);
    let folder = machine.folder.path();
    fs::write(folder.join("backbone.delta"), delta(&start, &trained, Kind::Exact).unwrap())
        .unwrap();
    write(&folder.join("labelled.csv"), labelled);
    write(&folder.join("asked.csv"), asked);
    let right = || {
        let told = machine.good("infer", "--data asked.csv --json");
        let told =
            told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        told.map(|told| told["class"] == told["label"]).collect::<Vec<_>>()
    };

    let info = machine.json("info", "");
    assert_eq!(info["start"], Fingerprint::of(&start).to_string());
    assert_eq!(
        (&info["window"], &info["axes"], &info["classes"]),
        (&300.into(), &6.into(), &7.into())
    );
    let push = machine.good("push", "backbone.delta");
    assert_eq!(last(&push), Fingerprint::of(&trained).to_string());
    assert_eq!(right(), here.before);

    let learnt = machine.json("label", "--data labelled.csv");
    assert_eq!(learnt["steps"], LABELLED * STEPS as usize);
    let result = Fingerprint::of(&here.weights).to_string();
    assert_eq!(last(&machine.good("pull", "learnt.delta")), result);
    assert_eq!(
        fs::read(folder.join("learnt.delta")).unwrap(),
        delta(&start, &here.weights, Kind::Exact).unwrap()
    );
    assert_eq!(right(), here.after);
    assert_eq!(last(&machine.good("save", "")), result);
    println!("{}", machine.good("watch", "--once"));
    let [before, after] =
        [&here.before, &here.after].map(|right| right.iter().filter(|right| **right).count());
    println!(
        "of {ASKED} windows, {before} were told before {LABELLED} labels, and {after} afterwards"
    );
    assert!(after > before && after * 2 > ASKED, "{before}, then {after}");
    assert_eq!(machine.stop(), "");
}
