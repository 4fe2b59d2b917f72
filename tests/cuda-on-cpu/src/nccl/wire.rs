//! What ranks and the place where they meet say to each other, over a connection of this machine: whole numbers
//! first, then bytes.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// What a rank asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// To be one of `count` ranks.
    Join,
    AllReduce,
    Broadcast,
    /// Nothing more.
    Leave,
}

const CALLS: [Call; 4] = [Call::Join, Call::AllReduce, Call::Broadcast, Call::Leave];

/// A call, with what all ranks must say alike, but for the rank that joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub call: Call,
    pub count: u64,
    /// ncclDataType_t.
    pub numbers: u64,
    /// ncclRedOp_t, the root of a broadcast, or the rank that joins.
    pub how: u64,
}

/// Bytes of a number of each type, from ncclInt8 to ncclFloat8e5m2.
pub const BYTES: [usize; 12] = [1, 1, 4, 4, 8, 8, 2, 4, 8, 2, 1, 1];
const NAMES: [&str; 12] =
    ["i8", "u8", "i32", "u32", "i64", "u64", "f16", "f32", "f64", "bf16", "f8e4m3", "f8e5m2"];

impl Asked {
    pub fn bytes(&self) -> usize {
        match self.call {
            Call::AllReduce | Call::Broadcast => {
                self.count as usize * BYTES.get(self.numbers as usize).copied().unwrap_or(0)
            }
            Call::Join | Call::Leave => 0,
        }
    }

    pub fn write(&self, to: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        write_words(to, &[self.call as u64, self.count, self.numbers, self.how])?;
        to.write_all(bytes)
    }

    pub fn read(from: &mut TcpStream) -> io::Result<Self> {
        let [call, count, numbers, how] = read_words(from)?;
        let call = CALLS.get(call as usize).copied().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { call, count, numbers, how })
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = NAMES.get(self.numbers as usize).unwrap_or(&"?");
        match self.call {
            Call::Join => write!(f, "to join"),
            Call::Leave => write!(f, "to leave"),
            Call::AllReduce => {
                write!(f, "an all-reduce of {} {name} by operation {}", self.count, self.how)
            }
            Call::Broadcast => write!(f, "a broadcast of {} {name} from {}", self.count, self.how),
        }
    }
}

/// An answer: bytes, or in words why there are none.
pub fn answer(to: &mut TcpStream, what: Result<&[u8], &str>) -> io::Result<()> {
    let (failed, bytes) = match what {
        Ok(bytes) => (0, bytes),
        Err(words) => (1, words.as_bytes()),
    };
    write_words(to, &[failed, bytes.len() as u64])?;
    to.write_all(bytes)
}

pub fn hear(from: &mut TcpStream) -> io::Result<Result<Vec<u8>, String>> {
    let [failed, count] = read_words(from)?;
    let mut bytes = vec![0; count as usize];
    from.read_exact(&mut bytes)?;
    Ok(match failed {
        0 => Ok(bytes),
        _ => Err(String::from_utf8_lossy(&bytes).into_owned()),
    })
}

pub fn write_words(to: &mut TcpStream, words: &[u64]) -> io::Result<()> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    to.write_all(&bytes)
}

pub fn read_words<const N: usize>(from: &mut TcpStream) -> io::Result<[u64; N]> {
    let mut words = [0; N];
    for word in &mut words {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes)?;
        *word = u64::from_le_bytes(bytes);
    }
    Ok(words)
}
