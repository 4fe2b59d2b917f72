//! The `idinit` command over data and numbers that are odd: what can be learnt is learnt, and what cannot
//! is named.

#![cfg(feature = "cli")]

use idinit::checkpoint::Checkpoint;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idinit"));
    command.current_dir(folder).args(arguments.split_whitespace()).stdin(Stdio::null());
    command.output().unwrap()
}

/// The events of a run that succeeds.
fn good(folder: &Path, arguments: &str) -> Vec<Value> {
    let output = run(folder, &format!("{arguments} --json"));
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{arguments}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a run that fails printed, and its line on stderr.
fn bad(folder: &Path, arguments: &str) -> (String, String) {
    let output = run(folder, arguments);
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!((output.status.code(), err.lines().count()), (Some(1), 1), "{arguments}: {err}");
    (out, err)
}

#[test]
fn a_weight_that_is_no_number_stops_the_run_with_the_step_and_the_layer() {
    for number in [f32::NAN, f32::INFINITY] {
        let folder = tempfile::tempdir().unwrap();
        good(folder.path(), "train mlp --epochs 1 --scheme idinit --checkpoint 5 --out run");
        let file = folder.path().join("run/checkpoint-idinit.bin");
        let mut kept = Checkpoint::read(&file).unwrap().unwrap();
        // a checkpoint in the middle of the epoch, with one weight of the head spoilt
        (kept.epoch, kept.batch, kept.steps) = (0, 5, 5);
        let mut notes: Value = serde_json::from_slice(&kept.notes).unwrap();
        notes["epochs"] = Value::Array(vec![]);
        kept.notes = notes.to_string().into_bytes();
        let last = kept.weights.len() - 20;
        kept.weights[last] = number;
        kept.write(&file).unwrap();
        let (out, err) = bad(folder.path(), "train --resume run");
        let why = "error: no start could be trained to the end; idinit: step 6: layer ";
        assert!(err.starts_with(why) && err.lines().count() == 1, "{err}");
        assert!(out.contains("failed in epoch 1: step 6: layer "), "{out}");
        assert!(out.contains(") has a weight that is not finite"), "{out}");
        let log = fs::read_to_string(folder.path().join("run/log.jsonl")).unwrap();
        let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert!(last["failure"].as_str().unwrap().starts_with("step 6: layer "), "{last}");
    }
}

#[test]
fn data_that_is_no_number_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let sst = folder.path().join("data/sst");
    fs::create_dir_all(&sst).unwrap();
    for (part, count) in [("train", 6920), ("test", 1821)] {
        let lines = vec!["1 good film"; count].join("\n");
        fs::write(sst.join(format!("stsa.binary.{part}")), lines).unwrap();
    }
    for number in ["nan", "inf", "1e39"] {
        let vectors = format!("good 1 2\nfilm 0 {number}\n");
        fs::write(folder.path().join("vectors.txt"), vectors).unwrap();
        let arguments =
            "train textcnn --data sst2 --width 2 --kernels 1,2,1 --vectors-file vectors.txt";
        let (out, err) = bad(folder.path(), arguments);
        assert_eq!(out, "");
        assert!(err.starts_with("error: vectors.txt is damaged: line 2 is not "), "{err}");
    }
}

/// Pictures of 14 × 10 pixels in three classes, as ImageNet lies on a disk.
#[test]
fn a_small_imagenet_is_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let classes = [("n01", [220, 30, 30]), ("n02", [30, 220, 30]), ("n03", [30, 30, 220])];
    for (part, count) in [("train", 8), ("val", 3)] {
        for (class, colour) in classes {
            let class = folder.path().join("data/imagenet").join(part).join(class);
            fs::create_dir_all(&class).unwrap();
            for number in 0..count {
                let shade = |c: u8| c.saturating_add(number);
                let pixels: Vec<u8> = colour.map(shade).repeat(14 * 10);
                let file = class.join(format!("{number}.png"));
                image::save_buffer(file, &pixels, 14, 10, image::ColorType::Rgb8).unwrap();
            }
        }
    }
    let net = "train resnet18 --width 4 --side 32 --batch 6 --epochs 20 --warm-up 0 --update adam --rate 0.003 \
        --augment crop,flip --scheme kaiming --out run";
    let events = good(folder.path(), net);
    let run = &events[0];
    assert_eq!((&run["train_examples"], &run["test_examples"]), (&24.into(), &9.into()));
    let epochs: Vec<_> = events.iter().filter(|event| event["event"] == "epoch").collect();
    let loss = |epoch: usize| epochs[epoch]["train_loss"].as_f64().unwrap();
    // half of ln 3, what a guess among three classes costs
    let last = epochs.len() - 1;
    assert!(loss(last) < 0.55, "{} after {}", loss(last), loss(0));
    let table = fs::read_to_string(folder.path().join("run/confusion-kaiming.csv")).unwrap();
    assert!(table.starts_with("class,\"n01\",\"n02\",\"n03\"\n"), "{table}");
}

#[test]
fn cifar_that_is_not_as_published_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cifar = folder.path().join("data/cifar10");
    fs::create_dir_all(&cifar).unwrap();
    let file = cifar.join("data_batch_1.bin");
    let train = "train resnet --epochs 1 --scheme idinit --out run";
    let tiny = vec![0; 4 * 3073];
    let whole = vec![0; 10_000 * 3073];
    for (bytes, words) in [(tiny, "is cut off: 12292 bytes of 30730000"), (whole, "MD5")] {
        fs::write(&file, bytes).unwrap();
        let (out, err) = bad(folder.path(), train);
        assert_eq!(out, "");
        assert!(err.starts_with("error: data/cifar10/data_batch_1.bin "), "{err}");
        assert!(err.contains(words) && err.contains("get-data.sh cifar10 data"), "{err}");
    }
    assert!(!folder.path().join("run").exists());
}
