//! One bug of each kind, planted, and seen to be called by its name. A bug loses the device for its process, so
//! each test runs itself again in a process of its own and reads what that one said.
//!
//! ```sh
//! LD_LIBRARY_PATH=$(tests/cuda-on-cpu/build.sh) cargo test --manifest-path tests/cuda-on-cpu/Cargo.toml
//! ```

use cudarc::cublas::{CudaBlas, Gemm, GemmConfig, StridedBatchedConfig, sys::cublasOperation_t};
use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream, DriverError, LaunchConfig,
    PinnedHostSlice, PushKernelArg,
};
use cudarc::nvrtc::Ptx;
use std::process::Command;
use std::sync::Arc;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const ONCE: CUgraphInstantiate_flags =
    CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
const THREAD: CUstreamCaptureMode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;

/// A device with the kernels of planted.ptx.
struct Bench {
    context: Arc<CudaContext>,
    module: Arc<CudaModule>,
    stream: Arc<CudaStream>,
}

impl Bench {
    fn new() -> Result<Self, DriverError> {
        let context = CudaContext::new(0)?;
        let name = context.name()?;
        assert!(name.starts_with("cuda-on-cpu"), "{name}: LD_LIBRARY_PATH must name the stand-in");
        // SAFETY: streams are ordered by the tests themselves
        unsafe { context.disable_event_tracking() };
        let module = context.load_module(Ptx::from_src(include_str!("planted.ptx")))?;
        let stream = context.new_stream()?;
        Ok(Self { context, module, stream })
    }

    fn kernel(&self, name: &str) -> CudaFunction {
        self.module.load_function(name).unwrap()
    }
}

const fn threads(count: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (1, 1, 1), block_dim: (count, 1, 1), shared_mem_bytes: 0 }
}

macro_rules! launch {
    ($stream:expr, $kernel:expr, $threads:expr $(, $argument:expr)*) => {{
        let kernel = $kernel;
        let mut builder = $stream.launch_builder(&kernel);
        $(builder.arg($argument);)*
        // SAFETY: whatever the kernel does wrong is what the test is for
        unsafe { builder.launch(threads($threads)) }
    }};
}

/// A number that one stream copies from page-locked memory, and another adds one to.
struct Staged {
    bench: Bench,
    copies: Arc<CudaStream>,
    host: PinnedHostSlice<f32>,
    at: *mut f32,
    x: CudaSlice<f32>,
    y: CudaSlice<f32>,
}

impl Staged {
    fn new() -> Result<Self, DriverError> {
        let bench = Bench::new()?;
        let copies = bench.context.new_stream()?;
        // SAFETY: written before it is read
        let mut host = unsafe { bench.context.alloc_pinned::<f32>(1) }?;
        let at = host.as_mut_ptr()?;
        let (x, y) = (bench.stream.alloc_zeros(1)?, bench.stream.alloc_zeros(1)?);
        bench.stream.synchronize()?;
        Ok(Self { bench, copies, host, at, x, y })
    }

    /// Writes the number on the host, and waits for nothing.
    fn write(&mut self, number: f32) {
        // SAFETY: the memory is there as long as `host`; that a copy may read it is what tests are for
        unsafe { self.at.write(number) }
    }

    fn send(&mut self, number: f32) -> Result<(), DriverError> {
        self.write(number);
        self.copies.memcpy_htod(&self.host, &mut self.x)
    }

    /// Asks for y = x + 1, once what was sent is there.
    fn ask(&self) -> Result<(), DriverError> {
        self.bench.stream.join(&self.copies)?;
        launch!(self.bench.stream, self.bench.kernel("add_one"), 1, &self.y, &self.x).map(drop)
    }

    /// The same without waiting for what was sent; and y.
    fn step(&self) -> Result<f32, DriverError> {
        launch!(self.bench.stream, self.bench.kernel("add_one"), 1, &self.y, &self.x)?;
        self.read()
    }

    fn read(&self) -> Result<f32, DriverError> {
        Ok(self.bench.stream.clone_dtoh(&self.y)?[0])
    }
}

