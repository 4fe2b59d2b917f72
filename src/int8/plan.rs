//! Where every value lies: a constant of the model.
//!
//! The largest value is placed first, at the lowest place that no value which is alive at the same time
//! has taken (greedy by size: Pisarchyk & Lee 2020, §5.2). Places begin at whole words.

use super::links::Ops;
use super::model::{Model, ModelError, Op};
use crate::shape::Span;

/// Where the values of a model of `N` layers lie.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a, const N: usize> {
    /// Bytes of everything that flows between layers, the input and the output among it.
    pub arena: usize,
    model: Model<'a>,
    input: Span,
    places: [Place; N],
}

/// Where a layer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its output.
    pub y: Span,
    /// What it gathers for a while.
    pub scratch: Span,
}

impl Place {
    pub(super) const NONE: Self = Self { y: Span::EMPTY, scratch: Span::EMPTY };
}

/// A planned model, as an engine sees it.
#[derive(Clone, Copy, Debug)]
pub struct Net<'a> {
    pub(super) model: Model<'a>,
    pub(super) input: Span,
    pub(super) places: &'a [Place],
    pub(super) arena: usize,
    pub(super) uses: Ops,
}

impl Net<'_> {
    /// Bytes of the arena.
    pub const fn arena(&self) -> usize {
        self.arena
    }

    /// The model.
    pub const fn model(&self) -> &Model<'_> {
        &self.model
    }

    /// Where a value lies.
    pub(super) fn place(&self, value: usize) -> Span {
        match value.checked_sub(1) {
            None => self.input,
            Some(layer) => self.places.get(layer).map_or(Span::EMPTY, |place| place.y),
        }
    }
}

impl<'a, const N: usize> Plan<'a, N> {
    /// The plan of a model.
    ///
    /// # Panics
    /// Where [`Plan::checked`] returns an error; in a `const`, that is an error of the compiler.
    #[track_caller]
    pub const fn new(model: Model<'a>) -> Self {
        match Self::checked(model) {
            Ok(plan) => plan,
            Err(error) => panic!("{}", error.message()),
        }
    }

    /// The plan of a model.
    ///
    /// # Errors
    /// A [`ModelError`] says why there is none.
    pub const fn checked(model: Model<'a>) -> Result<Self, ModelError> {
        if model.layers.len() > N {
            return Err(ModelError::Layers(model.layers.len()));
        }
        let (mut items, mut places) = ([Item::NONE; N], [Place::NONE; N]);
        match lay(&model, &mut items, &mut places) {
            Ok((input, arena)) => Ok(Self { arena, model, input, places }),
            Err(error) => Err(error),
        }
    }

    /// What an engine takes.
    pub const fn net(&self) -> Net<'_> {
        let places = match self.places.split_at_checked(self.model.layers.len()) {
            Some((places, _)) => places,
            None => &[],
        };
        Net {
            model: self.model,
            input: self.input,
            places,
            arena: self.arena,
            uses: self.model.uses(),
        }
    }
}

/// A value, or what a layer gathers, while places are looked for.
#[derive(Clone, Copy)]
pub(super) struct Item {
    len: u64,
    /// The layer that writes it.
    born: usize,
    /// The last layer that reads it; one behind all for the output, and for what nobody reads.
    dies: usize,
    /// The value in whose place it lies: its own, or that of the input of a layer in place.
    owner: usize,
}

impl Item {
    pub(super) const NONE: Self = Self { len: 0, born: 0, dies: 0, owner: 0 };

    const fn meets(&self, other: &Self) -> bool {
        !(self.dies < other.born || other.dies < self.born)
    }
}

/// What is laid: number 2 v is value v, number 2 k + 1 what layer k gathers for a while.
struct Work<'w, 'a> {
    model: &'w Model<'a>,
    input: (Item, Span),
    items: &'w mut [Item],
    places: &'w mut [Place],
}

impl Work<'_, '_> {
    const fn item(&self, number: usize) -> Item {
        match (number % 2, number / 2) {
            (0, 0) => self.input.0,
            (0, value) => self.items[value - 1],
            (_, k) => {
                Item { len: self.model.layers[k].scratch() as u64, born: k, dies: k, owner: 0 }
            }
        }
    }

