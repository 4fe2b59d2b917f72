//! The GPUs of all ranks as one, by NCCL: what lies at the same place on each is summed over all, beside what the
//! queue does meanwhile. Its calls are recorded like kernels (NCCL 2.9.6 and later).

use super::{Absent, Error, Numbers, Queue, World, probe, queue, rendezvous};
use core::cell::Cell;
use core::ffi::c_char;
use cudarc::driver::{CudaEvent, CudaStream};
use cudarc::nccl::{result, sys};
use std::string::String;
use std::sync::Arc;
use std::{format, ptr};

/// The oldest NCCL whose calls can be recorded: 2.9.6.
const OLDEST: i32 = 20_906;

/// What becomes of numbers of all ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Least,
}

/// A rank's end of what joins all ranks. It belongs to one queue.
pub(crate) struct Communicator {
    handle: sys::ncclComm_t,
    /// Where sums are taken, beside the queue's own stream.
    aside: Arc<CudaStream>,
    ready: CudaEvent,
    done: CudaEvent,
    pub rank: usize,
    pub size: usize,
    failed: Cell<bool>,
}

fn error(doing: &'static str, error: result::NcclError) -> Error {
    Error::Nccl { doing, why: format!("{:?}", error.0) }
}

/// Whether there is an NCCL that can be used; cudarc panics where there is none.
fn find() -> Result<(), Error> {
    // SAFETY: it opens and closes the library, and calls nothing of it.
    if !unsafe { sys::is_culib_present() } {
        return Err(Absent::NoNccl.into());
    }
    match result::get_nccl_version().map_err(|it| error("its version", it))? {
        old if old < OLDEST => Err(Absent::OldNccl(old).into()),
        _ => Ok(()),
    }
}

impl World {
    /// Whether there is what joins several GPUs, so that it is found out before anything is done.
    ///
    /// # Errors
    /// Where there is no GPU to work with, and no NCCL or one that is too old.
    pub fn check(&self) -> Result<(), Error> {
        // NCCL stands on the driver
        ordinal(self)?;
        find()
    }
}

/// The GPU of a rank: that of its number on its machine, or the only one that it sees, as where SLURM gives each
/// rank its own.
pub(crate) fn ordinal(world: &World) -> Result<usize, Error> {
    match probe()?.len() {
        1 => Ok(0),
        _ => Ok(world.local),
    }
}

impl Communicator {
    /// Meets all other ranks, which must have `about` in common, and waits for them.
    pub fn new(queue: &Queue, world: &World, about: u64) -> Result<Self, Error> {
        let Some(device) = queue.device() else {
            return Err(Error::Kernel { name: "join", why: "there is no device" });
        };
        find()?;
        let sizes = (i32::try_from(world.rank), i32::try_from(world.size));
        let (Ok(rank), Ok(size)) = sizes else {
            return Err(Error::Meeting { why: String::from("there are too many ranks") });
        };
        let id = || {
            let id = result::get_uniqueid().map_err(|it| error("making an id", it))?;
            Ok(id.internal.map(|byte| byte as u8))
        };
        let id = rendezvous::meet(world, about, id, rendezvous::LIMIT)?;
        let id = sys::ncclUniqueId { internal: id.map(|byte| byte as c_char) };
        let context = device.stream.context();
        let opening = |error| queue::driver_error("opening a stream", error);
        // before the handle: what fails later would leave it to nobody
        let aside = context.new_stream().map_err(opening)?;
        let ready = context.new_event(None).map_err(opening)?;
        let done = context.new_event(None).map_err(opening)?;
        context.bind_to_thread().map_err(opening)?;
        let mut handle = ptr::null_mut();
        // SAFETY: the library is there, the pointer is that of a handle, and the device is this thread's.
        let joined = unsafe { result::comm_init_rank(&raw mut handle, size, id, rank) };
        joined.map_err(|it| error("joining all ranks", it))?;
        let (rank, size) = (world.rank, world.size);
        Ok(Self { handle, aside, ready, done, rank, size, failed: Cell::new(false) })
    }

    /// Asks for what numbers of all ranks come to, in the place of the numbers, beside what the queue does next:
    /// behind all that was asked of it so far, and before what it does after [`join`](Self::join).
    pub fn begin(&self, queue: &Queue, numbers: Numbers, fold: Fold) -> Result<(), Error> {
        let Some(device) = queue.device() else { return Ok(()) };
        if numbers.is_empty() {
            return Ok(());
        }
        let doing = "summing over all ranks";
        let failed = |error| self.fail(queue::driver_error(doing, error));
        self.ready.record(&device.stream).map_err(failed)?;
        self.aside.wait(&self.ready).map_err(failed)?;
        let how = match fold {
            Fold::Sum => sys::ncclRedOp_t::ncclSum,
            Fold::Least => sys::ncclRedOp_t::ncclMin,
        };
        let (at, kind) = (numbers.address(), sys::ncclDataType_t::ncclFloat32);
        // SAFETY: the numbers lie in a buffer that the queue keeps, and nothing else touches them until the
        // queue's stream waits for this one, which `join` makes it do.
        let asked = unsafe {
            let stream = self.aside.cu_stream().cast();
            result::all_reduce(
                at as *const _,
                at as *mut _,
                numbers.len(),
                kind,
                how,
                self.handle,
                stream,
            )
        };
        asked.map(drop).map_err(|it| self.fail(error(doing, it)))
    }

    /// The queue goes on behind all that was begun.
    pub fn join(&self, queue: &Queue) -> Result<(), Error> {
        let Some(device) = queue.device() else { return Ok(()) };
        let failed = |error| self.fail(queue::driver_error("waiting for all ranks", error));
        self.done.record(&self.aside).map_err(failed)?;
        device.stream.wait(&self.done).map_err(failed)
    }

    /// Notes that there was an error: the other ranks may wait for what never comes.
    pub fn fail(&self, error: Error) -> Error {
        self.failed.set(true);
        error
    }
}

impl Drop for Communicator {
    fn drop(&mut self) {
        // SAFETY: the handle was made by `new`, and nothing is asked of it any more. An end waits for what is
        // under way; after an error that may never end, and is broken off.
        let _ = unsafe {
            match self.failed.get() {
                true => result::comm_abort(self.handle),
                false => result::comm_destroy(self.handle),
            }
        };
    }
}
