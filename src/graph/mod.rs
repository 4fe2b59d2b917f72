//! A model is data: a [`Graph`] lists its layers, where each takes its input, and what part each
//! plays. It does not know its initial weights.
//!
//! ```
//! use idinit::{graph::{Graph, Role}, shape::Shape};
//!
//! const NET: Graph<9> = {
//!     let g = Graph::input(Shape::hwc(8, 8, 1)).conv2d(8, 3).relu();
//!     let skip = g.here();
//!     g.conv2d(8, 3).role(Role::Branch).relu()
//!         .conv2d(8, 3).role(Role::BranchEnd).add(skip).relu()
//!         .global_average_pool().dense(10).role(Role::Head).cross_entropy(0.0)
//! };
//! assert_eq!(NET.output().channels, 10);
//! ```
//!
//! A mistake in a `const` graph is an error of the compiler, at the call that made it:
//!
//! ```compile_fail
//! # use idinit::{graph::Graph, shape::Shape};
//! const WRONG: Graph<1> = Graph::input(Shape::hwc(4, 4, 1)).max_pool(5);
//! # let _ = WRONG;
//! ```
//!
//! A graph made at run time starts with [`Graph::draft`], goes through the same calls, and is asked once, by
//! [`Graph::finish`].

mod adapters;
mod by_name;

pub(crate) use adapters::same;

use crate::layer::{Flatten, Layer, LayerSet, Misfit, PartKind};
use crate::loss::Loss;
use crate::shape::Shape;

/// A value of a graph: its input, or what one of its layers puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Value(u16);

impl Value {
    /// The input of the graph.
    pub const INPUT: Self = Self(0);

    /// The node that puts the value out; none for the input.
    pub const fn node(self) -> Option<usize> {
        (self.0 as usize).checked_sub(1)
    }
}

/// The part that a layer plays in its network. Schemes go by it.
///
/// It is said of the layers that have a matrix or a kernel; norms, activations and sums between them
/// stay [`Main`](Self::Main).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// None in particular.
    #[default]
    Main,
    /// A dense layer or a convolution of a residual branch that is not its last.
    Branch,
    /// The last dense layer or convolution of a residual branch.
    BranchEnd,
    /// A layer of a skip connection.
    Skip,
    /// The last layer of the network: the classifier.
    Head,
    /// The first layer of a low-rank adapter ([`Graph::adapted`]), whatever it adapts.
    AdapterDown,
    /// Its last layer.
    AdapterUp,
}

/// One layer in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Node {
    /// What it computes.
    pub layer: Layer,
    /// Its input.
    pub from: Value,
    /// Its second operand, where it has one.
    pub second: Option<Value>,
    /// Shape of one input.
    pub input: Shape,
    /// Shape of one output.
    pub output: Shape,
    /// Its part in the network.
    pub role: Role,
    /// Its name; empty if it was given none.
    pub name: &'static str,
}

/// Why a graph cannot be built.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GraphError {
    /// The input has no number, or too many of them (see [`Shape::MOST`]).
    Input(Shape),
    /// The graph has no layer.
    Empty,
    /// The graph has more layers than room for them.
    Full {
        /// The room: the `N` of `Graph<N>`.
        room: usize,
    },
    /// A layer does not fit its input.
    Layer {
        /// The number of the layer, from 0.
        node: usize,
        /// The shape of its input.
        input: Shape,
        /// What is wrong.
        misfit: Misfit,
    },
    /// A value that the graph does not have, or one that is added to itself.
    Value {
        /// The number of the layer that asked for it.
        node: usize,
    },
    /// A part in the network that only a layer with a matrix or a kernel can play.
    Role {
        /// The number of the layer that was given it.
        node: usize,
    },
    /// An adapter for a layer that is neither fully connected nor a convolution of one group; the number is that
    /// behind the last layer where a name that was given is no layer's.
    Adapter {
        /// The number of the layer in the graph without adapters.
        node: usize,
    },
    /// The label smoothing is not from 0 to 1.
    Smoothing(f32),
}

