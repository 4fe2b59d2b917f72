//! Several GPUs train as one, a process for each: every rank takes its share of a batch, and all move their
//! weights by the mean gradient, so that weights stay the same bits on all. They begin so by themselves, as
//! each rank computes the same start: nothing is sent.
//!
//! Gradients are summed over all ranks in buckets, beside the layers that backward still has to do: the
//! gradients of the last layers lie last and are done first, and each time that [`BUCKET`] numbers are done, they
//! are on their way. Before backward, a letter goes round with the loss and the number of examples of each
//! rank: so all ranks have the mean loss, and with it the same verdict, and the same running statistics
//! follow or not. Both are recorded with the rest of the step.
//!
//! A step of `n` ranks is that of one engine that gathers the shares as `n` parts, to the rounding of sums: the
//! lots of dropout are those of the parts too, and batch norms look at each share alone. Their running
//! statistics are each rank's own; those of rank 0 are what is kept.

use super::super::gathered::Parts;
use super::{Cuda, CudaError, Work};
use crate::gpu::{
    self, Argument, Communicator, Error, Fold, Grid, Numbers, Precision, Queue, World,
};
use crate::plan::Net;
use crate::shape::Span;
use crate::update::{OnGpu, Update};
use std::vec::Vec;

/// Numbers of a bucket, at least, where as many are left: 16 MiB, which take a link of 50 GB/s a third of a
/// millisecond, and so much longer than a call.
const BUCKET: usize = 4 << 20;

/// All ranks, as one of them sees them; alone, if there is nobody else.
pub(super) struct Ranks(Option<All>);

struct All {
    communicator: Communicator,
    /// Runs of the gradient, each with the layer behind which it is done.
    buckets: Vec<(usize, Span)>,
    letter: Numbers,
}

/// Which runs of the gradient are done behind which layers.
fn buckets(net: &Net<'_>, least: usize) -> Vec<(usize, Span)> {
    let mut all: Vec<(usize, Span)> = Vec::new();
    let layers = net.slots.iter().enumerate().rev();
    for (number, slot) in layers.filter(|(_, slot)| slot.backward && !slot.moved.is_empty()) {
        match all.last_mut().filter(|(_, open)| (open.len as usize) < least) {
            Some((last, open)) => {
                let len = open.start + open.len - slot.moved.start;
                (*last, *open) = (number, Span { start: slot.moved.start, len });
            }
            None => all.push((number, slot.moved)),
        }
    }
    all
}

impl Ranks {
    pub const ALONE: Self = Self(None);

    fn of(queue: &mut Queue, net: &Net<'_>, world: &World) -> Result<Self, Error> {
        let network = [net.weights as u64, net.trained as u64, net.batch as u64];
        // FNV-1a, over whole words
        let mix = |hash: u64, word: &u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3);
        let about = network.iter().chain([&world.about]).fold(0xcbf2_9ce4_8422_2325, mix);
        let letter = queue.take(1 + world.size)?;
        let communicator = Communicator::new(queue, world, about)?;
        Ok(Self(Some(All { communicator, buckets: buckets(net, BUCKET), letter })))
    }

    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(1, |all| all.communicator.size)
    }

    /// The part of a step that this rank takes: in each round every rank takes one.
    pub fn part(&self, parts: Parts) -> Parts {
        match &self.0 {
            None => parts,
            Some(All { communicator: Communicator { rank, size, .. }, .. }) => {
                let count = parts.count.wrapping_mul(*size as u32).wrapping_add(*rank as u32);
                Parts { count, ..parts }
            }
        }
    }
}

impl<'a, U: Update<Move: OnGpu>> Cuda<'a, U> {
    /// An engine of one of several processes that train together, on the GPU of its number on its machine. It
    /// waits until all are there. The net is planned for this rank's share of a batch; every call that
    /// trains is to be made on all ranks, each time with as many examples on each.
    ///
    /// Where a rank ends, the others wait for it without end: torchrun ends them, and so does srun with
    /// `--kill-on-bad-exit`.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), where NCCL is not there or reports an error, and where the ranks do not
    /// meet within five minutes, or train different networks.
    pub fn join(
        net: Net<'a>,
        update: U,
        world: &World,
        precision: Precision,
    ) -> Result<Self, CudaError> {
        let mut engine = Self::with_precision(net, update, gpu::ordinal(world)?, precision)?;
        engine.ranks = Ranks::of(&mut engine.queue, &engine.net, world)?;
        Ok(engine)
    }

