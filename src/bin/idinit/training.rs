//! The arguments that say how a network is trained, and what they come to together with the habits
//! of the network.

use crate::data::{self, Parts, Source, Variation};
use crate::failure::Failure;
use crate::gpu::{LINE, Precision};
use crate::memory;
use crate::network::{Choice, Network};
use crate::part::Part;
use crate::settled::Settled;
use crate::updates::{Way, check_decay, name, updates};
use crate::weights::{finite, positive};
use clap::{Args, ValueEnum};
use idinit::data::Mix;
use idinit::layer::Kind;
use idinit::model::catalog::{Habits, Task};
use idinit::plan::Mode;
use idinit::train::{Schedule, ScheduleError, Settings, Time};
use idinit::update::{AdaDelta, Adam, AdamW, Chosen, Clip, Grouped, Momentum, Sgd};
use std::num::NonZeroU32;
use std::thread;

/// How a network is trained.
#[derive(Args)]
#[command(next_help_heading = "Training")]
pub struct Training {
    #[command(flatten)]
    pub choice: Choice,
    #[command(flatten)]
    pub source: Source,
    /// ε of IDIZ, in the starts that have one [default: by start]
    #[arg(long, value_name = "E", value_parser = positive, allow_negative_numbers = true)]
    #[arg(help_heading = "Options")]
    pub eps: Option<f32>,
    /// How often all examples are taken [default: by model]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<NonZeroU32>,
    /// Examples in a batch [default: by model]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch: Option<NonZeroU32>,
    /// Batches whose gradients make one step
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Training")]
    accumulate: NonZeroU32,
    /// The largest learning rate, from 0 to 1000 [default: by model]
    #[arg(long, value_name = "R", value_parser = rate, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    rate: Option<f32>,
    /// How weights move; sgd and momentum are one, by --momentum [default: by model]
    #[arg(long, value_name = "NAME", value_parser = updates(), help_heading = "Training")]
    update: Option<Chosen>,
    /// The momentum of sgd, from 0 to less than 1 [default: by model]
    #[arg(long, value_name = "M", value_parser = share, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    momentum: Option<f32>,
    /// Let the momentum of sgd look ahead (Nesterov)
    #[arg(long, help_heading = "Training")]
    nesterov: bool,
    /// β₁ and β₂ of adam and adamw [default: 0.9,0.999]
    #[arg(long, value_name = "B1,B2", value_delimiter = ',', value_parser = share)]
    #[arg(help_heading = "Training", allow_negative_numbers = true)]
    betas: Option<Vec<f32>>,
    /// ρ of adadelta [default: 0.9]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    rho: Option<f32>,
    /// The weight decay, from 0 on; where it shrinks weights, at most 1 with the rate [default: by
    /// model]
    #[arg(long, value_name = "D", value_parser = positive, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    decay: Option<f32>,
    /// Spare biases, gains of norms and scalars the decay
    #[arg(long, help_heading = "Training")]
    decay_matrices_only: bool,
    /// The share of the rate that scalars take, from 0 to 10; Fixup's is 0.1
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = tenfold)]
    #[arg(help_heading = "Training", allow_negative_numbers = true)]
    scalar_rate: f32,
    /// Shorten gradients to this Euclidean norm, greater than 0
    #[arg(long, value_name = "NORM", value_parser = norm, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    clip: Option<f32>,
    /// How the rate goes on: constant, linear (to zero), cosine, `step: 30 epochs: 0.1` or
    /// `milestones: 32000, 48000: 0.1` [default: by model]
    #[arg(long, value_name = "NAME", help_heading = "Training")]
    schedule: Option<Schedule>,
    /// Steps or epochs (`3 epochs`) in which the rate rises to its largest [default: by model]
    #[arg(long, value_name = "TIME", help_heading = "Training")]
    warm_up: Option<Time>,
    /// The smoothing of labels, from 0 to less than 1 [default: by model]
    #[arg(long, value_name = "S", value_parser = share, help_heading = "Training")]
    #[arg(allow_negative_numbers = true)]
    smoothing: Option<f32>,
    /// How pictures are varied: some of crop, flip, mixup and cutmix, or none [default: by model]
    #[arg(long, value_enum, value_name = "NAME,…", value_delimiter = ',')]
    #[arg(help_heading = "Training")]
    augment: Option<Vec<Augment>>,
    /// End after so many epochs without a better test accuracy
    #[arg(long, value_name = "N", help_heading = "Training")]
    patience: Option<NonZeroU32>,
    /// What the order of the examples and random starts depend on
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub seed: u64,
    /// What computes: the host's vectors and threads, one thread with the bits of every machine, or an
    /// NVIDIA GPU (the first that CUDA_VISIBLE_DEVICES leaves)
    #[arg(long, value_enum, default_value = "host", help_heading = "Machine")]
    engine: Engines,
    /// How precise a GPU's numbers are: its matrix units multiply TF32 and bf16, from Ampere on
    #[arg(long, value_enum, default_value = "f32", help_heading = "Machine")]
    precision: Precision,
    /// Read losses from a GPU every so many steps, while it goes ahead; it changes nothing but the time
    #[arg(long, value_name = "K", default_value = "16", help_heading = "Machine")]
    loss_every: NonZeroU32,
    /// How many threads compute [default: one a processor]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    threads: Option<NonZeroU32>,
    /// The memory that may be taken, such as 4GiB [default: what is free]
    #[arg(long, value_name = "BYTES", value_parser = memory::parse, help_heading = "Machine")]
    memory: Option<u64>,
}

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engines {
    Host,
    Portable,
    Cuda,
}

