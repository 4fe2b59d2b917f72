//! Batches that are made ahead of their use, by other threads, and come in order.
//!
//! There are as many slots as batches may be ahead. A thread takes the next position, waits until its
//! slot is free, makes the batch outside of any lock and puts it there; who asks for the next batch
//! waits for its slot and leaves the old batch's memory in it. So memory is bounded, nobody spins,
//! and what comes is what a [`Maker`](super::Maker) makes, whatever the number of threads.

use super::{Batch, Batches, Maker, Position};
use crate::data::DataError;
use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, Scope},
    vec::Vec,
};

/// What stands in a slot.
enum Slot {
    /// Memory to make a batch in.
    Free(Batch),
    /// A thread is at work.
    Taken,
    /// A batch, or why there is none.
    Made(Result<Batch, DataError>),
}

struct State {
    slots: Vec<Slot>,
    /// The position that a thread takes next, and how many were taken.
    next: Position,
    taken: u64,
    /// How many batches were handed out.
    handed: u64,
    /// Nobody wants any more.
    closed: bool,
    /// A thread has ended in a panic.
    broken: bool,
}

struct Shared {
    state: Mutex<State>,
    /// Told when a slot becomes free, and at the end.
    free: Condvar,
    /// Told when a batch is made, and at the end.
    made: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out batches that are made ahead.
pub struct Loader<'e> {
    shared: Arc<Shared>,
    /// Makes batches itself where there is no thread to do so.
    alone: Option<Maker<'e>>,
    batches: Batches<'e>,
    /// The position of the next batch, and the epoch before which all ends.
    next: Position,
    end: u32,
    batch: Batch,
}

impl<'e> Loader<'e> {
    /// Batches from a position on, to the end of the epoch before `end`, made by `threads` threads
    /// at most `threads` + 1 ahead; by none, each is made when it is asked for.
    ///
    /// The threads end when the loader is dropped; the scope waits for them.
    pub fn new<'scope>(
        scope: &'scope Scope<'scope, 'e>,
        batches: Batches<'e>,
        from: Position,
        end: u32,
        threads: usize,
    ) -> Self {
        // a position past the last batch of its epoch is the next epoch's first
        let from = match from.batch < batches.per_epoch() {
            true => from,
            false => Position { epoch: from.epoch.saturating_add(1), batch: 0 },
        };
        let slots = (0..=threads).map(|_| Slot::Free(Batch::default())).collect();
        let state = State { slots, next: from, taken: 0, handed: 0, closed: false, broken: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            free: Condvar::new(),
            made: Condvar::new(),
        });
        let spawned = (0..threads).filter(|_| {
            let shared = Arc::clone(&shared);
            let read = move || work(&shared, batches, end);
            thread::Builder::new().name("reader".into()).spawn_scoped(scope, read).is_ok()
        });
        // where the system gives no thread, the work is done without
        let alone = if spawned.count() == 0 { Some(batches.maker()) } else { None };
        Self { shared, alone, batches, next: from, end, batch: Batch::default() }
    }

    /// The next batch; none when all have come. After an error the next one can be asked for.
    pub fn next_batch(&mut self) -> Option<Result<&Batch, DataError>> {
        if self.next.epoch >= self.end || self.batches.per_epoch() == 0 {
            return None;
        }
        let position = self.next;
        self.next = self.batches.after(position);
        let made = match &mut self.alone {
            Some(maker) => maker.make(position, &mut self.batch),
            None => self.take(),
        };
        Some(made.map(|()| &self.batch))
    }

    /// Waits for the next batch and takes it.
    fn take(&mut self) -> Result<(), DataError> {
        let mut state = self.shared.lock();
        let place = (state.handed % state.slots.len().max(1) as u64) as usize;
        loop {
            let broken = state.broken;
            match state.slots.get_mut(place) {
                Some(slot @ Slot::Made(_)) => {
                    let free = Slot::Free(mem::take(&mut self.batch));
                    let made = mem::replace(slot, free);
                    state.handed += 1;
                    self.shared.free.notify_all();
                    drop(state);
                    if let Slot::Made(made) = made {
                        self.batch = made?;
                    }
                    return Ok(());
                }
                Some(_) if !broken => {
                    state = self.shared.made.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                _ => return Err(DataError::Reader),
            }
        }
    }
}

impl Drop for Loader<'_> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.free.notify_all();
    }
}

/// Tells who waits that this thread is no more, if it ends in a panic.
struct Watch<'s>(&'s Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().broken = true;
            self.0.made.notify_all();
        }
    }
}

