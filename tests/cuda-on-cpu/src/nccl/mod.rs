//! The collectives of NCCL that the crate asks for, among processes of this machine, one for each rank.
//!
//! A collective is sent to its stream, or captured, as a kernel is. Its numbers go to the process of the id, are
//! summed there in the order of ranks, and come back: the same bits on all ranks, in every run.

mod hub;
mod wire;

use std::collections::{HashMap, HashSet};
use std::ffi::{c_char, c_int, c_void};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use std::{ptr, slice, thread};

use crate::counters::{Counter, count};
use crate::device::stream::{Operation, stream_of};
use crate::device::{Machine, current_device, lock};
use crate::error::{Error, Result};
use crate::report::{say, wrong};
use crate::settings::{planned_failure, settings};
use wire::{Asked, BYTES, Call};

/// ncclResult_t.
const SUCCESS: c_int = 0;
const UNHANDLED_CUDA_ERROR: c_int = 1;
const SYSTEM_ERROR: c_int = 2;
const INVALID_ARGUMENT: c_int = 4;
const INVALID_USAGE: c_int = 5;
const REMOTE_ERROR: c_int = 6;

/// The version that the library says it has: 2.30.0.
const VERSION: c_int = 23_000;

const MAGIC: u64 = u64::from_le_bytes(*b"cudaoncp");

/// ncclUniqueId: a sign of ours, the port of the process that made it, and a number of its own.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct UniqueId([u8; 128]);

impl UniqueId {
    fn new(port: u16, nonce: u64) -> Self {
        let mut bytes = [0; 128];
        for (to, word) in bytes.chunks_mut(8).zip([MAGIC, port.into(), nonce]) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        Self(bytes)
    }

    fn read(&self) -> Option<(u16, u64)> {
        let word = |place: usize| {
            let bytes = self.0.get(8 * place..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        if word(0)? != MAGIC {
            return None;
        }
        Some((word(1)?.try_into().ok()?, word(2)?))
    }
}

/// One rank's end.
struct Communicator {
    connection: Mutex<TcpStream>,
    rank: c_int,
    ranks: c_int,
    device: c_int,
    left: AtomicBool,
}

#[derive(Default)]
struct All {
    communicators: HashMap<usize, Arc<Communicator>>,
    made: usize,
    /// The ids that a rank of this process has joined by.
    joined: HashSet<u64>,
    groups: usize,
}

fn all() -> MutexGuard<'static, All> {
    static ALL: OnceLock<Mutex<All>> = OnceLock::new();
    ALL.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The communicator of a handle.
fn known(handle: usize, what: &str) -> std::result::Result<Arc<Communicator>, c_int> {
    all().communicators.get(&handle).cloned().ok_or_else(|| {
        say(format_args!("{what}: a communicator that was destroyed, or never made"));
        INVALID_ARGUMENT
    })
}

impl Communicator {
    /// Asks, and waits for what all ranks together come to.
    fn ask(&self, asked: &Asked, bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
        let mut stream = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                let seconds = settings().timeout;
                format!("{asked}: not all ranks have asked for it within {seconds} s")
            }
            _ => format!("{asked}: another rank has gone ({error})"),
        };
        asked.write(&mut stream, bytes).map_err(waited)?;
        wire::hear(&mut stream).map_err(waited)?
    }

    /// Runs a collective that its stream has come to.
    fn run(&self, asked: &Asked, from: usize, to: usize) -> Result {
        let number = count(Counter::Collectives, 1);
        if settings().trace {
            say(format_args!("collective {number}: {asked}"));
        }
        if planned_failure("collective", number) {
            return wrong(Error::LaunchFailed, "a collective fails, as CUDA_ON_CPU_FAIL says");
        }
        if self.left.load(Relaxed) {
            let words = format!("{asked} runs behind the end of its communicator");
            return wrong(Error::LaunchFailed, words);
        }
        // SAFETY: the caller has checked the range
        let sent = unsafe { slice::from_raw_parts(from as *const u8, asked.bytes()) };
        match self.ask(asked, sent) {
            Ok(bytes) => {
                // SAFETY: the caller has checked the range, and an answer has the length of what was sent
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, sent.len()) };
                Ok(())
            }
            Err(words) => wrong(Error::LaunchFailed, format_args!("rank {}: {words}", self.rank)),
        }
    }
}

