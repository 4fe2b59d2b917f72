// Normalisation by the root mean square of the channels: a warp for each pixel.

// Writes 1 / √(mean(x²) + ε) of each row to `saved`, where it is anywhere.
KERNEL rms_norm_forward(Real* y, const Real* x_, const float* gain, float* saved, float eps,
                        unsigned rows, unsigned channels) {
    float share = 1.0f / (float)channels;
    EACH_ROW(row, rows) {
        const Real* x = x_ + (size_t)row * channels;
        float square = 0.0f;
        EACH_LANE(c, channels) square += x[c] * x[c];
        float scale = 1.0f / sqrtf(warp_sum(square) * share + eps);
        if (saved && threadIdx.x % 32 == 0) saved[row] = scale;
        EACH_LANE(c, channels) y[(size_t)row * channels + c] = gain[c] * (x[c] * scale);
    }
}

KERNEL rms_norm_along(float* partial, const Real* dy, const Real* x, const float* saved, unsigned rows,
                      unsigned channels) {
    COLUMN_SUMS(partial, rows, channels,
                dy[(size_t)row * channels + column] * (x[(size_t)row * channels + column] * saved[row]));
}

// With s = 1 / √(mean(x²) + ε), n = s x and g = γ dy: dx = s (g − n · mean(g n)). It may lie where dy does.
KERNEL rms_norm_backward(Real* dx, const Real* dy_, const Real* x_, const float* gain, const float* saved,
                         unsigned rows, unsigned channels, unsigned fresh) {
    float share = 1.0f / (float)channels;
    EACH_ROW(row, rows) {
        const Real* dy = dy_ + (size_t)row * channels;
        const Real* x = x_ + (size_t)row * channels;
        float scale = saved[row], along = 0.0f;
        EACH_LANE(c, channels) along += gain[c] * dy[c] * (x[c] * scale);
        along = warp_sum(along) * share;
        EACH_LANE(c, channels) {
            Real* to = dx + (size_t)row * channels + c;
            *to = before(to, fresh) + (gain[c] * dy[c] - x[c] * scale * along) * scale;
        }
    }
}
