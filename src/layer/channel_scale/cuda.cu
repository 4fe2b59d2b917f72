// Each channel of an example multiplied by a number of its own.

KERNEL channel_scale_forward(Real* y, const Real* x, const Real* scales, unsigned pixels,
                             unsigned channels, unsigned n) {
    EACH(i, n) y[i] = x[i] * scales[i / (pixels * channels) * channels + i % channels];
}

KERNEL channel_scale_backward(Real* dx, const Real* dy, const Real* scales, unsigned pixels,
                              unsigned channels, unsigned fresh, unsigned n) {
    EACH(i, n) {
        dx[i] = before(dx + i, fresh) + dy[i] * scales[i / (pixels * channels) * channels + i % channels];
    }
}

// The gradients of the scales, [examples, channels]: Σ x dy over the pixels.
KERNEL channel_scale_gradient(Real* ds, const Real* x, const Real* dy, unsigned pixels, unsigned channels,
                              unsigned fresh, unsigned n) {
    EACH(i, n) {
        size_t first = (size_t)(i / channels) * pixels * channels + i % channels;
        float sum = before(ds + i, fresh);
        for (unsigned pixel = 0; pixel < pixels; ++pixel)
            sum += x[first + (size_t)pixel * channels] * dy[first + (size_t)pixel * channels];
        ds[i] = sum;
    }
}
