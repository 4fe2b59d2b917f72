//! What a device that learns is made of, over embedded-hal and its kin, without an allocator.
//!
//! | module | what |
//! |---|---|
//! | [`sense`] | samples at a steady rate, as windows that a network takes |
//! | [`learn`] | infers, takes labels, and trains while there is time |
//! | [`keep`] | what was learnt, in flash: safe from cuts of power, with even wear |
//! | [`serve`] | all of that, behind the line of [`talk`] |
//! | [`talk`] | a line to a PC, which sees how it goes, sends windows, and gets and gives what was learnt |
//!
//! The start is a function of the index of a weight, so that nobody ships it: a device begins with
//! [`Initial`](crate::init::Initial), or any other [`Start`], and keeps only what differs from it.
//!
//! Put together, a device that learns gestures from a sensor of six axes is a loop. This one runs on a PC,
//! with a replay for the sensor, memory for the flash and a counter for the clock; on a board these three
//! are the HAL's, and all else stays.
//!
//! ```
//! use idinit::device::keep::{Keep, RamFlash};
//! use idinit::device::learn::{Budget, Examples, Learner, Settings};
//! use idinit::device::sense::{Replay, Sampler, Standard, Windows};
//! use idinit::engine::{Memory, Portable};
//! use idinit::graph::{Graph, Role};
//! use idinit::init::{IdInit, Initial};
//! use idinit::layer::{LayerSet, Uses};
//! use idinit::plan::{Mode, Plan};
//! use idinit::{shape::Shape, update::Sgd};
//! # use embedded_hal_mock::eh1::delay::NoopDelay;
//! # // a gesture is a swing of its axis; the hand rests between two
//! # let samples: Vec<[f32; 6]> = (0..4_000).map(|i| {
//! #     let mut sample = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
//! #     let swing = ((i % 20) as f32 - 10.0).abs() / 5.0 - 1.0;
//! #     sample[i / 200 % 3] += swing;
//! #     sample
//! # }).collect();
//! # let sensor = Replay::new(&samples);
//! # let (mut delay, mut micros) = (NoopDelay::new(), 0_u64);
//! # let mut clock = || { micros += 1_000; micros };
//! # let mut flash = RamFlash::<16_384, 4_096>::new();
//! # let mut windows_seen = 0;
//! # let mut button = || { windows_seen += 1; Some((windows_seen - 1) / 10 % 3) };
//!
//! // 20 samples of 6 axes, 3 gestures; what does not fit together does not compile
//! const W: usize = 20;
//! const GESTURES: usize = 3;
//! const NET: Graph<4> = Graph::input(Shape::hwc(W as u32, 1, 6)).flatten()
//!     .dense(16).relu()
//!     .dense(GESTURES as u32).role(Role::Head).cross_entropy(0.0);
//! static PLAN: Plan<4> = Plan::new(&NET, Mode::train::<Sgd>(), 1);
//! enum Gestures {}
//! impl Uses for Gestures {
//!     const SET: LayerSet = NET.uses();
//! }
//!
//! // memory, all of it: of a `static` on a board
//! let (mut weights, mut arena) = ([0.0; PLAN.weights], [0.0; PLAN.arena]);
//! let (mut inputs, mut labels) = ([0.0; 12 * W * 6], [0; 12]);
//!
//! let memory = Memory { weights: &mut weights, state: &mut [], arena: &mut arena };
//! let engine = Portable::<Gestures, _>::new(PLAN.net(), Sgd::default(), memory)?;
//! let start: Initial<'_, _, Gestures> = Initial::new(PLAN.net().nodes(), IdInit::PAPER);
//! let examples = Examples { inputs: &mut inputs, labels: &mut labels };
//! let mut learner = Learner::<_, _, _, GESTURES>::new(engine, start, examples, Settings::default())?;
//!
//! // a window each 20 samples; the axes' means and deviations are part of the model
//! let mut sampler = Sampler::new(sensor);
//! let mut windows = Windows::<6, W>::new(20, Standard::new(1_000));
//!
//! // go on from where the power went
//! let mut keep = Keep::<_, 256>::new(&mut flash, 0..16_384)?;
//! let loaded = keep.load(&mut learner, windows.standard.numbers_mut())?;
//! if let Some(ignored) = loaded.ignored {
//!     println!("what was kept is not used: {ignored}");
//! }
//!
//! // sensor → window → infer or label → work → save; a board's loop has no end
//! while let Ok(window) = windows.fill(&mut sampler, &mut delay, 10_000) {
//!     let window = window.as_flattened();
//!     match button() {
//!         Some(gesture) => {
//!             learner.label(window, gesture)?;
//!             // flash wears: not at every label, and not where none came
//!             if learner.metrics().counters.labels % 50 == 0 {
//!                 keep.save(&learner, windows.standard.numbers())?;
//!             }
//!         }
//!         None => println!("{:?}", learner.infer(window)?),
//!     }
//!     // 50 ms of learning; where the numbers ran away, go back to what was kept, or to the start
//!     if learner.work(Budget::micros(50_000, &mut clock), |_| ()).is_err() {
//!         keep.load(&mut learner, windows.standard.numbers_mut())?;
//!     }
//! }
//! let (right, of) = learner.metrics().recent();
//! assert!(right * 10 >= of * 9, "{right} of {of}");
//! # assert_eq!(keep.load(&mut learner, windows.standard.numbers_mut())?.generation, Some(4));
//! # assert_eq!(learner.metrics().counters.labels, 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing waits but [`Windows::fill`](sense::Windows::fill). Where a timer's interrupt samples instead, the
//! loop takes windows by [`Windows::drain`](sense::Windows::drain), and the rest stays.

pub mod keep;
pub mod learn;
pub mod sense;
pub mod serve;
mod start;
pub mod talk;

pub use start::Start;
