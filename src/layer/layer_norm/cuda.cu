// Normalisation of each pixel over its channels: a warp for each pixel.

// Writes μ and 1 / √(σ² + ε) of each row to `saved`, where it is anywhere.
KERNEL layer_norm_forward(Real* y, const Real* x_, const float* w, float* saved, float eps,
                          unsigned rows, unsigned channels) {
    float share = 1.0f / (float)channels;
    EACH_ROW(row, rows) {
        const Real* x = x_ + (size_t)row * channels;
        float sum = 0.0f, square = 0.0f;
        EACH_LANE(c, channels) sum += x[c];
        float mean = warp_sum(sum) * share;
        EACH_LANE(c, channels) square += (x[c] - mean) * (x[c] - mean);
        float scale = 1.0f / sqrtf(warp_sum(square) * share + eps);
        if (saved && threadIdx.x % 32 == 0) {
            saved[2 * row] = mean;
            saved[2 * row + 1] = scale;
        }
        EACH_LANE(c, channels) {
            y[(size_t)row * channels + c] = w[c] * ((x[c] - mean) * scale) + w[channels + c];
        }
    }
}

// The sums of columns that are the gradients of gains, and behind them those of biases, in one pass: slices of
// rows as in `column_sums`.
KERNEL layer_norm_weights(float* partial, const Real* dy, const Real* x, const float* saved, unsigned rows,
                          unsigned channels) {
    __shared__ float sums[2][8][33];
    unsigned c = blockIdx.x * 32 + threadIdx.x, slice = (rows + gridDim.y - 1) / gridDim.y;
    unsigned first = blockIdx.y * slice, end = first + slice < rows ? first + slice : rows;
    float gain = 0.0f, bias = 0.0f;
    if (c < channels)
        for (unsigned row = first + threadIdx.y; row < end; row += 8) {
            size_t at = (size_t)row * channels + c;
            gain += dy[at] * ((x[at] - saved[2 * row]) * saved[2 * row + 1]);
            bias += dy[at];
        }
    sums[0][threadIdx.y][threadIdx.x] = gain;
    sums[1][threadIdx.y][threadIdx.x] = bias;
    __syncthreads();
    if (threadIdx.y < 2 && c < channels) {
        float sum = 0.0f;
        for (int y = 0; y < 8; ++y) sum += sums[threadIdx.y][y][threadIdx.x];
        partial[(2 * blockIdx.y + threadIdx.y) * channels + c] = sum;
    }
}

// With n = (x − μ) / σ and g = γ dy: dx = (g − mean(g) − n · mean(g n)) / σ. It may lie where dy does.
KERNEL layer_norm_backward(Real* dx, const Real* dy_, const Real* x_, const float* gain, const float* saved,
                           unsigned rows, unsigned channels, unsigned fresh) {
    float share = 1.0f / (float)channels;
    EACH_ROW(row, rows) {
        const Real* dy = dy_ + (size_t)row * channels;
        const Real* x = x_ + (size_t)row * channels;
        float mean = saved[2 * row], scale = saved[2 * row + 1], sum = 0.0f, along = 0.0f;
        EACH_LANE(c, channels) {
            float g = gain[c] * dy[c];
            sum += g;
            along += g * ((x[c] - mean) * scale);
        }
        sum = warp_sum(sum) * share;
        along = warp_sum(along) * share;
        EACH_LANE(c, channels) {
            Real* to = dx + (size_t)row * channels + c;
            float slope = (gain[c] * dy[c] - sum - (x[c] - mean) * scale * along) * scale;
            *to = before(to, fresh) + slope;
        }
    }
}
