// A convolution as products of matrices: the numbers that each window sees, side by side in a row,
// [pixels, kh, kw, channels of a group].

// Number i of these rows, or where there is no pixel beyond the picture, 0.
KERNEL im2col(Real* rows, const Real* x, Window w, unsigned first, unsigned count, unsigned n) {
    EACH(i, n) {
        unsigned c = i % count, tap = i / count;
        unsigned kx = tap % w.kernel[1], ky = tap / w.kernel[1] % w.kernel[0];
        unsigned pixel = tap / (w.kernel[0] * w.kernel[1]);
        unsigned ox = pixel % w.columns, oy = pixel / w.columns % w.rows;
        unsigned example = pixel / (w.rows * w.columns);
        // beyond the picture these wrap around, and are too large
        unsigned iy = oy * w.stride[0] + ky - w.padding[0], ix = ox * w.stride[1] + kx - w.padding[1];
        float number = 0.0f;
        if (iy < w.height && ix < w.width)
            number = x[((size_t)(example * w.height + iy) * w.width + ix) * w.channels + first + c];
        rows[i] = number;
    }
}

// The gradient of number i of a group's channels of the picture: the sum over all windows that see it.
KERNEL col2im(Real* dx, const Real* rows, Window w, unsigned first, unsigned count, unsigned fresh,
              unsigned n) {
    EACH(i, n) {
        unsigned c = i % count, pixel = i / count;
        unsigned ix = pixel % w.width, iy = pixel / w.width % w.height;
        unsigned example = pixel / (w.width * w.height);
        Real* to = dx + (size_t)pixel * w.channels + first + c;
        float sum = before(to, fresh);
        for (unsigned ky = 0; ky < w.kernel[0]; ++ky) {
            unsigned top = iy + w.padding[0] - ky;
            if (iy + w.padding[0] < ky || top % w.stride[0] || top / w.stride[0] >= w.rows) continue;
            for (unsigned kx = 0; kx < w.kernel[1]; ++kx) {
                unsigned left = ix + w.padding[1] - kx;
                if (ix + w.padding[1] < kx || left % w.stride[1] || left / w.stride[1] >= w.columns) continue;
                unsigned window = (example * w.rows + top / w.stride[0]) * w.columns + left / w.stride[1];
                unsigned tap = ky * w.kernel[1] + kx;
                sum += rows[((size_t)window * w.kernel[0] * w.kernel[1] + tap) * count + c];
            }
        }
        *to = sum;
    }
}
