//! A project made from `boards/template` learns, and what it says is what the same files say here.

use super::boards::project::{Project, files};
use super::{M4F, RISCV, RUNNING, boards, command, skip, toolchain};
use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc,
    thread,
};

#[path = "../../boards/template/src/board.rs"]
mod board;
#[path = "../../boards/template/src/device.rs"]
mod device;
#[path = "../../boards/template/src/learning.rs"]
mod learning;
#[path = "../../boards/template/src/sensor.rs"]
mod sensor;

/// Lines until the power goes.
const LINES: usize = 3;

/// What the template says here until the power goes; what its flash has is still there then.
fn host_says(flash: &mut board::Flash) -> Vec<String> {
    let (_, line, mut clock) = board::start();
    let (mut lent, mut stage) = (learning::Lent::ZEROS, device::Stage::ZEROS);
    let learner = learning::learner(&mut lent).unwrap();
    let said = RefCell::new(String::new());
    let say: super::Say = &mut |line| *said.borrow_mut() += &line.to_string();
    let on = || said.borrow().lines().count() < LINES;
    device::run(learner, &mut stage, (flash, line, &mut clock), say, on).unwrap();
    said.into_inner().lines().map(str::to_owned).collect()
}

#[test]
fn a_project_made_from_the_template_goes_on_behind_a_loss_of_power() {
    let mut flash = board::start().0;
    let first = host_says(&mut flash);
    assert_eq!(first[0], "begins at the start");
    assert!(first[2].starts_with("180 windows: 64 right of 64, "), "{first:?}");
    let second = host_says(&mut flash);
    assert_eq!(second[0], "goes on from generation 2");
    // nothing has to be learnt once more
    assert!(second[1].starts_with("90 windows: 60 right of 60, "), "{second:?}");
    flash.bytes().fill(0);
    assert!(host_says(&mut flash)[0].starts_with("begins at the start: "));
}

/// A project for a board learns as it is.
fn learns(project: &Project, machine: &[&str]) {
    let board = project.board;
    let test = format!("the template on {}", board.folder);
    let Ok(path) = toolchain(board).inspect_err(|why| skip(&test, why)) else { return };
    let image = project.build(&path, |_| ());
    let mut qemu = command(board.qemu);
    qemu.args(machine).arg("-nographic");
    qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(image);
    let mut running = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let (line, lines) = mpsc::channel();
    let out = BufReader::new(running.stdout.take().unwrap());
    thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|said| line.send(said)));
    let said: Vec<_> = (0..LINES).map_while(|_| lines.recv_timeout(RUNNING).ok()).collect();
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(said, host_says(&mut board::start().0), "{test}");
}

#[test]
fn a_project_made_from_the_template_learns() {
    let (flash, ram) = ("0x00000000", "0x20000000");
    learns(&Project { board: &M4F, name: "made", flash, ram }, &["-machine", "mps2-an386"]);
    let (flash, ram) = ("0x80000000", "0x80080000");
    let machine = &["-machine", "virt", "-bios", "none"];
    learns(&Project { board: &RISCV, name: "made", flash, ram }, machine);
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