    /// Sends gradients on their way each time that so many numbers are done, on all ranks alike, instead of
    /// 4 Mi.
    pub fn buckets_of(&mut self, numbers: usize) {
        self.recorded.clear();
        if let Some(all) = &mut self.ranks.0 {
            all.buckets = buckets(&self.net, numbers.max(1));
        }
    }

    /// Makes the loss of this rank the mean of all, or NaN where they have different numbers of examples.
    pub(super) fn agree_on_loss(&self, examples: usize) -> Result<(), Error> {
        let Some(All { communicator, letter, .. }) = &self.ranks.0 else { return Ok(()) };
        let Communicator { rank, size, .. } = *communicator;
        let (loss, count) = (self.memory.results.first(1), examples as f32);
        let tell: [Argument; 5] =
            [(*letter).into(), loss.into(), count.into(), rank.into(), size.into()];
        self.queue.launch("tell_ranks", Grid::each(1 + size), tell)?;
        communicator.begin(&self.queue, *letter, Fold::Sum)?;
        communicator.join(&self.queue)?;
        let hear: [Argument; 4] = [loss.into(), (*letter).into(), count.into(), size.into()];
        self.queue.launch("hear_ranks", Grid::blocks(1), hear)
    }

    /// Sends the gradients on their way that are done behind a layer; those of parts wait for their step.
    pub(super) fn hand_on(&self, layer: usize, work: Work) -> Result<(), Error> {
        let Some(All { communicator, buckets, .. }) = &self.ranks.0 else { return Ok(()) };
        let done = buckets.iter().filter(|(behind, _)| *behind == layer && work == Work::Train);
        done.map(|(_, span)| self.memory.gradient.of(*span))
            .try_for_each(|numbers| communicator.begin(&self.queue, numbers, Fold::Sum))
    }

    /// Goes on when all gradients have come.
    pub(super) fn receive(&self, work: Work) -> Result<(), Error> {
        let Some(All { communicator, buckets, .. }) = &self.ranks.0 else { return Ok(()) };
        match work == Work::Train && !buckets.is_empty() {
            true => communicator.join(&self.queue),
            false => Ok(()),
        }
    }

    /// Makes the worst verdict of all ranks that of each.
    pub(super) fn agree_on_verdict(&self) -> Result<(), Error> {
        self.all(self.memory.results.after(2), Fold::Least)
    }

    /// Sums what parts have gathered over all ranks.
    pub(super) fn gather_from_all(&self) -> Result<(), Error> {
        self.all(self.memory.gathered, Fold::Sum)
    }

    fn all(&self, numbers: Numbers, fold: Fold) -> Result<(), Error> {
        let Some(All { communicator, .. }) = &self.ranks.0 else { return Ok(()) };
        communicator.begin(&self.queue, numbers, fold)?;
        communicator.join(&self.queue)
    }

    /// Why a loss is NaN, where the ranks had different numbers of examples.
    pub(super) fn refuse_uneven(&self) -> Result<(), CudaError> {
        let Some(All { letter, .. }) = &self.ranks.0 else { return Ok(()) };
        let examples = self.queue.read_all(letter.after(1))?;
        match examples.iter().all(|count| Some(count) == examples.first()) {
            true => Ok(()),
            false => Err(CudaError::Uneven(examples.into_iter().map(|it| it as u32).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::plan::{Mode, Plan};
    use crate::shape::Shape;
    use crate::update::Sgd;

    const NET: Graph<4> =
        Graph::input(Shape::vector(8)).dense(6).relu().dense(5).dense(4).cross_entropy(0.0);

    #[test]
    fn buckets_are_the_whole_gradient_from_its_end() {
        let plan = Plan::<4>::new(&NET, Mode::train::<Sgd>(), 2);
        let net = plan.net();
        // 54 numbers, 35 and 24
        let spans = |least| {
            let all = buckets(&net, least);
            all.iter().map(|(layer, span)| (*layer, span.start, span.len)).collect::<Vec<_>>()
        };
        assert_eq!(spans(1), [(3, 89, 24), (2, 54, 35), (0, 0, 54)]);
        assert_eq!(spans(25), [(2, 54, 59), (0, 0, 54)]);
        assert_eq!(spans(60), [(0, 0, 113)]);
    }
}
