//! `idinit train` as several processes, as torchrun and SLURM start them.

use crate::can;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const RUN: &str = "train residual --blocks 2 --width 4 --epochs 3 --engine cuda";

type Variables = Vec<(&'static str, String)>;

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// What torchrun tells a rank.
fn torchrun(port: u16, rank: usize, size: usize) -> Variables {
    vec![
        ("RANK", rank.to_string()),
        ("WORLD_SIZE", size.to_string()),
        ("LOCAL_RANK", rank.to_string()),
        ("MASTER_ADDR", "127.0.0.1".into()),
        // the ranks meet behind it
        ("MASTER_PORT", (port - 1500).to_string()),
    ]
}

/// What SLURM's srun tells it.
fn slurm(port: u16, rank: usize, size: usize) -> Variables {
    vec![
        ("SLURM_STEP_ID", "0".into()),
        ("SLURM_PROCID", rank.to_string()),
        ("SLURM_NTASKS", size.to_string()),
        ("SLURM_LOCALID", rank.to_string()),
        ("SLURM_STEP_NODELIST", "localhost".into()),
        ("MASTER_PORT", (port - 1500).to_string()),
    ]
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idinit"));
    command.current_dir(folder).args(arguments.split_whitespace());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Two processes of one command.
fn two(
    folder: &Path,
    arguments: &str,
    told: fn(u16, usize, usize) -> Variables,
    fault: Option<&str>,
) -> [Output; 2] {
    let port = free_port();
    let begin = |rank: usize| {
        let mut command = command(folder, arguments);
        command.envs(told(port, rank, 2));
        if let Some(fault) = fault.filter(|_| rank == 1) {
            command.env("CUDA_ON_CPU_FAIL", fault);
        }
        command.spawn().unwrap()
    };
    [0, 1].map(begin).map(|child| child.wait_with_output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn two_processes_train_to_the_bits_of_one_in_parts_and_the_first_writes() {
    if !can(2) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let schemes = "--first 64 --scheme idinit,kaiming";
    let one = format!("{RUN} {schemes} --batch 8 --accumulate 2 --out one");
    let one = command(folder, &one).output().unwrap();
    assert!(one.status.success(), "{}", said(&one));
    let both = format!("{RUN} {schemes} --batch 16 --out both");
    let [first, second] = two(folder, &both, torchrun, None);
    assert!(first.status.success() && second.status.success(), "{}{}", said(&first), said(&second));
    assert!(!first.stdout.is_empty() && second.stdout.is_empty());
    // one folder, of one process
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["both", "one"]);
    // shares are of a power of two: whether means or sums are added, the bits are the same
    for scheme in ["idinit", "kaiming"] {
        let name = format!("weights-{scheme}.bin");
        let [got, want] = ["both", "one"].map(|run| file(&folder.join(run), &name));
        assert!(got == want, "{scheme}: other weights");
    }
    let config = String::from_utf8(file(&folder.join("both"), "config.toml")).unwrap();
    assert!(config.contains("batch = 16"), "{config}");
}

#[test]
fn a_run_of_two_processes_of_which_one_fails_goes_on_to_the_bits_of_an_unbroken_one() {
    if !can(2) || !crate::stand_in() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = format!("{RUN} --first 70 --scheme idinit --update adam --batch 16 --checkpoint 2");
    let whole = two(folder, &format!("{run} --out whole"), slurm, None);
    assert!(whole.iter().all(|it| it.status.success()), "{}{}", said(&whole[0]), said(&whole[1]));
    // five steps an epoch, the last of 6 examples, each of which has a letter and a bucket: in the ninth step
    let broken = two(folder, &format!("{run} --out broken"), slurm, Some("collective:17"));
    for output in &broken {
        assert_eq!(output.status.code(), Some(1), "{}", said(output));
        assert!(said(output).contains("the last checkpoint is whole"), "{}", said(output));
    }
    let next = two(folder, "train --resume broken", slurm, None);
    assert!(next.iter().all(|it| it.status.success()), "{}{}", said(&next[0]), said(&next[1]));
    let [got, want] = ["broken", "whole"].map(|run| file(&folder.join(run), "weights-idinit.bin"));
    assert!(got == want, "other weights");
    // as many processes as there are may go on: the batch is that of all
    let more = command(folder, "train --resume whole").output().unwrap();
    assert!(more.status.success(), "{}", said(&more));
}

/// What one process says that is told to be rank 0 of 2.
fn refused(folder: &Path, arguments: &str, change: &[(&str, &str)]) -> String {
    let mut command = command(folder, arguments);
    command.envs(torchrun(40_000, 0, 2)).envs(change.iter().copied());
    let output = command.output().unwrap();
    assert!(!output.status.success());
    said(&output).lines().filter(|line| !line.starts_with("[cuda-on-cpu]")).collect()
}

#[test]
fn what_several_processes_cannot_do_is_one_line() {
    if !can(1) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &str, change: &[_]| refused(folder.path(), arguments, change);
    let odd = refused(&format!("{RUN} --batch 15"), &[]);
    assert!(odd.contains("a batch of 15 cannot be shared out among 2 GPUs"), "{odd}");
    let patient = refused(&format!("{RUN} --patience 2"), &[]);
    assert!(patient.contains("--patience is for one process, and these are 2"), "{patient}");
    let compared = refused("compare --engine cuda --first 70", &[]);
    assert!(compared.contains("compare is for one process"), "{compared}");
    let strange = refused(RUN, &[("RANK", "two")]);
    assert_eq!(strange, "error: RANK is `two`, which is no number in its range");
    let beyond = refused(RUN, &[("RANK", "2")]);
    assert!(beyond.contains("this is rank 2 of 2"), "{beyond}");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "something was written");
}
