//! The `idinit` command, run as a program: what it prints, what it writes, and how it fails.

#![cfg(feature = "cli")]

use idinit::recipe::Fingerprint;
use idinit::rule::{Dims, Fan, Key, Orthogonal, Random, Start, gain};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a program ended with and printed.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idinit"));
    command.current_dir(folder).args(arguments.split_whitespace()).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &str) -> Ended {
    let output = command(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The standard output of a run that succeeds and complains of nothing.
fn good(folder: &Path, arguments: &str) -> String {
    let ended = run(folder, arguments);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments}");
    assert!(!ended.out.contains('\x1b'), "colours without a terminal: {arguments}");
    ended.out
}

/// The names of what lies in a folder, sorted; none where it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events<'a>(lines: &'a [Value], event: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["event"] == event)
}

#[test]
fn the_default_run_leaves_its_files_and_takes_the_next_name() {
    let folder = folder();
    let out = good(folder.path(), "train --epochs 2");
    assert!(out.starts_with("residual on digits: 35 layers, 8378 weights; 1438 examples"), "{out}");
    for words in ["scheme", "idinit", "kaiming", "2/2", "Written to runs/residual-digits,"] {
        assert!(out.contains(words), "{words} is not in {out}");
    }
    let run = folder.path().join("runs/residual-digits");
    let files = [
        "config.json",
        "config.toml",
        "confusion-idinit.csv",
        "confusion-kaiming.csv",
        "curve.png",
        "curve.svg",
        "log.jsonl",
        "weights-idinit.bin",
        "weights-idinit.json",
        "weights-kaiming.bin",
        "weights-kaiming.json",
    ];
    assert_eq!(names(&run), files);
    assert_eq!(names(&folder.path().join("runs")), ["residual-digits"]);

    let text = |name| fs::read_to_string(run.join(name)).unwrap();
    let config: Value = serde_json::from_str(&text("config.json")).unwrap();
    assert_eq!((&config["epochs"], &config["rate"]), (&2.into(), &0.05.into()));
    assert_eq!(config["decay"].to_string(), "0.0005");
    let log = json_lines(&text("log.jsonl"));
    assert_eq!((events(&log, "epoch").count(), events(&log, "result").count()), (4, 2));
    let curve = text("curve.svg");
    assert!(curve.starts_with("<svg") && curve.trim_end().ends_with("</svg>"));
    assert!(curve.contains("kaiming") && curve.contains("test accuracy"));
    let picture = image::open(run.join("curve.png")).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (1000, 440));
    // the lines have their colours, and what is written at the top has ink
    let has = |colour: [u8; 3]| picture.pixels().any(|pixel| pixel.0 == colour);
    assert!(has([0, 114, 178]) && has([213, 94, 0]));
    assert!((14..38).any(|y| (400..600).any(|x| picture.get_pixel(x, y).0[0] < 90)));

    let description: Value = serde_json::from_str(&text("weights-idinit.json")).unwrap();
    let weights: Vec<f32> = fs::read(run.join("weights-idinit.bin"))
        .unwrap()
        .chunks(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(description["fingerprint"], Fingerprint::of(&weights).to_string());
    let parts = description["parts"].as_array().unwrap();
    assert_eq!(parts[0]["name"], "stem");
    assert_eq!(parts[0]["shape"], serde_json::json!([8, 3, 3, 1]));
    let end = parts.iter().map(|part| part["len"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((end, weights.len()), (8378, 8378));

    let out = good(folder.path(), "train --epochs 1 --scheme idinit --blocks 1");
    assert!(out.contains("runs/residual-digits-2"), "{out}");
}

#[test]
fn the_default_network_learns_the_digits_from_idinit() {
    let folder = folder();
    let lines = json_lines(&good(folder.path(), "train --scheme idinit --json"));
    let result = events(&lines, "result").next().unwrap();
    let accuracy = result["test_accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.96, "{accuracy}");
    assert_eq!(events(&lines, "run").count(), 1);
    assert_eq!(events(&lines, "epoch").count(), 10);
    assert_eq!(events(&lines, "written").next().unwrap()["folder"], "runs/residual-digits");
}

#[test]
fn an_epsilon_reaches_the_start() {
    let short = "train --blocks 1 --width 2 --epochs 1 --rate 0 --scheme idinit,zero";
    let run = |options: &str| {
        let folder = folder();
        let lines = json_lines(&good(folder.path(), &format!("{short} {options} --json --out a")));
        let weights = |scheme| fs::read(folder.path().join(format!("a/weights-{scheme}.bin")));
        (lines[0]["eps"].clone(), weights("idinit").unwrap(), weights("zero").unwrap())
    };
    let ((none, paper, zero), (set, louder, same)) = (run(""), run("--eps 0.25"));
    assert_eq!((none, set), (Value::Null, 0.25.into()));
    assert_eq!(zero, same);
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    };
    for (paper, louder) in numbers(&paper).into_iter().zip(numbers(&louder)) {
        assert_eq!(louder, if paper.abs() == 1e-6 { paper.signum() * 0.25 } else { paper });
    }
    assert_ne!(paper, louder);
    // of a fingerprint it is the same ε, also in a part of IDInit
    let print = |options: &str| {
        let line = good(Path::new("."), &format!("fingerprint --blocks 1 --width 2 {options}"));
        line.split_whitespace().next().unwrap().to_string()
    };
    let numbers = numbers(&louder);
    assert_eq!(print("--eps 0.25"), Fingerprint::of(&numbers).to_string());
    assert_eq!(print("--eps 0.000001"), print(""));
    let part = "--scheme ablation-idizc";
    assert_ne!(print(&format!("{part} --eps 0.25")), print(part));
}

/// The weights of both schemes after a short run.
fn trained(settings: &str) -> [Vec<u8>; 2] {
    let folder = folder();
    let settings = format!("train --blocks 1 --epochs 1 --out a {settings}");
    good(folder.path(), &settings);
    ["idinit", "kaiming"]
        .map(|scheme| fs::read(folder.path().join(format!("a/weights-{scheme}.bin"))).unwrap())
}

#[test]
fn a_run_is_a_function_of_its_settings_and_not_of_threads() {
    let one = trained("--threads 1 --seed 3");
    assert_eq!(one, trained("--threads 2 --seed 3"));
    assert_eq!(one, trained("--update momentum --seed 3"));
    let [_, other] = trained("--seed 4");
    assert_ne!(one[1], other);
    let [_, clipped] = trained("--seed 3 --clip 0.1");
    assert_ne!(one[1], clipped);
    let [_, looking] = trained("--seed 3 --nesterov --warm-up 9 --schedule cosine --decay 0");
    assert_ne!(one[1], looking);
}

#[test]
fn every_small_model_trains() {
    let folder = folder();
    for model in ["mlp --hidden 24", "cnn --width 4", "residual --blocks 1 --width 4"] {
        let arguments = format!("train {model} --epochs 2 --scheme idinit --json");
        let lines = json_lines(&good(folder.path(), &arguments));
        let accuracy = events(&lines, "result").next().unwrap()["test_accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.8, "{model}: {accuracy}");
    }
}

#[test]
fn a_start_that_diverges_is_a_line_of_the_table_and_the_others_go_on() {
    let folder = folder();
    let deep = "train --blocks 20 --width 4 --epochs 1 --batch 32 --out run --scheme";
    let out = good(folder.path(), &format!("{deep} idinit,kaiming"));
    let line = |name| out.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("kaiming ").contains("failed in epoch 1: step "), "{out}");
    assert!(line("kaiming ").contains("layer "), "{out}");
    assert!(line("idinit ").contains('%') && !line("idinit ").contains("failed"), "{out}");
    let files = [
        "config.json",
        "config.toml",
        "confusion-idinit.csv",
        "curve.png",
        "curve.svg",
        "log.jsonl",
        "weights-idinit.bin",
        "weights-idinit.json",
    ];
    assert_eq!(names(&folder.path().join("run")), files);

    let ended = run(folder.path(), "train mlp --rate 1000 --epochs 1 --scheme idinit,kaiming");
    assert_eq!(ended.code, Some(1));
    let why = "error: no start could be trained to the end; idinit: step ";
    assert!(ended.err.starts_with(why) && ended.err.lines().count() == 1, "{}", ended.err);
    assert_eq!(ended.out.matches("failed in epoch 1").count(), 2, "{}", ended.out);
}

#[test]
fn both_engines_and_every_update_learn_the_digits() {
    let folder = folder();
    let updates = [
        "sgd --momentum 0.8 --nesterov",
        "sgd --momentum 0 --rate 0.2",
        "adam --betas 0.8,0.99 --rate 0.003",
        "adamw --decay-matrices-only --rate 0.003",
        "adadelta --rho 0.8",
        "adagrad --clip 1 --scalar-rate 0.1 --rate 0.02",
    ];
    for (update, number) in updates.iter().zip(0..) {
        let engine = if number % 2 == 0 { "host" } else { "portable" };
        let arguments = format!(
            "train mlp --epochs 4 --scheme kaiming --json --update {update} --engine {engine} \
             --accumulate {} --smoothing 0.05",
            1 + number % 2
        );
        let lines = json_lines(&good(folder.path(), &arguments));
        let accuracy = events(&lines, "result").next().unwrap()["test_accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.85, "{update}: {accuracy}");
        assert_eq!(lines[0]["engine"], engine);
    }
}

#[test]
fn a_file_of_settings_is_taken_and_flags_win_over_it() {
    let folder = folder();
    let file = folder.path().join("mine.toml");
    fs::write(&file, "model = \"mlp\"\nhidden = [24]\nepochs = 3\nrate = 0.02\nnesterov = true\n")
        .unwrap();
    let settings =
        "train --config mine.toml --scheme idinit --epochs 2 --augment crop --json --out";
    let lines = json_lines(&good(folder.path(), &format!("{settings} a")));
    let run = &lines[0];
    assert_eq!(
        (&run["model"], &run["epochs"], &run["rate"]),
        (&"mlp".into(), &2.into(), &0.02.into())
    );
    assert_eq!((&run["nesterov"], &run["augment"][0]), (&true.into(), &"crop".into()));
    assert_eq!(run["sizes"]["hidden"], serde_json::json!([24]));
    // what a run leaves makes the same run
    good(folder.path(), "train --config a/config.toml --out b");
    let weights = |run: &str| fs::read(folder.path().join(run).join("weights-idinit.bin")).unwrap();
    assert!(weights("a") == weights("b"));
    let cases: [(&str, &[&str]); 5] = [
        ("epoch = 3", &["mine.toml: ", "'--epoch'", "'--epochs'"]),
        ("depht = 20", &["mine.toml: ", "'--depht'", "'--depth'"]),
        ("epochs = 0", &["mine.toml: ", "--epochs"]),
        ("epochs = ", &["mine.toml, line 1: "]),
        ("resume = \"a\"", &["mine.toml: resume is for the command"]),
    ];
    for (text, words) in cases {
        fs::write(&file, text).unwrap();
        let ended = self::run(folder.path(), "train --config mine.toml");
        assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
        assert!(words.iter().all(|word| ended.err.contains(word)), "{text}: {}", ended.err);
    }
}

#[test]
fn plain_text_and_class_folders_are_learnt() {
    let folder = folder();
    let text = "the quick brown fox jumps over the lazy dog. ".repeat(60);
    fs::write(folder.path().join("text.txt"), text).unwrap();
    let small = "--layers 1 --width 16 --heads 2 --context 16 --batch 8 --epochs 6 --warm-up 0";
    let arguments = format!(
        "train gpt --text text.txt --unit characters {small} --rate 0.01 --scheme idinit --json"
    );
    let lines = json_lines(&good(folder.path(), &arguments));
    assert_eq!(lines[0]["sizes"]["vocabulary"], 28);
    let last = events(&lines, "epoch").last().unwrap();
    assert!(last["test_accuracy"].as_f64().unwrap() > 0.4, "{last}");

    for (class, shade) in [("bright", 250_u8), ("dark", 5)] {
        let class = folder.path().join("pictures").join(class);
        fs::create_dir_all(&class).unwrap();
        for number in 0..10_u8 {
            let pixels = vec![shade.saturating_sub(number % 5); 3 * 12 * 10];
            let file = class.join(format!("{number}.png"));
            image::save_buffer(file, &pixels, 12, 10, image::ColorType::Rgb8).unwrap();
        }
    }
    let arguments = "train cnn --data folder --data-dir pictures --side 8 --batch 4 --epochs 4 \
        --augment crop,flip --scheme kaiming --json --out run";
    let lines = json_lines(&good(folder.path(), arguments));
    assert_eq!((&lines[0]["train_examples"], &lines[0]["test_examples"]), (&16.into(), &4.into()));
    let result = events(&lines, "result").next().unwrap();
    assert_eq!(result["test_accuracy"], 1.0);
    let table = fs::read_to_string(folder.path().join("run/confusion-kaiming.csv")).unwrap();
    assert_eq!(table, "class,\"bright\",\"dark\"\n\"bright\",2,0\n\"dark\",0,2\n");
}

/// Sentences as many as SST-2 has, of two words.
fn small_sst(folder: &Path) {
    let sst = folder.join("data/sst");
    fs::create_dir_all(&sst).unwrap();
    for (part, count) in [("train", 6920), ("test", 1821)] {
        let text = "1 good film\n0 bad film\n".repeat(count / 2 + 1);
        let lines: Vec<_> = text.lines().take(count).collect();
        fs::write(sst.join(format!("stsa.binary.{part}")), lines.join("\n")).unwrap();
    }
}

#[test]
fn lsuv_scales_for_the_vectors_that_words_have() {
    let folder = folder();
    small_sst(folder.path());
    let start = |times: f32| {
        let vector = |numbers: [f32; 4]| numbers.map(|x| (x * times).to_string()).join(" ");
        let text = format!(
            "good {}\nbad {}\nfilm {}\n",
            vector([1.0, 0.5, -0.25, 2.0]),
            vector([-1.0, 0.25, 0.75, 0.0]),
            vector([0.5, -2.0, 1.0, 0.25])
        );
        fs::write(folder.path().join("vectors.txt"), text).unwrap();
        let out = folder.path().join(format!("run-{times}"));
        let arguments = "train textcnn --data sst2 --width 4 --kernels 1,2,1 --filters 8 --dropout 0 \
            --epochs 1 --rate 0 --scheme lsuv --vectors-file vectors.txt --out";
        good(folder.path(), &format!("{arguments} {}", out.display()));
        let bytes = fs::read(out.join("weights-lsuv.bin")).unwrap();
        let weights: Vec<_> =
            bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        let text = fs::read_to_string(out.join("weights-lsuv.json")).unwrap();
        let about: Value = serde_json::from_str(&text).unwrap();
        let part = |number: usize| {
            let part = &about["parts"][number];
            let [start, len] = ["start", "len"].map(|key| part[key].as_u64().unwrap() as usize);
            (part["part"].as_str().unwrap().to_string(), weights[start..start + len].to_vec())
        };
        (part(0), part(1))
    };
    let ((small, large), times) = ((start(1.0), start(16.0)), 16.0);
    assert_eq!((small.0.0.as_str(), small.1.0.as_str()), ("table", "weight"));
    // padding, what is unknown, and words in the order of their numbers
    assert_eq!(small.0.1[..4], [0.0; 4]);
    for word in [[0.5, -2.0, 1.0, 0.25], [1.0, 0.5, -0.25, 2.0]] {
        assert!(small.0.1.chunks(4).any(|row| row == word), "{:?}", small.0.1);
        assert!(large.0.1.chunks(4).any(|row| row == word.map(|x| x * times)));
    }
    // words that are louder have a convolution that is as much quieter
    for (small, large) in small.1.1.iter().zip(&large.1.1) {
        assert!((small - large * times).abs() <= 1e-4 * small.abs(), "{small} {large}");
    }
}

#[test]
fn a_run_without_progress_ends_early() {
    let folder = folder();
    let arguments =
        "train mlp --rate 0 --epochs 9 --patience 2 --scheme idinit --json --log-steps 50";
    let lines = json_lines(&good(folder.path(), arguments));
    // the first epoch is the best, and two more are waited for
    assert_eq!(events(&lines, "epoch").count(), 3);
    assert_eq!(events(&lines, "step").count(), 270 / 50);
    assert!(
        events(&lines, "epoch").all(|epoch| epoch["examples_per_second"].as_f64().unwrap() > 0.0)
    );
}

#[test]
fn a_comparison_is_a_table_and_a_picture() {
    let folder = folder();
    let short = "compare mlp --epochs 2 --schemes idinit,kaiming --seeds 2 --rates 0.001,0.05";
    let lines = json_lines(&good(folder.path(), &format!("{short} --format json --out a")));
    assert_eq!(lines.len(), 4);
    let best: Vec<_> = lines.iter().filter(|line| line["best"] == true).collect();
    assert_eq!(best.len(), 2);
    for line in &lines {
        let all: Vec<f64> = serde_json::from_value(line["accuracies"].clone()).unwrap();
        let mean = (all[0] + all[1]) / 2.0;
        let deviation = (all[0] - all[1]).abs() / std::f64::consts::SQRT_2;
        assert!((line["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
        assert!((line["deviation"].as_f64().unwrap() - deviation).abs() < 1e-9);
        if line["best"] == true {
            assert_eq!(line["rate"], 0.05);
        }
    }
    let files = [
        "compare.png",
        "compare.svg",
        "config.toml",
        "log.jsonl",
        "results.jsonl",
        "table.csv",
        "table.jsonl",
        "table.md",
        "table.txt",
    ];
    assert_eq!(names(&folder.path().join("a")), files);
    let svg = fs::read_to_string(folder.path().join("a/compare.svg")).unwrap();
    let png = image::open(folder.path().join("a/compare.png")).unwrap();
    assert_eq!((png.width(), png.height()), (480, 440));
    assert!(svg.contains("idinit, 0.05") && svg.contains("kaiming, 0.05"));
    // the same by the file that it left
    good(folder.path(), "compare --config a/config.toml --out b");
    let table = |run: &str| fs::read_to_string(folder.path().join(run).join("table.csv")).unwrap();
    assert_eq!(table("a"), table("b"));
    // a seed here is a run there
    let one = "train mlp --epochs 2 --scheme kaiming --rate 0.05 --seed 1 --json";
    let lines = json_lines(&good(folder.path(), one));
    let accuracy = events(&lines, "result").next().unwrap()["test_accuracy"].as_f64().unwrap();
    assert!((best[1]["accuracies"][1].as_f64().unwrap() - 100.0 * accuracy).abs() < 1e-9);
}

/// The lines that `weights` prints, without `weights`.
fn rows(arguments: &str) -> Vec<String> {
    let out = good(Path::new("."), &format!("weights {arguments}"));
    out.lines().map(str::to_string).collect()
}

#[test]
fn exact_rules_print_what_the_paper_says() {
    assert_eq!(rows("--rule idi --out 5 --in 2"), ["1,0", "0,1", "1,0", "0,1", "1,0"]);
    assert_eq!(rows("--rule idi --out 2 --in 3 --gain -1.5"), ["-1.5,0,0", "0,-1.5,0"]);
    let square = ["0.000001,-0.000001,0", "0,0.000001,-0.000001", "-0.000001,0,0.000001"];
    assert_eq!(rows("--rule idiz --out 3 --in 3"), square);
    let wide = ["0.5,0,-0.5,0,0,0", "0,0.5,0,-0.5,0,0"];
    assert_eq!(rows("--rule idiz --out 2 --in 6 --eps 0.5"), wide);
    assert_eq!(rows("--rule zero --out 2 --in 2"), ["0,0", "0,0"]);
    assert_eq!(rows("--rule constant --value -0.25 --out 1 --in 2"), ["-0.25,-0.25"]);
    assert_eq!(rows("--rule hadamard --out 2 --in 1"), ["0.70710677", "0.70710677"]);
    let four = ["0.5,0.5,0.5", "0.5,-0.5,0.5", "0.5,0.5,-0.5", "0.5,-0.5,-0.5"];
    assert_eq!(rows("--rule hadamard --out 4 --in 3"), four);
}

/// The kernel is 1 × 3, and a row is in PyTorch's order: the three taps of input 0, then of 1.
#[test]
fn kernels_are_printed_in_the_order_of_pytorch() {
    let of = |rule: &str| rows(&format!("--rule {rule} --in 2 --kernel 1x3"));
    assert_eq!(of("idic --out 3"), ["1,0,0,0,0,0", "0,0,0,1,0,0", "0,1,0,0,0,0"]);
    assert_eq!(of("idic --out 3 --order spatial"), of("idic --out 3"));
    let channel = ["1,0,0,0,0,0", "0,1,0,0,0,0", "0,0,1,0,0,0"];
    assert_eq!(of("idic --out 3 --order channel"), channel);
    assert_eq!(of("loose --out 3 --order channel --std 0"), channel);
    // −ε stands two columns on: of the patch (tap 1 of the same input), or of the row
    assert_eq!(of("idizc --out 2 --eps 2"), ["2,-2,0,0,0,0", "0,0,0,2,-2,0"]);
    assert_eq!(of("idizc --out 2 --eps 2 --order channel"), ["2,0,-2,0,0,0", "0,2,0,-2,0,0"]);
    assert_eq!(of("dirac --out 2"), ["0,1,0,0,0,0", "0,0,0,0,1,0"]);
    assert_eq!(of("dirac-zero --out 2 --eps 2"), ["0,2,0,0,-2,0", "0,-2,0,0,2,0"]);
    assert_eq!(of("hadamard --out 2 --gain 3"), ["0,3,0,0,0,0", "0,0,0,0,3,0"]);
}

#[test]
fn inputs_are_those_of_all_groups() {
    let pairs = ["1,0", "0,1", "1,0", "0,1"];
    assert_eq!(rows("--rule idic --out 4 --in 4 --groups 2"), pairs);
    assert_eq!(rows("--rule idic --out 2 --in 2 --groups 2 --kernel 2"), ["1,0,0,0", "1,0,0,0"]);
}

#[test]
fn pictures_are_in_the_order_of_storage() {
    let of = |arguments: &str| rows(&format!("{arguments} --format picture"));
    assert_eq!(of("--rule idi --out 5 --in 2"), ["#.", ".#", "#.", ".#", "#."]);
    assert_eq!(of("--rule idizc --out 2 --in 2 --kernel 1x3"), ["#.-...", ".#.-.."]);
}

/// Every decimal reads back to the same bits.
#[test]
fn random_rules_print_the_numbers_of_the_library() {
    let d = Dims::new(6, 2, [2, 3], 2).unwrap();
    let key = Key { seed: 7, tensor: 9 };
    let cases: [(&str, Random); 14] = [
        ("uniform", Random::uniform(1.0, key)),
        ("uniform --bound 0.1", Random::uniform(0.1, key)),
        ("normal", Random::normal(1.0, key)),
        ("normal --std 1e-30", Random::normal(1e-30, key)),
        ("truncated-normal --std 2", Random::TruncatedNormal { std: 2.0, key }),
        ("xavier-uniform", Random::xavier_uniform(d, 1.0, key)),
        ("xavier-normal --gain 2", Random::xavier_normal(d, 2.0, key)),
        ("kaiming-uniform", Random::kaiming_uniform(d, Fan::In, gain::RELU, key)),
        ("kaiming-uniform --fan out", Random::kaiming_uniform(d, Fan::Out, gain::RELU, key)),
        ("kaiming-normal --fan in", Random::kaiming_normal(d, Fan::In, gain::RELU, key)),
        ("kaiming-normal --gain 1", Random::kaiming_normal(d, Fan::In, 1.0, key)),
        ("lecun-uniform", Random::lecun_uniform(d, key)),
        ("lecun-normal", Random::lecun_normal(d, key)),
        ("torch", Random::torch_default(d, key)),
    ];
    for (rule, random) in cases {
        let sizes = "--out 6 --in 4 --kernel 2x3 --groups 2 --seed 7 --tensor 9";
        let printed = rows(&format!("--rule {rule} {sizes}"));
        assert_eq!(printed.len(), 6);
        for (o, line) in printed.iter().enumerate() {
            let numbers: Vec<f32> = line.split(',').map(|n| n.parse().unwrap()).collect();
            assert_eq!(numbers.len(), 12, "{rule}");
            for (place, number) in numbers.into_iter().enumerate() {
                // printed [in][tap], stored [tap][in]
                let (input, tap) = (place / 6, place % 6);
                let stored = random.at(d, o * 12 + tap * 2 + input);
                assert_eq!(number.to_bits(), stored.to_bits(), "{rule}, row {o}, place {place}");
            }
        }
    }
}

#[test]
fn orthogonal_rows_are_orthogonal() {
    let printed = rows("--rule orthogonal --out 2 --in 3 --gain 2 --seed 1");
    let rows: Vec<Vec<f32>> = printed
        .iter()
        .map(|line| line.split(',').map(|number| number.parse().unwrap()).collect())
        .collect();
    let dot = |a: usize, b: usize| rows[a].iter().zip(&rows[b]).map(|(a, b)| a * b).sum::<f32>();
    assert!((dot(0, 0) - 4.0).abs() < 1e-5 && (dot(1, 1) - 4.0).abs() < 1e-5);
    assert!(dot(0, 1).abs() < 1e-5);
    let mut whole = [0.0; 6];
    let rule = Orthogonal { gain: 2.0, key: Key { seed: 1, tensor: 0 } };
    idinit::rule::Fill::fill_f32(&rule, Dims::dense(2, 3).unwrap(), &mut whole).unwrap();
    assert_eq!(rows.concat(), whole);
}

#[test]
fn minus_nothing_keeps_its_sign() {
    assert_eq!(rows("--rule constant --value -0 --out 1 --in 2"), ["-0,-0"]);
    let json = rows("--rule constant --value -0 --out 1 --in 2 --format json").concat();
    let object: Value = serde_json::from_str(&json).unwrap();
    assert!(object["weights"][0][0].as_f64().unwrap().is_sign_negative());
}

#[test]
fn json_holds_sizes_and_numbers() {
    let json = rows("--rule idizc --out 2 --in 4 --kernel 1x3 --groups 2 --format json").concat();
    let object: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(object["shape"], serde_json::json!([2, 2, 1, 3]));
    assert_eq!((&object["groups"], &object["inputs"]), (&2.into(), &4.into()));
    // one output a group: +ε in column 0 of the patch, −ε in column 1, the other input at tap 0
    assert_eq!(object["weights"][1], serde_json::json!([1e-6, 0.0, 0.0, -1e-6, 0.0, 0.0]));
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let folder = folder();
    let file = folder.path().join("w.csv");
    good(folder.path(), "weights --rule idi --out 2 --in 2 -o w.csv");
    assert_eq!(fs::read_to_string(&file).unwrap(), "1,0\n0,1\n");
    // one of these is beyond the largest single-precision number
    let ended = run(folder.path(), "weights --rule normal --std 3e38 --out 9 --in 9 -o w.csv");
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("error: w.csv: output "), "{}", ended.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "1,0\n0,1\n");
    assert_eq!(names(folder.path()), ["w.csv"]);
}

/// The starts of this crate do not change: who published one of these can be checked for ever.
#[test]
fn fingerprints_are_stable() {
    let cases = [
        ("", "aee7bd7df9c20969"),
        ("residual --scheme idinit --seed 5", "aee7bd7df9c20969"),
        ("residual --scheme idinit-channel", "275565c8b64bdf80"),
        ("residual --scheme idinit-diagonal", "d4c4e2c617492139"),
        ("residual --data mnist", "9c73e9c80632274e"),
        ("cnn", "4f8d9198167a2202"),
        ("linear5", "d59dd65b1d6ea55d"),
        ("linear5-tanh", "9b71c09b9ffdc22d"),
        ("mlp", "964c72faad2e129c"),
        ("mlp --seed 7 --scheme xavier", "ab6a9368afdaaf07"),
        ("mlp --seed 7 --scheme xavier-normal", "68d8dc4024c9a039"),
        ("mlp --seed 7 --scheme kaiming", "6d543ea5622d08bc"),
        ("mlp --seed 7 --scheme kaiming-out", "951e4fbd5f7465a8"),
        ("mlp --seed 7 --scheme kaiming-uniform", "72ec469b4a55ca05"),
        ("mlp --seed 7 --scheme torch", "7540dae28f5397ce"),
        ("mlp --seed 7 --scheme orthogonal", "64d3431bb4b34f18"),
        ("mlp --scheme zero", "511ac6090444ff61"),
    ];
    for (arguments, fingerprint) in cases {
        let out = good(Path::new("."), &format!("fingerprint {arguments}"));
        assert_eq!(out.split_whitespace().next(), Some(fingerprint), "{arguments}");
    }
    let out = good(Path::new("."), "fingerprint mlp --data mnist --hidden 16,8 --json");
    let line: Value = serde_json::from_str(&out).unwrap();
    let recipe = "idinit/1 mlp hidden=16,8 input=28x28x1 idinit";
    assert_eq!((&line["weights"], &line["recipe"]), (&12786.into(), &recipe.into()));
}

#[test]
fn a_plan_is_a_table_or_lines_of_json() {
    let here = Path::new(".");
    let out = good(here, "plan --blocks 1 --batch 4");
    assert!(out.contains("stem") && out.contains("total") && out.contains("on a PC"), "{out}");
    let arena = |arguments: &str| {
        let lines = json_lines(&good(here, &format!("plan --blocks 1 --json {arguments}")));
        assert_eq!(lines.len(), 11);
        let last = lines.last().unwrap();
        assert!(last["host_scratch_bytes"].is_u64());
        ["arena_bytes", "state_bytes", "weights_bytes"].map(|bytes| last[bytes].as_u64().unwrap())
    };
    let [training, state, weights] = arena("");
    assert_eq!(state, weights);
    let [inferring, none, _] = arena("--mode infer");
    assert!(inferring < training && none == 0);
    assert_eq!(arena("--update sgd")[1], 0);
    assert_eq!(arena("--update sgd --clip")[1], weights);
    // numbers that are kept for each weight, and a gradient where it is gathered first
    let kept =
        [("sgd", 0), ("momentum", 1), ("adam", 2), ("adamw", 2), ("adadelta", 2), ("adagrad", 1)];
    assert!(kept.iter().map(|(update, _)| update).eq(idinit::update::Chosen::NAMES));
    for (update, numbers) in kept {
        let clipped = arena(&format!("--update {update} --clip"))[1];
        assert_eq!(clipped, (numbers + 1) * weights, "{update}");
        let plain = arena(&format!("--update {update}"))[1];
        assert!([numbers, numbers + 1].contains(&(plain / weights)), "{update}");
    }
    assert_eq!(arena("--mode last:1")[1], arena("--mode only:head")[1]);
    assert!(arena("--mode only:stem,head")[1] > arena("--mode last:1")[1]);
}

#[test]
fn every_model_is_listed() {
    let here = Path::new(".");
    let text = good(here, "models");
    let lines = json_lines(&good(here, "models --json"));
    assert_eq!(lines.len(), idinit::model::catalog::ALL.len());
    for line in lines {
        let name = line["model"].as_str().unwrap();
        assert!(text.lines().any(|text| text.split_whitespace().next() == Some(name)));
        let alone = good(here, &format!("models {name}"));
        for setting in line["sizes"].as_object().unwrap().keys() {
            assert!(
                alone.lines().any(|text| text.starts_with(&format!("--{setting} "))),
                "{alone}"
            );
        }
        assert!(alone.lines().all(|text| text.chars().count() <= 100), "{alone}");
        // the larger ones would take the test's time
        if line["parameters"].as_u64().unwrap() < 2_000_000 {
            good(here, &format!("fingerprint {name}"));
        }
    }
    assert!(text.contains("269,722 parameters") && text.contains("--kernels 3,4,5"), "{text}");
}

#[test]
fn what_is_chosen_about_a_network_is_in_its_plan() {
    let last = |arguments: &str| {
        let lines = json_lines(&good(Path::new("."), &format!("plan --json {arguments}")));
        (lines.len() - 1, lines.last().unwrap().clone())
    };
    let (layers, line) = last("resnet --depth 110 --norm none --shortcut conv --multiplier");
    assert_eq!((layers, &line["data"]), (330, &"cifar10".into()));
    assert_eq!(line["weights_bytes"], 4 * 1_726_624);
    let sizes = serde_json::json!({
        "depth": 110, "width": 16, "norm": "none", "shortcut": "conv", "multiplier": true,
        "fixup": false, "bottleneck": false,
    });
    assert_eq!(line["sizes"], sizes);
    let (layers, line) = last("gpt --layers 96 --width 64 --context 32 --vocabulary 65");
    assert_eq!((layers, &line["sizes"]["context"]), (964, &32.into()));
    // L (12 d² + 13 d), two tables, a norm and a head
    let numbers = 96 * (12 * 64 * 64 + 13 * 64) + (65 + 32 + 2 + 65) * 64;
    assert_eq!(
        (&line["weights_bytes"], &line["state_bytes"]),
        (&(4 * numbers).into(), &(4 * numbers).into())
    );
    let one = last("resnet --mode only:layer3.*.conv1 --update momentum").1;
    assert_eq!(one["state_bytes"], 4 * 9 * (32 * 64 + 64 * 64 + 64 * 64));
}

#[test]
fn help_mentions_what_can_be_set() {
    let mentioned = [
        (
            "train",
            "--data --data-dir --width --blocks --hidden --depth --norm --shortcut --multiplier --fixup \
             --heads --context --dropout --scheme --eps --epochs --batch --rate \
             --momentum --decay --nesterov --clip --schedule --warm-up --seed --threads --out --json \
             --engine --update --betas --rho --accumulate --smoothing --augment --patience --memory \
             --scalar-rate --decay-matrices-only --checkpoint --resume --config --log-steps --text \
             --unit --side --vectors --vectors-file",
        ),
        ("compare", "--schemes --seeds --rates --format --out --config --resume"),
        (
            "weights",
            "--rule --out --in --kernel --groups --order --gain --eps --std --bound --value --fan \
             --seed --tensor --format --output orthogonal truncated-normal",
        ),
        ("plan", "--batch --mode --update --clip --json --hidden last:K"),
        ("fingerprint", "--scheme --seed --eps --json --width --tensors RECIPE"),
        ("regenerate", "--scheme --seed --eps --names --output RECIPE timm"),
        ("apply", "--roles --scheme --seed --table --output transposed"),
        ("delta make", "--kind --keep --scheme --recipe --start --output int8"),
        ("delta apply", "--start --names --output"),
        ("device watch", "--baud --wait --every --lines --once --count --json unix:PATH"),
        ("device label", "--data --count --skip --json digits tcp:HOST:PORT"),
        ("device infer", "--data --count"),
        ("device info", "--json"),
        ("device pull", "FILE"),
        ("device push", "FILE"),
        ("device budget", "STEPS none"),
        ("export", "--format --scheme --recipe --names --output safetensors"),
        ("inspect", "--json delta"),
        ("models", "--json resnet"),
    ];
    for (subcommand, options) in mentioned {
        let help = good(Path::new("."), &format!("{subcommand} --help"));
        for option in options.split_whitespace().chain(["Examples:"]) {
            assert!(help.contains(option), "{subcommand} does not mention {option}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
    assert!(good(Path::new("."), "--version").starts_with("idinit "));
}

/// Every mistake is one line, and leaves nothing behind.
#[test]
fn mistakes_are_one_line_and_leave_no_file() {
    let cases: &[(&str, i32, &[&str])] = &[
        ("frobnicate", 2, &["frobnicate"]),
        ("train resdual", 2, &["'resdual'", "similar value exists: 'residual'"]),
        ("train --scheme kaimin", 2, &["'kaimin'", "similar value exists: 'kaiming'"]),
        ("train --scheme kaiming,zero --eps 0.1", 2, &["--eps is for IDInit"]),
        ("train --scheme ablation-idic --eps 0.1", 2, &["--eps is for IDInit and its IDIZ"]),
        ("fingerprint --scheme torch --eps 0.1", 2, &["--eps is for IDInit and its IDIZ"]),
        ("fingerprint --eps -1", 2, &["--eps", "from 0 on"]),
        ("train --eps -1", 2, &["--eps", "from 0 on"]),
        ("train --epoch 3", 2, &["--epoch", "'--epochs'"]),
        ("train --epochs 0", 2, &["--epochs"]),
        ("train --rate nan", 2, &["--rate"]),
        ("train --rate 1001", 2, &["--rate", "0 to 1000"]),
        ("train --rate -1", 2, &["--rate", "0 to 1000"]),
        ("train --momentum 1", 2, &["--momentum", "0 to less than 1"]),
        ("train --momentum 1.5", 2, &["--momentum", "0 to less than 1"]),
        ("train --momentum -0.1", 2, &["--momentum", "0 to less than 1"]),
        ("train --clip 0", 2, &["--clip", "greater than 0"]),
        ("train --clip -1", 2, &["--clip", "greater than 0"]),
        ("train --clip inf", 2, &["--clip", "greater than 0"]),
        ("train --decay -1", 2, &["--decay", "from 0 on"]),
        ("train --rate 2 --decay 0.6", 2, &["--rate 2", "--decay 0.6", "more than 1"]),
        ("train --decay 21", 2, &["--rate 0.05", "--decay 21", "more than 1"]),
        ("train linear5 --rate 1000 --decay 1 --data-dir nowhere", 2, &["more than 1"]),
        ("train --schedule step", 2, &["constant, linear, cosine"]),
        ("device info nowhere", 1, &["nowhere: there is no such port"]),
        ("device info unix:nowhere", 1, &["unix:nowhere: No such file"]),
        ("device info tcp:localhost:1", 1, &["nobody listens there"]),
        ("device info nowhere --baud x", 2, &["--baud"]),
        ("device watch nowhere --every 0", 2, &["--every", "0.001 to 3600"]),
        ("device label nowhere --data none.csv", 1, &["none.csv: No such file"]),
        ("device budget nowhere -1", 2, &["-1"]),
        ("device pull nowhere", 2, &["FILE"]),
        ("train --batch 5000", 2, &["5000", "1438"]),
        ("train --update adm", 2, &["'adm'", "similar value"]),
        ("train --update adam --momentum 0.5", 2, &["adam takes no --momentum"]),
        ("train --betas 0.9,0.99", 2, &["sgd takes no --betas"]),
        ("train --update adam --betas 0.9", 2, &["--betas are two numbers"]),
        ("train --update adam --decay 2", 2, &["--decay 2 is more than 1"]),
        ("train --accumulate 0", 2, &["--accumulate"]),
        ("train --augment crop,none", 2, &["none stands alone"]),
        ("train textcnn --augment crop", 2, &["--augment crop is for pictures"]),
        ("train --memory 100KiB", 1, &["KiB of memory to train, and 100 KiB are free"]),
        ("train --config nowhere.toml", 1, &["nowhere.toml: No such file"]),
        ("train --resume here --out there", 2, &["--out", "cannot be used with"]),
        ("compare --seeds 0", 2, &["--seeds"]),
        ("compare --rates 0.1,2000", 2, &["2000 is not from 0 to 1000"]),
        ("train gpt --text nowhere.txt", 1, &["nowhere.txt is absent"]),
        ("train textcnn --data-dir nowhere", 1, &["nowhere/sst", "get-data.sh sst nowhere"]),
        ("train resnet18 --data folder --data-dir nowhere", 1, &["nowhere is absent"]),
        ("train --width 0", 2, &["residual on digits", "zero", "layer 0"]),
        ("train --width 4000000000", 2, &["too large"]),
        ("train --blocks 2000", 2, &["more layers", "6144"]),
        ("train mlp --width 3", 2, &["mlp takes no --width", "it takes --hidden, --activation"]),
        ("plan resnet --depth 21", 2, &["6n+2", "not 21"]),
        ("plan resnet --depth many", 2, &["--depth is a whole number, not 'many'"]),
        ("plan resnet --norm bath", 2, &["'bath'", "similar value exists: 'batch'"]),
        ("plan resnet --shortcuts conv", 2, &["'--shortcuts'", "'--shortcut'"]),
        ("plan resnt", 2, &["'resnt'", "similar value exists: 'resnet'"]),
        ("plan gpt --heads 7", 2, &["gpt on text", "heads that divide d", "layer 4"]),
        ("plan gpt --dropout 1", 2, &["--dropout is a number from 0 to less than 1"]),
        ("plan gpt --data mnist", 2, &["gpt is for plain text, not for pictures"]),
        ("plan vit-b32 --batch 1024", 2, &["32 bits"]),
        ("models resnets", 2, &["similar value exists: 'resnet"]),
        ("train linear5 --hidden 3", 2, &["linear5 takes no --hidden"]),
        ("train mlp --hidden 300000,300000", 2, &["too large", "layer 2"]),
        (
            "train linear5 --data-dir nowhere",
            1,
            &["nowhere/mnist/train-images-idx3-ubyte", "bash examples/get-data.sh mnist nowhere"],
        ),
        ("train mlp --data fashion", 1, &["bash examples/get-data.sh fashion data"]),
        (
            "train cnn --data cifar10 --data-dir nowhere",
            1,
            &["nowhere/cifar10/data_batch_1.png is absent", "get-data.sh cifar10 nowhere"],
        ),
        ("train --out nowhere/run", 1, &["nowhere/run: No such file"]),
        ("train --out /dev/null/run", 1, &["/dev/null/run: Not a directory"]),
        ("train --out /", 1, &["/: is there already"]),
        ("weights --rule idi", 2, &["--out", "--in"]),
        ("weights --rule idii --out 2 --in 2", 2, &["similar value exists: 'idi"]),
        ("weights --rule idi --out 2 --in 2 --kernel 3", 2, &["idi has no kernel", "idic"]),
        ("weights --rule idiz --out 2 --in 2 --kernel 1x3", 2, &["idiz has no kernel", "idizc"]),
        ("weights --rule idi --out 2 --in 2 --std 1", 2, &["idi takes no --std"]),
        ("weights --rule torch --out 2 --in 2 --gain 1", 2, &["torch takes no --gain"]),
        ("weights --rule idi --out 0 --in 2", 2, &["a size is zero"]),
        ("weights --rule idic --out 4 --in 3 --groups 2", 2, &["3 inputs", "2 groups"]),
        ("weights --rule idic --out 3 --in 4 --groups 2", 2, &["3 outputs", "2 groups"]),
        ("weights --rule idic --out 3 --in 4 --groups 0", 2, &["zero"]),
        ("weights --rule idic --out 3 --in 4 --kernel 3by3", 2, &["KHxKW"]),
        ("weights --rule idi --out 3 --in 4 --gain inf", 2, &["--gain", "not a number"]),
        ("weights --rule zero --out 4294967295 --in 4294967295", 2, &["address space"]),
        ("weights --rule orthogonal --out 65536 --in 65536", 2, &["268435456"]),
        ("weights --rule idi --out 2 --in 4000000000", 2, &["268435456"]),
        ("weights --rule idi --out 2 --in 2 -o nowhere/w", 1, &["nowhere/w: No such file"]),
        ("weights --rule idi --out 2 --in 2 -o /", 1, &["/: Is a directory"]),
        ("plan --mode some", 2, &["last:K"]),
        ("plan --mode only:tail", 2, &["'tail'", "stem, blocks.*.conv1, blocks.*.conv2, head"]),
        ("plan mlp --mode only:head", 2, &["no layer of mlp has a name"]),
        ("plan --mode last:0", 2, &["no layer to train"]),
        ("plan --batch 0", 2, &["at least one example"]),
        ("plan --batch 4000000000", 2, &["32 bits"]),
        ("fingerprint --scheme idini", 2, &["'idinit'"]),
        ("fingerprint --scheme lsuv", 2, &["lsuv", "finished on data"]),
        ("train --scheme idinit,skipinit", 2, &["skipinit needs multipliers", "residual has none"]),
    ];
    let folder = folder();
    for (arguments, code, words) in cases {
        let Ended { code: got, out, err } = run(folder.path(), arguments);
        assert_eq!((got, out.as_str()), (Some(*code), ""), "{arguments}: {err}");
        assert!(err.starts_with("error: ") && err.ends_with('\n'), "{arguments}: {err}");
        assert_eq!(err.lines().count(), 1, "{arguments}: {err}");
        for word in *words {
            assert!(err.contains(word), "{arguments}: {word} is not in {err}");
        }
        assert_eq!(names(folder.path()), [""; 0], "{arguments} left something behind");
    }
}

#[test]
fn a_damaged_file_of_data_is_one_line() {
    let folder = folder();
    let mnist = folder.path().join("data/mnist");
    fs::create_dir_all(&mnist).unwrap();
    fs::write(mnist.join("train-images-idx3-ubyte"), b"not a picture").unwrap();
    let ended = run(folder.path(), "train mlp --data mnist --epochs 1");
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(ended.err.contains("train-images-idx3-ubyte begins with"), "{}", ended.err);
    assert_eq!(names(folder.path()), ["data"]);
}

#[test]
fn a_folder_that_is_there_must_be_empty() {
    let folder = folder();
    let settings = "train mlp --epochs 1 --scheme idinit --out run";
    fs::create_dir(folder.path().join("run")).unwrap();
    good(folder.path(), settings);
    assert_eq!(names(&folder.path().join("run")).len(), 8);
    let before = fs::read(folder.path().join("run/log.jsonl")).unwrap();
    let ended = run(folder.path(), settings);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("error: run: is there already"), "{}", ended.err);
    assert_eq!(fs::read(folder.path().join("run/log.jsonl")).unwrap(), before);
    assert_eq!(names(folder.path()), ["run"]);
}

/// A device that is always full, where the system has one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_line() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let folder = folder();
    let ended = run(folder.path(), "weights --rule idi --out 2 --in 2 -o /dev/full");
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("error: /dev/full: No space left"), "{}", ended.err);
    for arguments in ["weights --rule zero --out 999 --in 99", "models", "plan", "train --json"] {
        let output = command(folder.path(), arguments).stdout(full()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}");
        assert!(err.starts_with("error: standard output: No space left"), "{arguments}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    let silent = command(folder.path(), "weights --rule nothing").stderr(full()).status().unwrap();
    assert_eq!(silent.code(), Some(2));
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let folder = folder();
    for arguments in ["weights --rule zero --out 100000 --in 100", "train mlp --epochs 500 --json"]
    {
        let mut child = command(folder.path(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{arguments}");
    }
    // a run leaves what it has measured, as when it is killed
    let files = names(&folder.path().join("runs/mlp-digits"));
    assert!(["config.toml", "log.jsonl"].iter().all(|file| files.contains(&file.to_string())));
    assert_eq!(names(folder.path()), ["runs"]);
    assert!(!files.iter().any(|file| file.starts_with("weights")), "{files:?}");
}

#[test]
fn the_first_examples_are_learnt_from_and_digits_keep_their_side() {
    let folder = tempfile::tempdir().unwrap();
    let train = "train mlp --epochs 1 --scheme idinit --json --out run";
    let lines = json_lines(&good(folder.path(), &format!("{train} --first 32")));
    assert_eq!(
        (&lines[0]["train_examples"], &lines[0]["test_examples"]),
        (&32.into(), &359.into())
    );
    let few = run(folder.path(), &format!("{train} --first 8")).err;
    assert!(few.contains("a batch of 16 is more than the 8 examples"), "{few}");
    let side = run(folder.path(), &format!("{train} --side 4")).err;
    assert!(side.contains("digits has no pictures that --side could change"), "{side}");
}

#[test]
fn a_gpu_that_is_not_there_is_one_line() {
    let folder = folder();
    for arguments in ["gpu", "train --engine cuda --epochs 1 --scheme idinit --first 64"] {
        let ended = run(folder.path(), arguments);
        // on a machine that has one, and a program that knows it
        if cfg!(feature = "cuda") && ended.code == Some(0) {
            continue;
        }
        let why = if cfg!(feature = "cuda") { "install" } else { "--features cli,cuda" };
        assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{arguments}: {ended:?}");
        assert!(ended.err.starts_with("error: ") && ended.err.contains(why), "{}", ended.err);
    }
    let ended = run(folder.path(), "train --precision tf32");
    assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{ended:?}");
    assert!(ended.err.contains("--engine cuda"), "{}", ended.err);
}

/// Counting needs no GPU: operations are those of the shapes.
#[test]
#[cfg(feature = "cuda")]
fn what_a_step_asks_of_a_gpu_is_counted_without_one() {
    let folder = folder();
    let text = good(folder.path(), "gpu plan linear5 --batch 128");
    // three products of 2 · 128 · in · out operations a layer, but no gradient of the pictures
    let sizes = [784.0, 512.0, 512.0, 512.0, 512.0, 10.0];
    let weights: f64 = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let operations = 2.0 * 128.0 * (3.0 * weights - sizes[0] * sizes[1]) / 1e9;
    assert!(text.contains(&format!("operations {operations:.1} GFLOP in products")), "{text}");
    assert!(text.contains(" kernels, 14 products, "), "{text}");
    assert_eq!(text.matches("computed from its data sheet and not measured").count(), 2, "{text}");
}
