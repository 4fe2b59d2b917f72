//! How the ranks learn the id of their communicator: rank 0 has it, waits at its port, and hands it to each of the
//! others once, which say who they are. Nothing else is sent this way.
//!
//! A rank says `idinit-1`, then its number, how many ranks there are, and what all must have in common; rank 0
//! answers `idinit-1` and the id, or `idinit-0`, where what was said contradicts it. Who says something else
//! is sent away, and does not count. Nobody waits longer than to a deadline.

use super::World;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::string::{String, ToString};
use std::time::{Duration, Instant};
use std::vec::Vec;
use std::{format, thread};

/// The bytes of an id.
pub(super) const ID: usize = 128;

/// How long ranks wait for each other.
pub(super) const LIMIT: Duration = Duration::from_secs(300);

/// How long who has come may take to say who it is.
const WORD: Duration = Duration::from_secs(2);

/// How long a rank pauses before it looks for rank 0 again.
const PAUSE: Duration = Duration::from_millis(50);

const GREETING: [u8; 8] = *b"idinit-1";
const REFUSAL: [u8; 8] = *b"idinit-0";

/// What a rank says.
const HELLO: usize = 32;

fn hello(world: &World, about: u64) -> [u8; HELLO] {
    let mut bytes = [0; HELLO];
    let words = [u64::from_le_bytes(GREETING), world.rank as u64, world.size as u64, about];
    for (to, word) in bytes.chunks_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The words of what a rank has said.
fn heard(bytes: &[u8; HELLO]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// Hands the id of rank 0 to all ranks. `id` is asked on rank 0 alone.
pub(super) fn meet(
    world: &World,
    about: u64,
    id: impl FnOnce() -> Result<[u8; ID], super::Error>,
    limit: Duration,
) -> Result<[u8; ID], super::Error> {
    let failed = |why| super::Error::Meeting { why };
    let deadline = Instant::now() + limit;
    if world.rank > 0 {
        return ask(world, about, deadline).map_err(failed);
    }
    let id = id()?;
    if world.size > 1 {
        hand_out(world, about, &id, deadline).map_err(failed)?;
    }
    Ok(id)
}

fn addresses(world: &World) -> Result<Vec<SocketAddr>, String> {
    let found = (world.address.as_str(), world.port).to_socket_addrs();
    let found = found.map_err(|error| format!("there is no machine {}: {error}", world.address))?;
    Ok(found.collect())
}

/// Rank 0 waits for the others.
fn hand_out(world: &World, about: u64, id: &[u8; ID], deadline: Instant) -> Result<(), String> {
    // where all are on this machine, no other can reach the port
    let here = addresses(world)?.into_iter().find(|address| address.ip().is_loopback());
    let place = here.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let listening =
        |error: io::Error| format!("rank 0 cannot wait at port {}: {error}", world.port);
    let listener = TcpListener::bind((place, world.port)).map_err(listening)?;
    listener.set_nonblocking(true).map_err(listening)?;
    let mut lacking: Vec<u64> = (1..world.size as u64).collect();
    while !lacking.is_empty() {
        match listener.accept() {
            Ok((mut stream, _)) => {
                if let Some(words) = listen(&mut stream) {
                    welcome(&mut stream, words, (world.size as u64, about), &mut lacking, id)?;
                }
            }
            Err(_) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(_) => return Err(format!("ranks {lacking:?} of {} did not come", world.size)),
        }
    }
    Ok(())
}

/// What somebody says who has come, if it speaks as a rank does.
fn listen(stream: &mut TcpStream) -> Option<[u64; 4]> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(WORD)).ok()?;
    stream.set_write_timeout(Some(WORD)).ok()?;
    let mut bytes = [0; HELLO];
    stream.read_exact(&mut bytes).ok()?;
    bytes.starts_with(&GREETING).then(|| heard(&bytes))
}

fn welcome(
    stream: &mut TcpStream,
    [_, rank, of, said]: [u64; 4],
    (size, about): (u64, u64),
    lacking: &mut Vec<u64>,
    id: &[u8; ID],
) -> Result<(), String> {
    let place = lacking.iter().position(|it| *it == rank);
    let (why, place) = match place {
        _ if of != size => (format!("rank {rank} is one of {of} ranks, rank 0 one of {size}"), 0),
        _ if said != about => {
            (format!("rank {rank} trains something else than rank 0, or goes on from elsewhere"), 0)
        }
        None => (format!("two processes say that they are rank {rank}"), 0),
        Some(place) => (String::new(), place),
    };
    if !why.is_empty() {
        // its own error does not hang on whether the other hears it
        let _ = stream.write_all(&REFUSAL);
        return Err(why);
    }
    let sent = stream.write_all(&GREETING).and_then(|()| stream.write_all(id));
    sent.map_err(|error| format!("rank {rank} has gone: {error}"))?;
    lacking.swap_remove(place);
    Ok(())
}

/// A rank looks for rank 0, which may begin later, and asks for the id.
fn ask(world: &World, about: u64, deadline: Instant) -> Result<[u8; ID], String> {
    let place = format!("rank 0 at {}, port {}", world.address, world.port);
    let mut why = "nobody was asked".to_string();
    while Instant::now() < deadline {
        match addresses(world) {
            Err(error) => why = error,
            Ok(addresses) => {
                for address in addresses {
                    let left = deadline.saturating_duration_since(Instant::now());
                    match TcpStream::connect_timeout(&address, left.max(PAUSE)) {
                        Err(error) => why = error.to_string(),
                        Ok(stream) => match answer(stream, &hello(world, about), left.max(PAUSE)) {
                            Ok(Some(id)) => return Ok(id),
                            Ok(None) => why = "it did not answer".to_string(),
                            Err(error) => return Err(format!("{place}: {error}")),
                        },
                    }
                }
            }
        }
        thread::sleep(PAUSE);
    }
    Err(format!("{place} was not found: {why}"))
}

