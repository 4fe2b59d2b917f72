// Runs of numbers taken out of rows, or put into them: one pixel of each example, the channels of two values
// side by side, a class token before all pixels.

// Row r of y, `count` numbers from `y_first` on, becomes those of x from `x_first` on.
KERNEL run_copied(Real* y, unsigned y_step, unsigned y_first, const Real* x, unsigned x_step,
                  unsigned x_first, unsigned count, unsigned n) {
    EACH(i, n) {
        unsigned row = i / count, c = i % count;
        y[(size_t)row * y_step + y_first + c] = x[(size_t)row * x_step + x_first + c];
    }
}

// The same, added.
KERNEL run_added(Real* y, unsigned y_step, unsigned y_first, const Real* x, unsigned x_step,
                 unsigned x_first, unsigned count, unsigned n) {
    EACH(i, n) {
        unsigned row = i / count, c = i % count;
        y[(size_t)row * y_step + y_first + c] += x[(size_t)row * x_step + x_first + c];
    }
}