/// Makes batches until there are no more, or nobody wants them.
fn work(shared: &Shared, batches: Batches<'_>, end: u32) {
    let _watch = Watch(shared);
    let mut maker = batches.maker();
    let mut state = shared.lock();
    while !state.closed && state.next.epoch < end && batches.per_epoch() > 0 {
        let place = (state.taken % state.slots.len().max(1) as u64) as usize;
        match state.slots.get_mut(place) {
            Some(slot @ Slot::Free(_)) => {
                let Slot::Free(mut batch) = mem::replace(slot, Slot::Taken) else { return };
                let position = state.next;
                state.next = batches.after(position);
                state.taken += 1;
                drop(state);
                let made = maker.make(position, &mut batch).map(|()| batch);
                state = shared.lock();
                if let Some(slot) = state.slots.get_mut(place) {
                    *slot = Slot::Made(made);
                }
                shared.made.notify_all();
            }
            _ => state = shared.free.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Mix, Vary};
    use crate::shape::Shape;
    use crate::train::{Digits, Examples, Varied};
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    const VARIED: Varied<Digits> = Varied { examples: Digits::Train, how: Vary::CIFAR };

    /// All batches from a position on.
    fn all(batches: Batches<'_>, from: Position, end: u32, threads: usize) -> Vec<Batch> {
        thread::scope(|scope| {
            let mut loader = Loader::new(scope, batches, from, end, threads);
            let mut all = Vec::new();
            while let Some(batch) = loader.next_batch() {
                all.push(batch.unwrap().clone());
            }
            assert!(loader.next_batch().is_none());
            all
        })
    }

    #[test]
    fn batches_are_the_same_whatever_the_threads_and_the_beginning() {
        let mix = Some(Mix::Mixup { alpha: 1.0 });
        let batches = Batches::shuffled(&VARIED, 100, 4).mixed(mix);
        let whole = all(batches, Position::default(), 3, 0);
        assert_eq!(whole.len(), 45);
        for threads in [1, 2, 3, 7] {
            assert_eq!(all(batches, Position::default(), 3, threads), whole, "{threads}");
        }
        for (epoch, batch) in [(0, 7), (1, 0), (1, 14), (2, 3)] {
            let rest = all(batches, Position { epoch, batch }, 3, 2);
            assert_eq!(rest, whole[(epoch * 15 + batch) as usize..]);
        }
        // a step past the end of an epoch
        assert_eq!(all(batches, Position { epoch: 1, batch: 15 }, 3, 1), whole[30..]);
        assert!(all(batches, Position { epoch: 3, batch: 0 }, 3, 1).is_empty());
    }

    /// Examples that count how often they are read, and of which some cannot be read.
    #[derive(Default)]
    struct Counted {
        read: AtomicUsize,
        bad: Option<usize>,
        slow: bool,
        panic: bool,
        count: usize,
    }

    impl Examples for Counted {
        fn count(&self) -> usize {
            self.count
        }
        fn shape(&self) -> Shape {
            Shape::vector(1)
        }
        fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
            self.read.fetch_add(1, Ordering::SeqCst);
            if self.bad == Some(i) {
                assert!(!self.panic, "a panic on purpose");
                return Err(DataError::Number { number: i, count: i });
            }
            if self.slow {
                // the later of two neighbours comes first
                thread::sleep(Duration::from_millis(if i.is_multiple_of(2) { 4 } else { 0 }));
            }
            x.fill(i as f32);
            labels.fill(i as u32);
            Ok(())
        }
    }

    #[test]
    fn threads_run_ahead_but_not_far() {
        let examples = Counted { count: 100, ..Counted::default() };
        thread::scope(|scope| {
            let batches = Batches::plain(&examples, 1);
            let mut loader = Loader::new(scope, batches, Position::default(), 1, 3);
            let settle = |at_least: usize| {
                while examples.read.load(Ordering::SeqCst) < at_least {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(Duration::from_millis(20));
                examples.read.load(Ordering::SeqCst)
            };
            assert_eq!(settle(4), 4);
            assert!(loader.next_batch().unwrap().is_ok());
            assert_eq!(settle(5), 5);
        });
        // the loader was dropped early, and the threads have ended
        assert_eq!(examples.read.load(Ordering::SeqCst), 5);
    }

    #[test]
    fn slow_examples_do_not_change_the_order() {
        let examples = Counted { count: 40, slow: true, ..Counted::default() };
        let all = all(Batches::plain(&examples, 1), Position::default(), 1, 4);
        assert!(all.iter().map(|batch| batch.labels[0]).eq(0..40));
    }

    #[test]
    fn an_error_comes_in_its_place_and_the_rest_after_it() {
        for threads in [0, 1, 3] {
            let examples = Counted { count: 6, bad: Some(3), ..Counted::default() };
            thread::scope(|scope| {
                let batches = Batches::plain(&examples, 1);
                let mut loader = Loader::new(scope, batches, Position::default(), 1, threads);
                for i in 0..6 {
                    let label = loader.next_batch().unwrap().map(|batch| batch.labels[0]);
                    let bad = DataError::Number { number: 3, count: 3 };
                    assert_eq!(label, if i == 3 { Err(bad) } else { Ok(i) });
                }
                assert!(loader.next_batch().is_none());
            });
        }
    }

    #[test]
    fn a_thread_that_panics_is_an_error_and_nobody_waits_forever() {
        let examples = Counted { count: 6, bad: Some(2), panic: true, ..Counted::default() };
        let outcome = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            thread::scope(|scope| {
                let batches = Batches::plain(&examples, 1);
                let mut loader = Loader::new(scope, batches, Position::default(), 1, 1);
                let mut errors = 0;
                while let Some(batch) = loader.next_batch() {
                    errors += usize::from(batch == Err(DataError::Reader));
                }
                assert_eq!(errors, 4);
            })
        }));
        // the scope passes a panic of its threads on
        assert!(outcome.is_err());
    }

    #[test]
    fn no_examples_are_no_batches() {
        let examples = Counted::default();
        assert!(all(Batches::plain(&examples, 4), Position::default(), 5, 2).is_empty());
    }
}