impl GraphError {
    /// What is wrong, in words without numbers.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Input(_) => "the input has no number, or too many",
            Self::Empty => "the graph has no layer",
            Self::Full { .. } => "the graph has more layers than room for them",
            Self::Layer { misfit, .. } => misfit.message(),
            Self::Value { .. } => "a layer asks for a value that the graph does not have",
            Self::Role { .. } => {
                "only a dense layer or a convolution can be of a branch, end it, adapt, or be the head"
            }
            Self::Adapter { .. } => {
                "an adapter wants the name of a dense layer, or of a convolution of one group"
            }
            Self::Smoothing(_) => "label smoothing is from 0 to 1",
        }
    }
}

impl core::fmt::Display for GraphError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())?;
        match self {
            Self::Input(shape) => write!(f, " ({shape})"),
            Self::Full { room } => write!(f, " ({room})"),
            Self::Layer { node, input, .. } => write!(f, " (layer {node}, input {input})"),
            Self::Value { node } | Self::Role { node } | Self::Adapter { node } => {
                write!(f, " (layer {node})")
            }
            Self::Smoothing(smoothing) => write!(f, ", not {smoothing}"),
            Self::Empty => Ok(()),
        }
    }
}

impl core::error::Error for GraphError {}

/// A model with room for `N` layers.
#[must_use = "each call returns the graph that it has made"]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Graph<const N: usize> {
    nodes: [Node; N],
    len: usize,
    input: Shape,
    loss: Loss,
    here: Value,
    strict: bool,
    error: Option<GraphError>,
}

impl<const N: usize> Graph<N> {
    /// A graph that takes inputs of this shape.
    ///
    /// # Panics
    /// This call and those that follow panic on a mistake; in a `const`, that is an error of the
    /// compiler.
    #[track_caller]
    pub const fn input(shape: Shape) -> Self {
        Self::begin(shape, true)
    }

    /// A graph that remembers its first mistake for [`Graph::finish`] instead of panicking.
    pub const fn draft(shape: Shape) -> Self {
        Self::begin(shape, false)
    }

    #[track_caller]
    const fn begin(input: Shape, strict: bool) -> Self {
        let nothing = Node {
            layer: Layer::Flatten(Flatten),
            from: Value::INPUT,
            second: None,
            input,
            output: input,
            role: Role::Main,
            name: "",
        };
        let graph = Self {
            nodes: [nothing; N],
            len: 0,
            input,
            loss: Loss::None,
            here: Value::INPUT,
            strict,
            error: None,
        };
        if input.fits() { graph } else { graph.wrong(GraphError::Input(input)) }
    }

    #[track_caller]
    const fn wrong(mut self, error: GraphError) -> Self {
        if self.strict {
            panic!("{}", error.message());
        }
        if self.error.is_none() {
            self.error = Some(error);
        }
        self
    }

    /// The shape of a value, if the graph has it.
    pub const fn shape(&self, value: Value) -> Option<Shape> {
        match value.node() {
            None => Some(self.input),
            Some(node) if node < self.len => Some(self.nodes[node].output),
            Some(_) => None,
        }
    }

    /// Puts a layer behind the latest value.
    #[track_caller]
    pub const fn then(self, layer: Layer) -> Self {
        self.push(layer, None)
    }

    #[track_caller]
    const fn push(mut self, layer: Layer, second: Option<Value>) -> Self {
        if self.error.is_some() {
            return self;
        }
        let node = self.len;
        if node >= N || node >= u16::MAX as usize {
            return self.wrong(GraphError::Full { room: N });
        }
        let Some(input) = self.shape(self.here) else {
            return self.wrong(GraphError::Value { node });
        };
        let other = match second {
            None => None,
            Some(value) if value.0 == self.here.0 => {
                return self.wrong(GraphError::Value { node });
            }
            Some(value) => match self.shape(value) {
                None => return self.wrong(GraphError::Value { node }),
                shape => shape,
            },
        };
        match layer.output(input, other) {
            Err(misfit) => self.wrong(GraphError::Layer { node, input, misfit }),
            Ok(output) => {
                let (from, role, name) = (self.here, Role::Main, "");
                self.nodes[node] = Node { layer, from, second, input, output, role, name };
                self.len += 1;
                self.here = Value(self.len as u16);
                self
            }
        }
    }

