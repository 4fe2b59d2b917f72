// Layers that map number by number. Forward reads x, which may lie where y will; backward turns the gradient
// of the output into that of the input, in its place.

#define MAP(name, value)                                                                                  \
    KERNEL name(Real* y, const Real* x_, unsigned n) {                                                  \
        EACH(i, n) {                                                                                      \
            float x = x_[i];                                                                              \
            y[i] = (value);                                                                               \
        }                                                                                                 \
    }

#define COMBINE(name, value)                                                                              \
    KERNEL name(Real* dy_, const Real* z_, unsigned n) {                                                \
        EACH(i, n) {                                                                                      \
            float dy = dy_[i], z = z_[i];                                                                 \
            dy_[i] = (value);                                                                             \
        }                                                                                                 \
    }

// Φ(x), the share of a normal distribution below x.
static __device__ float below(float x) { return 0.5f * (1.0f + erff(x * 0.70710678f)); }

static __device__ float gelu(float x) { return x * below(x); }

static __device__ float gelu_slope(float x) { return below(x) + x * 0.3989423f * expf(-0.5f * x * x); }

// NaN stays NaN
MAP(relu_forward, x <= 0.0f ? 0.0f : x)
MAP(tanh_forward, tanhf(x))
MAP(sigmoid_forward, 1.0f / (1.0f + expf(-x)))
MAP(gelu_forward, gelu(x))

COMBINE(relu_backward, z > 0.0f ? dy : 0.0f)
COMBINE(tanh_backward, dy * (1.0f - z * z))
COMBINE(sigmoid_backward, dy * (z * (1.0f - z)))
COMBINE(gelu_backward, dy * gelu_slope(z))

KERNEL leaky_relu_forward(Real* y, const Real* x, float slope, unsigned n) {
    EACH(i, n) y[i] = x[i] <= 0.0f ? slope * x[i] : x[i];
}

KERNEL leaky_relu_backward(Real* dy, const Real* y, float slope, unsigned n) {
    EACH(i, n) dy[i] = y[i] > 0.0f ? dy[i] : slope * dy[i];
}
