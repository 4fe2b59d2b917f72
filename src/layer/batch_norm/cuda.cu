// Normalisation over the batch: statistics by columns in two passes, each in slices that are summed in order.

KERNEL batch_norm_deviations(float* partial, const float* x, const float* mean, unsigned rows,
                             unsigned channels) {
    COLUMN_SUMS(partial, rows, channels,
                (x[row * channels + column] - mean[column]) * (x[row * channels + column] - mean[column]));
}

// y = γ (x − μ) / √(σ² + ε) + β.
KERNEL batch_norm_forward(float* y, const float* x, const float* w, const float* mean,
                          const float* variance, float eps, unsigned channels, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        y[i] = w[c] * ((x[i] - mean[c]) / sqrtf(variance[c] + eps)) + w[channels + c];
    }
}

KERNEL batch_norm_along(float* partial, const float* dy, const float* x, const float* mean,
                        const float* variance, float eps, unsigned rows, unsigned channels) {
    COLUMN_SUMS(partial, rows, channels,
                dy[row * channels + column] *
                    ((x[row * channels + column] - mean[column]) / sqrtf(variance[column] + eps)));
}

// With n = (x − μ) / σ: dx = γ/σ (dy − dβ/count − n dγ/count).
KERNEL batch_norm_backward(float* dy, const float* x, const float* gain, const float* mean,
                           const float* variance, const float* gradients, float eps, float share,
                           unsigned channels, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels;
        float scale = 1.0f / sqrtf(variance[c] + eps);
        float along = (x[i] - mean[c]) * scale;
        dy[i] = gain[c] * scale * (dy[i] - gradients[channels + c] * share - along * (gradients[c] * share));
    }
}

KERNEL batch_norm_frozen(float* dy, const float* w, float eps, unsigned channels, unsigned n) {
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
