// Normalisation over the batch: statistics by columns in two passes, each in slices that are summed in order.

static __device__ float square(float x) { return x * x; }

KERNEL batch_norm_deviations(float* partial, const Real* x, const float* mean, unsigned rows,
                             unsigned channels) {
    COLUMN_SUMS(partial, rows, channels,
                square(x[(size_t)row * channels + column] - mean[column]));
}

// y = γ (x − μ) / √(σ² + ε) + β, rectified where a rectifier follows.
KERNEL batch_norm_forward(Real* y, const Real* x, const float* w, const float* mean,
                          const float* variance, float eps, unsigned channels, unsigned relu, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        float sum = w[c] * ((x[i] - mean[c]) / sqrtf(variance[c] + eps)) + w[channels + c];
        y[i] = rectified(sum, relu);
    }
}

// The gradient of the output, where a rectifier follows and its output is `mask`.
static __device__ float masked(const Real* dy, const Real* mask, size_t i) {
    return !mask || mask[i] > 0.0f ? dy[i] : 0.0f;
}

// Columns of channels twice: Σ dy n for the gradients of γ, then Σ dy for those of β.
KERNEL batch_norm_gradients(float* partial, const Real* dy, const Real* x, const float* mean,
                            const float* variance, const Real* mask, float eps, unsigned rows,
                            unsigned channels) {
    unsigned c = (blockIdx.x * 32 + threadIdx.x) % channels;
    float center = mean[c], scale = sqrtf(variance[c] + eps);
    bool gain = blockIdx.x * 32 + threadIdx.x < channels;
    COLUMN_SUMS(partial, rows, 2 * channels,
                masked(dy, mask, (size_t)row * channels + c) *
                    (gain ? (x[(size_t)row * channels + c] - center) / scale : 1.0f));
}

// With n = (x − μ) / σ: dx = γ/σ (dy − dβ/count − n dγ/count).
KERNEL batch_norm_backward(Real* dy, const Real* x, const float* gain, const float* mean,
                           const float* variance, const float* gradients, const Real* mask, float eps,
                           float share, unsigned channels, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        float scale = 1.0f / sqrtf(variance[c] + eps);
        float along = (x[i] - mean[c]) * scale;
        float slope = masked(dy, mask, i) - gradients[channels + c] * share - along * (gradients[c] * share);
        dy[i] = gain[c] * scale * slope;
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
