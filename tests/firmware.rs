//! The boards' programs compute the host's bits: each is built, run in an emulator, and what it says, its
//! fingerprints, losses and accuracies, is compared line by line with what it says here.
//!
//! Without QEMU or a bare-metal toolchain a test passes with a line `SKIPPED`; with
//! `IDINIT_REQUIRE_QEMU=1` it fails.

#[path = "boards/mod.rs"]
mod boards;
#[cfg(feature = "device")]
#[path = "../boards/common/src/device.rs"]
mod device;
#[path = "../boards/common/src/int8.rs"]
mod int8;
#[path = "../boards/common/src/layers_int8.rs"]
mod layers_int8;
#[path = "../boards/common/src/n1_int8.rs"]
mod n1_int8;
#[path = "../boards/common/src/n2_int8.rs"]
mod n2_int8;
#[allow(dead_code)] // some of it is for the boards only
#[path = "../boards/common/src/nets.rs"]
mod nets;
#[cfg(feature = "device")]
#[path = "../boards/common/src/pieces.rs"]
mod pieces;
#[path = "../boards/common/src/programs.rs"]
mod programs;
#[allow(dead_code)] // as above
#[path = "../boards/common/src/recipe.rs"]
mod recipe;
#[path = "../boards/common/src/residual_int8.rs"]
mod residual_int8;
#[path = "../boards/common/src/sine_int8.rs"]
mod sine_int8;
#[cfg(feature = "device")]
#[path = "firmware/template.rs"]
mod template;

use boards::{
    BUILDING, Board, Ended, M0, M4F, NUCLEO, PICO, RISCV, RUNNING, boards, build, cargo, command,
    finish, skip, toolchain,
};
#[cfg(feature = "device")]
use embedded_storage::nor_flash::NorFlash;
use idinit::data::digits::{TRAIN, image, train};
#[cfg(feature = "device")]
use idinit::device::keep::RamFlash;
use idinit::engine::{Engine, Memory, Portable};
use idinit::init::IdInit;
use idinit::loss::Target;
use idinit::plan::{Mode, Plan};
use idinit::recipe::{DeltaError, Encoder, Kind, Recipe, Survey};
use idinit::update::Sgd;
use programs::{ARENA, STATE, Say, WEIGHTS, Work};
use std::{env, fmt::Debug, fs};

/// What a board's program prints.
fn board_says(board: &Board, path: &str, program: &str) -> String {
    let image = build(board, path, program, &[]);
    let run = match board.instead {
        [] => cargo(board, path, &["run", "--quiet", "--bin", program]),
        [emulator, args @ ..] => {
            let mut run = command(emulator);
            run.args(args).arg(image).current_dir(boards().join(board.folder));
            run
        }
    };
    let ran = finish(run, RUNNING);
    assert!(ran.ok, "{program} failed on {}:\n{}{}", board.folder, ran.out, ran.err);
    ran.out
}

/// What the same program says here.
fn host_says<E: Debug>(program: impl FnOnce(Memory, Say) -> Result<(), E>) -> String {
    let [mut weights, mut state, mut arena] =
        [WEIGHTS, STATE, ARENA].map(|len| vec![f32::NAN; len]);
    let memory = Memory { weights: &mut weights, state: &mut state, arena: &mut arena };
    let mut said = String::new();
    program(memory, &mut |line| said += &line.to_string()).unwrap();
    said
}

/// What a device says here that learns as much.
#[cfg(feature = "device")]
fn device_says(lesson: device::Lesson, flash: &mut impl NorFlash<Error: Debug>) -> String {
    let (mut lent, mut said) = (Box::new(device::Lent::ZEROS), String::new());
    let say: Say = &mut |line| said += &line.to_string();
    device::learn(lesson, &mut lent, flash, say).unwrap();
    said
}

/// What `board` says while it trains, which is what the host says.
fn computes_the_hosts_bits(board: &Board, work: Work) -> Option<String> {
    let path = toolchain(board).inspect_err(|why| skip(board.folder, why)).ok()?;
    let says = |program| board_says(board, &path, program);
    assert_eq!(says("init"), host_says(programs::init), "{}", board.folder);
    assert_eq!(says("recipe"), host_says(recipe::recipe), "{}", board.folder);
    #[cfg(feature = "device")]
    {
        // the Pico's emulator is slow, and its flash the chip's
        let here = match board.folder == PICO.folder {
            true => device_says(device::Lesson::BRIEF, &mut RamFlash::<32_768, 4_096>::new()),
            false => device_says(device::Lesson::FULL, &mut device::Flash::new()),
        };
        assert_eq!(says("learn"), here, "{}", board.folder);
    }
    assert_eq!(says("infer"), host_says(programs::infer), "{}", board.folder);
    let here = host_says(|memory, say| programs::train(work, memory, say));
    assert_eq!(says("train"), here, "{}", board.folder);
    Some(here)
}

