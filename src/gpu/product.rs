//! Products of matrices by cuBLAS, summed in f32: from factors in f32, which may be rounded to TF32, or in
//! bf16. Matrices lie row by row here and column by column there: C = A B there is Cᵀ = Bᵀ Aᵀ here.

use super::counts::Call;
use super::{Error, Numbers, Queue, queue};
use cudarc::cublas::result::gemm_strided_batched_ex;
use cudarc::cublas::sys::cublasComputeType_t::CUBLAS_COMPUTE_32F;
use cudarc::cublas::sys::cublasGemmAlgo_t::CUBLAS_GEMM_DFALT;
use cudarc::cublas::sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
use cudarc::cublas::sys::cudaDataType_t::{CUDA_R_16BF, CUDA_R_32F};

/// A matrix: number (i, k) lies at `i · step + k`, or at `k · step + i` where it is turned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    pub numbers: Numbers,
    pub step: usize,
    pub turned: bool,
}

impl Matrix {
    pub const fn new(numbers: Numbers, step: usize) -> Self {
        Self { numbers, step, turned: false }
    }

    pub const fn turned(self) -> Self {
        Self { turned: !self.turned, ..self }
    }

    /// Whether `count` matrices of these sizes, `apart`, lie within the numbers.
    fn holds(&self, rows: usize, columns: usize, (count, apart): (usize, usize)) -> bool {
        let (rows, columns) = if self.turned { (columns, rows) } else { (rows, columns) };
        let last = (count - 1) * apart + (rows - 1) * self.step + columns;
        columns <= self.step && last <= self.numbers.len()
    }
}

/// Several products of the same sizes: how many, and how many numbers lie from one matrix to the next, of
/// C, of A and of B.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub count: usize,
    pub apart: [usize; 3],
}

impl Batch {
    pub const ONE: Self = Self { count: 1, apart: [0; 3] };
}

impl Queue {
    /// Lets products round their factors to TF32, where the device multiplies that faster; or not.
    pub(super) fn allow_tf32(&self, allowed: bool) -> Result<(), Error> {
        use cudarc::cublas::sys::{cublasMath_t, cublasSetMathMode};
        let Some(device) = self.device() else { return Ok(()) };
        let mode = match allowed {
            true => cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
            false => cublasMath_t::CUBLAS_DEFAULT_MATH,
        };
        // SAFETY: the handle is that of this queue.
        unsafe { cublasSetMathMode(*device.blas.handle(), mode) }
            .result()
            .map_err(queue::blas_error)
    }

    /// Whether products go to the matrix units of the device, if it has any. Kernels of the crate have none.
    pub const fn matrix_units(&self) -> bool {
        self.precision().has_matrix_units()
    }

    /// C = α A B, or C += α A B where it is not fresh; `[m, n, k]` are the rows and columns of C and the
    /// depth of the product.
    pub fn product(
        &self,
        c: Matrix,
        (a, b): (Matrix, Matrix),
        [m, n, k]: [usize; 3],
        (alpha, fresh): (f32, bool),
        batch: Batch,
    ) -> Result<(), Error> {
        let Batch { count, apart } = batch;
        if m == 0 || n == 0 || k == 0 || count == 0 {
            return Ok(());
        }
        let within = c.holds(m, n, (count, apart[0]))
            && a.holds(m, k, (count, apart[1]))
            && b.holds(k, n, (count, apart[2]));
        if c.turned || !within {
            return Err(Error::Kernel { name: "product", why: "a matrix is too short" });
        }
        let [c_size, a_size, b_size] = [c, a, b].map(|matrix| matrix.numbers.size());
        if a_size != b_size || c_size < a_size {
            return Err(Error::Kernel { name: "product", why: "its numbers are of other sorts" });
        }
        let sums = if fresh { c_size } else { 2 * c_size } * (count * m * n) as u64;
        let bytes = a_size * (count * (m * k + k * n)) as u64 + sums;
        self.count(Call { name: "product", flops: 2 * (count * m * n * k) as u64, bytes });
        let Some(device) = self.device() else { return Ok(()) };
        let sort = |size| if size == 2 { CUDA_R_16BF } else { CUDA_R_32F };
        let way = |matrix: Matrix| if matrix.turned { CUBLAS_OP_T } else { CUBLAS_OP_N };
        let beta = if fresh { 0.0f32 } else { 1.0 };
        let [m, n, k, count] = [m, n, k, count].map(|size| size as i32);
        let [c_apart, a_apart, b_apart] = apart.map(|apart| apart as i64);
        // SAFETY: all matrices lie within buffers that the queue keeps, as was checked, and the factors
        // are read before the call returns.
        let asked = unsafe {
            gemm_strided_batched_ex(
                *device.blas.handle(),
                way(b),
                way(a),
                n,
                m,
                k,
                (&raw const alpha).cast(),
                b.numbers.address() as *const _,
                sort(b_size),
                b.step as i32,
                b_apart,
                a.numbers.address() as *const _,
                sort(a_size),
                a.step as i32,
                a_apart,
                (&raw const beta).cast(),
                c.numbers.address() as *mut _,
                sort(c_size),
                c.step as i32,
                c_apart,
                count,
                CUBLAS_COMPUTE_32F,
                CUBLAS_GEMM_DFALT,
            )
        };
        asked.map_err(queue::blas_error)
    }
}
