// Losses: outputs become gradients in their place, and each row has a loss, or each block a sum of them.

// −Σ t ln softmax(y) of each row, a warp for each. Two labels and the share of the first, where `share` is
// anywhere: t is then a mixture, and so is the loss.
KERNEL cross_entropy(Real* y_, float* losses, const unsigned* first, const unsigned* second,
                     const float* share, float smoothing, unsigned rows, unsigned outputs) {
    float each = 1.0f / (float)rows, everywhere = smoothing / (float)outputs;
    EACH_ROW(row, rows) {
        Real* y = y_ + (size_t)row * outputs;
        float most = -infinity(), powers = 0.0f, total = 0.0f;
        bool strange = false;
        EACH_LANE(i, outputs) {
            strange |= isnan(y[i]);
            most = y[i] > most ? y[i] : most;
        }
        most = warp_largest(most);
        EACH_LANE(i, outputs) {
            powers += expf(y[i] - most);
            total += y[i] - most;
        }
        powers = warp_sum(powers);
        total = warp_sum(total);
        unsigned one = first[row], other = share ? second[row] : one;
        float kept = share ? share[row] : 1.0f;
        float right = kept * (y[one] - most) + (1.0f - kept) * (y[other] - most);
        float loss = logf(powers) - (1.0f - smoothing) * (kept == 1.0f ? y[one] - most : right);
        if (everywhere > 0.0f) loss -= everywhere * total;
        __syncwarp();
        float scale = each / powers;
        EACH_LANE(i, outputs) {
            float slope = expf(y[i] - most) * scale - everywhere * each;
            if (i == one) slope -= (1.0f - smoothing) * each * kept;
            if (i == other && kept != 1.0f) slope -= (1.0f - smoothing) * each * (1.0f - kept);
            y[i] = slope;
        }
        // NaN is not hidden
        strange = __any_sync(0xffffffffu, strange);
        if (threadIdx.x % 32 == 0) losses[row] = strange ? not_a_number() : loss;
    }
}

// (y − t)² of each number; dy = 2 (y − t) / n.
KERNEL squared_error(Real* y, float* losses, const float* values, unsigned n) {
    float share = 1.0f / (float)n;
    EACH(i, n) {
        float error = y[i] - values[i];
        losses[i] = error * error;
        y[i] = 2.0f * share * error;
    }
}

// The mean of all losses: one block. Behind a step that was refused there is none.
KERNEL mean_loss(float* loss, const float* losses, const float* halted, unsigned n) {
    float sum = 0.0f;
    EACH(i, n) sum += losses[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *loss = *halted != 0.0f ? not_a_number() : sum / (float)n;
}
