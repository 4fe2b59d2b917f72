//! `idinit device` talks with the boards' program `talk` over the UART that QEMU plays: what the board learns
//! is what the host learns, a delta goes out and comes back, and the line is the protocol's alone.
//!
//! Without QEMU or a bare-metal toolchain a test passes with a line `SKIPPED`; with
//! `IDINIT_REQUIRE_QEMU=1` it fails.

#![cfg(all(feature = "cli", unix))]

#[path = "boards/mod.rs"]
mod boards;
#[path = "../boards/common/src/digits.rs"]
mod lesson;
#[path = "boards/machine.rs"]
mod machine;
#[allow(dead_code)] // one of them is on the boards that talk
#[path = "../boards/common/src/nets.rs"]
mod nets;
#[allow(dead_code)] // the labels are those of the file here
#[path = "../boards/template/src/sensor.rs"]
mod sensor;

use boards::project::Project;
use boards::{Board, M0, M4F, RISCV, build, finish, skip, toolchain};
use idinit::data::digits;
use idinit::device::learn::{Budget, Examples, Learner};
use idinit::device::sense::{Sampler, Standard, Windows};
use idinit::engine::{Memory, Portable};
use idinit::init::{IdInit, Initial};
use idinit::recipe::Fingerprint;
use idinit::update::Sgd;
use lesson::{KEPT, PICTURE, PLAN, RECIPE, SETTINGS, STEPS};
use machine::{Machine, TALKING, last};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The weights after so many digits, as the host learns them.
fn trained(labels: usize) -> Vec<f32> {
    let net = PLAN.net();
    let (mut weights, mut arena) = (vec![0.0; PLAN.weights], vec![0.0; PLAN.arena]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let engine = Portable::<nets::Mlp, _>::new(net, Sgd::default(), memory).unwrap();
    let (mut inputs, mut kept) = ([0.0; KEPT * PICTURE], [0; KEPT]);
    let examples = Examples { inputs: &mut inputs, labels: &mut kept };
    let start: Initial<'_, _> = Initial::new(net.nodes(), IdInit::PAPER);
    let mut learner =
        Learner::<_, _, _, { nets::CLASSES }>::new(engine, start, examples, SETTINGS).unwrap();
    let mut x = [0.0; PICTURE];
    for k in 0..labels {
        let label = digits::image(digits::train(k), &mut x).unwrap();
        learner.label(&x, label).unwrap();
        learner.work(Budget::steps(STEPS), |_| ()).unwrap();
    }
    learner.weights().to_vec()
}

/// The whole of it, with `labels` digits: of the last hundred so many more are told right than of the first.
fn talks(board: &Board, labels: usize, better: u64) {
    let path = match toolchain(board) {
        Ok(path) => path,
        Err(why) => return skip(board.folder, &why),
    };
    let image = build(board, &path, "talk", &["--features", "talk"]);
    let machine = Machine::start(board, &image);
    let name = board.folder;

    let start = Fingerprint::of(&trained(0)).to_string();
    let info = machine.json("info", "");
    assert_eq!(
        (&info["recipe"], &info["start"]),
        (&RECIPE.into(), &start.as_str().into()),
        "{name}"
    );
    assert_eq!((&info["window"], &info["weights"]), (&64.into(), &3466.into()), "{name}");
    assert_eq!(info["math"], idinit::math::NAME, "{name}");

    // it learns, and what it learns are the host's bits
    let early = machine.json("label", "--count 100");
    let begun = Instant::now();
    machine.json("label", &format!("--skip 100 --count {}", labels - 200));
    let a_second = (labels - 200) as f64 / begun.elapsed().as_secs_f64();
    println!("{name}: {a_second:.0} labelled windows a second");
    let late = machine.json("label", &format!("--skip {} --count 100", labels - 100));
    let right = |labels: &Value| labels["right"].as_u64().unwrap();
    assert!(right(&late) > right(&early) + better, "{name}: {early}, then {late}");
    let pulled = machine.good("pull", "learnt.delta");
    let result = Fingerprint::of(&trained(labels)).to_string();
    assert_eq!(last(&pulled), result, "{name}");

    let watched = machine.good("watch", "--lines --count 2 --every 0.01");
    let lines: Vec<&str> = watched.lines().collect();
    assert!(lines.len() == 2 && lines[0] == lines[1], "{watched}");
    assert!(lines[0].starts_with(&format!("steps {labels}; labels {labels} of ")), "{watched}");
    let metrics = machine.json("watch", "--once");
    assert_eq!((&metrics["steps"], &metrics["recent"]), (&labels.into(), &64.into()));

    // the delta alone makes the board's weights here
    let folder = machine.folder.path();
    let mut apply = Command::new(env!("CARGO_BIN_EXE_idinit"));
    apply.current_dir(folder).args(["delta", "apply", "learnt.delta", "-o", "learnt.bin"]);
    let applied = finish(apply, TALKING);
    assert!(applied.ok, "{}", applied.err);
    let bytes = fs::read(folder.join("learnt.bin")).unwrap();
    let weights: Vec<f32> =
        bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
    assert_eq!(Fingerprint::of(&weights).to_string(), result, "{name}");

    // and brings them back to the board
    let before = machine.good("infer", "--count 20 --json");
    assert_eq!(last(&machine.good("reset", "")), start);
    assert_ne!(machine.good("infer", "--count 20 --json"), before);
    assert_eq!(last(&machine.good("push", "learnt.delta")), result);
    assert_eq!(machine.good("infer", "--count 20 --json"), before);
    refuses(&machine, folder);
    assert_eq!(last(&machine.good("pull", "again.delta")), result);
    assert_eq!(
        fs::read(folder.join("again.delta")).unwrap(),
        fs::read(folder.join("learnt.delta")).unwrap()
    );

    // it learns no more than it may
    machine.good("budget", "3");
    assert_eq!(machine.json("label", "--count 5")["steps"], 3);
    machine.good("budget", "none");
    machine.good("pause", "");
    assert_eq!(machine.json("label", "--count 5")["steps"], 0);
    machine.good("resume", "");
    assert_eq!(machine.json("label", "--count 5")["steps"], 5);
    assert_eq!(machine.stop(), "", "{name} prints beside its line");
}

/// What is not for the device changes nothing.
fn refuses(machine: &Machine, folder: &Path) {
    let delta = fs::read(folder.join("learnt.delta")).unwrap();
    let mut damaged = delta.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 16;
    fs::write(folder.join("damaged.delta"), damaged).unwrap();
    fs::write(folder.join("cut.delta"), &delta[..delta.len() - 9]).unwrap();
    fs::write(folder.join("none.delta"), b"IDDELTA").unwrap();
    fs::write(folder.join("short.csv"), "3,0.5,1.5\n").unwrap();
    fs::write(folder.join("class.csv"), format!("10{}\n", ",0".repeat(64))).unwrap();
    let cases = [
        ("push", "damaged.delta", "cannot read the delta: nothing was changed"),
        ("push", "cut.delta", "cannot read the delta: nothing was changed"),
        ("push", "none.delta", "the delta is cut off"),
        ("save", "", "cannot do that"),
        ("label", "--data short.csv", "window has 64 numbers, and those of short.csv have 2"),
        ("label", "--data class.csv", "there is no class 10: the device has 10"),
    ];
    for (subcommand, rest, why) in cases {
        let ended = machine.ended(subcommand, rest);
        assert!(!ended.ok && ended.err.contains(why), "{subcommand} {rest}: {}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
}

#[test]
fn a_cortex_m4f_learns_from_who_talks_with_it() {
    talks(&M4F, 1000, 30);
}

#[test]
fn a_cortex_m0_learns_from_who_talks_with_it() {
    talks(&M0, 500, 10);
}

#[test]
fn a_riscv32_learns_from_who_talks_with_it() {
    talks(&RISCV, 500, 10);
}

/// The same program with a panic that is nowhere: it links, so no request and no noise leads to one. That a
/// panic would be noticed, `firmware.rs` proves.
#[test]
fn whatever_comes_over_the_line_nothing_panics() {
    let path = match toolchain(&M4F) {
        Ok(path) => path,
        Err(why) => return skip("whatever_comes_over_the_line_nothing_panics", &why),
    };
    let features = ["--no-default-features", "--features", "no-panic,talk"];
    build(&M4F, &path, "no_panic_talk", &features);
}

/// A pseudo-terminal is as near to a serial port as there is without one.
#[test]
fn a_serial_port_is_opened_and_talked_through() {
    let path = match toolchain(&M4F) {
        Ok(path) => path,
        Err(why) => return skip("a_serial_port_is_opened_and_talked_through", &why),
    };
    let image = build(&M4F, &path, "talk", &["--features", "talk"]);
    let mut qemu = Machine::qemu(&M4F, &image, "pty").spawn().unwrap();
    let mut said = String::new();
    BufReader::new(qemu.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let port = said.split_whitespace().find(|word| word.starts_with("/dev/")).unwrap();
    let machine = Machine { port: port.to_string(), qemu, folder: tempfile::tempdir().unwrap() };
    assert_eq!(machine.json("info", "--baud 9600")["recipe"], RECIPE);
    assert_eq!(machine.json("label", "--count 10")["labels"], 10);
    machine.stop();
}

/// Something that answers nothing, or something else, or talks all the time.
#[test]
fn what_is_no_device_is_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("", "no answer to 8 tries: is it"),
        ("hello\n", "bytes of something else"),
        ("for ever\n", "bytes of something else"),
    ];
    for (says, why) in cases {
        let socket = folder.path().join(format!("line{}", says.len()));
        let listener = UnixListener::bind(&socket).unwrap();
        let other = thread::spawn(move || {
            let (mut line, _) = listener.accept().unwrap();
            line.write_all(says.as_bytes()).unwrap();
            // until the other side has left
            while says == "for ever\n" && line.write_all(says.as_bytes()).is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
            let _ = std::io::copy(&mut line, &mut std::io::sink());
        });
        let mut idinit = Command::new(env!("CARGO_BIN_EXE_idinit"));
        idinit.args(["device", "info", "--wait", "0.01"]).arg(format!("unix:{}", socket.display()));
        let ended = finish(idinit, TALKING);
        assert!(!ended.ok && ended.err.contains(why), "{}", ended.err);
        assert_eq!(ended.err.lines().count(), 1);
        other.join().unwrap();
    }
}

/// Windows of the template's sensor with their kinds, as a PC's file has them.
fn movements(count: usize) -> String {
    let mut sampler = Sampler::new(sensor::accelerometer());
    let mut windows = Windows::<{ sensor::AXES }, { sensor::SAMPLES }>::new(
        sensor::SAMPLES,
        Standard::new(1_000),
    );
    let mut lines = vec![];
    while lines.len() < count {
        if let Some(window) = windows.take(sampler.read().unwrap()) {
            let numbers: Vec<_> = window.as_flattened().iter().map(f32::to_string).collect();
            lines.push(format!("{},{}", lines.len() % sensor::KINDS, numbers.join(",")));
        }
    }
    lines.join("\n") + "\n"
}

/// A project made from the template, of which the line became a UART, is watched and taught.
#[test]
fn a_project_made_from_the_template_talks() {
    let Ok(path) = toolchain(&M4F).inspect_err(|why| skip("the template talks", why)) else {
        return;
    };
    let project = Project { board: &M4F, name: "talking", flash: "0x00000000", ram: "0x20000000" };
    let image = project.build(&path, |made| {
        let src = made.join("src");
        let board = fs::read_to_string(src.join("board.rs")).unwrap();
        let (own, _) = board.split_once("/// Yours: your HAL's UART").unwrap();
        let own = own.replace("(Flash::new(), Line,", "(Flash::new(), uart::Cmsdk::mps2(),");
        let own =
            own.replace("convert::Infallible, ", "") + "pub type Line = uart::Uart<uart::Cmsdk>;\n";
        let own = own.replacen("use core::", "#[path = \"uart.rs\"]\nmod uart;\n\nuse core::", 1);
        fs::write(src.join("board.rs"), own).unwrap();
        fs::copy(boards::boards().join("common/src/uart.rs"), src.join("uart.rs")).unwrap();
    });
    let machine = Machine::start(&M4F, &image);
    fs::write(machine.folder.path().join("windows.csv"), movements(120)).unwrap();
    let info = machine.json("info", "");
    assert_eq!(
        (&info["window"], &info["axes"], &info["classes"]),
        (&48.into(), &3.into(), &3.into())
    );
    machine.json("label", "--data windows.csv --count 90");
    let told = machine.good("infer", "--data windows.csv --skip 90 --count 30");
    assert!(told.ends_with("30 of 30 right (100.0 %)\n"), "{told}");
    machine.good("save", "");
    let pulled = machine.good("pull", "learnt.delta");
    assert!(pulled.starts_with("learnt.delta: exact, "), "{pulled}");
    let seen = machine.json("watch", "--once");
    assert!(
        seen["labels"].as_u64().unwrap() >= 90 && seen["saves"].as_u64().unwrap() >= 1,
        "{seen}"
    );
    assert!(machine.stop().starts_with("begins at the start\n"));
}
