//! How a weight moves: an [`Update`] says what a step does with a finished gradient, a [`Move`] is
//! that step, ready to be taken. A move takes gradients a few at a time, straight from the registers
//! of the layer that computed them, so that no gradient has to lie in memory.

#[cfg(feature = "std")]
mod accumulate;
mod ada_delta;
mod adagrad;
mod adam;
mod adamw;
mod chosen;
mod clip;
mod gather;
mod grouped;
#[cfg(feature = "cuda")]
pub(crate) mod on_gpu;
mod outer;
mod sgd;

#[cfg(feature = "std")]
pub(crate) use accumulate::Accumulate;
pub use ada_delta::{AdaDelta, AdaDeltaMove};
pub use adagrad::{Adagrad, AdagradMove};
pub use adam::{Adam, AdamMove};
pub use adamw::AdamW;
pub use chosen::{Chosen, ChosenMove};
pub use clip::Clip;
pub(crate) use gather::Gather;
pub use grouped::Grouped;
#[cfg(feature = "cuda")]
pub use on_gpu::OnGpu;
pub use sgd::{Momentum, MomentumMove, Sgd, SgdMove};

/// One step of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Step {
    /// The learning rate.
    pub rate: f32,
    /// The number of the step, from 1.
    pub number: u64,
}

/// What a weight is to an update that does not treat all weights alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Group {
    /// A matrix, a kernel or a table.
    Matrix,
    /// A bias, or the gain of a norm.
    Vector,
    /// A single number: a scalar bias or a multiplier.
    Scalar,
}

/// A rule by which weights follow their gradients.
pub trait Update: Copy + Send + Sync {
    /// One step of it.
    type Move: Move;

    /// Numbers of state that each weight keeps between steps; they lie beside each other. (For an
    /// update that is chosen while the program runs, the most; see [`Update::state`].)
    const STATE: usize = <Self::Move as Move>::STATE;

    /// Whether the update needs the whole gradient before the first weight moves, and so a buffer
    /// for it: to clip it by its norm, for instance.
    const WHOLE: bool = false;

    /// Numbers of state that each weight keeps with these settings.
    #[inline(always)]
    fn state(&self) -> usize {
        Self::STATE
    }

    /// What a step does to the weights of a group.
    fn at(&self, step: Step, group: Group) -> Self::Move;

    /// λ, the largest weight decay that by itself shrinks a weight by the factor 1 − η λ in a step,
    /// so that η λ must not be more than 1. It is 0 for an update that divides the step by the size
    /// of the gradient, decay and all.
    fn decay(&self) -> f32 {
        0.0
    }

    /// The same update without weight decay.
    fn without_decay(self) -> Self {
        self
    }

    /// Whether the update's settings can work.
    fn is_sound(&self) -> bool {
        true
    }

    /// The Euclidean norm that the update clips the gradient to: none, unless it clips.
    fn most_norm(&self) -> f32 {
        f32::INFINITY
    }

    /// The factor for a gradient of this Euclidean norm: 1, unless the update clips.
    fn factor(&self, norm: f32) -> f32 {
        match self.most_norm() {
            f32::INFINITY => 1.0,
            most => (most / (norm + 1e-6)).min(1.0),
        }
    }
}

/// Whether a mean can keep this share of itself.
fn is_share(beta: f32) -> bool {
    (0.0..1.0).contains(&beta)
}

/// Whether a step can be divided by this much and still be finite.
fn is_epsilon(eps: f32) -> bool {
    eps > 0.0 && eps.is_normal()
}

/// Whether a penalty, which is added to the gradient, is never larger than the weight.
fn is_decay(decay: f32) -> bool {
    (0.0..=1.0).contains(&decay)
}

/// What a step does to the weights of each group.
#[derive(Clone, Copy)]
pub(crate) struct Moves<M> {
    pub matrix: M,
    pub vector: M,
    pub scalar: M,
}

impl<M: Move> Moves<M> {
    pub fn of<U: Update<Move = M>>(update: &U, step: Step) -> Self {
        let [matrix, vector, scalar] =
            [Group::Matrix, Group::Vector, Group::Scalar].map(|group| update.at(step, group));
        Self { matrix, vector, scalar }
    }

    /// The same for all.
    pub const fn all(every: M) -> Self {
        Self { matrix: every, vector: every, scalar: every }
    }
}

/// One step of an update: all that its settings, the rate and the number of the step come to.
pub trait Move: Copy + Send + Sync {
    /// Numbers of state that each weight keeps between steps; they lie beside each other.
    const STATE: usize;

    /// Moves the weights `w`, whose state is `s` (`STATE` numbers for each weight), by the
    /// gradients `g`.
    fn apply(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>);

    /// Where the sums of gradients begin whose state is `s`: at 0, unless the move only gathers them.
    #[inline(always)]
    fn begin(s: &[f32], sums: &mut [f32]) {
        let _ = s;
        sums.fill(0.0);
    }

    /// [`apply`](Self::apply) for gradients that began at 0 and not where [`begin`](Self::begin) says.
    #[inline(always)]
    fn apply_part(&self, w: &mut [f32], s: &mut [f32], g: impl Iterator<Item = f32>) {
        self.apply(w, s, g);
    }

    /// The same for gradients of 0, as the rows of words have that did not come.
    #[inline(always)]
    fn apply_zeros(&self, w: &mut [f32], s: &mut [f32]) {
        let count = w.len();
        self.apply(w, s, core::iter::repeat_n(0.0, count));
    }

    /// Moves a matrix `w`, [`g.len()`, `x.len()`], by the gradient g xᵀ: what a dense layer has for a
    /// single example.
    #[inline(always)]
    fn apply_outer(&self, w: &mut [f32], s: &mut [f32], g: &[f32], x: &[f32]) {
        let (width, mut state) = (x.len().max(1), s);
        for (w, g) in w.chunks_exact_mut(width).zip(g) {
            let Some((s, rest)) = state.split_at_mut_checked(width * Self::STATE) else { return };
            self.apply(w, s, x.iter().map(|x| g * x));
            state = rest;
        }
    }
}
