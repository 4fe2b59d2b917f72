//! Every tolerance of the tests, with its reason. A tolerance is a share of the largest magnitude
//! in the numbers that are compared; that of a network is the sum over its layers.

use idinit::graph::Node;
use idinit::layer::Kind;

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Outputs in f32 with the definition in f64.
    Output,
    /// A loss in f32 with the definition in f64.
    Loss,
    /// Gradients in f32 with central differences in f64.
    Differences,
    /// Outputs and loss in f32 with PyTorch in f64.
    TorchForward,
    /// Gradients in f32 with PyTorch in f64.
    TorchGradient,
    /// Running statistics in f32 with the definition in f64.
    Statistics,
    /// A step of a dense layer for one example, which multiplies the rate with dy first, with one
    /// that multiplies it last.
    OneExample,
    /// Outputs of the host engine with those of the portable one.
    #[cfg(feature = "std")]
    HostForward,
    /// Gradients and running statistics of the host engine with those of the portable one.
    #[cfg(feature = "std")]
    HostGradient,
    /// Outputs and losses of the GPU's engine with those of the portable one.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaForward,
    /// Gradients, running statistics and steps of the GPU's engine with those of the portable one.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaGradient,
    /// Gradients of the GPU's engine where products round their factors to TF32, with those where they do not.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaRounded,
    /// Losses and weights over ten steps of the GPU's engine with those of the portable one.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaSteps,
    /// Outputs and losses of the GPU's engine with factors in TF32, with those of the portable one.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaTf32,
    /// Gradients, the same way.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaTf32Gradient,
    /// Outputs and losses with activations in bf16.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaBf16,
    /// Gradients, the same way.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaBf16Gradient,
    /// Losses over ten steps with activations in bf16.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaBf16Steps,
    /// How weights moved in these ten steps.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaBf16Moves,
    /// Outputs, losses and gradients of attention on the GPU, from factors rounded to TF32, with those of the
    /// portable engine.
    #[cfg(feature = "cuda")]
    #[allow(dead_code, reason = "tests/gpu.rs compares by it")]
    CudaTf32Attention,
    /// Losses and weights of two ranks over six steps with those of one GPU that takes both shares.
    #[cfg(feature = "nccl")]
    #[allow(dead_code, reason = "tests/gpu_ranks.rs compares by it")]
    Ranks,
    /// Outputs of a network into which adapters were merged with those of the two beside each other.
    Merged,
    /// Weights after two steps in parts with those of one batch.
    Parts,
    /// Weights after 20 steps with those of `torch.optim` in f64.
    Trajectory,
}

/// One rounding of f32, 2⁻²⁴.
const ULP: f64 = 1.0 / 16_777_216.0;

