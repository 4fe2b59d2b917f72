use super::*;
use std::string::ToString;
use std::{env, process};

fn folder(test: &str) -> PathBuf {
    let path = env::temp_dir().join(std::format!("idinit-checkpoint-{}-{test}", process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn example() -> Checkpoint {
    Checkpoint {
        settings: u64::MAX - 5,
        steps: 77,
        epoch: 3,
        batch: 9,
        sum: 0.1 + 0.2,
        notes: b"notes".to_vec(),
        weights: (0..5000).map(|i| i as f32 / 7.0).collect(),
        state: std::vec![-0.0, f32::MIN_POSITIVE / 2.0, 3.5],
    }
}

#[test]
fn what_was_written_is_read() {
    let folder = folder("read");
    let file = folder.join("a");
    assert_eq!(Checkpoint::read(&file).unwrap(), None);
    for checkpoint in [example(), Checkpoint::default(), example()] {
        checkpoint.write(&file).unwrap();
        let read = Checkpoint::read(&file).unwrap().unwrap();
        assert_eq!(read, checkpoint);
        assert_eq!(
            read.state.first().map(|s| s.to_bits()),
            checkpoint.state.first().map(|s| s.to_bits())
        );
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let file = Path::new("a");
    let small = Checkpoint { weights: std::vec![1.0, 2.0], ..example() };
    let mut bytes = Vec::new();
    small.write_to(&mut bytes).unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes, file).unwrap(), small);
    for len in 0..bytes.len() {
        let error = Checkpoint::from_bytes(&bytes[..len], file).unwrap_err();
        assert!(
            matches!(error, CheckpointError::Length { .. } | CheckpointError::Foreign { .. }),
            "{error}"
        );
    }
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        Checkpoint::from_bytes(&bytes, file).unwrap_err();
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    bytes.push(0);
    let error = Checkpoint::from_bytes(&bytes, file).unwrap_err().to_string();
    assert_eq!(error, "a: a checkpoint of 102 bytes that should have 101");
}

#[test]
fn what_fails_midway_leaves_the_old_file_alone() {
    let folder = folder("full");
    let file = folder.join("a");
    example().write(&file).unwrap();
    let full = replace(&file, |out| {
        out.write_all(&[1; 100_000])?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(Checkpoint::read(&file).unwrap(), Some(example()));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let nowhere = folder.join("nowhere/a");
    let error = example().write(&nowhere).unwrap_err();
    assert!(error.to_string().starts_with(&nowhere.display().to_string()), "{error}");
    fs::remove_dir_all(folder).unwrap();
}
