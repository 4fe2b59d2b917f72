//! A toy that learns, on a line that can be bad in many ways.

mod answers;
mod frames;
mod hostile;
mod polling;

use super::*;
use crate::graph::Graph;
use crate::init::{IdInit, Initial};
use crate::recipe::{Fingerprint, Recipe};
use crate::shape::Shape;
use core::convert::Infallible;
use core::time::Duration;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

const NET: Graph<1> = Graph::input(Shape::vector(24)).dense(20);
const WEIGHTS: usize = 24 * 20 + 20;
/// Numbers of a window: two chunks.
const WINDOW: usize = 70;
const NONCE: [u8; 4] = [1, 2, 3, 4];

fn initial() -> Initial<'static, IdInit> {
    Initial::new(NET.nodes(), IdInit::PAPER)
}

/// What learns: it keeps what it was told, and each time other weights.
#[derive(Clone)]
struct Toy {
    weights: Vec<f32>,
    window: Vec<f32>,
    stage: Vec<u8>,
    told: Vec<(Vec<u32>, u32)>,
    saves: u32,
    paused: bool,
    budget: u32,
}

impl Toy {
    fn new() -> Self {
        let mut weights = vec![0.0; WEIGHTS];
        initial().fill_window(0, &mut weights).unwrap();
        let (window, stage) = (vec![f32::NAN; WINDOW], vec![0; 2500]);
        Self { weights, window, stage, told: vec![], saves: 0, paused: false, budget: u32::MAX }
    }

    /// After so many labels.
    fn trained(labels: u32) -> Self {
        let mut toy = Self::new();
        for label in 0..labels {
            toy.label(label % 10).unwrap();
        }
        toy
    }

    fn start() -> Fingerprint {
        Fingerprint::of(&Self::new().weights)
    }
}

impl Device for Toy {
    fn about(&self) -> About<'_> {
        let recipe = "idinit/1 mlp hidden=32,32 idinit";
        let (axes, classes, weights) = (1, 10, WEIGHTS as u32);
        About { start: Self::start(), recipe, axes, classes, weights, ram: 30_000 }
    }

    fn metrics(&self) -> Metrics {
        let labels = self.told.len() as u32;
        let Self { saves, paused, budget, .. } = *self;
        Metrics { steps: labels, labels, loss: 0.5, saves, paused, budget, ..Metrics::default() }
    }

    fn window(&mut self) -> &mut [f32] {
        &mut self.window
    }

    fn infer(&mut self) -> Result<Inferred, Refusal> {
        Ok(Inferred { class: 7, output: self.window[69] })
    }

    fn label(&mut self, label: u32) -> Result<Learnt, Refusal> {
        let window = self.window.iter().map(|number| number.to_bits()).collect();
        self.told.push((window, label));
        let place = self.told.len() * 13 % WEIGHTS;
        self.weights[place] += 0.25 + label as f32;
        Ok(Learnt { class: 3, loss: 0.75, steps: 1 })
    }

    fn state(&mut self) -> Fingerprint {
        Fingerprint::of(&self.weights)
    }

    fn stage(&mut self) -> &mut [u8] {
        &mut self.stage
    }

    fn pull(&mut self) -> Result<usize, Refusal> {
        pack(&initial(), &self.weights, None::<Recipe>, &mut self.stage)
    }

    fn push(&mut self, len: usize) -> Result<(), Refusal> {
        install(&initial(), Self::start(), &self.stage[..len], &mut self.weights)
    }

    fn save(&mut self) -> Result<(), Refusal> {
        self.saves += 1;
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Refusal> {
        self.weights = Self::new().weights;
        Ok(())
    }

    fn pause(&mut self, pause: bool) -> Result<(), Refusal> {
        self.paused = pause;
        Ok(())
    }

    fn budget(&mut self, steps: u32) -> Result<(), Refusal> {
        self.budget = steps;
        Ok(())
    }
}