impl Engines {
    /// Whether there is what computes.
    fn check(self) -> Result<(), Failure> {
        match self {
            Self::Host | Self::Portable => Ok(()),
            #[cfg(feature = "cuda")]
            Self::Cuda => {
                let first = idinit::gpu::probe().map_err(Failure::failed)?.into_iter().next();
                first.transpose().map(drop).map_err(Failure::failed)
            }
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(Failure::failed(crate::gpu::NOT_BUILT)),
        }
    }
}

/// How examples are varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Augment {
    Crop,
    Flip,
    Mixup,
    Cutmix,
    None,
}

fn rate(text: &str) -> Result<f32, &'static str> {
    let most = idinit::engine::MOST_RATE;
    finite(text).ok().filter(|rate| (0.0..=most).contains(rate)).ok_or("not from 0 to 1000")
}

fn share(text: &str) -> Result<f32, &'static str> {
    let sound = |share: &f32| (0.0..1.0).contains(share);
    finite(text).ok().filter(sound).ok_or("not from 0 to less than 1")
}

fn tenfold(text: &str) -> Result<f32, &'static str> {
    let sound = |share: &f32| (0.0..=10.0).contains(share);
    finite(text).ok().filter(sound).ok_or("not from 0 to 10")
}

fn norm(text: &str) -> Result<f32, &'static str> {
    finite(text).ok().filter(|&norm| norm > 0.0).ok_or("not a number greater than 0")
}

