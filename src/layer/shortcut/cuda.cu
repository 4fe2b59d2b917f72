// Every stride-th pixel, its channels between zeros: `before` of them before, the others behind.

KERNEL shortcut_forward(Real* y, const Real* x, Window w, unsigned channels, unsigned leading, unsigned n) {
    EACH(i, n) {
        unsigned c = i % channels - leading, pixel = i / channels;
        unsigned ox = pixel % w.columns, oy = pixel / w.columns % w.rows;
        unsigned example = pixel / (w.rows * w.columns);
        size_t from = (size_t)(example * w.height + oy * w.stride[0]) * w.width + ox * w.stride[1];
        y[i] = c < w.channels ? x[from * w.channels + c] : 0.0f;
    }
}

KERNEL shortcut_backward(Real* dx, const Real* dy, Window w, unsigned channels, unsigned leading,
                         unsigned fresh, unsigned n) {
    EACH(i, n) {
        unsigned c = i % w.channels, pixel = i / w.channels;
        unsigned ix = pixel % w.width, iy = pixel / w.width % w.height;
        unsigned example = pixel / (w.width * w.height);
        float sum = before(dx + i, fresh);
        if (ix % w.stride[1] == 0 && iy % w.stride[0] == 0) {
            size_t to = (size_t)(example * w.rows + iy / w.stride[0]) * w.columns + ix / w.stride[1];
            sum += dy[to * channels + leading + c];
        }
        dx[i] = sum;
    }
}
