// The mean of each window. A window as large as the picture is the mean of each channel.

KERNEL average_pool_forward(Real* y, const Real* x, Window w, unsigned n) {
    float share = 1.0f / (float)(w.kernel[0] * w.kernel[1]);
    EACH(i, n) {
        unsigned c = i % w.channels, pixel = i / w.channels;
        unsigned ox = pixel % w.columns, oy = pixel / w.columns % w.rows;
        unsigned example = pixel / (w.rows * w.columns);
        float sum = 0.0f;
        for (unsigned ky = 0; ky < w.kernel[0]; ++ky) {
            for (unsigned kx = 0; kx < w.kernel[1]; ++kx) {
                unsigned iy = oy * w.stride[0] + ky, ix = ox * w.stride[1] + kx;
                sum += x[((size_t)(example * w.height + iy) * w.width + ix) * w.channels + c];
            }
        }
        y[i] = sum * share;
    }
}

KERNEL average_pool_backward(Real* dx, const Real* dy, Window w, unsigned fresh, unsigned n) {
    float share = 1.0f / (float)(w.kernel[0] * w.kernel[1]);
    EACH(i, n) {
        unsigned c = i % w.channels, pixel = i / w.channels;
        unsigned ix = pixel % w.width, iy = pixel / w.width % w.height;
        unsigned example = pixel / (w.width * w.height);
        float sum = before(dx + i, fresh);
        for (unsigned ky = w.kernel[0]; ky-- > 0;) {
            if (iy < ky || (iy - ky) % w.stride[0] || (iy - ky) / w.stride[0] >= w.rows) continue;
            for (unsigned kx = w.kernel[1]; kx-- > 0;) {
                if (ix < kx || (ix - kx) % w.stride[1] || (ix - kx) / w.stride[1] >= w.columns) continue;
                unsigned row = (ix - kx) / w.stride[1] + w.columns * ((iy - ky) / w.stride[0]);
                sum += dy[((size_t)example * w.rows * w.columns + row) * w.channels + c] * share;
            }
        }
        dx[i] = sum;
    }
}