    /// The latest value, to come back to.
    pub const fn here(&self) -> Value {
        self.here
    }

    /// Goes on from an earlier value: the next layer takes it as its input.
    #[track_caller]
    pub const fn at(mut self, value: Value) -> Self {
        match self.shape(value) {
            None => {
                let node = self.len;
                self.wrong(GraphError::Value { node })
            }
            Some(_) => {
                self.here = value;
                self
            }
        }
    }

    /// Gives the latest layer its part in the network.
    #[track_caller]
    pub const fn role(mut self, role: Role) -> Self {
        if let Some(node) = self.here.node() {
            let has_matrix = match self.nodes[node].layer.part(self.nodes[node].input, 0) {
                Some(part) => matches!(part.kind, PartKind::Weight),
                None => false,
            };
            if !has_matrix && !matches!(role, Role::Main | Role::Skip) {
                return self.wrong(GraphError::Role { node });
            }
            self.nodes[node].role = role;
        }
        self
    }

    /// Gives the latest layer a name.
    pub const fn name(mut self, name: &'static str) -> Self {
        if let Some(node) = self.here.node() {
            self.nodes[node].name = name;
        }
        self
    }

    /// Trains for softmax cross-entropy; see [`Loss::CrossEntropy`].
    #[track_caller]
    pub const fn cross_entropy(mut self, smoothing: f32) -> Self {
        if !(0.0 <= smoothing && smoothing <= 1.0) {
            return self.wrong(GraphError::Smoothing(smoothing));
        }
        self.loss = Loss::CrossEntropy { smoothing };
        self
    }

    /// Trains for the squared error; see [`Loss::SquaredError`].
    pub const fn squared_error(mut self) -> Self {
        self.loss = Loss::SquaredError;
        self
    }

    /// The finished graph, or the first mistake that was made.
    ///
    /// # Errors
    /// Any [`GraphError`] of the calls that built the graph.
    pub const fn finish(self) -> Result<Self, GraphError> {
        match self.error {
            Some(error) => Err(error),
            None if self.len == 0 => Err(GraphError::Empty),
            None => Ok(self),
        }
    }

    /// Another layer of the same shapes, without weights, in the place of one.
    pub(crate) const fn replace(&mut self, node: usize, layer: Layer) {
        self.nodes[node].layer = layer;
    }

    /// The layers, in the order in which they compute.
    pub const fn nodes(&self) -> &[Node] {
        match self.nodes.split_at_checked(self.len) {
            Some((nodes, _)) => nodes,
            None => &[],
        }
    }

    /// The shape of one input.
    pub const fn input_shape(&self) -> Shape {
        self.input
    }

    /// The shape of one output: that of the last layer.
    pub const fn output(&self) -> Shape {
        match self.nodes() {
            [.., last] => last.output,
            [] => self.input,
        }
    }

    /// What the graph is trained for.
    pub const fn loss(&self) -> Loss {
        self.loss
    }

    /// How many numbers training moves: running statistics are none of them.
    pub const fn parameters(&self) -> u64 {
        let nodes = self.nodes();
        let (mut sum, mut node) = (0, 0);
        while node < nodes.len() {
            let mut part = 0;
            while let Some(p) = nodes[node].layer.part(nodes[node].input, part) {
                if p.kind.is_trained() {
                    sum += p.dims.len() as u64;
                }
                part += 1;
            }
            node += 1;
        }
        sum
    }

    /// The layers and the loss that an engine needs for this graph.
    pub const fn uses(&self) -> LayerSet {
        let mut set = LayerSet::NONE.with_loss(self.loss);
        let nodes = self.nodes();
        let mut node = 0;
        while node < nodes.len() {
            set = set.with(nodes[node].layer.kind());
            if nodes[node].is_adapter() {
                set = set.with_adapters();
            }
            node += 1;
        }
        set
    }
}