/// What rank 0 answers; none, where it has closed the door without a word: it was about to leave, from a
/// meeting before this one.
fn answer(
    mut stream: TcpStream,
    hello: &[u8; HELLO],
    left: Duration,
) -> Result<Option<[u8; ID]>, String> {
    let said = stream.set_read_timeout(Some(left)).and_then(|()| stream.write_all(hello));
    if said.is_err() {
        return Ok(None);
    }
    let (mut answer, mut got) = ([0; 8 + ID], 0);
    while got < answer.len() {
        match stream.read(answer.get_mut(got..).unwrap_or_default()) {
            Ok(0) | Err(_) if got == 0 => return Ok(None),
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) => return Err(error.to_string()),
        }
    }
    let (sign, id) = answer.split_at(8);
    if got >= 8 && sign == REFUSAL {
        return Err("it trains something else, or with other ranks; it says what".to_string());
    }
    match (got == answer.len() && sign == GREETING, id.first_chunk()) {
        (true, Some(id)) => Ok(Some(*id)),
        _ => Err("what answers there is no rank 0 of this program".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Error;
    use super::*;
    use std::vec;

    const SOON: Duration = Duration::from_secs(10);
    const NOW: Duration = Duration::from_millis(300);
    const SECRET: [u8; ID] = [7; ID];

    /// A port that nobody listens at.
    fn port() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    }

    fn world(rank: usize, size: usize, port: u16) -> World {
        World { rank, size, port, ..World::alone() }
    }

    fn went(world: &World, about: u64, limit: Duration) -> Result<[u8; ID], String> {
        meet(world, about, || Ok(SECRET), limit).map_err(|error| match error {
            Error::Meeting { why } => why,
            other => panic!("{other}"),
        })
    }

    /// What becomes of rank 0 and of these, who all come at once.
    fn all(
        size: usize,
        others: &[(usize, usize, u64)],
        limit: Duration,
    ) -> Vec<Result<[u8; ID], String>> {
        let port = port();
        thread::scope(|scope| {
            let first = scope.spawn(move || went(&world(0, size, port), 1, limit));
            let others: Vec<_> = others
                .iter()
                .map(|&(rank, size, about)| {
                    scope.spawn(move || went(&world(rank, size, port), about, limit))
                })
                .collect();
            let all = [first].into_iter().chain(others);
            all.map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn all_ranks_hold_the_id_of_rank_0() {
        assert_eq!(all(4, &[(3, 4, 1), (1, 4, 1), (2, 4, 1)], SOON), vec![Ok(SECRET); 4]);
        assert_eq!(all(1, &[], SOON), [Ok(SECRET)]);
    }

    #[test]
    fn what_contradicts_ends_both_sides() {
        let pairs = [
            (&[(1, 3, 1)][..], "one of 3 ranks"),
            (&[(1, 2, 2)][..], "trains something else"),
            (&[(2, 2, 1)][..], "two processes say that they are rank 2"),
        ];
        for (others, words) in pairs {
            let all = all(2, others, SOON);
            assert!(all[0].as_ref().is_err_and(|why| why.contains(words)), "{all:?}");
            assert!(all[1].as_ref().is_err_and(|why| why.contains("it says what")), "{all:?}");
        }
    }

    #[test]
    fn a_rank_that_never_comes_is_named_and_so_is_a_rank_0_that_is_not_there() {
        let lacking = all(3, &[(1, 3, 1)], NOW);
        assert!(lacking[0].as_ref().is_err_and(|why| why.contains("[2] of 3 did not come")));
        let lost = went(&world(1, 2, port()), 1, NOW);
        assert!(lost.is_err_and(|why| why.contains("was not found")));
    }

    #[test]
    fn strangers_at_the_door_are_sent_away_and_do_not_count() {
        let port = port();
        thread::scope(|scope| {
            let first = scope.spawn(move || went(&world(0, 2, port), 1, SOON));
            let knock = |words: &[u8]| {
                let mut stream = loop {
                    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                        Ok(stream) => break stream,
                        Err(_) => thread::sleep(PAUSE),
                    }
                };
                stream.write_all(words).unwrap();
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let mut heard = vec![];
                let _ = stream.read_to_end(&mut heard);
                assert!(heard.is_empty(), "{heard:?}");
            };
            knock(b"");
            knock(b"GET / HTTP/1.1\r\nHost: a machine\r\n\r\n");
            knock(&hello(&world(1, 2, port), 1)[..31]);
            knock(&[0xff; 4096]);
            assert_eq!(went(&world(1, 2, port), 1, SOON), Ok(SECRET));
            assert_eq!(first.join().unwrap(), Ok(SECRET));
        });
    }

    #[test]
    fn a_stranger_in_the_place_of_rank_0_is_an_error() {
        for words in [&b"HTTP/1.1 400 Bad Request\r\n"[..], &GREETING, &[0; 136], &[b'i'; 200]] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            thread::scope(|scope| {
                scope.spawn(move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    stream.read_exact(&mut [0; HELLO]).unwrap();
                    stream.write_all(words).unwrap();
                });
                let got = went(&world(1, 2, port), 1, SOON);
                assert!(got.is_err_and(|why| why.contains("no rank 0 of this program")));
            });
        }
    }
}
