//! Bytes that may be a checkpoint of a run.

use super::bytes::seal;
use idinit::checkpoint::Checkpoint;
use std::path::Path;

/// Bytes as they are, and with a sound checksum in place of their last eight.
pub fn checkpoint(data: &[u8]) {
    read(data);
    let mut sealed = data.to_vec();
    seal(&mut sealed);
    read(&sealed);
}

/// What is read is written to the same bytes.
fn read(bytes: &[u8]) {
    match Checkpoint::from_bytes(bytes, Path::new("name")) {
        Ok(checkpoint) => {
            let mut again = vec![];
            checkpoint.write_to(&mut again).unwrap();
            assert!(again == bytes, "{checkpoint:?}");
        }
        Err(error) => assert!(error.to_string().starts_with("name: ")),
    }
}