/// The share by which one layer may differ.
fn of_layer(against: Against, kind: Kind) -> f64 {
    match (against, kind) {
        // nothing is computed: bits are moved
        (_, Kind::Flatten | Kind::Shortcut) => 0.0,
        // numbers are looked up and moved; backward sums over the batch, or over all places of a token
        (
            Against::Output | Against::Loss | Against::TorchForward,
            Kind::Embedding | Kind::ClassToken | Kind::Select | Kind::Concat,
        ) => 0.0,
        (_, Kind::Embedding | Kind::ClassToken | Kind::Select | Kind::Concat) => 16.0 * ULP,
        // a number near 0 changes its sign by a rounding, or another of two near ones is the largest: their
        // gradients then go another way
        #[cfg(feature = "cuda")]
        (
            Against::CudaTf32Gradient | Against::CudaBf16Gradient,
            Kind::MaxPool | Kind::Relu | Kind::MaskedRelu,
        ) => 1.0 / 16.0,
        // norms over few examples make all of a step's numbers from their differences
        #[cfg(feature = "cuda")]
        (Against::CudaBf16Steps, Kind::BatchNorm) => 4.0 / 512.0,
        // a choice of one of the inputs, or a sign
        (_, Kind::MaxPool | Kind::Relu | Kind::MaskedRelu) => 0.0,
        // one rounding a number; backward sums up to a few hundred of either sign for one weight
        (Against::Output | Against::Loss | Against::TorchForward, Kind::LeakyRelu | Kind::Add) => {
            ULP
        }
        (
            Against::Output | Against::Loss | Against::TorchForward,
            Kind::ScalarBias | Kind::Multiplier | Kind::Positions | Kind::ChannelScale,
        ) => ULP,
        // a product with a factor that was rounded itself
        (_, Kind::Dropout) => 2.0 * ULP,
        (_, Kind::LeakyRelu | Kind::Add | Kind::ScalarBias | Kind::Multiplier) => 16.0 * ULP,
        (_, Kind::Positions | Kind::ChannelScale) => 16.0 * ULP,
        // a sum of up to 49 numbers, then a product
        (_, Kind::AveragePool | Kind::GlobalAveragePool) => 8.0 * ULP,
        // dot products of up to 200 terms of either sign: roundings add up like a random walk,
        // √200 ≈ 14; backward sums up to 300 products for one weight
        (_, Kind::Dense | Kind::Conv2d) => 16.0 * ULP,
        // libm is good to 1 ulp, and 1 − y² loses up to 2 bits where y is near 1
        (_, Kind::Tanh | Kind::Sigmoid) => 8.0 * ULP,
        // erf and exp to 1 ulp each, four products
        (_, Kind::Gelu) => 8.0 * ULP,
        // two passes of sums, a root and a quotient; backward, two sums cancel against dy
        (_, Kind::BatchNorm | Kind::LayerNorm | Kind::RmsNorm) => 32.0 * ULP,
        // scores of up to 4 are off by 4 ulp and more, and so is what exp makes of them; backward, sums
        // cancel as in a norm
        (_, Kind::Attention) => 32.0 * ULP,
        // per token, dot products of up to 20 terms and a tanh or a logistic function or two; errors go
        // on to the 4 tokens behind, and back again
        (_, Kind::Rnn | Kind::Gru | Kind::Lstm) => 48.0 * ULP,
        // a layer that the table does not know has no tolerance at all
        (_, _) => f64::NAN,
    }
}