fn collective(
    call: Call,
    (from, to): (*const c_void, *mut c_void),
    (count, numbers, how): (usize, c_int, c_int),
    handle: usize,
    stream: *mut c_void,
) -> c_int {
    let communicator = match known(handle, "a collective") {
        Ok(communicator) => communicator,
        Err(code) => return code,
    };
    let (count, how) = (count as u64, how as u64);
    let asked = Asked { call, count, numbers: numbers as u64, how };
    let root = call == Call::Broadcast && how >= communicator.ranks as u64;
    if usize::try_from(numbers).map_or(true, |numbers| numbers >= BYTES.len()) || root {
        say(format_args!("{asked}: there is no such type, or no such root"));
        return INVALID_ARGUMENT;
    }
    let (from, to) = (from as usize, to as usize);
    let check = move |machine: &Machine| {
        machine.memory.check(&format!("{asked}: sent"), from, asked.bytes())?;
        machine.memory.check(&format!("{asked}: received"), to, asked.bytes())
    };
    let mut machine = lock();
    if machine.check().is_err() {
        return UNHANDLED_CUDA_ERROR;
    }
    if check(&machine).is_err() {
        return INVALID_ARGUMENT;
    }
    let work = move |machine: &mut Machine| {
        check(machine)?;
        communicator.run(&asked, from, to)
    };
    match machine.push(stream_of(stream), Operation::Library(Arc::new(work))) {
        Ok(()) if machine.check().is_ok() => SUCCESS,
        _ => UNHANDLED_CUDA_ERROR,
    }
}

/// Makes the place where the ranks of a new id meet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclGetUniqueId(id: *mut UniqueId) -> c_int {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { return SYSTEM_ERROR };
    let Ok(address) = listener.local_addr() else { return SYSTEM_ERROR };
    let nonce = RandomState::new().build_hasher().finish();
    let serve = move || hub::serve(&listener, nonce);
    if thread::Builder::new().name("nccl".into()).spawn(serve).is_err() {
        return SYSTEM_ERROR;
    }
    // SAFETY: the program's own pointer
    unsafe { id.write(UniqueId::new(address.port(), nonce)) };
    SUCCESS
}

/// Meets the other ranks, and waits for them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommInitRank(
    made: *mut usize,
    ranks: c_int,
    id: UniqueId,
    rank: c_int,
) -> c_int {
    if ranks < 1 || !(0..ranks).contains(&rank) {
        say(format_args!("ncclCommInitRank: there is no rank {rank} of {ranks}"));
        return INVALID_ARGUMENT;
    }
    let Some((port, nonce)) = id.read() else {
        say("ncclCommInitRank: this is no id that ncclGetUniqueId has made");
        return INVALID_ARGUMENT;
    };
    {
        let mut machine = lock();
        if machine.check().and_then(|()| machine.refuse_unsafe()).is_err() {
            return UNHANDLED_CUDA_ERROR;
        }
    }
    if !all().joined.insert(nonce) {
        say("ncclCommInitRank: two ranks in one process: here each rank is a process");
        return INVALID_USAGE;
    }
    let asked = Asked { call: Call::Join, count: ranks as u64, numbers: 0, how: rank as u64 };
    let connect = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(settings().timeout)))?;
        wire::write_words(&mut stream, &[nonce])?;
        Ok::<_, std::io::Error>(stream)
    };
    let communicator = match connect() {
        Ok(stream) => Communicator {
            connection: Mutex::new(stream),
            rank,
            ranks,
            device: current_device() as c_int,
            left: AtomicBool::new(false),
        },
        Err(error) => {
            say(format_args!("ncclCommInitRank: the process of the id has gone: {error}"));
            return SYSTEM_ERROR;
        }
    };
    if let Err(words) = communicator.ask(&asked, &[]) {
        say(format_args!("ncclCommInitRank: {words}"));
        return REMOTE_ERROR;
    }
    let mut all = all();
    all.made += 1;
    let handle = 16 * all.made;
    all.communicators.insert(handle, Arc::new(communicator));
    // SAFETY: the program's own pointer
    unsafe { made.write(handle) };
    SUCCESS
}