#[test]
fn a_cortex_m4f_computes_the_hosts_bits_and_learns_the_digits() {
    if let Some(said) = computes_the_hosts_bits(&M4F, Work::FULL) {
        let last = said.lines().rfind(|line| line.starts_with("epoch 5 residual ")).unwrap();
        let right = last.split(' ').rev().nth(2).and_then(|right| right.parse::<u32>().ok());
        assert!(last.ends_with(" of 359") && right.unwrap() * 100 >= 359 * 96, "{last}");
    }
}

#[test]
fn a_cortex_m0_computes_the_hosts_bits() {
    computes_the_hosts_bits(&M0, Work::SHORT);
}

#[test]
fn a_riscv32_computes_the_hosts_bits() {
    computes_the_hosts_bits(&RISCV, Work::SHORT);
}

/// What a board says that learns beside what else it does, which is what the host says that learns at once.
#[cfg(feature = "device")]
fn learns_in_pieces(board: &Board, program: &str) {
    use idinit::device::learn::Budget;
    use pieces::{Digits, Lent, Pieces};

    let Ok(path) = toolchain(board).inspect_err(|why| skip(board.folder, why)) else { return };
    let mut here = Pieces::new(Box::leak(Box::new(Lent::ZEROS))).unwrap();
    for digit in Digits::NEW {
        here.label(&digit).unwrap();
        here.work(Budget::steps(u32::MAX)).unwrap();
        assert!(here.is_idle());
        if here.is_done() {
            break;
        }
    }
    let mut said = String::new();
    here.tell(&mut |line| said += &line.to_string()).unwrap();
    assert!(said.starts_with("learnt 32 steps, "), "{said}");
    assert_eq!(board_says(board, &path, program), said, "{program} on {}", board.folder);
}

#[test]
fn a_raspberry_pi_pico_computes_the_hosts_bits() {
    computes_the_hosts_bits(&PICO, Work::BRIEF);
    #[cfg(feature = "device")]
    learns_in_pieces(&PICO, "super_loop");
}

/// The driver is of this board, the ROM that it calls the chip's.
#[test]
fn a_raspberry_pi_pico_keeps_bytes_in_flash() {
    if let Ok(path) = toolchain(&PICO).inspect_err(|why| skip("flash of rp-pico", why)) {
        let said = "written [01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c]\n\
                    erased [ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff, ff]\nrefused true\n";
        assert_eq!(board_says(&PICO, &path, "flash"), said);
    }
}

#[test]
fn a_nucleo_f446re_computes_the_hosts_bits() {
    computes_the_hosts_bits(&NUCLEO, Work::SHORT);
    #[cfg(feature = "device")]
    learns_in_pieces(&NUCLEO, "rtic");
}

#[test]
fn every_board_infers_in_int8_as_the_host_does() {
    let here = host_says(int8::int8);
    assert_eq!(here.lines().count(), 5 * 16, "{here}");
    for board in [&M4F, &M0, &RISCV] {
        match toolchain(board) {
            Err(why) => skip(board.folder, &why),
            Ok(path) => assert_eq!(board_says(board, &path, "int8"), here, "{}", board.folder),
        }
    }
}

/// What an epoch over the digits in flash changes in the head of the fully connected network.
fn delta_of_the_head() -> Vec<u8> {
    let plan: Plan<5> = Plan::new(&nets::Mlp::GRAPH, Mode::train::<Sgd>().last(1), 1);
    let (mut weights, mut arena) = (vec![0.0; plan.weights], vec![0.0; plan.arena]);
    let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
    let mut engine = Portable::<nets::Mlp, _>::new(plan.net(), Sgd::default(), memory).unwrap();
    engine.start(&IdInit::PAPER);
    let start = engine.all_weights().to_vec();
    let mut x = [0.0; 64];
    for place in (0..TRAIN).map(train) {
        let label = image(place, &mut x).unwrap();
        engine.train(&x, Target::Labels(&[label]), 0.01).unwrap();
    }
    let trained = engine.all_weights();

    let mut survey = Survey::new(Kind::Exact);
    survey.take(&start, trained).unwrap();
    let recipe: Recipe = Recipe::parse("idinit/1 mlp hidden=32,32 idinit").unwrap();
    let mut bytes = vec![];
    let sink = |some: &[u8]| {
        bytes.extend_from_slice(some);
        Ok::<_, DeltaError>(())
    };
    let mut encoder = Encoder::new(&survey, &survey.header(Some(recipe)), sink).unwrap();
    encoder.take(&start, trained).unwrap();
    encoder.finish().unwrap();
    bytes
}