/// The device's end of a line.
#[derive(Clone, Default)]
struct Port {
    comes: Rc<RefCell<VecDeque<u8>>>,
    goes: Rc<RefCell<VecDeque<u8>>>,
}

impl embedded_io::ErrorType for Port {
    type Error = Infallible;
}

impl embedded_io::Read for Port {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let mut comes = self.comes.borrow_mut();
        let some = bytes.len().min(comes.len());
        bytes.iter_mut().zip(comes.drain(..some)).for_each(|(byte, came)| *byte = came);
        assert!(some > 0, "reading would wait for ever");
        Ok(some)
    }
}

impl embedded_io::ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.comes.borrow().is_empty())
    }
}

impl embedded_io::Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        // a few at a time, as a FIFO takes them
        let some = bytes.len().min(7);
        self.goes.borrow_mut().extend(&bytes[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        panic!("flushing may wait for ever");
    }
}

impl embedded_io::WriteReady for Port {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

/// What a line does to bytes, each by chance: one in so many.
#[derive(Clone, Copy, Default)]
struct Harm {
    lost: u64,
    flipped: u64,
    inserted: u64,
    doubled: u64,
}

/// SplitMix64 (Steele, Lea and Flood 2014) of a counter.
fn chance(seed: u64, counter: u64) -> u64 {
    let mut z = (seed << 40).wrapping_add(counter + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The PC's end of a line, at whose other end a toy is polled.
struct Cable {
    port: Port,
    server: Server<Port, 256>,
    toy: Toy,
    harm: Harm,
    seed: u64,
    counter: u64,
    /// All bytes that went to the device.
    sent: Vec<u8>,
}

impl Cable {
    fn new(toy: Toy) -> Self {
        let port = Port::default();
        let server = Server::new(port.clone());
        let (harm, seed, counter, sent) = (Harm::default(), 0, 0, vec![]);
        Self { port, server, toy, harm, seed, counter, sent }
    }

    fn harmed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = vec![];
        for byte in bytes {
            let mut hit = |one_in: u64| {
                self.counter += 1;
                one_in > 0 && chance(self.seed, self.counter).is_multiple_of(one_in)
            };
            let Harm { lost, flipped, inserted, doubled } = self.harm;
            let mut byte = *byte;
            if hit(inserted) {
                all.push(byte.wrapping_mul(41));
            }
            if hit(flipped) {
                byte ^= 1 << (byte % 8);
            }
            if hit(doubled) {
                all.push(byte);
            }
            if !hit(lost) {
                all.push(byte);
            }
        }
        all
    }

    /// Polls until nothing moves.
    fn settle(&mut self) {
        while self.server.poll(&mut self.toy).unwrap() != Polled::Idle {}
    }
}

impl io::Write for Cable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.extend(bytes);
        let harmed = self.harmed(bytes);
        self.port.comes.borrow_mut().extend(harmed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Read for Cable {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.settle();
        let mut goes = self.port.goes.borrow_mut();
        // half of what can be read: the line may still change the others
        let some = goes.len().min(bytes.len() / 2);
        let came: Vec<u8> = goes.drain(..some).collect();
        drop(goes);
        match self.harmed(&came) {
            came if came.is_empty() && some == 0 => Err(io::ErrorKind::TimedOut.into()),
            came if came.is_empty() => Err(io::ErrorKind::Interrupted.into()),
            came => {
                bytes[..came.len()].copy_from_slice(&came);
                Ok(came.len())
            }
        }
    }
}

/// A client of a toy, which waits for nothing.
fn client(toy: Toy) -> Client<Cable> {
    let mut client = Client::new(Cable::new(toy));
    client.patience = Duration::ZERO;
    client
}

/// The window of a number.
fn window(number: u64) -> Vec<f32> {
    (0..WINDOW as u64).map(|place| chance(number, place) as u32 as f32 / 65536.0).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
