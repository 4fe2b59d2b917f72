//! A step that is recorded once, as a CUDA graph, and replayed: one call for all its kernels.

use super::{Error, Queue, queue};
use cudarc::driver::CudaGraph;
use cudarc::driver::sys::{
    CUgraphInstantiate_flags_enum as Flags, CUstreamCaptureMode_enum as Mode,
};

/// A recorded step.
pub(crate) struct Recorded(CudaGraph);

impl Queue {
    /// Records all that `step` asks for; nothing of it is done yet.
    pub fn record(&self, step: impl FnOnce() -> Result<(), Error>) -> Result<Recorded, Error> {
        let Some(device) = self.device() else {
            return Err(Error::Kernel { name: "record", why: "there is no device" });
        };
        let failed = |error| queue::driver_error("recording a step", error);
        let mode = Mode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        device.stream.begin_capture(mode).map_err(failed)?;
        let asked = step();
        let flags = Flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        let graph = device.stream.end_capture(flags);
        asked?;
        match graph.map_err(failed)? {
            Some(graph) => Ok(Recorded(graph)),
            None => Err(Error::Kernel { name: "record", why: "nothing was recorded" }),
        }
    }

    /// Asks for a recorded step.
    pub fn replay(&self, step: &Recorded) -> Result<(), Error> {
        step.0.launch().map_err(|error| queue::driver_error("a recorded step", error))
    }
}
