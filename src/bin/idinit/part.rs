//! The part of this process, where several train one network together, as torchrun or srun tell it.

use crate::failure::Failure;
use crate::training::Engines;
#[cfg(feature = "cuda")]
use idinit::engine::{Cuda, CudaError};
#[cfg(feature = "cuda")]
use idinit::gpu::{Precision, World};
#[cfg(feature = "cuda")]
use idinit::plan::Net;

#[cfg(feature = "cuda")]
use crate::updates::Way;

/// One of so many processes; of one, if it is alone.
pub struct Part {
    pub rank: usize,
    pub size: usize,
    #[cfg(feature = "nccl")]
    world: Option<World>,
}

impl Part {
    /// The part that this process has with an engine; GPUs alone are several.
    pub fn of(engine: Engines) -> Result<Self, Failure> {
        #[cfg(feature = "cuda")]
        if engine == Engines::Cuda {
            let world = World::from_env().map_err(Failure::failed)?;
            return Self::in_world(world.filter(|world| world.size > 1));
        }
        let _ = engine;
        Ok(Self::alone())
    }

    const fn alone() -> Self {
        Self {
            rank: 0,
            size: 1,
            #[cfg(feature = "nccl")]
            world: None,
        }
    }

    #[cfg(feature = "nccl")]
    fn in_world(world: Option<World>) -> Result<Self, Failure> {
        if let Some(world) = &world {
            world.check().map_err(Failure::failed)?;
        }
        let (rank, size) = world.as_ref().map_or((0, 1), |world| (world.rank, world.size));
        Ok(Self { rank, size, world })
    }

    #[cfg(all(feature = "cuda", not(feature = "nccl")))]
    fn in_world(world: Option<World>) -> Result<Self, Failure> {
        match world {
            None => Ok(Self::alone()),
            Some(World { rank, size, .. }) => Err(Failure::failed(format!(
                "this is process {rank} of {size}, but this idinit was built without NCCL: install it \
                 with `--features cli,nccl`"
            ))),
        }
    }

    /// Whether this process writes and prints.
    pub const fn leads(&self) -> bool {
        self.rank == 0
    }

    /// This process's share of a batch.
    pub fn share(&self, batch: usize) -> Result<usize, Failure> {
        match batch.is_multiple_of(self.size) {
            true => Ok(batch / self.size),
            false => Err(Failure::usage(format!(
                "a batch of {batch} cannot be shared out among {} GPUs alike: take a multiple",
                self.size
            ))),
        }
    }

    /// Refuses what only one process can do.
    pub fn refuse(&self, what: &str) -> Result<(), Failure> {
        match self.size {
            1 => Ok(()),
            size => Err(Failure::usage(format!("{what} is for one process, and these are {size}"))),
        }
    }

    /// An engine on this process's GPU, which all must begin `about` the same.
    #[cfg(feature = "cuda")]
    pub fn engine<'a>(
        &self,
        net: Net<'a>,
        update: Way,
        about: u64,
        precision: Precision,
    ) -> Result<Cuda<'a, Way>, CudaError> {
        #[cfg(feature = "nccl")]
        if let Some(world) = &self.world {
            return Cuda::join(net, update, &World { about, ..world.clone() }, precision);
        }
        let _ = about;
        Cuda::with_precision(net, update, 0, precision)
    }

    /// Ends this process after a failure that the others do not know of, so that who started all ends them.
    pub fn give_up(&self, why: &str) {
        if self.size > 1 {
            let failure = Failure::failed(format!("rank {}: {why}", self.rank));
            failure.tell();
            std::process::exit(failure.code().into());
        }
    }
}