/// With `IDINIT_WRITE_DELTA=1`, the file is written.
#[test]
fn the_delta_is_what_an_epoch_changes() {
    let bytes = delta_of_the_head();
    let path = boards().join("common/src/digits.delta");
    if env::var_os("IDINIT_WRITE_DELTA").is_some_and(|value| value == "1") {
        fs::write(&path, &bytes).unwrap();
    }
    assert!(fs::read(&path).unwrap() == bytes, "{}: {} bytes are due", path.display(), bytes.len());
}

/// The delta's recipe alone leads to the network that the boards have, and to the start that they prove.
#[cfg(feature = "std")]
#[test]
fn the_recipe_of_the_delta_leads_to_the_boards_start() {
    use idinit::init::{Initial, Named};
    use idinit::recipe::{Delta, Fingerprint, zoo};

    let delta = Delta::<_>::open(recipe::DELTA.iter().copied()).unwrap();
    let header = delta.header();
    let name = header.recipe.unwrap();
    let (_, network) = zoo::network(&name).unwrap();
    let named: Initial<'_, Named> = Initial::new(network.model.nodes(), name.scheme().unwrap());
    assert_eq!(Fingerprint::of_initial(&named, &mut [0.0; 7]), Ok(header.start));
    let said = host_says(recipe::recipe);
    assert!(said.contains(&format!("fingerprint start of 3466 {}\n", header.start)), "{said}");
    assert!(said.contains("fingerprint result ") && said.contains(", as the delta says: true"));
    assert_eq!(said.matches("; unchanged: true").count(), 4, "{said}");
    assert!(!said.contains("unchanged: false") && !said.contains("TAKEN"), "{said}");
    let bits = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_eq!(bits("rule by rows"), bits("rule by layers"));
    assert_eq!(bits("flash by rows"), bits("delta by layers"));
}

/// Each power-up goes on with the bits that the one before has kept, and the last, whose flash is damaged,
/// with those of the rule.
#[cfg(feature = "device")]
#[test]
fn a_device_that_learns_goes_on_behind_a_loss_of_power() {
    let said = device_says(device::Lesson::FULL, &mut device::Flash::new());
    println!("{said}");
    let prints: Vec<_> = said.lines().filter(|line| line.starts_with("fingerprint")).collect();
    let [rule, first, second, third, fourth, last, again] = prints[..] else { panic!("{said}") };
    assert_eq!((second, fourth, again), (first, third, rule), "{said}");
    assert!(last != third && said.contains("power: what lies in flash is damaged"), "{said}");
    let right = |line: &str| line.split(' ').nth(4).unwrap().parse::<u32>().unwrap();
    assert!(right(rule) < 12 && right(last) * 100 >= 35 * 80, "{said}");
}

#[test]
fn firmware_links_no_allocator() {
    match toolchain(&M4F) {
        Err(why) => skip("firmware_links_no_allocator", &why),
        Ok(path) => {
            let image = fs::read(build(&M4F, &path, "train", &[])).unwrap();
            let has = |name: &[u8]| image.windows(name.len()).any(|window| window == name);
            assert!(has(b"rust_begin_unwind"), "the image has no symbols");
            assert!(!has(b"__rust_alloc") && !has(b"__rust_realloc") && !has(b"alloc::"));
        }
    }
}

#[test]
fn firmware_logs_by_defmt() {
    match toolchain(&M4F) {
        Err(why) => skip("firmware_logs_by_defmt", &why),
        Ok(path) => {
            build(&M4F, &path, "log", &["--features", "defmt"]);
        }
    }
}

/// Links `bin` with a panic handler that is an undefined symbol.
fn linked(path: &str, bin: &str) -> Ended {
    let args = ["build", "--no-default-features", "--features", "no-panic", "--bin", bin];
    finish(cargo(&M4F, path, &args), BUILDING)
}

#[test]
fn no_panic_can_be_reached_in_firmware() {
    match toolchain(&M4F) {
        Err(why) => skip("no_panic_can_be_reached_in_firmware", &why),
        Ok(path) => {
            let proof = linked(&path, "no_panic");
            assert!(proof.ok, "{}", proof.err);
            // The proof would be worth nothing if it never failed.
            let counter = linked(&path, "can_panic");
            assert!(!counter.ok && counter.err.contains("idinit_a_panic_is_reachable"));
        }
    }
}