    const fn set(&mut self, value: usize, item: Item) {
        match value {
            0 => self.input.0 = item,
            _ => self.items[value - 1] = item,
        }
    }

    const fn span(&self, number: usize) -> Span {
        match (number % 2, number / 2) {
            (0, 0) => self.input.1,
            (0, value) => self.places[value - 1].y,
            (_, k) => self.places[k].scratch,
        }
    }

    const fn put(&mut self, number: usize, span: Span) {
        match (number % 2, number / 2) {
            (0, 0) => self.input.1 = span,
            (0, value) => self.places[value - 1].y = span,
            (_, k) => self.places[k].scratch = span,
        }
    }

    /// Finds when each value is born and dies, and whose place it takes.
    const fn live(&mut self) {
        let layers = self.model.layers;
        let n = layers.len();
        let (mut value, mut k) = (0, 0);
        while value <= n {
            let len = match self.model.shape(value) {
                Some(shape) => shape.len() as u64,
                None => 0,
            };
            // the input is there before all
            self.set(value, Item { len, born: value.saturating_sub(1), dies: n, owner: value });
            value += 1;
        }
        while k < n {
            let layer = &layers[k];
            let mut operand = 0;
            while operand < 1 + matches!(layer.op, Op::Add(_)) as usize {
                let value = if operand == 0 { layer.from } else { layer.second } as usize;
                let item = self.item(2 * value);
                self.set(value, Item { dies: k, ..item });
                operand += 1;
            }
            k += 1;
        }
        // the output of the network outlives all, whoever reads it
        let last = self.item(2 * n);
        self.set(n, Item { dies: n, ..last });
        k = 0;
        while k < n {
            let (from, value) = (layers[k].from as usize, k + 1);
            if layers[k].in_place() && self.item(2 * from).dies == k {
                let (owner, item) = (self.item(2 * from).owner, self.item(2 * value));
                let owned = self.item(2 * owner);
                self.set(owner, Item { dies: item.dies, ..owned });
                self.set(value, Item { len: 0, owner, ..item });
            }
            k += 1;
        }
    }

    /// The lowest place for an item beside those that are alive with it.
    const fn lowest(&self, this: &Item) -> u64 {
        let (mut start, mut other) = (0, 0);
        while other < 2 * self.model.layers.len() + 1 {
            let span = self.span(other);
            let (begin, end) = (span.start as u64, span.start as u64 + span.len as u64);
            let meets = !span.is_empty() && this.meets(&self.item(other));
            if meets && begin < start + this.len && start < end {
                // behind it, and all are looked at again
                start = end.next_multiple_of(4);
                other = 0;
            } else {
                other += 1;
            }
        }
        start
    }

    /// The largest that has no place yet.
    const fn next(&self) -> Option<usize> {
        let (mut next, mut most, mut number) = (None, 0, 0);
        while number < 2 * self.model.layers.len() + 1 {
            let len = self.item(number).len;
            if len > most && self.span(number).is_empty() {
                (next, most) = (Some(number), len);
            }
            number += 1;
        }
        next
    }
}

/// Finds the places, and returns the input's and how many bytes there are. `items` and `places` are one a
/// layer.
pub(super) const fn lay(
    model: &Model<'_>,
    items: &mut [Item],
    places: &mut [Place],
) -> Result<(Span, usize), ModelError> {
    if let Err(error) = model.check() {
        return Err(error);
    }
    let mut work = Work { model, input: (Item::NONE, Span::EMPTY), items, places };
    work.live();
    let mut top = 0;
    while let Some(number) = work.next() {
        let item = work.item(number);
        let start = work.lowest(&item);
        let end = start + item.len;
        if end > u32::MAX as u64 {
            return Err(ModelError::TooLarge);
        }
        top = if end > top { end } else { top };
        work.put(number, Span { start: start as u32, len: item.len as u32 });
    }
    let mut value = 1;
    while value <= model.layers.len() {
        let owner = work.item(2 * value).owner;
        let span = work.span(2 * owner);
        work.put(2 * value, span);
        value += 1;
    }
    Ok((work.input.1, top as usize))
}
