//! Inference from weights that are not stored: each layer's are asked for when it runs.

use super::portable::forward;
use super::{Buffer, Error, enough};
use crate::graph::Node;
use crate::layer::{Chance, Dense, Forward, Kind, Layer, Uses};
use crate::math;
use crate::plan::{Net, Slot};
use crate::shape::Shape;
use core::fmt;
use core::marker::PhantomData;

/// The fewest numbers that the window of [`Unstored`] may have: of each fully connected layer a row
/// and its bias, of any other all weights.
///
/// ```
/// use idinit::engine::{layer_window, least_window};
/// use idinit::{graph::Graph, plan::{Mode, Plan}, shape::Shape};
///
/// const NET: Graph<2> = Graph::input(Shape::vector(64)).dense(32).dense(10);
/// static PLAN: Plan<2> = Plan::new(&NET, Mode::INFER, 1);
/// const LEAST: usize = least_window(&PLAN.net());
/// assert_eq!((LEAST, layer_window(&PLAN.net()), PLAN.weights), (65, 2_080, 2_410));
/// ```
pub const fn least_window(net: &Net<'_>) -> usize {
    widest(net, true)
}

/// How many numbers the largest layer's weights are: a longer window of [`Unstored`] gains nothing.
pub const fn layer_window(net: &Net<'_>) -> usize {
    widest(net, false)
}

const fn widest(net: &Net<'_>, by_rows: bool) -> usize {
    let (mut nodes, mut slots, mut widest) = (net.nodes, net.slots, 0);
    while let ([node, later @ ..], [slot, behind @ ..]) = (nodes, slots) {
        let need = match &node.layer {
            Layer::Dense(dense) if by_rows => row(dense, node.input.size()),
            _ => slot.weights.len as usize,
        };
        if need > widest {
            widest = need;
        }
        (nodes, slots) = (later, behind);
    }
    widest
}

/// How many numbers an output of a layer needs: `inp` weights and the bias.
const fn row(dense: &Dense, inp: usize) -> usize {
    inp + dense.bias as usize
}

/// A network whose weights are stored nowhere, with its code for the layers `S`. Its outputs have the
/// bits that [`Portable`](super::Portable) gives with the same weights.
///
/// `weights` writes those that begin at an index of all, as they lie in memory: by a rule, from flash,
/// from a start and what training changed. The layers ask for theirs in their order, each for all of them
/// at once; a fully connected one that is longer than the window asks for as many rows as fit, then for
/// their biases.
///
/// ```
/// use idinit::engine::{Error, Unstored, least_window};
/// use idinit::init::{IdInit, Initial};
/// use idinit::{graph::Graph, layer::All, plan::{Mode, Plan}, shape::Shape};
///
/// const NET: Graph<3> = Graph::input(Shape::vector(4)).dense(4).relu().dense(2);
/// static PLAN: Plan<3> = Plan::new(&NET, Mode::INFER, 1);
/// let initial: Initial<'_, _> = Initial::new(NET.nodes(), IdInit::PAPER);
///
/// // 5 + 6 numbers, and not the 30 weights
/// let (mut window, mut arena) = ([0.0; least_window(&PLAN.net())], [0.0; PLAN.arena]);
/// let weights = |start, w: &mut [f32]| initial.fill_window(start, w).map_err(Error::from);
/// let mut engine = Unstored::<All, _>::new(PLAN.net(), weights, &mut window, &mut arena)?;
/// let mut y = [0.0; 2];
/// engine.infer(&[1.0, -1.0, 1.0, 1.0], &mut y)?;
/// assert_eq!(y, [2.0_f32.sqrt(), 0.0]);
/// # Ok::<(), Error>(())
/// ```
pub struct Unstored<'a, S, W> {
    net: Net<'a>,
    weights: W,
    window: &'a mut [f32],
    arena: &'a mut [f32],
    uses: PhantomData<S>,
}