/// Runs a test in a process of its own, where it must end in an error if `words` are of one, and in either
/// case say them.
fn planted(test: &str, settings: &[(&str, &str)], words: &str, body: fn() -> Outcome) {
    if std::env::var("PLANTED").is_ok_and(|planted| planted == test) {
        match body() {
            Ok(()) => eprintln!("nothing was wrong"),
            Err(error) => eprintln!("{error}"),
        }
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("PLANTED", test)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(words), "`{words}` was not said:\n{said}");
}

macro_rules! bugs {
    ($($(#[$doc:meta])* $test:ident $([$($name:literal = $value:literal),*])? says $words:literal $body:block)*) => { $(
        $(#[$doc])*
        #[test]
        fn $test() {
            planted(stringify!($test), &[$($(($name, $value)),*)?], $words, || $body);
        }
    )* };
}

bugs! {
    the_right_program_is_left_alone says "nothing was wrong" {
        let bench = Bench::new()?;
        let x = bench.stream.clone_htod(&[1.0f32; 64])?;
        let y = bench.stream.alloc_zeros::<f32>(64)?;
        launch!(bench.stream, bench.kernel("add_one"), 64, &y, &x)?;
        assert_eq!(bench.stream.clone_dtoh(&y)?, [2.0; 64]);
        Ok(())
    }
    a_write_past_the_end says "0 bytes past the end of an allocation of 256" {
        let bench = Bench::new()?;
        let y = bench.stream.alloc_zeros::<f32>(64)?;
        launch!(bench.stream, bench.kernel("store"), 64, &y, &1i32)?;
        Ok(bench.stream.synchronize()?)
    }
    a_write_before_the_start says "4 bytes before an allocation" {
        let bench = Bench::new()?;
        let y = bench.stream.alloc_zeros::<f32>(64)?;
        launch!(bench.stream, bench.kernel("store"), 64, &y, &-1i32)?;
        Ok(bench.stream.synchronize()?)
    }
    memory_that_was_freed says "bytes that were freed" {
        let bench = Bench::new()?;
        let y = bench.stream.alloc_zeros::<f32>(64)?;
        let address = {
            use cudarc::driver::DevicePtr;
            y.device_ptr(&bench.stream).0
        };
        drop(y);
        bench.stream.synchronize()?;
        launch!(bench.stream, bench.kernel("store"), 64, &address, &0i32)?;
        Ok(bench.stream.synchronize()?)
    }
    fresh_memory_is_no_number says "x is NaN" {
        let bench = Bench::new()?;
        // SAFETY: that nothing is written there is what the test is for
        let x = unsafe { bench.stream.alloc::<f32>(64) }?;
        eprintln!("x is {}", bench.stream.clone_dtoh(&x)?[0]);
        Ok(())
    }
    an_address_that_is_not_aligned says "CUDA_ERROR_MISALIGNED_ADDRESS" {
        let bench = Bench::new()?;
        let y = bench.stream.alloc_zeros::<f32>(64)?;
        launch!(bench.stream, bench.kernel("crooked"), 1, &y)?;
        Ok(bench.stream.synchronize()?)
    }
    a_barrier_that_half_the_block_never_reaches says "waits at a barrier that thread" {
        let bench = Bench::new()?;
        launch!(bench.stream, bench.kernel("half_a_barrier"), 64)?;
        Ok(bench.stream.synchronize()?)
    }
    barriers_in_two_branches says "divergent barriers" {
        let bench = Bench::new()?;
        launch!(bench.stream, bench.kernel("two_barriers"), 64)?;
        Ok(bench.stream.synchronize()?)
    }
    a_barrier_that_is_missing says "a race: shared byte" {
        let bench = Bench::new()?;
        let y = bench.stream.alloc_zeros::<f32>(64)?;
        launch!(bench.stream, bench.kernel("mirror"), 64, &y)?;
        Ok(bench.stream.synchronize()?)
    }
    an_exchange_with_lanes_that_have_gone says "8 for lanes of their warp" {
        let bench = Bench::new()?;
        launch!(bench.stream, bench.kernel("lost_lanes"), 32)?;
        Ok(bench.stream.synchronize()?)
    }
    too_many_threads says "a block of [2048, 1, 1] threads" {
        let bench = Bench::new()?;
        launch!(bench.stream, bench.kernel("half_a_barrier"), 2048)?;
        Ok(())
    }
    too_much_shared_memory says "60000 bytes of shared memory, the limit is 49152" {
        let bench = Bench::new()?;
        let kernel = bench.kernel("half_a_barrier");
        let config = LaunchConfig { shared_mem_bytes: 60_000, ..threads(32) };
        // SAFETY: that it is refused is what the test is for
        unsafe { bench.stream.launch_builder(&kernel).launch(config) }?;
        Ok(())
    }
    a_kernel_that_is_not_there says "CUDA_ERROR_NOT_FOUND" {
        let bench = Bench::new()?;
        bench.module.load_function("no_such_kernel")?;
        Ok(())
    }
    an_instruction_that_nobody_knows says "`frobnicate.f32 %f1, %f2`: this instruction is not implemented" {
        let text = ".version 7.0\n.target sm_75\n.address_size 64\n\
            .visible .entry k()\n{\n.reg .f32 %f<3>;\nfrobnicate.f32 %f1, %f2;\nret;\n}\n";
        CudaContext::new(0)?.load_module(Ptx::from_src(text))?;
        Ok(())
    }
    /// Two streams, and nothing orders them: the reader must not see what the writer wrote by luck.
    a_dependency_that_was_forgotten ["CUDA_ON_CPU_MODE" = "lazy"] says "first NaN, then 42" {
        let bench = Bench::new()?;
        let other = bench.context.new_stream()?;
        // SAFETY: written by the kernel
        let y = unsafe { bench.stream.alloc::<f32>(1) }?;
        launch!(bench.stream, bench.kernel("store"), 1, &y, &0i32)?;
        let early = other.clone_dtoh(&y)?[0];
        other.join(&bench.stream)?;
        eprintln!("first {early}, then {}", other.clone_dtoh(&y)?[0]);
        Ok(())
    }
    /// A batch is copied by one stream and used by another, which does not wait for it.
    a_copy_that_is_not_waited_for ["CUDA_ON_CPU_MODE" = "lazy"] says "first 1, then 43" {
        let mut staged = Staged::new()?;
        staged.send(42.0)?;
        let early = staged.step()?;
        staged.bench.stream.join(&staged.copies)?;
        eprintln!("first {early}, then {}", staged.step()?);
        Ok(())
    }
    /// The next batch is copied over one that a step has yet to read.
    a_copy_that_overtakes_a_step ["CUDA_ON_CPU_MODE" = "hasty"] says "without an event 6, with one 2" {
        let mut without = Staged::new()?;
        without.send(1.0)?;
        without.ask()?;
        without.send(5.0)?;
        let mut with = Staged::new()?;
        with.send(1.0)?;
        with.ask()?;
        with.copies.join(&with.bench.stream)?;
        with.send(5.0)?;
        eprintln!("without an event {}, with one {}", without.read()?, with.read()?);
        Ok(())
    }
    /// The host writes the next batch where the copy of the last one has yet to read.
    a_batch_that_is_written_over_before_it_is_copied ["CUDA_ON_CPU_MODE" = "lazy"] says "y is 8" {
        let mut staged = Staged::new()?;
        staged.send(1.0)?;
        staged.write(7.0);
        staged.bench.stream.join(&staged.copies)?;
        eprintln!("y is {}", staged.step()?);
        Ok(())
    }
    waiting_in_a_capture says "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" {
        let bench = Bench::new()?;
        bench.stream.begin_capture(THREAD)?;
        Ok(bench.stream.synchronize()?)
    }
    allocating_in_a_capture says "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" {
        let bench = Bench::new()?;
        bench.stream.begin_capture(THREAD)?;
        bench.stream.alloc_zeros::<f32>(64)?;
        Ok(())
    }
    a_pageable_copy_in_a_capture says "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" {
        let bench = Bench::new()?;
        let mut x = bench.stream.alloc_zeros::<f32>(1)?;
        bench.stream.begin_capture(THREAD)?;
        Ok(bench.stream.memcpy_htod(&[1.0], &mut x)?)
    }
    an_event_from_before_the_capture says "CUDA_ERROR_STREAM_CAPTURE_ISOLATION" {
        let bench = Bench::new()?;
        let event = bench.stream.record_event(None)?;
        bench.stream.begin_capture(THREAD)?;
        Ok(bench.stream.wait(&event)?)
    }
    a_fork_that_never_joins says "CUDA_ERROR_STREAM_CAPTURE_UNJOINED" {
        let bench = Bench::new()?;
        let other = bench.context.new_stream()?;
        let y = bench.stream.alloc_zeros::<f32>(1)?;
        bench.stream.begin_capture(THREAD)?;
        other.join(&bench.stream)?;
        launch!(other, bench.kernel("store"), 1, &y, &0i32)?;
        bench.stream.end_capture(ONCE)?;
        Ok(())
    }
    a_graph_runs_as_often_as_it_is_asked says "x is 4" {
        let bench = Bench::new()?;
        let x = bench.stream.alloc_zeros::<f32>(1)?;
        bench.stream.begin_capture(THREAD)?;
        launch!(bench.stream, bench.kernel("add_one"), 1, &x, &x)?;
        launch!(bench.stream, bench.kernel("add_one"), 1, &x, &x)?;
        let graph = bench.stream.end_capture(ONCE)?.unwrap();
        graph.launch()?;
        graph.launch()?;
        eprintln!("x is {}", bench.stream.clone_dtoh(&x)?[0]);
        Ok(())
    }
    a_product_that_reads_past_a_matrix says "gemm: A: 64 bytes at offset 0 of an allocation of 60" {
        let bench = Bench::new()?;
        let blas = CudaBlas::new(Arc::clone(&bench.stream))?;
        let a = bench.stream.alloc_zeros::<f32>(15)?;
        let b = bench.stream.alloc_zeros::<f32>(16)?;
        let mut c = bench.stream.alloc_zeros::<f32>(16)?;
        let plain = cublasOperation_t::CUBLAS_OP_N;
        let (transa, transb, m, n, k) = (plain, plain, 4, 4, 4);
        let (alpha, beta, lda, ldb, ldc) = (1.0, 0.0, 4, 4, 4);
        let gemm = GemmConfig { transa, transb, m, n, k, alpha, lda, ldb, beta, ldc };
        let batch = StridedBatchedConfig { gemm, batch_size: 1, stride_a: 0, stride_b: 0, stride_c: 0 };
        // SAFETY: that it is refused is what the test is for
        Ok(unsafe { blas.gemm_strided_batched(batch, &a, &b, &mut c) }?)
    }
    more_memory_than_there_is ["CUDA_ON_CPU_MEMORY" = "1000"] says "CUDA_ERROR_OUT_OF_MEMORY" {
        let bench = Bench::new()?;
        bench.stream.alloc_zeros::<f32>(251)?;
        Ok(())
    }
    a_launch_that_fails_as_planned ["CUDA_ON_CPU_FAIL" = "launch:2"] says "CUDA_ERROR_LAUNCH_FAILED" {
        let bench = Bench::new()?;
        let x = bench.stream.alloc_zeros::<f32>(1)?;
        launch!(bench.stream, bench.kernel("add_one"), 1, &x, &x)?;
        eprintln!("one was done");
        launch!(bench.stream, bench.kernel("add_one"), 1, &x, &x)?;
        Ok(bench.stream.synchronize()?)
    }
    a_driver_that_sees_no_device ["CUDA_ON_CPU_DEVICES" = "0"] says "CUDA_ERROR_NO_DEVICE" {
        CudaContext::new(0)?;
        Ok(())
    }
}
