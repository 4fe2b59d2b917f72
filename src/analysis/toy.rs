//! The toy of §3.1 (Fig. 2): y = (r + w₂ w₁)ᴸ x, descended for the mean of (y − t)² over pairs x, t. With
//! r = 1 it is a residual network of L blocks that share two numbers, with r = 0 a plain one.

/// The inputs of §3.1, 1 and 1.1 … 1.8.
pub const INPUTS: [f64; 9] = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8];

/// The target of §3.1 is this multiple of the input; r + w₂ w₁ = 50^(1/5) = 2.187 reaches it.
pub const TARGET: f64 = 50.0;

/// L in §3.1.
pub const LAYERS: u32 = 5;

/// Where descent begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Toy {
    /// w₁.
    pub first: f64,
    /// w₂.
    pub last: f64,
    /// r.
    pub residual: f64,
}

impl Toy {
    /// r + w₂ w₁.
    pub fn factor(&self) -> f64 {
        self.residual + self.last * self.first
    }

    /// One step of gradient descent on the whole of [`INPUTS`].
    #[must_use]
    pub fn step(self, rate: f64) -> Self {
        let factor = self.factor();
        let before_last = (1..LAYERS).fold(1.0, |power, _| power * factor);
        let error: f64 = INPUTS.iter().map(|x| (before_last * factor - TARGET) * x * x).sum();
        let slope = 2.0 / INPUTS.len() as f64 * error * f64::from(LAYERS) * before_last;
        Self {
            first: self.first - rate * slope * self.last,
            last: self.last - rate * slope * self.first,
            ..self
        }
    }

    /// The product w₂ w₁ after so many steps, and the first step after which r + w₂ w₁ is within 1e-3
    /// of the answer; none, if it never is.
    pub fn descend(mut self, rate: f64, steps: u32) -> (f64, Option<u32>) {
        let answer = libm::pow(TARGET, 1.0 / f64::from(LAYERS));
        let mut arrived = None;
        for step in 1..=steps {
            self = self.step(rate);
            if arrived.is_none() && (self.factor() - answer).abs() < 1e-3 {
                arrived = Some(step);
            }
        }
        (self.last * self.first, arrived)
    }
}
