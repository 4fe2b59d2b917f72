//! The errors of the driver: CUresult by name.

use std::ffi::{CStr, c_int};

pub type Result<T = ()> = std::result::Result<T, Error>;

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Error { $($(#[$doc])* $name = $code,)* }

        /// The driver's own name of a code.
        pub fn name(code: c_int) -> Option<&'static CStr> {
            match code {
                0 => Some(c"CUDA_SUCCESS"),
                $($code => Some($text),)*
                _ => None,
            }
        }

        impl Error {
            /// From a code that a kernel gave.
            pub fn from_code(code: c_int) -> Option<Self> {
                match code {
                    0 => None,
                    $($code => Some(Self::$name),)*
                    _ => Some(Self::LaunchFailed),
                }
            }
        }
    };
}

errors! {
    InvalidValue = 1, c"CUDA_ERROR_INVALID_VALUE";
    OutOfMemory = 2, c"CUDA_ERROR_OUT_OF_MEMORY";
    NoDevice = 100, c"CUDA_ERROR_NO_DEVICE";
    InvalidDevice = 101, c"CUDA_ERROR_INVALID_DEVICE";
    InvalidImage = 200, c"CUDA_ERROR_INVALID_IMAGE";
    InvalidContext = 201, c"CUDA_ERROR_INVALID_CONTEXT";
    NoBinary = 209, c"CUDA_ERROR_NO_BINARY_FOR_GPU";
    InvalidPtx = 218, c"CUDA_ERROR_INVALID_PTX";
    InvalidHandle = 400, c"CUDA_ERROR_INVALID_HANDLE";
    NotFound = 500, c"CUDA_ERROR_NOT_FOUND";
    NotReady = 600, c"CUDA_ERROR_NOT_READY";
    IllegalAddress = 700, c"CUDA_ERROR_ILLEGAL_ADDRESS";
    OutOfResources = 701, c"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES";
    Asserted = 710, c"CUDA_ERROR_ASSERT";
    Misaligned = 716, c"CUDA_ERROR_MISALIGNED_ADDRESS";
    LaunchFailed = 719, c"CUDA_ERROR_LAUNCH_FAILED";
    NotSupported = 801, c"CUDA_ERROR_NOT_SUPPORTED";
    CaptureUnsupported = 900, c"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED";
    CaptureInvalidated = 901, c"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED";
    CaptureUnmatched = 903, c"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED";
    CaptureUnjoined = 904, c"CUDA_ERROR_STREAM_CAPTURE_UNJOINED";
    CaptureIsolation = 905, c"CUDA_ERROR_STREAM_CAPTURE_ISOLATION";
    CaptureImplicit = 906, c"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT";
    CaptureWrongThread = 908, c"CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD";
}
