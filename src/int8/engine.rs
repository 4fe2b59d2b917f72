//! What runs a quantised network.

use super::kernel;
use super::links::{Every, Links, Ops};
use super::model::{Layer, Op, Weights};
use super::plan::{Net, Place};
use crate::shape::{Span, cut};
use core::fmt;
use core::marker::PhantomData;

/// Why an engine refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The arena is too short.
    Arena {
        /// The bytes that it needs.
        need: usize,
        /// The bytes that it has.
        got: usize,
    },
    /// The input or the output has another length.
    Length {
        /// The numbers that it needs.
        need: usize,
        /// The numbers that it has.
        got: usize,
    },
    /// The model has a kind of layer that this binary does not link: see [`Links`].
    Links,
    /// The model has no value of that number.
    Value(usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arena { need, got } => write!(f, "the arena needs {need} bytes, got {got}"),
            Self::Length { need, got } => write!(f, "{need} numbers are needed, got {got}"),
            Self::Links => f.write_str("the model has a kind of layer that is not linked"),
            Self::Value(value) => write!(f, "the model has no value {value}"),
        }
    }
}

impl core::error::Error for Error {}

/// A quantised network with its memory, and its code for the layers `L`.
///
/// Write the input by [`infer`](Self::infer) or into [`input_mut`](Self::input_mut); it may be
/// overwritten by a run.
pub struct Int8<'a, L = Every> {
    net: Net<'a>,
    arena: &'a mut [i8],
    links: PhantomData<L>,
}

impl<L> fmt::Debug for Int8<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Int8").field("net", &self.net).finish_non_exhaustive()
    }
}

impl<'a, L: Links> Int8<'a, L> {
    /// An engine for a planned model, in an arena that is lent to it and may hold anything.
    ///
    /// # Errors
    /// [`Error::Arena`] where it is too short, [`Error::Links`] where the model has a kind of layer that
    /// `L` does not link.
    pub fn new(net: Net<'a>, arena: &'a mut [i8]) -> Result<Self, Error> {
        if !L::OPS.covers(net.uses) {
            return Err(Error::Links);
        }
        let (need, got) = (net.arena, arena.len());
        match got < need {
            true => Err(Error::Arena { need, got }),
            false => Ok(Self { net, arena, links: PhantomData }),
        }
    }

    /// The network.
    pub const fn net(&self) -> &Net<'a> {
        &self.net
    }

    /// The input, to be written.
    pub fn input_mut(&mut self) -> &mut [i8] {
        self.net.input.of_mut(self.arena)
    }

    /// Runs the layers on the input.
    pub fn run(&mut self) {
        self.run_to(self.net.places.len());
    }

    /// Runs the layers that come first, so many.
    fn run_to(&mut self, layers: usize) {
        let all = self.net.model.layers.iter().zip(self.net.places);
        for (layer, place) in all.take(layers) {
            step::<L>(&self.net, layer, place, self.arena);
        }
    }

    /// The output of the latest run.
    pub fn output(&self) -> &[i8] {
        self.net.place(self.net.places.len()).of(self.arena)
    }

    /// Writes the real outputs `y` of the real inputs `x`, one example.
    ///
    /// # Errors
    /// [`Error::Length`] where one has another length.
    #[inline]
    pub fn infer(&mut self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.features(self.net.places.len(), x, y)
    }

    /// Writes what the value of this number is for the real inputs `x`: 0 is the input itself, k what layer
    /// k − 1 puts out. The layers behind it do not run. A network whose front is frozen learns from these.
    ///
    /// # Errors
    /// [`Error::Length`] where a length does not fit, [`Error::Value`] where there is no such value.
    pub fn features(&mut self, value: usize, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let affine = self.net.model.affine(value).ok_or(Error::Value(value))?;
        let input = self.net.model.values;
        let place = self.net.place(value);
        length(self.net.input.len as usize, x.len())?;
        length(place.len as usize, y.len())?;
        for (q, x) in self.input_mut().iter_mut().zip(x) {
            *q = input.quantize(*x);
        }
        self.run_to(value);
        for (y, q) in y.iter_mut().zip(place.of(self.arena)) {
            *y = affine.dequantize(*q);
        }
        Ok(())
    }
}

fn length(need: usize, got: usize) -> Result<(), Error> {
    match need == got {
        true => Ok(()),
        false => Err(Error::Length { need, got }),
    }
}

/// What a kernel works on.
pub(super) struct Io<'a> {
    pub layer: &'a Layer<'a>,
    /// The zero of the input.
    pub zero: i32,
    pub x: &'a [i8],
    pub y: &'a mut [i8],
    pub scratch: &'a mut [i8],
}

/// Runs one layer.
#[inline(always)]
fn step<L: Links>(net: &Net<'_>, layer: &Layer<'_>, place: &Place, arena: &mut [i8]) {
    let from = net.place(layer.from.into());
    // what works in place finds its input in y
    let x = if from.start == place.y.start { Span::EMPTY } else { from };
    let second = match layer.op {
        Op::Add(_) if has::<L>(Ops::ADD) => net.place(layer.second.into()),
        _ => Span::EMPTY,
    };
    let values = |value: u16| net.model.affine(value.into()).unwrap_or(layer.values);
    let input = values(layer.from);
    let [x, second, scratch, y] = cut(arena, [x, second, place.scratch, place.y]);
    let io = Io { layer, zero: input.zero.into(), x, y, scratch };
    match &layer.op {
        Op::Dense(linear) => match linear.weights {
            Weights::Stored(w) if has::<L>(Ops::DENSE) => kernel::dense(io, linear, w),
            Weights::Rule(rule) if has::<L>(Ops::DENSE_RULE) => {
                kernel::dense_by_rule(io, linear, rule)
            }
            _ => {}
        },
        Op::Conv2d(window, groups, linear) => match linear.weights {
            Weights::Stored(w) if has::<L>(Ops::CONV) => {
                kernel::conv(io, window, *groups, linear, w)
            }
            Weights::Rule(rule) if has::<L>(Ops::CONV_RULE) => {
                kernel::conv_by_rule(io, window, linear, rule)
            }
            _ => {}
        },
        Op::Depthwise(window, linear) => match linear.weights {
            Weights::Stored(w) if has::<L>(Ops::DEPTHWISE) => {
                kernel::depthwise(io, window, linear, w)
            }
            Weights::Rule(rule) if has::<L>(Ops::CONV_RULE) => {
                kernel::conv_by_rule(io, window, linear, rule)
            }
            _ => {}
        },
        Op::MaxPool(window) if has::<L>(Ops::MAX_POOL) => kernel::max_pool(io, window),
        Op::AveragePool(window) if has::<L>(Ops::AVERAGE_POOL) => kernel::average_pool(io, window),
        Op::Add(sum) if has::<L>(Ops::ADD) => {
            kernel::add(io, sum, second, values(layer.second));
        }
        Op::Relu(multiplier) if has::<L>(Ops::RELU) => kernel::relu(io, *multiplier),
        Op::Softmax(softmax) if has::<L>(Ops::SOFTMAX) => kernel::softmax(io, softmax),
        _ => {}
    }
}

#[inline(always)]
const fn has<L: Links>(op: Ops) -> bool {
    L::OPS.covers(op)
}