impl Training {
    /// Settles everything, reads the data and plans the network for it.
    pub fn settle(self) -> Result<Settled, Failure> {
        self.engine.check()?;
        if self.precision != Precision::F32 && self.engine != Engines::Cuda {
            return Err(Failure::usage(
                "--precision is for --engine cuda: the others compute in f32",
            ));
        }
        let part = Part::of(self.engine)?;
        if self.patience.is_some() {
            // batch norms have other running statistics on each GPU, and so test accuracies
            part.refuse("--patience")?;
        }
        let before = self.choice.network()?;
        let habits = before.entry.habits;
        let update = self.way(&habits)?;
        let schedule = match self.schedule {
            Some(schedule) => schedule,
            None => {
                habits.schedule.parse().map_err(|error: ScheduleError| Failure::usage(error))?
            }
        };
        let settings = Settings {
            epochs: self.epochs.map_or(habits.epochs, NonZeroU32::get),
            rate: self.rate.unwrap_or_else(|| self.usual_rate(&habits)),
            schedule,
            warm_up: self.warm_up.unwrap_or(Time::Epochs(habits.warm_up.into())),
            seed: self.seed,
        };
        check_decay(settings.rate, &update)?;
        let smoothing = self.smoothing.unwrap_or(habits.smoothing);
        let augment = self.augment(&habits, before.task)?;
        let has = |name| augment.contains(&name);
        let vary = Variation { crop: has("crop"), flip: has("flip") };
        // of mixup: H. Zhang et al. 2018, §3.1 and §3.2
        let alpha = if habits.data == "imagenet" { 0.2 } else { 1.0 };
        let mix = match (has("mixup"), has("cutmix")) {
            (true, true) => Some(Mix::Either { mixup: alpha, cutmix: 1.0 }),
            (true, false) => Some(Mix::Mixup { alpha }),
            (false, true) => Some(Mix::Cutmix { alpha: 1.0 }),
            (false, false) => None,
        };
        let accumulate = self.accumulate.get();
        let mut mode = Mode::train_with(&update);
        if accumulate > 1 {
            mode = mode.in_parts();
        }
        if self.engine == Engines::Cuda {
            mode = mode.aligned(LINE);
        }
        let batch = self.batch.map_or(habits.batch, NonZeroU32::get) as usize;
        // what cannot be is found out before data is read
        let share = part.share(batch)?;
        let plan = before.model.plan(mode, share).map_err(Failure::usage)?;
        let parts = before.data.load(&self.source, before.task, vary)?;
        let (network, plan) = match parts.task == before.task && smoothing == habits.smoothing {
            true => (before, plan),
            false => {
                let network = self.choice.network_for(before.data, parts.task, Some(smoothing))?;
                let plan = network.model.plan(mode, share).map_err(Failure::usage)?;
                (network, plan)
            }
        };
        let count = parts.train.count();
        if batch > count {
            let why = format!("a batch of {batch} is more than the {count} examples");
            return Err(Failure::Usage(why));
        }
        let vectors = self.vectors(&network, &parts)?;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Settled {
            network,
            plan,
            parts,
            settings,
            update,
            mix,
            accumulate,
            patience: self.patience.map(NonZeroU32::get),
            engine: self.engine,
            precision: self.precision,
            loss_every: self.loss_every.get(),
            threads: self.threads.map_or(processors, |threads| threads.get() as usize),
            part,
            memory: self.memory,
            vectors,
            source: self.source,
            smoothing,
            augment,
        })
    }

    fn is_habitual(&self, habits: &Habits) -> bool {
        self.update.is_none_or(|update| name(&update) == habits.update)
    }

    /// The rate, where none was chosen: the habit's, or one that the update is known for.
    fn usual_rate(&self, habits: &Habits) -> f32 {
        match self.update {
            _ if self.is_habitual(habits) => habits.rate,
            Some(Chosen::Adam(_) | Chosen::AdamW(_)) => 1e-3,
            Some(Chosen::AdaDelta(_)) => 1.0,
            Some(Chosen::Adagrad(_)) => 1e-2,
            _ => 0.05,
        }
    }

    /// The update with all that was chosen about it.
    fn way(&self, habits: &Habits) -> Result<Way, Failure> {
        let update = match self.update {
            Some(update) => update,
            None => Chosen::named(habits.update)
                .ok_or_else(|| Failure::failed(format!("no update is called {}", habits.update)))?,
        };
        let descent = matches!(update, Chosen::Sgd(_) | Chosen::Momentum(_));
        let adams = matches!(update, Chosen::Adam(_) | Chosen::AdamW(_));
        let takes = [
            ("--momentum", self.momentum.is_some(), descent),
            ("--nesterov", self.nesterov, descent),
            ("--betas", self.betas.is_some(), adams),
            ("--rho", self.rho.is_some(), matches!(update, Chosen::AdaDelta(_))),
        ];
        if let Some((option, ..)) = takes.iter().find(|(_, said, taken)| *said && !taken) {
            return Err(Failure::usage(format!("{} takes no {option}", update.name())));
        }
        let betas = match self.betas.as_deref() {
            None => Adam::default().betas,
            Some(&[first, second]) => [first, second],
            Some(_) => return Err(Failure::usage("--betas are two numbers, as in 0.9,0.999")),
        };
        let usual = |decay| if self.is_habitual(habits) { habits.decay } else { decay };
        let momentum = match self.momentum {
            Some(momentum) => momentum,
            None if self.is_habitual(habits) => habits.momentum,
            None => 0.9,
        };
        let (chosen, decay) = match update {
            _ if descent && momentum == 0.0 && !self.nesterov => (Chosen::Sgd(Sgd::default()), 0.0),
            _ if descent => {
                let nesterov = self.nesterov;
                (Chosen::Momentum(Momentum { momentum, nesterov, decay: 0.0 }), 0.0)
            }
            Chosen::Adam(update) => (Chosen::Adam(Adam { betas, ..update }), 0.0),
            Chosen::AdamW(update) => (Chosen::AdamW(AdamW { betas, ..update }), update.decay),
            Chosen::AdaDelta(update) => {
                let rho = self.rho.unwrap_or(update.rho);
                (Chosen::AdaDelta(AdaDelta { rho, ..update }), 0.0)
            }
            other => (other, 0.0),
        };
        let update = Grouped {
            update: chosen.with_decay(self.decay.unwrap_or_else(|| usual(decay))),
            scalar_rate: self.scalar_rate,
            decay_vectors: !self.decay_matrices_only,
        };
        Ok(Clip { update, most: self.clip.unwrap_or(f32::INFINITY) })
    }

    /// How examples are varied, by name.
    fn augment(&self, habits: &Habits, task: Task) -> Result<Vec<&'static str>, Failure> {
        let pictures = matches!(task, Task::Pictures { .. });
        let chosen = match &self.augment {
            // the habits are for the data of the habits
            None => return Ok(if pictures { habits.augment.to_vec() } else { Vec::new() }),
            Some(chosen) => chosen,
        };
        let names = [
            (Augment::Crop, "crop"),
            (Augment::Flip, "flip"),
            (Augment::Mixup, "mixup"),
            (Augment::Cutmix, "cutmix"),
        ];
        let names = names.into_iter().filter(|(augment, _)| chosen.contains(augment));
        let names: Vec<_> = names.map(|(_, name)| name).collect();
        if !names.is_empty() && chosen.contains(&Augment::None) {
            return Err(Failure::usage("--augment none stands alone"));
        }
        match names.first() {
            Some(name) if !pictures => {
                Err(Failure::usage(format!("--augment {name} is for pictures, not for texts")))
            }
            _ => Ok(names),
        }
    }

    /// The vectors of GloVe for the network's embedding.
    fn vectors(&self, network: &Network, parts: &Parts) -> Result<Option<Vec<f32>>, Failure> {
        let first = network.model.nodes().first();
        let (Some(vocabulary), Some(first)) = (&parts.vocabulary, first) else { return Ok(None) };
        if first.layer.kind() != Kind::Embedding {
            return Ok(None);
        }
        let width = first.output.channels as usize;
        let table = data::vectors(&self.source, vocabulary, width, self.seed)?;
        Ok(table.map(|table| table.values))
    }
}
