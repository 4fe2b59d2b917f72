//! Real tasks on a board: a network that was trained on nine wearers of a watch goes to an emulated Cortex-M4F,
//! which learns from the first windows of the tenth and tells the others; and one that was trained on eight spoken words
//! learns two more. The board's weights are those of `examples/device_tasks`, to the bit, and so is what it tells.
//!
//! Without QEMU or a bare-metal toolchain a test passes with a line `SKIPPED`; with
//! `IDINIT_REQUIRE_QEMU=1` it fails. The windows are those of `bash examples/get-data.sh watch spoken DATA`,
//! where `IDINIT_DATA` names DATA.

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
#[allow(dead_code)] // two of them are on the boards that learn
#[path = "../boards/common/src/nets.rs"]
mod nets;
#[path = "../boards/common/src/words.rs"]
mod words;

use adapt::{How, adapt, delta};
use backbone::Begin;
use boards::{M4F, build, skip, toolchain};
use data::Window;
use idinit::math;
use idinit::plan::Plan;
use idinit::recipe::{Fingerprint, Kind};
use machine::{Machine, last};
use nets::{Gestures, Spoken};
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// The wearer, from 0, who labels the first windows and asks about the next.
const WEARER: usize = 2;
/// Windows that are asked about.
const ASKED: usize = 50;

/// Where the compiler for the board and the windows of a set are, or a line that says that they are not.
fn at_hand(test: &str, set: &str) -> Option<(String, PathBuf)> {
    let path = toolchain(&M4F).inspect_err(|why| skip(test, why)).ok()?;
    let data = env::var_os("IDINIT_DATA").map(PathBuf::from);
    let found = data.filter(|data| data.join(set).is_dir());
    if found.is_none() {
        // not by eprintln, which the test harness keeps to itself when a test passes
        let _ = writeln!(io::stderr(), "SKIPPED: {test}: IDINIT_DATA names no folder with {set}");
    }
    Some((path, found?))
}

/// What a board is given, and asked.
struct Task<'a, const N: usize> {
    /// Its program, and how many numbers its samples have.
    program: &'a str,
    axes: u32,
    /// How it learns.
    plan: &'a Plan<N>,
    how: How,
    /// The start of its network, and that network as it was trained elsewhere.
    start: Vec<f32>,
    trained: Vec<f32>,
    labelled: &'a [Window],
    asked: &'a [Window],
}

impl<const N: usize> Task<'_, N> {
    /// Has the board learn, and holds it to the example; returns which windows it told before and after.
    fn run<const CLASSES: usize>(&self, path: &str) -> [Vec<bool>; 2] {
        let Self { program, axes, plan, how, start, trained, labelled, asked } = self;
        let here = adapt::<_, CLASSES>(plan, trained, labelled, asked, *how).unwrap();
        let image = build(&M4F, path, program, &["--features", "talk"]);
        let machine = Machine::start(&M4F, &image);
        let folder = machine.folder.path();
        let backbone = delta(start, trained, Kind::Exact).unwrap();
        fs::write(folder.join("backbone.delta"), backbone).unwrap();
        data::write(&folder.join("labelled.csv"), labelled).unwrap();
        data::write(&folder.join("asked.csv"), asked).unwrap();
        let right = || {
            let told = machine.good("infer", "--data asked.csv --json");
            let told =
                told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            told.map(|told| told["class"] == told["label"]).collect::<Vec<_>>()
        };

        let info = machine.json("info", "");
        assert_eq!(info["start"], Fingerprint::of(start).to_string());
        // without which its bits would not be those of this PC
        assert_eq!(info["math"], math::NAME);
        let window = plan.net().input().len();
        assert_eq!(
            (&info["window"], &info["axes"], &info["classes"]),
            (&window.into(), &(*axes).into(), &CLASSES.into())
        );
        let push = machine.good("push", "backbone.delta");
        assert_eq!(last(&push), Fingerprint::of(trained).to_string());
        assert_eq!(right(), here.before);

        let learnt = machine.json("label", "--data labelled.csv");
        assert_eq!(learnt["steps"], labelled.len() * how.steps as usize);
        let result = Fingerprint::of(&here.weights).to_string();
        assert_eq!(last(&machine.good("pull", "learnt.delta")), result);
        assert_eq!(
            fs::read(folder.join("learnt.delta")).unwrap(),
            delta(start, &here.weights, Kind::Exact).unwrap()
        );
        assert_eq!(right(), here.after);
        assert_eq!(last(&machine.good("save", "")), result);
        println!("{}", machine.good("watch", "--once"));
        assert_eq!(machine.stop(), "");
        [here.before, here.after]
    }
}

fn count(right: &[bool]) -> usize {
    right.iter().filter(|right| **right).count()
}

#[test]
fn a_watch_learns_its_wearer_as_the_example_does() {
    use gestures::{KEPT, PLAN, SETTINGS, STEPS};
    let test = "a_watch_learns_its_wearer_as_the_example_does";
    let Some((path, data)) = at_hand(test, "watch") else { return };
    let subjects = data::watch(&data).unwrap();
    let start = Begin::IdInit.weights(&Gestures::GRAPH, 0).unwrap();
    let windows = data::others(&subjects, WEARER);
    let trained = backbone::train(&Gestures::GRAPH, &start, &windows, (1, 1)).unwrap();
    let (labelled, rest) = subjects[WEARER].split_at(KEPT);
    let how = How { settings: SETTINGS, kept: KEPT, steps: STEPS };
    let asked = &rest[..ASKED];
    let task = Task {
        program: "gestures",
        axes: Gestures::AXES,
        plan: &PLAN,
        how,
        start,
        trained,
        labelled,
        asked,
    };
    let [before, after] = task.run::<{ Gestures::CLASSES }>(&path).map(|right| count(&right));
    println!("of {ASKED} windows, {before} were told before {KEPT} labels, and {after} afterwards");
    assert!(after > before && after * 2 > ASKED, "{before}, then {after}");
}

#[test]
fn a_board_learns_new_words_as_the_example_does() {
    use words::{KEPT, PLAN, SETTINGS, STEPS};
    let test = "a_board_learns_new_words_as_the_example_does";
    let Some((path, data)) = at_hand(test, "spoken") else { return };
    let data::Words { known, given, asked } = data::words(&data).unwrap();
    let known: Vec<_> = known.iter().collect();
    let start = Begin::IdInit.weights(&Spoken::GRAPH, 0).unwrap();
    let trained = backbone::train(&Spoken::GRAPH, &start, &known, (4, 1)).unwrap();
    let (labelled, asked) = (&given[0], &asked[..ASKED]);
    let how = How { settings: SETTINGS, kept: KEPT, steps: STEPS };
    let task = Task {
        program: "words",
        axes: Spoken::AXES,
        plan: &PLAN,
        how,
        start,
        trained,
        labelled,
        asked,
    };
    let told = task.run::<{ nets::CLASSES }>(&path);
    let is_new: Vec<bool> = asked.iter().map(|(word, _)| *word >= data::FIRST_NEW).collect();
    let [before, after] = told.map(|right| {
        let new: Vec<bool> =
            right.iter().zip(&is_new).filter(|(_, new)| **new).map(|(right, _)| *right).collect();
        [count(&right), count(&new)]
    });
    println!(
        "of {ASKED} words, {} new, {before:?} were told before {KEPT} labels, and {after:?} afterwards",
        count(&is_new)
    );
    // no device knows words that it never heard
    assert!(before[1] == 0 && 3 * after[1] > count(&is_new), "{before:?}, then {after:?}");
    assert!(after[0] * 2 > ASKED, "{before:?}, then {after:?}");
}
