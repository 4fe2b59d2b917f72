//! Which weights move by which group's move: runs that one block of threads moves each.

use crate::gpu::{Error, Numbers, Queue};
use crate::layer::{All, PartKind};
use crate::plan::Net;
use std::vec::Vec;

/// Weights of a run, at most.
const RUN: u32 = 4096;

/// The runs of all trained weights, on the device: the first weight, the first gradient, their number,
/// and the group.
pub(super) struct Table {
    pub numbers: Numbers,
    pub runs: usize,
}

impl Table {
    pub fn of(net: &Net<'_>, queue: &mut Queue) -> Result<Self, Error> {
        let mut all: Vec<u32> = Vec::new();
        let layers = net.nodes.iter().zip(net.slots);
        for (node, slot) in layers.filter(|(_, slot)| slot.trained.any() && slot.backward) {
            let (mut w, mut g) = (slot.weights, slot.moved);
            let mut part = 0;
            while let Some(weight) = node.layer.linked_part::<All>(node.input, part) {
                let len = weight.dims.len();
                if slot.trained.moves(weight.kind) {
                    let group = match weight.kind {
                        PartKind::Weight | PartKind::Table => 0,
                        _ if node.layer.kind().is_scalar() => 2,
                        _ => 1,
                    };
                    for first in (0..len as u32).step_by(RUN as usize) {
                        let count = RUN.min(len as u32 - first);
                        all.extend([w.start + first, g.start + first, count, group]);
                    }
                    g = g.after(len);
                }
                w = w.after(len);
                part += 1;
            }
        }
        let numbers = queue.take(all.len())?;
        queue.write_whole(numbers, &all)?;
        Ok(Self { numbers, runs: all.len() / 4 })
    }
}