/// Ends a rank's part; what its streams hold is done before, unless it is `aborted`.
fn leave(handle: usize, aborted: bool) -> c_int {
    if !aborted {
        lock().drain_all();
    }
    let Some(communicator) = all().communicators.remove(&handle) else {
        say("the end of a communicator that was destroyed before, or never made");
        return INVALID_ARGUMENT;
    };
    communicator.left.store(true, Relaxed);
    let mut stream = communicator.connection.lock().unwrap_or_else(PoisonError::into_inner);
    let leave = Asked { call: Call::Leave, count: 0, numbers: 0, how: 0 };
    // where all others have gone, nobody hears it
    let _ = leave.write(&mut stream, &[]);
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommFinalize(handle: usize) -> c_int {
    lock().drain_all();
    known(handle, "ncclCommFinalize").map_or_else(|code| code, |_| SUCCESS)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommDestroy(handle: usize) -> c_int {
    leave(handle, false)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommAbort(handle: usize) -> c_int {
    leave(handle, true)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclAllReduce(
    from: *const c_void,
    to: *mut c_void,
    count: usize,
    numbers: c_int,
    operation: c_int,
    handle: usize,
    stream: *mut c_void,
) -> c_int {
    collective(Call::AllReduce, (from, to), (count, numbers, operation), handle, stream)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclBroadcast(
    from: *const c_void,
    to: *mut c_void,
    count: usize,
    numbers: c_int,
    root: c_int,
    handle: usize,
    stream: *mut c_void,
) -> c_int {
    collective(Call::Broadcast, (from, to), (count, numbers, root), handle, stream)
}

/// Calls of a group are made one by one: a process has one rank, and nothing to join.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclGroupStart() -> c_int {
    all().groups += 1;
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclGroupEnd() -> c_int {
    let mut all = all();
    if all.groups == 0 {
        say("ncclGroupEnd: no group has begun");
        return INVALID_USAGE;
    }
    all.groups -= 1;
    SUCCESS
}

/// Tells a number about a communicator.
///
/// # Safety
///
/// `to` is valid for writing.
unsafe fn tell(handle: usize, to: *mut c_int, what: fn(&Communicator) -> c_int) -> c_int {
    match known(handle, "a question") {
        Ok(communicator) => {
            // SAFETY: the caller's promise
            unsafe { to.write(what(&communicator)) };
            SUCCESS
        }
        Err(code) => code,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommCount(handle: usize, count: *mut c_int) -> c_int {
    // SAFETY: the program's own pointer
    unsafe { tell(handle, count, |it| it.ranks) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommUserRank(handle: usize, rank: *mut c_int) -> c_int {
    // SAFETY: the program's own pointer
    unsafe { tell(handle, rank, |it| it.rank) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommCuDevice(handle: usize, device: *mut c_int) -> c_int {
    // SAFETY: the program's own pointer
    unsafe { tell(handle, device, |it| it.device) }
}

/// Whether something went wrong meanwhile: a lost device.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclCommGetAsyncError(_handle: usize, code: *mut c_int) -> c_int {
    let found = if lock().check().is_ok() { SUCCESS } else { REMOTE_ERROR };
    // SAFETY: the program's own pointer
    unsafe { code.write(found) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncclGetVersion(version: *mut c_int) -> c_int {
    // SAFETY: the program's own pointer
    unsafe { version.write(VERSION) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn ncclGetErrorString(code: c_int) -> *const c_char {
    let words = match code {
        SUCCESS => c"no error",
        UNHANDLED_CUDA_ERROR => c"unhandled cuda error",
        SYSTEM_ERROR => c"unhandled system error",
        INVALID_ARGUMENT => c"invalid argument",
        INVALID_USAGE => c"invalid usage",
        REMOTE_ERROR => c"remote process exited or there was a network error",
        _ => c"unknown result code",
    };
    words.as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn ncclGetLastError(_handle: usize) -> *const c_char {
    c"the stand-in says what is wrong on stderr".as_ptr()
}
