// Normalisation over the batch. Statistics by columns in one pass: each thread goes on with a mean and a sum of
// squared differences from it (Welford 1962), and those of threads and slices are merged in order (Chan, Golub,
// LeVeque 1979). No square of a mean is ever subtracted from a mean of squares.

struct Statistics {
    unsigned count;
    float mean, squares;

    __device__ void add(float x) {
        count += 1;
        float before = x - mean;
        mean += before / (float)count;
        squares += before * (x - mean);
    }

    __device__ void merge(const Statistics& other) {
        if (other.count == 0) return;
        float both = (float)(count + other.count), apart = other.mean - mean;
        mean += apart * ((float)other.count / both);
        squares += other.squares + apart * apart * ((float)count * ((float)other.count / both));
        count += other.count;
    }
};

// The first row of a slice; that of the slice behind the last is their number.
static __device__ unsigned slice_of(unsigned number, unsigned slices, unsigned rows) {
    unsigned first = number * ((rows + slices - 1) / slices);
    return first < rows ? first : rows;
}

// Means of a slice by columns, then sums of squared differences: blocks of 32 × 8 threads.
KERNEL batch_norm_statistics(float* partial, const Real* x, unsigned rows, unsigned channels) {
    __shared__ float means[8][33], squares[8][33];
    unsigned column = blockIdx.x * 32 + threadIdx.x;
    unsigned first = slice_of(blockIdx.y, gridDim.y, rows), end = slice_of(blockIdx.y + 1, gridDim.y, rows);
    Statistics all = {};
    if (column < channels)
        for (unsigned row = first + threadIdx.y; row < end; row += 8) all.add(x[(size_t)row * channels + column]);
    means[threadIdx.y][threadIdx.x] = all.mean;
    squares[threadIdx.y][threadIdx.x] = all.squares;
    __syncthreads();
    if (threadIdx.y > 0 || column >= channels) return;
    for (unsigned y = 1; y < 8; ++y) {
        unsigned count = end > first + y ? (end - first - y + 7) / 8 : 0;
        all.merge({count, means[y][threadIdx.x], squares[y][threadIdx.x]});
    }
    float* to = partial + (size_t)blockIdx.y * 2 * channels;
    to[column] = all.mean;
    to[channels + column] = all.squares;
}

// Means, then variances, of all slices.
KERNEL batch_norm_merged(float* statistics, const float* partial, unsigned slices, unsigned rows,
                         unsigned channels) {
    EACH(c, channels) {
        Statistics all = {};
        for (unsigned slice = 0; slice < slices; ++slice) {
            const float* from = partial + (size_t)slice * 2 * channels;
            unsigned count = slice_of(slice + 1, slices, rows) - slice_of(slice, slices, rows);
            all.merge({count, from[c], from[channels + c]});
        }
        statistics[c] = all.mean;
        statistics[channels + c] = all.squares / (float)rows;
    }
}

// γ (x − μ) / σ + β. What backward computes again has the same bits.
static __device__ float normalised(float x, float mean, float deviation, const float* w, unsigned c,
                                   unsigned channels) {
    return w[c] * ((x - mean) / deviation) + w[channels + c];
}

// y = γ (x − μ) / √(σ² + ε) + β, rectified where a rectifier follows.
KERNEL batch_norm_forward(Real* y, const Real* x, const float* w, const float* mean,
                          const float* variance, float eps, unsigned channels, unsigned relu, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        y[i] = rectified(normalised(x[i], mean[c], sqrtf(variance[c] + eps), w, c, channels), relu);
    }
}

static __device__ float alive(float dy, float x, float mean, float deviation, const float* w, unsigned c,
                              unsigned channels, unsigned relu) {
    return !relu || normalised(x, mean, deviation, w, c, channels) > 0.0f ? dy : 0.0f;
}

// Σ dy n for the gradients of γ, then Σ dy for those of β. Where a rectifier follows, dy counts where the
// output is more than 0, which is computed again and not read.
KERNEL batch_norm_gradients(float* partial, const Real* dy, const Real* x, const float* w, const float* mean,
                            const float* variance, float eps, unsigned relu, unsigned rows,
                            unsigned channels) {
    unsigned c = (blockIdx.x * 32 + threadIdx.x) % channels;
    float center = mean[c], deviation = sqrtf(variance[c] + eps);
    COLUMN_PAIRS(partial, rows, channels, {
        float number = x[(size_t)row * channels + c];
        float slope = alive(dy[(size_t)row * channels + c], number, center, deviation, w, c, channels, relu);
        one += slope * ((number - center) / deviation);
        other += slope;
    });
}

// With n = (x − μ) / σ: dx = γ/σ (dy − dβ/count − n dγ/count).
KERNEL batch_norm_backward(Real* dy, const Real* x, const float* w, const float* mean,
                           const float* variance, const float* gradients, float eps, unsigned relu,
                           float share, unsigned channels, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        float number = x[i], deviation = sqrtf(variance[c] + eps);
        float along = (number - mean[c]) / deviation;
        float slope = alive(dy[i], number, mean[c], deviation, w, c, channels, relu);
        slope -= gradients[channels + c] * share + along * (gradients[c] * share);
        dy[i] = w[c] / deviation * slope;
    }
}

KERNEL batch_norm_frozen(Real* dy, const float* w, float eps, unsigned channels, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        dy[i] *= w[c] / sqrtf(w[3 * channels + c] + eps);
    }
}

// Running statistics follow, unless the loss is not finite.
KERNEL batch_norm_running(float* running, const float* mean, const float* variance, const float* loss,
                          float momentum, float unbiased, unsigned channels) {
    if (!isfinite(*loss)) return;
    EACH(c, channels) {
        running[c] += momentum * (mean[c] - running[c]);
        running[channels + c] += momentum * (variance[c] * unbiased - running[channels + c]);
    }
}
