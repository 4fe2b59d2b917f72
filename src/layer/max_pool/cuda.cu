// The largest of each window; of equals, the first. Its place in the picture is kept as bits.

KERNEL max_pool_forward(Real* y, float* saved, const Real* x_, Window w, unsigned n) {
    EACH(i, n) {
        unsigned c = i % w.channels, pixel = i / w.channels;
        unsigned ox = pixel % w.columns, oy = pixel / w.columns % w.rows;
        const Real* x = x_ + (size_t)(pixel / (w.rows * w.columns)) * w.height * w.width * w.channels;
        float most = -infinity();
        unsigned won = 0xffffffffu;
        for (unsigned ky = 0; ky < w.kernel[0]; ++ky) {
            for (unsigned kx = 0; kx < w.kernel[1]; ++kx) {
                unsigned iy = oy * w.stride[0] + ky - w.padding[0], ix = ox * w.stride[1] + kx - w.padding[1];
                if (iy >= w.height || ix >= w.width) continue;
                unsigned at = (iy * w.width + ix) * w.channels + c;
                // the first pixel wins where nothing is more than −∞, and NaN is not hidden
                if (won == 0xffffffffu) won = at;
                if (!(x[at] <= most || isnan(most))) {
                    most = x[at];
                    won = at;
                }
            }
        }
        y[i] = most;
        if (saved) saved[i] = __int_as_float((int)won);
    }
}

// The gradient of each number of the picture: the sum over the windows that it won.
KERNEL max_pool_backward(Real* dx, const Real* dy, const float* saved, Window w, unsigned fresh,
                         unsigned n) {
    EACH(i, n) {
        unsigned c = i % w.channels, pixel = i / w.channels;
        unsigned ix = pixel % w.width, iy = pixel / w.width % w.height;
        unsigned example = pixel / (w.width * w.height);
        unsigned at = i - example * w.height * w.width * w.channels;
        float sum = before(dx + i, fresh);
        // windows in their order: the earliest is met by the last tap
        for (unsigned ky = w.kernel[0]; ky-- > 0;) {
            unsigned top = iy + w.padding[0] - ky;
            if (iy + w.padding[0] < ky || top % w.stride[0] || top / w.stride[0] >= w.rows) continue;
            for (unsigned kx = w.kernel[1]; kx-- > 0;) {
                unsigned left = ix + w.padding[1] - kx;
                if (ix + w.padding[1] < kx || left % w.stride[1] || left / w.stride[1] >= w.columns) continue;
                size_t window = (size_t)(example * w.rows + top / w.stride[0]) * w.columns + left / w.stride[1];
                if ((unsigned)__float_as_int(saved[window * w.channels + c]) == at)
                    sum += dy[window * w.channels + c];
            }
        }
        dx[i] = sum;
    }
}
