//! Weights without weight files, by the command: regenerated, compared, exported, put into other people's
//! checkpoints, and kept as differences.
#![cfg(feature = "cli")]

use idinit::exchange::safetensors::{Dtype, Item, Tensors, write_header, write_numbers};
use idinit::init::{IdInit, Initial};
use idinit::recipe::{Fingerprint, Recipe, zoo};
use serde_json::Value;
use std::f32::consts::SQRT_2;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The exit code, standard output and standard error.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idinit"));
    let output = command.current_dir(folder).args(arguments).stdin(Stdio::null()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), out, err)
}

fn good(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = run(folder, arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
    out
}

/// The line on stderr of a command that ends with this code.
fn bad(folder: &Path, code: i32, arguments: &[&str], words: &[&str]) {
    let (got, _, err) = run(folder, arguments);
    assert_eq!((got, err.lines().count()), (Some(code), 1), "{arguments:?}: {err}");
    for word in words {
        assert!(err.contains(word), "{arguments:?}: '{word}' is not in {err}");
    }
}

fn there(folder: &Path, file: &str) -> bool {
    folder.join(file).exists()
}

/// The numbers of a file of plain weights.
fn plain(file: &Path) -> Vec<f32> {
    fs::read(file).unwrap().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn a_network_is_regenerated_under_pytorchs_names() {
    let folder = folder();
    let here = folder.path();
    let line = "idinit/1 cnn width=2 input=4x4x3 classes=3 idinit";
    good(here, &["regenerate", line, "-o", "a.safetensors"]);
    let options = ["--width", "2", "-o", "b.safetensors"];
    good(here, &[&["regenerate", "cnn"][..], &options].concat());
    let mut file = Tensors::open(&here.join("a.safetensors")).unwrap();
    assert_eq!((file.note("recipe"), file.note("format")), (Some(line), Some("pt")));
    let shapes: Vec<_> = file.items().into_iter().map(|item| (item.name, item.shape)).collect();
    let want = [
        ("0.weight", vec![2, 3, 3, 3]),
        ("0.bias", vec![2]),
        ("2.weight", vec![2, 2, 3, 3]),
        ("2.bias", vec![2]),
        ("5.weight", vec![3, 8]),
        ("5.bias", vec![3]),
    ];
    assert_eq!(shapes, want.map(|(name, shape)| (name.to_string(), shape)));
    // IDIC in spatial-major order: output o looks at channel o through tap 0; √2 in the first layer
    let mut first = vec![0.0; 54];
    (first[0], first[27 + 9]) = (SQRT_2, SQRT_2);
    assert_eq!(file.numbers("0.weight").unwrap(), first);
    // the classifier sees 2 × 2 pixels of 2 channels: column (y, x, c) here is (c, y, x) there
    let mut last = vec![0.0; 24];
    (last[0], last[8 + 4], last[16 + 1]) = (1.0, 1.0, 1.0);
    assert_eq!(file.numbers("5.weight").unwrap(), last);
    // the bytes are a function of the recipe
    good(here, &["regenerate", line, "-o", "c.safetensors"]);
    let bytes = |name| fs::read(here.join(name)).unwrap();
    assert_eq!(bytes("a.safetensors"), bytes("c.safetensors"));
    assert_ne!(bytes("a.safetensors"), bytes("b.safetensors"));
}

#[test]
fn what_can_only_be_written_whole_is_regenerated_too() {
    let folder = folder();
    let here = folder.path();
    let line = "idinit/1 mlp hidden=9,5 orthogonal seed=3";
    good(here, &["regenerate", line, "-o", "w.safetensors"]);
    let inspected = good(here, &["export", "w.safetensors", "--format", "bin", "-o", "w.bin"]);
    assert_eq!(inspected, "");
    let fingerprint = good(here, &["fingerprint", line]);
    assert_eq!(fingerprint, format!("{}  {line}\n", Fingerprint::of(&plain(&here.join("w.bin")))));
}

/// The most memory that a program had, in bytes, as Linux tells while it runs.
#[cfg(target_os = "linux")]
fn peak(arguments: &[&str]) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idinit"));
    let mut child = command.args(arguments).stdin(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(1024 * kilobytes.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// 241 MB and 5.7 GB of weights, to nowhere.
#[cfg(target_os = "linux")]
#[test]
fn regenerating_needs_little_memory() {
    let gpt = "idinit/1 gpt layers=24 width=2048 heads=16 context=2048 vocabulary=50257 idinit";
    for recipe in ["idinit/1 resnet152 idinit", gpt] {
        let peak = peak(&["regenerate", recipe, "-o", "/dev/null"]);
        assert!((1 << 20..64 << 20).contains(&peak), "{recipe}: {peak} bytes");
    }
}

#[test]
fn a_recipe_is_all_of_a_start() {
    let folder = folder();
    let here = folder.path();
    let mine = "idinit/1 mlp hidden=9,5 idinit";
    for (arguments, words) in [
        (&["idinit/1 residul idinit"][..], &["'residul' should be the name of a model"][..]),
        (&["idinit/1 mlp width=3 idinit"], &["mlp takes no --width"]),
        (&["idinit/1 mlp"], &["the name of a scheme is missing at the end"]),
        (&["idinit/1 mlp idinit eps=x"], &["'eps=x' should be a number behind the ="]),
        (&["idinit/2 mlp idinit"], &["'idinit/2' should be idinit/1"]),
        (&[mine, "--seed", "3"], &["a recipe says all of a start"]),
        (&[mine, "--hidden", "3"], &["a recipe says all of a start"]),
        (&["mlp", "--scheme", "lsuv"], &["lsuv", "finished on data"]),
        (&["idinit/1 mlp lsuv"], &["lsuv", "finished on data"]),
        (&["idinit/1 mlp skipinit"], &["needs multipliers", "mlp has none"]),
        (&["mlp", "--names", "transformers"], &["gpt only"]),
    ] {
        let command = ["regenerate", "-o", "w.safetensors"];
        bad(here, 2, &[&command[..], arguments].concat(), words);
        assert!(!there(here, "w.safetensors"));
    }
    // the same start by options says the same recipe
    let by_options = ["fingerprint", "mlp", "--hidden", "9,5"];
    assert_eq!(good(here, &by_options), good(here, &["fingerprint", mine]));
}

#[test]
fn fingerprints_of_tensors_are_those_of_windows() {
    let line = "idinit/1 residual blocks=1 width=2 kaiming seed=4";
    let text = good(Path::new("."), &["fingerprint", line, "--tensors", "--json"]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recipe = Recipe::<64>::parse(line).unwrap();
    let (_, network) = zoo::network(&recipe).unwrap();
    let initial: Initial<'_, _> = Initial::new(network.model.nodes(), recipe.scheme().unwrap());
    let mut page = [0.0; 5];
    for (tensor, line) in initial.tensors().zip(&lines) {
        let want = Fingerprint::of_tensor(&initial, &tensor, &mut page).unwrap();
        assert_eq!(line["fingerprint"], want.to_string());
        assert_eq!(line["weights"], tensor.part.dims.len());
    }
    let whole = Fingerprint::of_initial(&initial, &mut page).unwrap().to_string();
    let last = lines.last().unwrap();
    assert_eq!((&last["fingerprint"], &last["recipe"]), (&whole.into(), &line.into()));
    assert_eq!(lines.len(), 1 + initial.tensors().count());
}

/// A run of one epoch, in `run`.
fn trained(folder: &Path) -> Vec<f32> {
    let settings = "train --blocks 1 --width 2 --epochs 1 --scheme idinit,torch --seed 3 --out run";
    good(folder, &settings.split(' ').collect::<Vec<_>>());
    plain(&folder.join("run/weights-idinit.bin"))
}

#[test]
fn a_delta_of_a_run_comes_back_to_its_weights() {
    let folder = folder();
    let here = folder.path();
    let weights = trained(here);
    for scheme in ["idinit", "torch"] {
        let made = ["delta", "make", "run", "--scheme", scheme, "-o", "d.delta"];
        assert!(good(here, &made).starts_with("d.delta: "));
        good(here, &["delta", "apply", "d.delta", "-o", "w.bin"]);
        let run = fs::read(here.join(format!("run/weights-{scheme}.bin"))).unwrap();
        assert_eq!(fs::read(here.join("w.bin")).unwrap(), run);
        // by way of PyTorch's names and layouts
        good(here, &["delta", "apply", "d.delta", "-o", "w.safetensors"]);
        good(here, &["export", "w.safetensors", "--format", "bin", "-o", "again.bin"]);
        assert_eq!(fs::read(here.join("again.bin")).unwrap(), run);
        let said: Value =
            serde_json::from_str(&good(here, &["delta", "inspect", "d.delta", "--json"])).unwrap();
        let seed = if scheme == "torch" { " seed=3" } else { "" };
        let recipe = format!("idinit/1 residual blocks=1 width=2 {scheme}{seed}");
        assert_eq!((&said["kind"], &said["recipe"]), (&"exact".into(), &recipe.into()));
        assert_eq!((&said["verified"], &said["largest_error"]), (&true.into(), &0.0.into()));
    }
    // with loss, less is kept, and how much is lost is said
    let mut sizes = vec![];
    for (kind, keep) in [("bf16", ""), ("int8", ""), ("sparse", "25%")] {
        let mut made =
            vec!["delta", "make", "run", "--scheme", "idinit", "--kind", kind, "-o", "l.delta"];
        if !keep.is_empty() {
            made.extend(["--keep", keep]);
        }
        let said = good(here, &made);
        assert!(said.contains("differs by at most "), "{said}");
        let said = good(here, &["inspect", "l.delta", "--json"]);
        let said: Value = serde_json::from_str(&said).unwrap();
        good(here, &["delta", "apply", "l.delta", "-o", "l.bin"]);
        let got = plain(&here.join("l.bin"));
        let errors = got.iter().zip(&weights).map(|(a, b)| (a - b).abs());
        assert_eq!(said["largest_error"], f64::from(errors.fold(0.0, f32::max)));
        sizes.push(said["bytes"].as_u64().unwrap());
        if kind == "sparse" {
            let kept = got.iter().zip(&weights).filter(|(a, b)| a == b).count();
            assert!(kept >= weights.len() / 4);
        }
    }
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}

#[test]
fn a_delta_from_other_weights_has_no_recipe() {
    let folder = folder();
    let here = folder.path();
    trained(here);
    let [before, after] = ["run/weights-idinit.bin", "run/weights-torch.bin"];
    good(here, &["delta", "make", after, "--start", before, "-o", "d.delta"]);
    bad(here, 1, &["delta", "apply", "d.delta", "-o", "w.bin"], &["--start"]);
    good(here, &["delta", "apply", "d.delta", "--start", before, "-o", "w.bin"]);
    assert_eq!(fs::read(here.join("w.bin")).unwrap(), fs::read(here.join(after)).unwrap());
    let short =
        ["delta", "make", after, "--start", "idinit/1 mlp hidden=5 idinit", "-o", "x.delta"];
    bad(here, 2, &short, &["a recipe says all of a start"]);
    good(
        here,
        &[
            "export",
            "idinit/1 mlp hidden=5 idinit",
            "--format",
            "safetensors",
            "-o",
            "5.safetensors",
        ],
    );
    let short = ["delta", "make", after, "--start", "5.safetensors", "-o", "x.delta"];
    bad(here, 1, &short, &["5.safetensors"]);
    let mut cut = fs::read(here.join("d.delta")).unwrap();
    cut.truncate(cut.len() - 30);
    fs::write(here.join("cut.delta"), cut).unwrap();
    bad(here, 1, &["inspect", "cut.delta"], &["damaged"]);
    bad(here, 2, &["delta", "apply", "d.delta", "--start", before, "-o", "w.pt"], &["NAME.bin"]);
    let wrong = ["delta", "apply", "d.delta", "--start", after, "-o", "x.bin"];
    bad(here, 1, &wrong, &["is for the start", "nothing was changed"]);
    assert!(!there(here, "x.bin"));
}

#[test]
fn a_damaged_delta_leaves_what_was_there() {
    let folder = folder();
    let here = folder.path();
    trained(here);
    good(here, &["delta", "make", "run", "--scheme", "idinit", "-o", "d.delta"]);
    let whole = fs::read(here.join("d.delta")).unwrap();
    fs::write(here.join("w.bin"), b"mine").unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let longer = [&whole[..], b"more"].concat();
    for (bytes, words) in [
        (&whole[..whole.len() - 1], "damaged"),
        (&whole[..20], "cut off"),
        (&flipped, "damaged"),
        (&longer, "damaged"),
        (b"IDDELTA\x02", "another version"),
        (b"nothing of it", "no delta"),
    ] {
        fs::write(here.join("bad.delta"), bytes).unwrap();
        bad(here, 1, &["delta", "apply", "bad.delta", "-o", "w.bin"], &[words, "bad.delta"]);
        assert_eq!(fs::read(here.join("w.bin")).unwrap(), b"mine");
    }
    bad(here, 1, &["delta", "apply", "none.delta", "-o", "w.bin"], &["none.delta"]);
    let mistakes = [
        (&["run", "-o", "x"][..], 1, "say which weights by --scheme: idinit, torch"),
        (&["run", "--scheme", "zero", "-o", "x"], 1, "no such weights"),
        (&["d.delta", "-o", "x"], 1, "delta apply"),
        (&["run", "--scheme", "idinit", "--keep", "3", "-o", "x"], 2, "go together"),
        (
            &["run", "--scheme", "idinit", "--kind", "sparse", "--keep", "x", "-o", "x"],
            2,
            "a share",
        ),
        (&["run", "--scheme", "idinit", "--recipe", "idinit/1 mlp idinit", "-o", "x"], 1, "3466"),
    ];
    for (arguments, code, words) in mistakes {
        bad(here, code, &[&["delta", "make"][..], arguments].concat(), &[words]);
        assert!(!there(here, "x"));
    }
}

/// The tables of source text hold the same numbers.
#[test]
fn weights_are_exported_as_source_text() {
    let folder = folder();
    let here = folder.path();
    let weights = trained(here);
    let numbers = |text: &str, begin: &str, end: &str| -> Vec<f32> {
        let table = text.split_once(begin).unwrap().1.split_once(end).unwrap().0;
        let code = table.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.flat_map(|line| line.split(','))
            .map(|number| number.trim().trim_end_matches('f'))
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().unwrap())
            .collect()
    };
    let export = ["export", "run", "--scheme", "idinit", "--format"];
    let rust = good(here, &[&export[..], &["rust"]].concat());
    assert_eq!(numbers(&rust, "= [\n", "];"), weights);
    let c = good(here, &[&export[..], &["c"]].concat());
    assert_eq!(numbers(&c, "= {\n", "};"), weights);
    for text in [rust, c] {
        assert!(text.contains("idinit/1 residual blocks=1 width=2 idinit"), "{text}");
        assert!(text.contains(&Fingerprint::of(&weights).to_string()));
        assert!(text.contains("// stem.weight from 0 on: [2][3][3][1]"), "{text}");
    }
}

#[test]
fn every_sort_of_file_is_inspected() {
    let folder = folder();
    let here = folder.path();
    let settings = "train mlp --epochs 1 --scheme idinit --checkpoint 5 --out run";
    good(here, &settings.split(' ').collect::<Vec<_>>());
    let plain = good(here, &["inspect", "run/weights-idinit.bin"]);
    assert!(plain.starts_with("3466 plain numbers"), "{plain}");
    let checkpoint = good(here, &["inspect", "run/checkpoint-idinit.bin"]);
    assert!(checkpoint.starts_with("checkpoint after 90 steps"), "{checkpoint}");
    good(here, &["regenerate", "mlp", "-o", "w.safetensors"]);
    let tensors = good(here, &["inspect", "w.safetensors"]);
    assert!(tensors.ends_with("6 tensors, 3466 numbers, of idinit/1 mlp idinit\n"), "{tensors}");
    bad(here, 1, &["inspect", "run/config.json"], &["it is none of"]);
    bad(here, 1, &["inspect", "nothing"], &["nothing"]);
    bad(here, 2, &["inspect", "idinit/1 mlp idinit"], &["idinit fingerprint"]);
    bad(
        here,
        2,
        &["export", "run", "--scheme", "x", "--recipe", "no", "--format", "c"],
        &["idinit/1"],
    );
    let list = "idinit/1 tensors main=3x3 idinit";
    bad(here, 2, &["regenerate", list, "-o", "x"], &["idinit apply"]);
    bad(here, 1, &["apply", "/dev/null"], &["no file that can be read twice"]);
}

/// A checkpoint of nobody's model: a stem, a block of two convolutions, and a classifier.
fn checkpoint(file: &Path, dtype: Dtype) -> Vec<Item> {
    let item = |name: &str, dtype, shape: &[usize]| Item {
        name: name.to_string(),
        dtype,
        shape: shape.to_vec(),
    };
    let items = vec![
        item("norm.num_batches_tracked", Dtype::I64, &[]),
        item("body.0.conv1.weight", dtype, &[4, 4, 3, 3]),
        item("body.0.conv2.weight", dtype, &[4, 4, 3, 3]),
        item("head.bias", dtype, &[2]),
        item("head.weight", dtype, &[2, 4]),
        item("norm.running_var", dtype, &[4]),
        item("norm.weight", dtype, &[4]),
        item("scale_of_mine", dtype, &[4]),
        item("stem.weight", dtype, &[4, 1, 3, 3]),
    ];
    let mut out = File::create(file).unwrap();
    write_header(&mut out, &items, &[]).unwrap();
    for item in &items {
        write_numbers(&mut out, &vec![3.0; item.len()], item.dtype).unwrap();
    }
    items
}

#[test]
fn somebodys_model_starts_from_idinit() {
    let folder = folder();
    let here = folder.path();
    for dtype in [Dtype::F32, Dtype::BF16] {
        let items = checkpoint(&here.join("m.safetensors"), dtype);
        let table = good(here, &["apply", "m.safetensors", "-o", "s.safetensors"]);
        assert!(
            table.contains("body.0.conv2.weight       4x4x3x3           end     by numbered ends")
        );
        assert!(
            table.contains("rectifiers: yes; attention: no; 1 branch ends; a head\n"),
            "{table}"
        );
        assert!(table.ends_with(
            "1 tensors keep the numbers that they have in this file, scale_of_mine first\n"
        ));
        let mut file = Tensors::open(&here.join("s.safetensors")).unwrap();
        assert_eq!(file.items(), items);
        let mut numbers = |name| file.numbers(name).unwrap();
        assert_eq!(numbers("norm.running_var"), [1.0; 4]);
        assert_eq!(numbers("head.bias"), [0.0; 2]);
        assert_eq!(numbers("scale_of_mine"), [3.0; 4], "what is not known is kept");
        let eps = if dtype == Dtype::F32 { 1e-6 } else { half::bf16::from_f32(1e-6).to_f32() };
        assert_eq!(numbers("head.weight"), [eps, 0.0, -eps, 0.0, 0.0, eps, 0.0, -eps]);
        let stem = numbers("stem.weight");
        assert!((stem[0] - SQRT_2).abs() < 0.01 && stem[9 + 1] == stem[0]);
        assert_eq!(stem.iter().filter(|w| **w != 0.0).count(), 4);
        let bytes = file.bytes("norm.num_batches_tracked").unwrap();
        assert_eq!(bytes, 3i64.to_le_bytes(), "what is no float is kept");
        // what was written says how to write it again
        if dtype == Dtype::F32 {
            let recipe = file.note("recipe").unwrap();
            assert!(
                recipe.starts_with("idinit/1 tensors relu=yes main=4x1x3x3 branch=4x4x3x3 end=")
            );
        }
    }
}

#[test]
fn a_file_overrules_what_names_say() {
    let folder = folder();
    let here = folder.path();
    checkpoint(&here.join("m.safetensors"), Dtype::F32);
    let apply = |toml: &str| {
        fs::write(here.join("r.toml"), toml).unwrap();
        run(here, &["apply", "m.safetensors", "--roles", "r.toml", "-o", "s.safetensors"])
    };
    let (code, _, err) = apply(
        "relu = false\n[roles]\n\"*\" = \"keep\"\n\"body.*\" = \"branch\"\n\
         \"*.conv2.weight\" = \"end\"\n\"stem.weight\" = { role = \"first\", groups = 4 }\n",
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let mut file = Tensors::open(&here.join("s.safetensors")).unwrap();
    assert_eq!(file.numbers("head.weight").unwrap(), [3.0; 8]);
    // each group starts anew, and there are no rectifiers
    let mut stem = vec![0.0; 36];
    (0..4).for_each(|o| stem[9 * o] = 1.0);
    assert_eq!(file.numbers("stem.weight").unwrap(), stem);
    assert_eq!(file.numbers("body.0.conv2.weight").unwrap().iter().sum::<f32>(), 0.0);
    assert!(file.numbers("body.0.conv1.weight").unwrap().iter().sum::<f32>() == 4.0);
    fs::remove_file(here.join("s.safetensors")).unwrap();
    for (toml, words) in [
        ("[roles]\n\"boody.*\" = \"end\"\n", "has no tensor 'boody.*'"),
        ("[roles]\n\"head.weight\" = \"ending\"\n", "'ending' is no role; there are first, main"),
        ("[roles]\n\"body.*\" = \"first\"\n", "several tensors"),
        ("rellu = true\n", "line 1: unknown field `rellu`"),
        ("relu = true\n[roles]\n\"stem.weight\" = \"main\"\n", "say which that is"),
        ("relu = true\n[roles\n", "line 2"),
        ("[roles]\n\"norm.num_batches_tracked\" = \"one\"\n", "holds I64"),
        ("[roles]\n\"stem.weight\" = { groups = 3 }\n", "do not divide into 3 groups"),
        ("[roles]\n\"stem.weight\" = { transposed = true }\n", "has two sizes"),
    ] {
        let (code, _, err) = apply(toml);
        assert!(code.is_some_and(|code| code > 0) && err.contains(words), "{toml}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(!there(here, "s.safetensors"));
    }
    for scheme in ["zero-gamma", "skipinit", "rezero"] {
        let apply = ["apply", "m.safetensors", "--scheme", scheme, "-o", "s.safetensors"];
        bad(here, 2, &apply, &["which no name tells"]);
    }
    bad(here, 2, &["apply", "m.safetensors", "--scheme", "lsuv"], &["finished on data"]);
    fs::copy(here.join("m.safetensors"), here.join("m-00001-of-00002.safetensors")).unwrap();
    bad(here, 1, &["apply", "m-00001-of-00002.safetensors"], &["one part of a model"]);
}

/// What is no safetensors file is said to be none, whatever its header claims.
#[test]
fn hostile_files_are_refused() {
    let folder = folder();
    let here = folder.path();
    let file = |size: u64, header: &str, data: usize| {
        let mut bytes = size.to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    };
    let one = |shape: &str, begin: u64, end: u64| {
        let text =
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}}}"#);
        (text.len() as u64, text)
    };
    let of = |shape: &str, begin, end, data| {
        let (size, text) = one(shape, begin, end);
        file(size, &text, data)
    };
    for (bytes, words) in [
        (vec![], "cut off"),
        (file(3, "", 0), "cut off"),
        (file(u64::MAX, "{}", 0), "header is too large"),
        (file(90_000_000, "{}", 0), "cut off"),
        (file(2, "{]", 0), "no safetensors file"),
        (of("[2]", 0, 8, 7), "cut off"),
        (of("[2]", 0, 8, 9), "more behind"),
        (of("[2]", 4, 12, 12), "no safetensors file"),
        (of("[3]", 0, 8, 8), "no safetensors file"),
        (of("[4294967296,4294967296,4294967296]", 0, 8, 8), "no safetensors file"),
        (of("[-1]", 0, 8, 8), "no safetensors file"),
    ] {
        fs::write(here.join("m.safetensors"), &bytes).unwrap();
        bad(here, 1, &["apply", "m.safetensors", "-o", "s.safetensors"], &[words]);
        assert!(!there(here, "s.safetensors"));
    }
    good(here, &["regenerate", "mlp", "-o", "w.safetensors"]);
    let export =
        |recipe| ["export", "w.safetensors", "--recipe", recipe, "--format", "bin", "-o", "x"];
    bad(here, 1, &export("idinit/1 mlp hidden=32 idinit"), &["2.weight is 32x32"]);
    bad(here, 1, &export("idinit/1 mlp hidden=32,31 idinit"), &["31x32"]);
    assert!(!there(here, "x"));
}

/// The start that the file names is the start that the library has.
#[test]
fn the_library_and_the_command_agree() {
    let folder = folder();
    let here = folder.path();
    good(here, &["export", "idinit/1 residual idinit", "--format", "bin", "-o", "w.bin"]);
    let (_, network) =
        zoo::network(&Recipe::<64>::parse("idinit/1 residual idinit").unwrap()).unwrap();
    let initial: Initial<'_, _> = Initial::new(network.model.nodes(), IdInit::PAPER);
    let mut weights = vec![0.0; initial.len()];
    initial.fill_window(0, &mut weights).unwrap();
    assert_eq!(plain(&here.join("w.bin")), weights);
}

#[test]
fn a_network_is_quantised_and_what_it_loses_is_said() {
    let folder = folder();
    let here = folder.path();
    let told = good(here, &["quantize", "idinit/1 residual idinit", "--rust", "start.rs"]);
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("of 359 examples, ") && last.ends_with(" alike"), "{told}");
    // all of its layers are still rules, so that flash holds channels and no weights
    assert!(told.contains("conv, rule") && !told.contains(" conv  "), "{told}");
    let module = fs::read_to_string(here.join("start.rs")).unwrap();
    assert!(module.contains("Of: idinit/1 residual idinit") && module.contains("pub const MODEL"));

    let json = good(here, &["quantize", "idinit/1 mlp idinit", "--judge", "10", "--json"]);
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (judged, layers) = lines.split_last().unwrap();
    assert_eq!((&judged["examples"], layers.len()), (&10.into(), 3), "{json}");
    for layer in layers {
        assert!(layer["compared"] == 10 && layer["decibels"].as_f64().unwrap() > 20.0, "{layer}");
    }
    bad(here, 2, &["quantize", "idinit/1 linear5 idinit"], &["digits", "--data"]);
    bad(here, 1, &["quantize", "idinit/1 mlp activation=tanh idinit"], &["Tanh"]);
    bad(here, 1, &["quantize", "nothing"], &["nothing"]);
}
