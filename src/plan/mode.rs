//! What a plan is for: inference, or the training of all layers or of some.

use crate::graph::{Node, same};
use crate::layer::{Conv2d, Dense, Layer, PartKind, Trained};
use crate::update::Update;

/// What a plan is for.
///
/// ```
/// use idinit::{plan::Mode, update::Momentum};
/// const HEAD_ONLY: Mode = Mode::train::<Momentum>().last(1);
/// ```
#[must_use = "each call returns the mode that it has made"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mode {
    which: Which,
    /// Whether matrices, kernels and tables stay as they are.
    vectors: bool,
    /// Whether rectifiers keep bits where nobody else reads their outputs.
    pub(super) masked: bool,
    /// Numbers of state that the update keeps for a weight.
    pub(super) state: u32,
    /// Whether the plan has room for the whole gradient.
    pub(super) gradient: bool,
    /// Whether it has so only because steps will be taken in parts.
    pub(super) in_parts: bool,
    /// Examples of a step that is taken in parts; 0 where it has as many as come.
    pub(super) step: u32,
    /// Values begin at multiples of so many numbers.
    pub(super) line: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Which {
    None,
    All,
    Last(u32),
    Named(&'static [&'static str]),
    Adapters,
}

impl Mode {
    /// Inference: nothing is kept longer than the next layer needs it.
    pub const INFER: Self = Self {
        which: Which::None,
        vectors: false,
        masked: false,
        state: 0,
        gradient: false,
        in_parts: false,
        step: 0,
        line: 1,
    };

    /// Training of all layers with the update `U`.
    pub const fn train<U: Update>() -> Self {
        let (state, gradient) = (U::STATE as u32, U::WHOLE);
        Self {
            which: Which::All,
            vectors: false,
            masked: false,
            state,
            gradient,
            in_parts: false,
            step: 0,
            line: 1,
        }
    }

    /// Training of all layers with an update that is known only while the program runs.
    pub fn train_with(update: &impl Update) -> Self {
        Self { state: update.state() as u32, ..Self::of(update) }
    }

    const fn of<U: Update>(_: &U) -> Self {
        Self::train::<U>()
    }

    /// With room for the whole gradient, so that a step can be taken in parts
    /// ([`Engine::accumulate`](crate::engine::Engine::accumulate)): one number more for each trained
    /// weight, unless the update has it anyway.
    pub const fn in_parts(self) -> Self {
        let new = self.trains() && !self.gradient;
        Self { gradient: self.gradient || new, in_parts: new, ..self }
    }

    /// [`in_parts`](Self::in_parts), where each step is of so many examples. What the portable engine then gathers of
    /// them, one by one or several at a time, has the bits of the same examples in one batch of two or more: a device
    /// with memory for one example takes the steps of a PC with memory for all. (Layers that look at the whole batch or
    /// draw lots for it, batch norm and dropout, see parts.)
    pub const fn in_parts_of(self, examples: u32) -> Self {
        Self { step: examples, ..self.in_parts() }
    }

    /// With values that begin at multiples of so many numbers, as a GPU's matrix units want them: 64 are 256
    /// bytes of f32. 0 counts as 1.
    pub const fn aligned(self, numbers: u32) -> Self {
        Self { line: if numbers == 0 { 1 } else { numbers }, ..self }
    }

    /// Of all layers with weights, only the last `count` are trained.
    pub const fn last(self, count: u32) -> Self {
        self.some(Which::Last(count))
    }

    /// Only layers with these names are trained.
    pub const fn only(self, names: &'static [&'static str]) -> Self {
        self.some(Which::Named(names))
    }

    /// Only low-rank adapters ([`Graph::adapted`](crate::graph::Graph::adapted)) are trained.
    pub const fn adapters(self) -> Self {
        self.some(Which::Adapters)
    }

    /// Of the layers that are trained, only biases, gains of norms, and scalars, as BitFit (Ben Zaken et al.
    /// 2022) and TinyTL (Cai et al. 2020) have it. State and gradients are then those of these few numbers, and no
    /// input of a matrix or a kernel is kept for the way back. (An activation still keeps what it looks at: a
    /// rectifier its output, or [bits](Self::masked).) Matrices, kernels and tables stay as they are, and so do recurrent layers, whose
    /// biases take part in every token.
    pub const fn vectors(self) -> Self {
        Self { vectors: self.trains(), ..self }
    }

    /// A rectifier keeps a bit of each number for its backward pass, in place of its output, where no other backward
    /// pass reads that: everywhere, as a rule, where only [vectors](Self::vectors) are trained, whose step then has
    /// nearly the memory of inference. What is computed stays the same to the bit. It's for small memory: on a PC or a
    /// GPU such a rectifier is a pass of its own, which others are not.
    ///
    /// An engine that does not link [all](crate::layer::All) layers has to link
    /// [that one](crate::layer::Kind::MaskedRelu), too:
    ///
    /// ```
    /// use idinit::graph::Graph;
    /// use idinit::layer::{Kind, LayerSet, Uses};
    /// use idinit::{plan::{Mode, Plan}, shape::Shape, update::Sgd};
    ///
    /// const NET: Graph<5> =
    ///     Graph::input(Shape::vector(64)).dense(96).relu().dense(96).relu().dense(10).cross_entropy(0.0);
    /// const BIASES: Mode = Mode::train::<Sgd>().vectors();
    /// static PLAN: Plan<5> = Plan::new(&NET, BIASES.masked(), 1);
    /// enum Mine {}
    /// impl Uses for Mine {
    ///     const SET: LayerSet = NET.uses().with(Kind::MaskedRelu);
    /// }
    /// assert!(Mine::SET.covers(PLAN.net().uses()));
    /// assert!(PLAN.arena < Plan::new(&NET, BIASES, 1).arena);
    /// ```
    pub const fn masked(self) -> Self {
        Self { masked: self.trains(), ..self }
    }

    /// Inference stays inference.
    const fn some(self, which: Which) -> Self {
        if self.trains() { Self { which, ..self } } else { self }
    }

    /// Whether anything is trained.
    pub const fn trains(self) -> bool {
        !matches!(self.which, Which::None)
    }

    /// What is trained of a layer that is one of the last `from_end` layers with weights.
    pub(super) const fn trains_of(self, node: &Node, from_end: u32) -> Trained {
        let Some(first) = node.layer.part(node.input, 0) else { return Trained::Nothing };
        if !self.trains_layer(from_end, node) {
            return Trained::Nothing;
        }
        match (first.kind, node.layer) {
            _ if !self.vectors => Trained::All,
            (PartKind::Weight, Layer::Dense(Dense { bias: true, .. }))
            | (PartKind::Weight, Layer::Conv2d(Conv2d { bias: true, .. })) => Trained::Bias,
            (PartKind::Weight | PartKind::Table, _) => Trained::Nothing,
            _ => Trained::All,
        }
    }

    /// Whether a layer is trained that is one of the last `from_end` layers with weights.
    const fn trains_layer(self, from_end: u32, node: &Node) -> bool {
        match self.which {
            Which::None => false,
            Which::All => true,
            Which::Last(count) => from_end <= count,
            Which::Adapters => node.is_adapter(),
            Which::Named(names) => {
                let mut i = 0;
                while i < names.len() {
                    if same(names[i], node.name) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }
}
