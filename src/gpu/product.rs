//! Products of matrices by cuBLAS, in f32 throughout, or from factors that are rounded to TF32 (10 bits of
//! fraction instead of 23) and summed in f32. Matrices lie row by row here and column by column
//! there: C = A B there is Cᵀ = Bᵀ Aᵀ here.

use super::counts::Call;
use super::{Error, Numbers, Queue, queue};
use cudarc::cublas::result::sgemm_strided_batched;
use cudarc::cublas::sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};

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
    pub fn allow_tf32(&mut self, allowed: bool) -> Result<(), Error> {
        use cudarc::cublas::sys::{cublasMath_t, cublasSetMathMode};
        self.tf32 = allowed;
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
        let sums = if fresh { m * n } else { 2 * m * n };
        let bytes = 4 * (count * (m * k + k * n + sums)) as u64;
        self.count(Call { name: "product", flops: 2 * (count * m * n * k) as u64, bytes });
        let Some(device) = self.device() else { return Ok(()) };
        let way = |matrix: Matrix| if matrix.turned { CUBLAS_OP_T } else { CUBLAS_OP_N };
        let beta = if fresh { 0.0f32 } else { 1.0 };
        let [m, n, k, count] = [m, n, k, count].map(|size| size as i32);
        let [c_apart, a_apart, b_apart] = apart.map(|apart| apart as i64);
        // SAFETY: all matrices lie within buffers that the queue keeps, as was checked, and the factors
        // are read before the call returns.
        let asked = unsafe {
            sgemm_strided_batched(
                *device.blas.handle(),
                way(b),
                way(a),
                n,
                m,
                k,
                &raw const alpha,
                b.numbers.address() as *const f32,
                b.step as i32,
                b_apart,
                a.numbers.address() as *const f32,
                a.step as i32,
                a_apart,
                &raw const beta,
                c.numbers.address() as *mut f32,
                c.step as i32,
                c_apart,
                count,
            )
        };
        asked.map_err(queue::blas_error)
    }
}
