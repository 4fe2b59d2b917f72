//! Collectives among processes: what is right, and one bug of each kind, planted, and seen to be called by its
//! name. Each test runs itself again as its ranks, a process for each, and reads what they said.
//!
//! ```sh
//! LD_LIBRARY_PATH=$(tests/cuda-on-cpu/build.sh) cargo test --manifest-path tests/cuda-on-cpu/Cargo.toml
//! ```

use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr};
use cudarc::nccl::{result, sys};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

type Outcome = Result<(), String>;

const F32: sys::ncclDataType_t = sys::ncclDataType_t::ncclFloat32;
const SUM: sys::ncclRedOp_t = sys::ncclRedOp_t::ncclSum;

/// A rank, with a stream of its own.
struct Rank {
    number: i32,
    of: i32,
    file: PathBuf,
    stream: Arc<CudaStream>,
}

fn told(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

impl Rank {
    /// The id that rank 0 has made.
    fn id(&self) -> sys::ncclUniqueId {
        if self.number == 0 {
            let id = result::get_uniqueid().unwrap();
            let part = self.file.with_extension("part");
            fs::write(&part, id.internal.map(|byte| byte as u8)).unwrap();
            fs::rename(part, &self.file).unwrap();
            return id;
        }
        while !self.file.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let bytes: [u8; 128] = fs::read(&self.file).unwrap().try_into().unwrap();
        sys::ncclUniqueId { internal: bytes.map(|byte| byte as _) }
    }

    fn join_as(
        &self,
        id: sys::ncclUniqueId,
        number: i32,
        of: i32,
    ) -> Result<sys::ncclComm_t, String> {
        let mut made = std::ptr::null_mut();
        // SAFETY: the pointer is that of a handle
        let joined = unsafe { result::comm_init_rank(&raw mut made, of, id, number) };
        joined.map(|_| made).map_err(|error| told(error.0))
    }

    fn join(&self) -> Result<sys::ncclComm_t, String> {
        self.join_as(self.id(), self.number, self.of)
    }

    fn numbers(&self, numbers: &[f32]) -> CudaSlice<f32> {
        self.stream.clone_htod(numbers).unwrap()
    }

    /// Sums numbers over all ranks, so many as said.
    fn reduce(
        &self,
        communicator: sys::ncclComm_t,
        numbers: &CudaSlice<f32>,
        (count, kind): (usize, sys::ncclDataType_t),
    ) -> Outcome {
        let at = numbers.device_ptr(&self.stream).0;
        // SAFETY: what is wrong is what the test is for
        let asked = unsafe {
            let stream = self.stream.cu_stream().cast();
            result::all_reduce(at as *const _, at as *mut _, count, kind, SUM, communicator, stream)
        };
        asked.map(drop).map_err(|error| told(error.0))
    }

    fn read(&self, numbers: &CudaSlice<f32>) -> Vec<f32> {
        self.stream.clone_dtoh(numbers).unwrap()
    }
}

fn leave(communicator: sys::ncclComm_t) -> Outcome {
    // SAFETY: what is wrong is what the test is for
    unsafe { result::comm_destroy(communicator) }.map(drop).map_err(|error| told(error.0))
}

/// Runs a test as so many ranks, of which one must say each of `words`.
fn planted(
    test: &str,
    of: i32,
    settings: &[(&str, &str)],
    words: &[&str],
    body: fn(Rank) -> Outcome,
) {
    if std::env::var("PLANTED").is_ok_and(|planted| planted == test) {
        let number = std::env::var("PLANTED_RANK").unwrap().parse().unwrap();
        let context = CudaContext::new(0).unwrap();
        // SAFETY: streams are ordered by the tests themselves
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().unwrap();
        let file = PathBuf::from(std::env::var_os("PLANTED_FILE").unwrap());
        match body(Rank { number, of, file, stream }) {
            Ok(()) => eprintln!("nothing was wrong"),
            Err(error) => eprintln!("{error}"),
        }
        // what a bug leaves behind is not waited for
        std::process::exit(0);
    }
    let name = format!("{test}-{}", std::process::id());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let begin = |number: i32| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env("PLANTED", test)
            .env("PLANTED_RANK", number.to_string())
            .env("PLANTED_FILE", &file)
            .envs(settings.iter().copied())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let all: Vec<_> = (0..of).map(begin).collect();
    let all = all.into_iter().map(|child| child.wait_with_output().unwrap().stderr);
    let said = String::from_utf8_lossy(&all.collect::<Vec<_>>().join(&b"--\n"[..])).into_owned();
    let _ = fs::remove_file(file);
    for words in words {
        assert!(said.contains(words), "`{words}` was not said:\n{said}");
    }
}

macro_rules! ranks {
    ($($test:ident($of:literal $(, $name:literal = $value:literal)*) says $($words:literal),* by $body:expr;)*) => { $(
        #[test]
        fn $test() {
            planted(stringify!($test), $of, &[$(($name, $value)),*], &[$($words),*], $body);
        }
    )* };
}

ranks! {
    three_ranks_have_the_same_sum(3) says "0: [6.0, 0.75]", "1: [6.0, 0.75]", "2: [6.0, 0.75]" by |rank| {
        let all = rank.join()?;
        let x = rank.numbers(&[rank.number as f32 + 1.0, 0.25]);
        rank.reduce(all, &x, (2, F32))?;
        eprintln!("{}: {:?}", rank.number, rank.read(&x));
        leave(all)
    };
    // 1e8 + 4 is 1e8 in f32, and so is that + 4
    sums_are_in_the_order_of_ranks(3) says "0: [100000000.0]", "1: [100000000.0]" by |rank| {
        let all = rank.join()?;
        let x = rank.numbers(&[if rank.number == 0 { 1e8 } else { 3.9 }]);
        rank.reduce(all, &x, (1, F32))?;
        eprintln!("{}: {:?}", rank.number, rank.read(&x));
        leave(all)
    };
    a_graph_sums_as_often_as_it_is_asked(2) says "0: [8.0]", "1: [8.0]" by |rank| {
        let all = rank.join()?;
        let x = rank.numbers(&[1.0]);
        rank.stream.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).unwrap();
        rank.reduce(all, &x, (1, F32))?;
        let once = CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        let graph = rank.stream.end_capture(once).unwrap().unwrap();
        (0..3).for_each(|_| graph.launch().unwrap());
        eprintln!("{}: {:?}", rank.number, rank.read(&x));
        leave(all)
    };
    a_sum_waits_for_its_stream(2, "CUDA_ON_CPU_MODE" = "lazy") says "early [NaN], then [2.0]" by |rank| {
        let all = rank.join()?;
        let ones = rank.numbers(&[1.0]);
        // SAFETY: written by the copy, and read too early on purpose
        let mut x = unsafe { rank.stream.alloc::<f32>(1) }.unwrap();
        rank.stream.memcpy_dtod(&ones, &mut x).unwrap();
        rank.reduce(all, &x, (1, F32))?;
        let other = rank.stream.context().new_stream().unwrap();
        let early = other.clone_dtoh(&x).unwrap();
        eprintln!("early {early:?}, then {:?}", rank.read(&x));
        leave(all)
    };
    sums_of_different_lengths(2) says
        "rank 0 asks for an all-reduce of 4 f32 by operation 0, rank 1 for an all-reduce of 3 f32" by |rank| {
        let all = rank.join()?;
        rank.reduce(all, &rank.numbers(&[1.0; 4]), (4 - rank.number as usize, F32))
    };
    sums_of_different_types(2) says "of 2 f32 by operation 0, rank 1 for an all-reduce of 2 i32" by |rank| {
        let all = rank.join()?;
        let kind = if rank.number == 0 { F32 } else { sys::ncclDataType_t::ncclInt32 };
        rank.reduce(all, &rank.numbers(&[1.0; 2]), (2, kind))
    };
    more_numbers_than_there_are(1) says "sent: 20 bytes at offset 0 of an allocation of 16" by |rank| {
        let all = rank.join()?;
        rank.reduce(all, &rank.numbers(&[1.0; 4]), (5, F32))
    };
    a_rank_that_has_left(2) says "rank 0: rank 1 has left" by |rank| {
        let all = rank.join()?;
        let x = rank.numbers(&[1.0]);
        if rank.number == 1 {
            return leave(all);
        }
        rank.reduce(all, &x, (1, F32))
    };
    a_rank_whose_process_ends(2) says "rank 1 has left" by |rank| {
        let all = rank.join()?;
        if rank.number == 1 {
            return Ok(());
        }
        rank.reduce(all, &rank.numbers(&[1.0]), (1, F32))
    };
    a_rank_that_does_not_ask(2, "CUDA_ON_CPU_TIMEOUT" = "1") says "not all ranks have asked for it within 1 s" by |rank| {
        let all = rank.join()?;
        if rank.number == 1 {
            std::thread::sleep(Duration::from_secs(3));
            return Ok(());
        }
        rank.reduce(all, &rank.numbers(&[1.0]), (1, F32))
    };
    a_rank_that_never_comes(1, "CUDA_ON_CPU_TIMEOUT" = "1") says "to join: not all ranks have asked for it within 1 s" by |rank| {
        rank.join_as(rank.id(), 0, 2).map(drop)
    };
    a_rank_that_is_there_twice(2) says "rank 0 is there twice", "ncclRemoteError" by |rank| {
        rank.join_as(rank.id(), 0, 2).map(drop)
    };
    ranks_that_count_differently(2) says "rank 0 is one of 3 ranks, rank 1 one of 2" by |rank| {
        if rank.number == 1 {
            // behind rank 0
            std::thread::sleep(Duration::from_millis(300));
        }
        rank.join_as(rank.id(), rank.number, 3 - rank.number).map(drop)
    };
    a_rank_beyond_the_last(1) says "there is no rank 2 of 2", "ncclInvalidArgument" by |rank| {
        rank.join_as(rank.id(), 2, 2).map(drop)
    };
    two_ranks_in_one_process(1) says "here each rank is a process" by |rank| {
        let id = rank.id();
        rank.join_as(id, 0, 1)?;
        rank.join_as(id, 0, 1).map(drop)
    };
    an_id_that_nobody_made(1) says "this is no id that ncclGetUniqueId has made" by |rank| {
        rank.join_as(sys::ncclUniqueId { internal: [1; 128] }, 0, 1).map(drop)
    };
    a_communicator_that_was_destroyed(1) says "a communicator that was destroyed, or never made" by |rank| {
        let all = rank.join()?;
        leave(all)?;
        rank.reduce(all, &rank.numbers(&[1.0]), (1, F32))
    };
    a_communicator_that_is_destroyed_twice(1) says "destroyed before" by |rank| {
        let all = rank.join()?;
        leave(all)?;
        leave(all)
    };
    a_graph_that_outlives_its_communicator(1) says "behind the end of its communicator" by |rank| {
        let all = rank.join()?;
        let x = rank.numbers(&[1.0]);
        rank.stream.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).unwrap();
        rank.reduce(all, &x, (1, F32))?;
        let once = CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        let graph = rank.stream.end_capture(once).unwrap().unwrap();
        leave(all)?;
        graph.launch().map_err(told)
    };
    joining_in_a_capture(1) says "ncclUnhandledCudaError" by |rank| {
        rank.stream.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).unwrap();
        rank.join().map(drop)
    };
    a_group_that_has_not_begun(1) says "no group has begun" by |_| {
        result::group_end().map(drop).map_err(|error| told(error.0))
    };
    a_sum_that_fails_as_planned(1, "CUDA_ON_CPU_FAIL" = "collective:2") says "one was done", "a collective fails" by |rank| {
        let all = rank.join()?;
        let x = rank.numbers(&[1.0]);
        rank.reduce(all, &x, (1, F32))?;
        eprintln!("one was done");
        rank.reduce(all, &x, (1, F32))
    };
}
