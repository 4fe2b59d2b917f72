//! A network and a plan of it, whatever the room of its graph.
//!
//! A graph has its room in its type, and each call of a builder returns it by value. Here a network
//! says beforehand how many layers it will have, the smallest of four rooms is taken, and graph and
//! plan are made on a thread with a stack of their size, then kept on the heap.
//!
//! Copying a graph at each call makes building quadratic in the room, and that is no harm: ResNet-110
//! (385 nodes) takes 4 ms to build, GPT with 96 layers (964) 11 ms, ResNet-1202 (4,207) 0.3 s, and
//! ten times as long without optimisation. Planning takes a millisecond.

use super::design::Design;
use super::{CatalogError, Task};
use crate::graph::{Graph, GraphError, Node};
use crate::loss::Loss;
use crate::plan::{Mode, Net, Plan, PlanError};
use crate::shape::Shape;
use std::boxed::Box;
use std::thread;

/// The most nodes that a network of the catalogue may have.
pub const MOST: usize = 6144;

/// Several dozen graphs or plans of the largest room.
const STACK: usize = 64 << 20;

/// A network of the catalogue.
pub struct Model(Box<dyn Built>);

/// A plan of a network of the catalogue.
pub struct Planned(Box<dyn Laid>);

trait Built: Send + Sync {
    fn nodes(&self) -> &[Node];
    fn input(&self) -> Shape;
    fn output(&self) -> Shape;
    fn loss(&self) -> Loss;
    fn parameters(&self) -> u64;
    fn plan(&self, mode: Mode, batch: usize) -> Result<Planned, PlanError>;
}

trait Laid: Send + Sync {
    fn net(&self) -> Net<'_>;
}

impl<const N: usize> Built for Graph<N> {
    fn nodes(&self) -> &[Node] {
        self.nodes()
    }

    fn input(&self) -> Shape {
        self.input_shape()
    }

    fn output(&self) -> Shape {
        self.output()
    }

    fn loss(&self) -> Loss {
        self.loss()
    }

    fn parameters(&self) -> u64 {
        self.parameters()
    }

    fn plan(&self, mode: Mode, batch: usize) -> Result<Planned, PlanError> {
        Plan::checked(self, mode, batch).map(|plan| Planned(Box::new(plan)))
    }
}

impl<const N: usize> Laid for Plan<N> {
    fn net(&self) -> Net<'_> {
        self.net()
    }
}

impl Model {
    /// The network of a design for a task; labels are smoothed by `smoothing`.
    pub(super) fn new(design: &Design, task: Task, smoothing: f32) -> Result<Self, CatalogError> {
        deep(|| match design.nodes() {
            0..=256 => build::<256>(design, task, smoothing),
            257..=640 => build::<640>(design, task, smoothing),
            641..=1280 => build::<1280>(design, task, smoothing),
            1281..=MOST => build::<MOST>(design, task, smoothing),
            _ => Err(GraphError::Full { room: MOST }.into()),
        })?
    }

    /// The layers, in the order in which they compute.
    pub fn nodes(&self) -> &[Node] {
        self.0.nodes()
    }

    /// The shape of one input.
    pub fn input(&self) -> Shape {
        self.0.input()
    }

    /// The shape of one output.
    pub fn output(&self) -> Shape {
        self.0.output()
    }

    /// What it is trained for.
    pub fn loss(&self) -> Loss {
        self.0.loss()
    }

    /// How many numbers training moves.
    pub fn parameters(&self) -> u64 {
        self.0.parameters()
    }

    /// The plan for batches of at most `batch` examples.
    ///
    /// # Errors
    /// Where there is no plan, or no thread to make it on.
    pub fn plan(&self, mode: Mode, batch: usize) -> Result<Planned, CatalogError> {
        Ok(deep(|| self.0.plan(mode, batch))??)
    }
}

impl Planned {
    /// What an engine takes.
    pub fn net(&self) -> Net<'_> {
        self.0.net()
    }
}

fn build<const N: usize>(
    design: &Design,
    task: Task,
    smoothing: f32,
) -> Result<Model, CatalogError> {
    let graph = design.onto(Graph::<N>::draft(task.input())).cross_entropy(smoothing).finish()?;
    Ok(Model(Box::new(graph)))
}

/// Does work on a thread with a stack that holds the largest graphs.
fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, CatalogError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let done = thread.map_err(|_| CatalogError::Thread)?.join();
        done.map_err(|_| CatalogError::Thread)
    })
}
