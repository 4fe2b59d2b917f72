//! Where ranks meet: a thread of the process that made their id. It hears each rank in the order of their
//! numbers, holds what they ask for against each other, and sums in that order, so that sums are the same each
//! time.

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use super::wire::{Asked, BYTES, Call, answer, read_words};

const F32: u64 = 7;
const F64: u64 = 8;

/// Serves the ranks of one id until they leave.
pub fn serve(listener: &TcpListener, nonce: u64) {
    let Some(mut ranks) = gather(listener, nonce) else { return };
    loop {
        match round(&mut ranks) {
            Ok(true) => {}
            Ok(false) => return,
            Err(words) => return refuse(&mut ranks, &words),
        }
    }
}

fn refuse(ranks: &mut [TcpStream], words: &str) {
    for rank in ranks.iter_mut() {
        let _ = answer(rank, Err(words));
        let _ = rank.shutdown(Shutdown::Write);
    }
    // a connection that is closed before all is read would take the words along
    for rank in ranks {
        let _ = rank.set_read_timeout(Some(Duration::from_secs(1)));
        let _ = std::io::copy(rank, &mut std::io::sink());
    }
}

/// Waits for all ranks; none where what they say cannot be.
fn gather(listener: &TcpListener, nonce: u64) -> Option<Vec<TcpStream>> {
    let mut there: Vec<(u64, u64, TcpStream)> = vec![];
    loop {
        let (mut stream, _) = listener.accept().ok()?;
        let Ok([said]) = read_words(&mut stream) else { continue };
        let Ok(Asked { call: Call::Join, count, how: rank, .. }) = Asked::read(&mut stream) else {
            continue;
        };
        if said != nonce {
            continue;
        }
        let wrong = match there.first() {
            Some((first, of, _)) if *of != count => {
                Some(format!("rank {first} is one of {of} ranks, rank {rank} one of {count}"))
            }
            _ if there.iter().any(|(other, ..)| *other == rank) => {
                Some(format!("rank {rank} is there twice"))
            }
            _ => None,
        };
        there.push((rank, count, stream));
        there.sort_by_key(|(rank, ..)| *rank);
        let complete = there.len() as u64 == count;
        if wrong.is_some() || complete {
            let mut ranks: Vec<_> = there.into_iter().map(|(.., stream)| stream).collect();
            if let Some(words) = wrong {
                refuse(&mut ranks, &words);
                return None;
            }
            ranks.iter_mut().for_each(|rank| _ = answer(rank, Ok(&[])));
            return Some(ranks);
        }
    }
}

/// One call of all ranks; whether there may be more.
fn round(ranks: &mut [TcpStream]) -> Result<bool, String> {
    let mut all = vec![];
    for rank in ranks.iter_mut() {
        // one whose process has ended has left as well
        let gone = Asked { call: Call::Leave, count: 0, numbers: 0, how: 0 };
        all.push(Asked::read(rank).unwrap_or(gone));
    }
    let first = all[0];
    if all.iter().all(|asked| asked.call == Call::Leave) {
        return Ok(false);
    }
    for (rank, asked) in all.iter().enumerate() {
        if asked.call == Call::Leave {
            return Err(format!("rank {rank} has left"));
        }
        if *asked != first {
            return Err(format!("rank 0 asks for {first}, rank {rank} for {asked}"));
        }
    }
    let mut sent = vec![];
    for (number, rank) in ranks.iter_mut().enumerate() {
        let mut bytes = vec![0; first.bytes()];
        let heard = rank.read_exact(&mut bytes);
        heard.map_err(|error| format!("rank {number} has left in the middle: {error}"))?;
        sent.push(bytes);
    }
    let result = match first.call {
        Call::Broadcast => sent.swap_remove(first.how as usize),
        _ => reduced(&first, &sent)?,
    };
    for rank in ranks {
        let _ = answer(rank, Ok(&result));
    }
    Ok(true)
}

fn reduced(asked: &Asked, sent: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let both: fn(f64, f64) -> f64 = match asked.how {
        0 | 4 => |a, b| a + b,
        1 => |a, b| a * b,
        2 => f64::max,
        3 => f64::min,
        _ => return Err(format!("{asked}: this operation is not implemented")),
    };
    let share = if asked.how == 4 { sent.len() as f64 } else { 1.0 };
    let bytes = BYTES[asked.numbers as usize];
    let all = (0..asked.bytes()).step_by(bytes).map(|at| {
        let of = |from: &Vec<u8>| number(asked.numbers, &from[at..at + bytes]);
        let numbers = sent.iter().map(of).collect::<Option<Vec<f64>>>()?;
        // each sum is rounded to the type of the numbers, as it travels from rank to rank
        let whole = numbers.into_iter().reduce(|a, b| rounded(asked.numbers, both(a, b)))?;
        Some(match asked.numbers {
            F32 => ((whole / share) as f32).to_le_bytes().to_vec(),
            _ => (whole / share).to_le_bytes().to_vec(),
        })
    });
    let all: Option<Vec<Vec<u8>>> = all.collect();
    let none = || format!("{asked}: numbers of this type are not implemented");
    all.map(|all| all.concat()).ok_or_else(none)
}

fn number(kind: u64, bytes: &[u8]) -> Option<f64> {
    match kind {
        F32 => Some(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        F64 => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

fn rounded(kind: u64, number: f64) -> f64 {
    if kind == F32 { (number as f32).into() } else { number }
}
