// What attention does between its products of matrices. Scores lie by heads, then examples, then queries:
// [heads, examples, tokens, tokens]. What forward saved lies by examples, then heads.

static __device__ bool looks_at(unsigned query, unsigned key, unsigned causal, const Real* padding) {
    return (!causal || key <= query) && (!padding || padding[key] != 0.0f);
}

// Each row of scores becomes its softmax; its largest score and 1 / Σ are saved, where there is room.
KERNEL attention_softmax(Real* scores_, float* saved, const Real* padding, unsigned heads,
                         unsigned examples, unsigned tokens, unsigned causal) {
    EACH_ROW(row, heads * examples * tokens) {
        unsigned query = row % tokens, example = row / tokens % examples, head = row / tokens / examples;
        Real* scores = scores_ + (size_t)row * tokens;
        const Real* there = padding ? padding + (size_t)example * tokens : 0;
        float most = -infinity(), sum = 0.0f;
        EACH_LANE(key, tokens) {
            if (looks_at(query, key, causal, there) && scores[key] > most) most = scores[key];
        }
        most = warp_largest(most);
        // a query that looks at nothing gives zeros
        float around = most == -infinity() ? 0.0f : most;
        EACH_LANE(key, tokens) {
            float power = looks_at(query, key, causal, there) ? expf(scores[key] - around) : 0.0f;
            scores[key] = power;
            sum += power;
        }
        sum = warp_sum(sum);
        float share = sum == 0.0f ? 0.0f : 1.0f / sum;
        EACH_LANE(key, tokens) scores[key] *= share;
        if (saved && threadIdx.x % 32 == 0) {
            size_t at = ((size_t)example * heads + head) * tokens + query;
            saved[2 * at] = around;
            saved[2 * at + 1] = share;
        }
    }
}

// Scores become weights p again, and the gradients g of weights those of scores: p (g − Σ p g).
KERNEL attention_slope(Real* scores_, Real* gradients_, const float* saved, const Real* padding,
                       unsigned heads, unsigned examples, unsigned tokens, unsigned causal) {
    EACH_ROW(row, heads * examples * tokens) {
        unsigned query = row % tokens, example = row / tokens % examples, head = row / tokens / examples;
        Real* scores = scores_ + (size_t)row * tokens;
        Real* gradients = gradients_ + (size_t)row * tokens;
        const Real* there = padding ? padding + (size_t)example * tokens : 0;
        size_t at = ((size_t)example * heads + head) * tokens + query;
        float around = saved[2 * at], share = saved[2 * at + 1], mean = 0.0f;
        EACH_LANE(key, tokens) {
            bool seen = looks_at(query, key, causal, there);
            float weight = seen ? expf(scores[key] - around) * share : 0.0f;
            scores[key] = weight;
            if (seen) mean += weight * gradients[key];
        }
        mean = warp_sum(mean);
        EACH_LANE(key, tokens) {
            float weight = scores[key];
            gradients[key] = weight == 0.0f ? 0.0f : weight * (gradients[key] - mean);
        }
    }
}
