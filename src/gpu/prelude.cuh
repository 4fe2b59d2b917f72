// What the kernels share. A kernel is one function for a grid of any size: its threads take numbers in
// turn. Sums are taken in a fixed order that depends on the sizes alone, and nothing is added atomically.

#define KERNEL extern "C" __global__ void

// What flows between layers: f32, or in the module of BF16 bfloat16, which is read into f32, computed with in
// f32, and rounded to the nearest where it is written, of two that are as near to the even one.
#ifdef BF16
struct Real {
    unsigned short bits;

    __device__ operator float() const { return __uint_as_float((unsigned)bits << 16); }

    __device__ Real& operator=(float x) {
        unsigned wide = __float_as_uint(x);
        // a NaN stays one, whatever of its payload is cut off
        bits = x != x ? 0x7fc0 : (unsigned short)((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
        return *this;
    }

    __device__ Real& operator+=(float x) { return *this = (float)*this + x; }

    __device__ Real& operator*=(float x) { return *this = (float)*this * x; }
};
#else
typedef float Real;
#endif

#define EACH(i, n)                                                                                        \
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += gridDim.x * blockDim.x)

// One warp for each row.
#define EACH_ROW(row, rows)                                                                               \
    for (unsigned row = (blockIdx.x * blockDim.x + threadIdx.x) / 32; row < (rows);                       \
         row += gridDim.x * blockDim.x / 32)

#define EACH_LANE(i, n) for (unsigned i = threadIdx.x % 32; i < (n); i += 32)

static __device__ float not_a_number() { return __int_as_float(0x7fc00000); }

static __device__ float infinity() { return __int_as_float(0x7f800000); }

// What is added to, or written to where it is fresh.
static __device__ float before(const Real* sum, unsigned fresh) { return fresh ? 0.0f : *sum; }

// What a rectifier that follows makes of a number; NaN stays NaN.
static __device__ float rectified(float x, unsigned relu) { return relu && x <= 0.0f ? 0.0f : x; }

// The sum over a warp, in every lane.
static __device__ float warp_sum(float x) {
    for (int half = 16; half > 0; half /= 2) x += __shfl_xor_sync(0xffffffffu, x, half);
    return x;
}

// The largest over a warp, in every lane. NaN is not.
static __device__ float warp_largest(float x) {
    for (int half = 16; half > 0; half /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, x, half);
        x = other > x ? other : x;
    }
    return x;
}

// The sum over a block of at most 1,024 threads, in its first thread.
static __device__ float block_sum(float x) {
    __shared__ float sums[32];
    x = warp_sum(x);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = x;
    __syncthreads();
    x = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0.0f;
    if (threadIdx.x < 32) x = warp_sum(x);
    __syncthreads();
    return x;
}

// Columns of a block of 32 × 8 threads: their sums over this block's slice of the rows, by `value`.
#define COLUMN_SUMS(partial, rows, columns, value)                                                        \
    do {                                                                                                  \
        __shared__ float sums[8][33];                                                                     \
        unsigned column = blockIdx.x * 32 + threadIdx.x;                                                  \
        unsigned slice = ((rows) + gridDim.y - 1) / gridDim.y;                                            \
        unsigned first = blockIdx.y * slice;                                                              \
        unsigned end = first + slice < (rows) ? first + slice : (rows);                                   \
        float sum = 0.0f;                                                                                 \
        if (column < (columns))                                                                           \
            for (unsigned row = first + threadIdx.y; row < end; row += 8) sum += (value);                 \
        sums[threadIdx.y][threadIdx.x] = sum;                                                             \
        __syncthreads();                                                                                  \
        if (threadIdx.y == 0 && column < (columns)) {                                                     \
            for (int y = 1; y < 8; ++y) sum += sums[y][threadIdx.x];                                      \
            (partial)[blockIdx.y * (columns) + column] = sum;                                             \
        }                                                                                                 \
    } while (0)

// The same for two sums of each column, which `terms` adds to as `one` and `other`: those of all columns lie
// behind each other.
#define COLUMN_PAIRS(partial, rows, columns, terms)                                                       \
    do {                                                                                                  \
        __shared__ float ones[8][33], others[8][33];                                                      \
        unsigned column = blockIdx.x * 32 + threadIdx.x;                                                  \
        unsigned slice = ((rows) + gridDim.y - 1) / gridDim.y;                                            \
        unsigned first = blockIdx.y * slice;                                                              \
        unsigned end = first + slice < (rows) ? first + slice : (rows);                                   \
        float one = 0.0f, other = 0.0f;                                                                   \
        if (column < (columns))                                                                           \
            for (unsigned row = first + threadIdx.y; row < end; row += 8) terms;                          \
        ones[threadIdx.y][threadIdx.x] = one;                                                             \
        others[threadIdx.y][threadIdx.x] = other;                                                         \
        __syncthreads();                                                                                  \
        if (threadIdx.y == 0 && column < (columns)) {                                                     \
            for (int y = 1; y < 8; ++y) {                                                                 \
                one += ones[y][threadIdx.x];                                                              \
                other += others[y][threadIdx.x];                                                          \
            }                                                                                             \
            (partial)[blockIdx.y * 2 * (columns) + column] = one;                                         \
            (partial)[(blockIdx.y * 2 + 1) * (columns) + column] = other;                                 \
        }                                                                                                 \
    } while (0)

// y = scale · Σ over the slices of what a column's blocks summed.
KERNEL fold(float* y, const float* partial, unsigned slices, unsigned columns, float scale) {
    EACH(column, columns) {
        float sum = 0.0f;
        for (unsigned slice = 0; slice < slices; ++slice) sum += partial[slice * columns + column];
        y[column] = scale * sum;
    }
}

// The sums of columns of rows that lie `step` numbers apart.
KERNEL column_sums(float* partial, const Real* x, unsigned rows, unsigned columns, unsigned step) {
    COLUMN_SUMS(partial, rows, columns, x[(size_t)row * step + column]);
}

// One sum of products a block; of x alone, where y is nowhere.
KERNEL dot(float* partial, const Real* x, const Real* y, unsigned n) {
    float sum = 0.0f;
    EACH(i, n) sum += y ? x[i] * y[i] : x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

KERNEL fill(float* y, float value, unsigned n) {
    EACH(i, n) y[i] = value;
}

// f32 as numbers that flow between layers, of rows that lie `step` numbers apart; and back.
KERNEL rounded(Real* y, const float* x, unsigned step, unsigned columns, unsigned n) {
    EACH(i, n) y[i] = x[(size_t)(i / columns) * step + i % columns];
}

KERNEL widened(float* y, const Real* x, unsigned n) {
    EACH(i, n) y[i] = x[i];
}

KERNEL add_to(Real* y, const Real* x, unsigned n) {
    EACH(i, n) y[i] += x[i];
}

// A window that slides over a padded picture.
struct Window {
    unsigned height, width, channels;
    unsigned rows, columns;
    unsigned kernel[2], stride[2], padding[2];
};

// Philox 4×32-10 (Salmon et al. 2011).
static __device__ uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; ++round) {
        unsigned high0 = __umulhi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
        unsigned high1 = __umulhi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
        counter = make_uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key.x += 0x9E3779B9u;
        key.y += 0xBB67AE85u;
    }
    return counter;
}
