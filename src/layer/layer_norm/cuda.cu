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

// Σ dy n for the gradients of γ, then Σ dy for those of β.
KERNEL layer_norm_gradients(float* partial, const Real* dy, const Real* x, const float* saved, unsigned rows,
                            unsigned channels) {
    COLUMN_PAIRS(partial, rows, channels, {
        float slope = dy[(size_t)row * channels + column];
        one += slope * ((x[(size_t)row * channels + column] - saved[2 * row]) * saved[2 * row + 1]);
        other += slope;
    });
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