/// The share by which what is compared may differ whatever the layers are.
fn of_comparison(against: Against) -> f64 {
    match against {
        Against::Output => 0.0,
        // the sum of two matrices is rounded once more
        Against::Merged => 2.0 * ULP,
        // exp and ln to 1 ulp, sums over at most 7 classes and 5 examples
        Against::Loss => 8.0 * ULP,
        // differences of step h = 1e-6 in f64 are good to 1e-16 / h = 1e-10 of the loss, and to
        // h² of the third derivative, both far less than the rounding of dy in f32
        Against::Differences => 16.0 * ULP,
        // numbers are written with 8 digits, half a unit of which is 5e-8 at worst
        Against::TorchForward => 2.0 * ULP,
        Against::TorchGradient => 16.0 * ULP,
        // one rounding each for the product and the sum of r + m (batch − r)
        Against::Statistics => 4.0 * ULP,
        // two roundings of the step and two of the weight, where there is decay
        Against::OneExample => 4.0 * ULP,
        // each of the two has its own roundings against the definition
        #[cfg(feature = "std")]
        Against::HostForward => 2.0 * ULP,
        // sums of up to 10,000 products in two orders
        #[cfg(feature = "std")]
        Against::HostGradient => 64.0 * ULP,
        // as on the host; exp and tanh of the device are good to 2 ulp
        #[cfg(feature = "cuda")]
        Against::CudaForward => 4.0 * ULP,
        #[cfg(feature = "cuda")]
        Against::CudaGradient => 64.0 * ULP,
        // factors have 11 bits: each product is off by up to 2⁻¹¹ of itself, and the gradients of one layer go
        // through the products of the others
        #[cfg(feature = "cuda")]
        Against::CudaRounded => 32_768.0 * ULP,
        // ten steps, each of which moves weights by the gradients of weights that differ already; Adam
        // divides gradients by their own size, so that even a small one counts for a whole step
        #[cfg(feature = "cuda")]
        Against::CudaSteps => 1024.0 * ULP,
        // Euclidean norms: TF32 rounds factors by up to 2⁻¹¹, bf16 each number by up to 2⁻⁹, at random, so
        // that a few layers add up to a few roundings; a difference of large numbers has the most
        #[cfg(feature = "cuda")]
        Against::CudaTf32 => 4.0 / 2048.0,
        #[cfg(feature = "cuda")]
        Against::CudaTf32Gradient => 8.0 / 2048.0,
        #[cfg(feature = "cuda")]
        Against::CudaBf16 => 10.0 / 512.0,
        #[cfg(feature = "cuda")]
        Against::CudaBf16Gradient => 16.0 / 512.0,
        // a loss near ln 10 begins with the same outputs of nearly 0
        #[cfg(feature = "cuda")]
        Against::CudaBf16Steps => 2.0 / 512.0,
        // Adam divides gradients by their own size, so that the sign of a tiny one counts for a whole step
        #[cfg(feature = "cuda")]
        Against::CudaBf16Moves => 0.5,
        // factors have 11 bits instead of 24, so each is off by 2¹³ ulp at most; scores and weights are rounded
        // each in turn
        #[cfg(feature = "cuda")]
        Against::CudaTf32Attention => 4.0 * 8192.0 * ULP,
        // a rounding for the sum of two gradients, whose layers sum over their shares in another order, in each
        // of six steps, and what momentum keeps of them
        #[cfg(feature = "nccl")]
        Against::Ranks => 32.0 * ULP,
        // one more rounding for each part's weight in the sum and for the mean, in each of two steps;
        // the layers sum over their parts in another order
        Against::Parts => 8.0 * ULP,
        // 20 steps, each with one rounding of the weight, and rates of at most 1, which do not
        // amplify what is already there on the nets of the file (checked by their loss falling)
        Against::Trajectory => 60.0 * ULP,
    }
}

/// The share by which a network of these layers may differ.
pub fn tolerance(against: Against, nodes: &[Node]) -> f64 {
    let layers = nodes.iter().map(|node| of_layer(against, node.layer.kind()));
    // two engines that are each so far from the definition are twice as far from each other
    let sides = match against {
        Against::Merged => 2.0,
        #[cfg(feature = "std")]
        Against::HostForward | Against::HostGradient => 2.0,
        #[cfg(feature = "cuda")]
        Against::CudaForward | Against::CudaGradient | Against::CudaSteps => 2.0,
        _ => 1.0,
    };
    of_comparison(against) + sides * layers.sum::<f64>()
}

/// Where `got` first differs from `want` by more than the share `tolerance` of the largest magnitude
/// among `want` and `scale`.
pub fn difference(got: &[f64], want: &[f64], tolerance: f64, scale: f64) -> Option<String> {
    if got.len() != want.len() {
        return Some(format!("{} numbers, not {}", got.len(), want.len()));
    }
    let most = want.iter().fold(scale, |most, want| most.max(want.abs()));
    got.iter().zip(want).enumerate().find_map(|(i, (got, want))| {
        let share = (got - want).abs() / most.max(f64::MIN_POSITIVE);
        // NaN differs from everything
        (share.is_nan() || tolerance.is_nan() || share > tolerance).then(|| {
            format!(
                "number {i} is {got}, not {want}: {share:e} of {most}; {tolerance:e} is allowed"
            )
        })
    })
}

/// Fails where they differ.
#[track_caller]
pub fn close(what: &str, got: &[f64], want: &[f64], tolerance: f64, scale: f64) {
    if let Some(difference) = difference(got, want, tolerance, scale) {
        panic!("{what}: {difference}");
    }
}