impl<S, W> fmt::Debug for Unstored<'_, S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unstored").field("net", &self.net).finish_non_exhaustive()
    }
}

impl<'a, S, W, E> Unstored<'a, S, W>
where
    S: Uses,
    W: FnMut(usize, &mut [f32]) -> Result<(), E>,
    E: From<Error>,
{
    /// An engine for a planned network. The window has at least [`least_window`] numbers, the arena
    /// [`Net::arena`]; either may hold anything.
    ///
    /// # Errors
    /// [`Error::Memory`] where one is too short, [`Error::Uses`] where the network has a layer that `S`
    /// does not link.
    pub fn new(
        net: Net<'a>,
        weights: W,
        window: &'a mut [f32],
        arena: &'a mut [f32],
    ) -> Result<Self, Error> {
        if !S::SET.covers(net.uses) {
            return Err(Error::Uses);
        }
        enough(Buffer::Window, least_window(&net), window.len())?;
        enough(Buffer::Arena, net.arena, arena.len())?;
        Ok(Self { net, weights, window, arena, uses: PhantomData })
    }

    /// Writes the outputs `y`, `[batch, output]`, of the inputs `x`, `[batch, input]`. A larger batch
    /// asks for weights no more often.
    ///
    /// # Errors
    /// Where the batch does not fit, and those of the weights; nothing is written then.
    pub fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), E> {
        let Self { net, weights, window, arena, .. } = self;
        let examples = super::examples(net, x)?;
        super::long(Buffer::Output, examples * net.output.size(), y.len())?;
        let run = |node: &Node, slot: &Slot, io: Forward<'_>| {
            let start = slot.weights.start as usize;
            match &node.layer {
                Layer::Dense(dense) if const { S::SET.has(Kind::Dense) } => {
                    by_rows::<S, _>(dense, start, io, window, weights)
                }
                layer => {
                    let w = window.get_mut(..slot.weights.len as usize).unwrap_or_default();
                    if !w.is_empty() {
                        weights(start, w)?;
                    }
                    layer.forward::<S>(Forward { w, ..io });
                    Ok(())
                }
            }
        };
        let output = forward::<S, E>(net, arena, (x, examples, false), Chance::NONE, run)?;
        math::copy(y, output.of(arena));
        Ok(())
    }
}

/// A fully connected layer whose weights begin at index `start` of all: each run of rows is a layer of
/// so many outputs.
fn by_rows<S: Uses, E>(
    dense: &Dense,
    start: usize,
    io: Forward<'_>,
    window: &mut [f32],
    weights: &mut impl FnMut(usize, &mut [f32]) -> Result<(), E>,
) -> Result<(), E> {
    let (inp, out) = (io.input.size(), dense.out as usize);
    let fit = (window.len() / row(dense, inp).max(1)).max(1);
    let mut first = 0;
    while first < out {
        let rows = fit.min(out - first);
        let all = window.get_mut(..rows * row(dense, inp)).unwrap_or_default();
        if rows == out {
            weights(start, all)?;
        } else if let Some((w, b)) = all.split_at_mut_checked(rows * inp) {
            weights(start + first * inp, w)?;
            if dense.bias {
                weights(start + out * inp + first, b)?;
            }
        }
        let layer = Layer::Dense(Dense { out: rows as u32, ..*dense });
        let output = &Shape::vector(rows as u32);
        let examples = io.x.chunks_exact(inp.max(1)).zip(io.y.chunks_exact_mut(out.max(1)));
        for (x, y) in examples {
            let y = y.get_mut(first..first + rows).unwrap_or_default();
            layer.forward::<S>(Forward { output, x, w: all, saved: &mut [], y, ..io });
        }
        first += rows;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, Memory, Portable};
    use super::*;
    use crate::graph::{Graph, Value};
    use crate::init::{IdInit, Initial, Named};
    use crate::layer::All;
    use crate::model::{self, Activation};
    use crate::plan::{Mode, Plan};
    use crate::rule::{LengthError, philox};
    use crate::update::Sgd;
    use std::string::ToString;
    use std::vec::Vec;

    /// A number in −1 … 1 that depends on two others.
    fn number(seed: u32, i: usize) -> f32 {
        let [word, ..] = philox([i as u32, seed, 0, 0], [3, 1]);
        word as i32 as f32 / 2_147_483_648.0
    }

    /// The outputs of some inputs, from weights that are stored.
    fn stored<const N: usize>(plan: &Plan<N>, all: &[f32], x: &[f32], len: usize) -> Vec<u32> {
        let mut weights = all.to_vec();
        let mut arena = std::vec![f32::NAN; plan.arena];
        let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
        let mut engine = Portable::<All, _>::new(plan.net(), Sgd::default(), memory).unwrap();
        let mut y = std::vec![f32::NAN; len];
        engine.infer(x, &mut y).unwrap();
        y.iter().map(|y| y.to_bits()).collect()
    }

    /// The same with a window of `window` numbers, and how often weights were asked for.
    fn unstored<const N: usize>(
        plan: &Plan<N>,
        all: &[f32],
        x: &[f32],
        len: usize,
        window: usize,
    ) -> (Vec<u32>, usize) {
        let mut window = std::vec![f32::NAN; window];
        let mut arena = std::vec![f32::NAN; plan.arena];
        let mut asked = 0;
        let weights = |start: usize, w: &mut [f32]| {
            w.copy_from_slice(&all[start..start + w.len()]);
            asked += 1;
            Ok::<_, Error>(())
        };
        let mut engine =
            Unstored::<All, _>::new(plan.net(), weights, &mut window, &mut arena).unwrap();
        let mut y = std::vec![f32::NAN; len];
        engine.infer(x, &mut y).unwrap();
        (y.iter().map(|y| y.to_bits()).collect(), asked)
    }

    fn has_the_bits_of_stored_weights<const N: usize>(name: &str, graph: &Graph<N>, tokens: u32) {
        let plan = Plan::new(graph, Mode::INFER, 3);
        let net = plan.net();
        let all: Vec<f32> = (0..plan.weights).map(|i| number(1, i)).collect();
        let (least, most) = (least_window(&net), layer_window(&net));
        assert!(least <= most, "{name}");
        for batch in [1, 3] {
            let input = |i| match tokens {
                0 => number(2, i),
                count => (philox([i as u32, 0, 0, 0], [0, 0])[0] % count) as f32,
            };
            let x: Vec<f32> = (0..batch * net.input().len()).map(input).collect();
            let len = batch * net.output().len();
            let want = stored(&plan, &all, &x, len);
            assert!(want.iter().any(|y| f32::from_bits(*y).abs() > 0.0), "{name}");
            let mut sizes: Vec<usize> = (least..(least + 20).min(most)).collect();
            sizes.extend([2 * least, 5 * least + 3, (least + most) / 2, most, most + 7]);
            for window in sizes {
                let (got, _) = unstored(&plan, &all, &x, len, window);
                assert_eq!(got, want, "{name}, {batch} by a window of {window}");
            }
        }
    }

    fn picture<const N: usize>() -> Graph<N> {
        Graph::input(Shape::hwc(8, 8, 1))
    }

    #[test]
    fn networks_have_the_bits_of_stored_weights() {
        let mlp = model::mlp::<5>(picture(), &[32, 19], Activation::Relu, 10);
        has_the_bits_of_stored_weights("mlp", &mlp, 0);
        has_the_bits_of_stored_weights("cnn", &model::cnn::<6>(picture(), 5, 10), 0);
        let residual = model::residual::<15>(picture(), 4, 2, 10);
        has_the_bits_of_stored_weights("residual", &residual, 0);
        let bare = Layer::Dense(Dense { out: 7, bias: false });
        let pair = Graph::<4>::input(Shape::vector(7)).then(bare).tanh().add(Value::INPUT).gelu();
        has_the_bits_of_stored_weights("a row without a bias", &pair, 0);
    }

    #[test]
    fn sequences_have_the_bits_of_stored_weights() {
        let g = Graph::<32>::input(Shape::hwc(1, 6, 1)).embedding(11, 8).positions();
        let skip = g.here();
        let g = g.layer_norm().linear(24).attention(2, false).linear(8).add(skip);
        let skip = g.here();
        let g = g.layer_norm().linear(16).gelu().linear(8).dropout(0.1).add(skip);
        let transformer = g.rms_norm().class_token().select(0).dense(5);
        has_the_bits_of_stored_weights("transformer", &transformer, 11);
        let g = Graph::<5>::input(Shape::hwc(1, 6, 3)).rnn(5).gru(4).lstm(3).select(5).dense(2);
        has_the_bits_of_stored_weights("recurrent", &g, 0);
    }

    #[test]
    fn a_frozen_batch_norm_has_its_statistics() {
        let norm = picture::<4>().conv2d(3, 3).batch_norm().relu().dense(4);
        let plan = Plan::new(&norm, Mode::INFER, 1);
        let all: Vec<f32> = (0..plan.weights).map(|i| number(1, i).abs()).collect();
        let x: Vec<f32> = (0..64).map(|i| number(2, i)).collect();
        let least = least_window(&plan.net());
        assert_eq!(unstored(&plan, &all, &x, 4, least).0, stored(&plan, &all, &x, 4));
    }

    #[test]
    fn weights_are_asked_for_as_seldom_as_the_window_allows() {
        let mlp = model::mlp::<5>(picture(), &[32, 32], Activation::Relu, 10);
        let plan = Plan::new(&mlp, Mode::INFER, 2);
        let (all, x) = (std::vec![0.5; plan.weights], std::vec![0.5; 128]);
        for (window, asked) in [(65, 2 * (32 + 32 + 10)), (130, 2 * (16 + 11 + 4)), (2_080, 3)] {
            assert_eq!(unstored(&plan, &all, &x, 20, window).1, asked, "{window}");
        }
    }

    #[test]
    fn a_training_plan_infers_too() {
        let mlp = model::mlp::<5>(picture(), &[8, 8], Activation::Tanh, 3);
        let train = Plan::new(&mlp, Mode::train::<Sgd>(), 1);
        let infer = Plan::new(&mlp, Mode::INFER, 1);
        let all: Vec<f32> = (0..infer.weights).map(|i| number(1, i)).collect();
        let x: Vec<f32> = (0..64).map(|i| number(2, i)).collect();
        assert_eq!(unstored(&train, &all, &x, 3, 65).0, stored(&infer, &all, &x, 3));
    }

    const SMALL: Graph<3> = Graph::input(Shape::vector(4)).dense(4).relu().dense(2);
    static PLAN: Plan<3> = Plan::new(&SMALL, Mode::INFER, 1);

    #[test]
    fn what_does_not_fit_is_said_in_numbers() {
        let none = |_: usize, _: &mut [f32]| Ok::<_, Error>(());
        let (mut window, mut arena) = ([0.0; 4], [0.0; PLAN.arena]);
        let short = Unstored::<All, _>::new(PLAN.net(), none, &mut window, &mut arena).unwrap_err();
        assert_eq!(short, Error::Memory { buffer: Buffer::Window, need: 5, got: 4 });
        assert_eq!(short.to_string(), "the window of weights needs 5 numbers, got 4");
        let mut window = [0.0; 5];
        let short = Unstored::<All, _>::new(PLAN.net(), none, &mut window, &mut arena[1..]);
        let need = PLAN.arena;
        let memory = Error::Memory { buffer: Buffer::Arena, need, got: need - 1 };
        assert_eq!(short.unwrap_err(), memory);
        enum Nothing {}
        impl Uses for Nothing {
            const SET: crate::layer::LayerSet = crate::layer::LayerSet::NONE;
        }
        let unlinked = Unstored::<Nothing, _>::new(PLAN.net(), none, &mut window, &mut arena);
        assert_eq!(unlinked.unwrap_err(), Error::Uses);
        let mut engine =
            Unstored::<All, _>::new(PLAN.net(), none, &mut window, &mut arena).unwrap();
        let batch = Error::Batch { got: 8, example: 4, most: 1 };
        assert_eq!(engine.infer(&[0.0; 8], &mut [0.0; 4]), Err(batch));
        let output = Error::Memory { buffer: Buffer::Output, need: 2, got: 3 };
        assert_eq!(engine.infer(&[0.0; 4], &mut [0.0; 3]), Err(output));
    }

    #[test]
    fn weights_that_are_missing_end_it_before_anything_is_written() {
        let (mut window, mut arena) = ([0.0; 5], [0.0; PLAN.arena]);
        let weights = |start: usize, w: &mut [f32]| match start + w.len() <= 20 {
            true => Ok(()),
            false => Err(Error::from(LengthError { need: 0, got: w.len() })),
        };
        let mut engine =
            Unstored::<All, _>::new(PLAN.net(), weights, &mut window, &mut arena).unwrap();
        let mut y = [7.0; 2];
        let missing = Error::Rule(LengthError { need: 0, got: 4 });
        assert_eq!(engine.infer(&[1.0; 4], &mut y), Err(missing));
        assert_eq!(y, [7.0; 2]);
    }

    #[test]
    fn a_matrix_that_can_only_be_written_whole_wants_a_window_of_its_layer() {
        let scheme = Named::parse("orthogonal", 3).unwrap();
        let initial: Initial<'_, Named> = Initial::new(SMALL.nodes(), scheme);
        let mut all = std::vec![0.0; PLAN.weights];
        crate::init::fill(&PLAN.net(), &scheme, &mut all);
        let outputs = |window: usize| {
            let (mut window, mut arena) = (std::vec![0.0; window], [0.0; PLAN.arena]);
            let weights = |start, w: &mut [f32]| initial.fill_window(start, w).map_err(Error::from);
            let mut engine =
                Unstored::<All, _>::new(PLAN.net(), weights, &mut window, &mut arena).unwrap();
            let mut y = [0.0; 2];
            engine.infer(&[1.0; 4], &mut y).map(|()| y.map(f32::to_bits).to_vec())
        };
        assert_eq!(outputs(20), Ok(stored(&PLAN, &all, &[1.0; 4], 2)));
        let refused = outputs(19).unwrap_err();
        assert_eq!(refused, Error::Rule(LengthError { need: 16, got: 12 }));
        assert!(refused.to_string().contains("16 weights"), "{refused}");
    }

    #[test]
    fn a_whole_start_is_one_rule() {
        let residual = model::residual::<15>(picture(), 4, 2, 10);
        let plan = Plan::new(&residual, Mode::INFER, 1);
        let initial: Initial<'_, IdInit> = Initial::new(residual.nodes(), IdInit::PAPER);
        let mut all = std::vec![0.0; plan.weights];
        crate::init::fill(&plan.net(), &IdInit::PAPER, &mut all);
        let x: Vec<f32> = (0..64).map(|i| number(2, i)).collect();
        let mut window = std::vec![0.0; least_window(&plan.net())];
        let mut arena = std::vec![0.0; plan.arena];
        let weights = |start, w: &mut [f32]| initial.fill_window(start, w).map_err(Error::from);
        let mut engine =
            Unstored::<All, _>::new(plan.net(), weights, &mut window, &mut arena).unwrap();
        let mut y = [0.0; 10];
        engine.infer(&x, &mut y).unwrap();
        assert_eq!(y.map(f32::to_bits).to_vec(), stored(&plan, &all, &x, 10));
    }
}
