//! `idinit weights`: the numbers that a rule writes, row by row.

use crate::failure::Failure;
use crate::output;
use crate::rows::Rows;
use clap::{Args, ValueEnum};
use idinit::init::Written;
use idinit::rule::{Dims, EPS, Exact, Fan, Key, Order, Random, Rule, gain};
use std::path::PathBuf;
use std::str::FromStr;

/// Print the initial weights that a rule gives one layer.
///
/// A layer has --out outputs, --in inputs and, if it is a convolution, a --kernel. csv and json
/// have a row for each output, its numbers in PyTorch's order (in, kernel row, kernel column), each
/// the shortest decimal that reads back to the same single-precision number. picture has a line for
/// each output, its marks in the order of storage (kernel row, kernel column, in): # above zero,
/// - below, . zero.
#[derive(Args)]
#[command(after_help = "\
Examples:
  idinit weights --rule idi --out 5 --in 2 --format picture
  idinit weights --rule idizc --out 16 --in 16 --kernel 3 --order channel
  idinit weights --rule kaiming-normal --out 512 --in 784 --seed 7 -o fc1.csv
  idinit weights --rule dirac --out 8 --in 8 --kernel 1x3 --groups 4 --format json")]
pub struct Weights {
    /// The rule
    #[arg(long, value_enum)]
    rule: Name,
    /// Outputs
    #[arg(long, value_name = "N")]
    out: u32,
    /// Inputs, of all groups together
    #[arg(long = "in", value_name = "N")]
    inputs: u32,
    /// The kernel of a convolution: its size, or rows x columns
    #[arg(long, value_name = "K|KHxKW", default_value = "1")]
    kernel: Kernel,
    /// Groups of a convolution; they divide inputs and outputs
    #[arg(long, value_name = "G", default_value_t = 1)]
    groups: u32,
    /// What idic, idizc and loose count first: the channels of a patch at one place (spatial, the
    /// default), the places of one channel (channel, as PyTorch lies in memory), or both at once
    /// (diagonal)
    #[arg(long, value_enum, hide_possible_values = true, value_name = "spatial|channel|diagonal")]
    order: Option<PatchOrder>,
    /// τ of an identity, or the gain of Xavier (default 1), Kaiming (default √2, for ReLU),
    /// hadamard and orthogonal (default 1)
    #[arg(long, value_name = "G", value_parser = finite, allow_negative_numbers = true)]
    gain: Option<f32>,
    /// ε of idiz, idizc and dirac-zero [default: 1e-6]
    #[arg(long, value_name = "E", value_parser = finite, allow_negative_numbers = true)]
    eps: Option<f32>,
    /// The standard deviation of normal and truncated-normal (default 1) and of loose (default
    /// 1e-6)
    #[arg(long, value_name = "S", value_parser = positive)]
    std: Option<f32>,
    /// The bound of uniform [default: 1]
    #[arg(long, value_name = "B", value_parser = positive)]
    bound: Option<f32>,
    /// The value of constant [default: 1]
    #[arg(long, value_name = "V", value_parser = finite, allow_negative_numbers = true)]
    value: Option<f32>,
    /// The fan whose variance Kaiming keeps: in (the default) or out
    #[arg(long, value_enum, hide_possible_values = true, value_name = "in|out")]
    fan: Option<Side>,
    /// What random numbers depend on
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The number of the weight in its model; two of one seed differ by it
    #[arg(long, value_name = "T", default_value_t = 0)]
    tensor: u32,
    /// What is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file to write; it appears when all of it is there [default: standard output]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A rule by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// IDI: τ where output m meets input m mod in (§3.2)
    Idi,
    /// IDIZ: ε and −ε in each row (§3.3)
    Idiz,
    /// IDIC: IDI over the patches of a convolution (§3.4)
    Idic,
    /// IDIZC: IDIZ over the patches of a convolution (§3.4)
    Idizc,
    /// IDI at the centre of the kernel (eq. 12)
    Dirac,
    /// IDIZ at the centre of the kernel
    DiracZero,
    /// 0 everywhere
    Zero,
    /// One value everywhere
    Constant,
    /// ZerO: identities and Hadamard matrices (Zhao et al. 2021)
    Hadamard,
    /// IDI with noise on its τ
    Loose,
    /// Uniform within a bound
    Uniform,
    /// Normal
    Normal,
    /// Normal, within 2 standard deviations
    TruncatedNormal,
    /// Uniform with the variance 2 / (fan in + fan out) (Glorot & Bengio 2010)
    XavierUniform,
    /// Normal with that variance
    XavierNormal,
    /// Uniform with the variance gain² / fan (He et al. 2015)
    KaimingUniform,
    /// Normal with that variance
    KaimingNormal,
    /// Uniform with the variance 1 / fan in (LeCun et al. 1998)
    LecunUniform,
    /// Normal with that variance
    LecunNormal,
    /// What PyTorch gives its layers: uniform within 1 / √(fan in)
    Torch,
    /// Orthogonal (Saxe et al. 2014)
    Orthogonal,
}

#[derive(Clone, Copy, ValueEnum)]
enum PatchOrder {
    Spatial,
    Channel,
    Diagonal,
}

#[derive(Clone, Copy, ValueEnum)]
enum Side {
    In,
    Out,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each output, numbers between commas
    Csv,
    /// A line for each output, a mark for each number
    Picture,
    /// One object: the sizes, and an array for each output
    Json,
}

/// Rows and columns of a kernel.
#[derive(Clone, Copy)]
struct Kernel([u32; 2]);

impl FromStr for Kernel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = |text: &str| text.parse().map_err(|_| "a kernel is K or KHxKW, as in 3 or 1x3");
        match text.split_once('x') {
            Some((height, width)) => Ok(Self([size(height)?, size(width)?])),
            None => Ok(Self([size(text)?; 2])),
        }
    }
}

/// Parses a number.
pub fn finite(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|x: &f32| x.is_finite()).ok_or("not a number")
}

/// Parses a number from 0 on.
pub fn positive(text: &str) -> Result<f32, &'static str> {
    finite(text).ok().filter(|&x| x >= 0.0).ok_or("not a number from 0 on")
}

impl Weights {
    pub fn run(self) -> Result<(), Failure> {
        let dims = self.dims()?;
        let rows = Rows::new(self.written(dims)?, dims)?;
        output::write(self.file.as_deref(), |out| match self.format {
            Format::Csv => rows.csv(out),
            Format::Picture => rows.picture(out),
            Format::Json => rows.json(out, &self.rule.text(), self.inputs),
        })
    }

    fn dims(&self) -> Result<Dims, Failure> {
        let Self { out, inputs, kernel: Kernel(kernel), groups, .. } = *self;
        if groups > 0 && !inputs.is_multiple_of(groups) {
            let why = format!("{inputs} inputs do not divide into {groups} groups");
            return Err(Failure::Usage(why));
        }
        let inp = inputs.checked_div(groups).unwrap_or(inputs);
        Dims::new(out, inp, kernel, groups).map_err(Failure::usage)
    }

    /// The rule with its numbers, where all that were given belong to it.
    fn written(&self, d: Dims) -> Result<Written, Failure> {
        use Name::*;
        let one_tap = d.taps() == 1;
        match self.rule {
            Idi if !one_tap => return Err(Failure::usage("idi has no kernel: use idic or dirac")),
            Idiz if !one_tap => {
                return Err(Failure::usage("idiz has no kernel: use idizc or dirac-zero"));
            }
            _ => self.check_options()?,
        }
        let order = match self.order {
            Some(PatchOrder::Channel) => Order::ChannelMajor,
            Some(PatchOrder::Diagonal) => Order::Diagonal,
            _ => Order::SpatialMajor,
        };
        let fan = match self.fan {
            Some(Side::Out) => Fan::Out,
            _ => Fan::In,
        };
        let key = Key { seed: self.seed, tensor: self.tensor };
        let gain = self.gain.unwrap_or(gain::LINEAR);
        let kaiming = self.gain.unwrap_or(gain::RELU);
        let (eps, std) = (self.eps.unwrap_or(EPS), self.std.unwrap_or(1.0));
        let rule: Rule = match self.rule {
            Idi | Idic => Exact::Identity { gain, order }.into(),
            Idiz | Idizc => Exact::ZeroPreserving { eps, order }.into(),
            Dirac => Exact::Dirac { gain }.into(),
            DiracZero => Exact::DiracZero { eps }.into(),
            Zero => Exact::Zero.into(),
            Constant => Exact::Constant { value: self.value.unwrap_or(1.0) }.into(),
            Hadamard => Exact::Hadamard { gain }.into(),
            Loose => {
                let std = self.std.unwrap_or(1e-6);
                Random::Loose { gain, order, std, key }.into()
            }
            Uniform => Random::uniform(self.bound.unwrap_or(1.0), key).into(),
            Normal => Random::normal(std, key).into(),
            TruncatedNormal => Random::TruncatedNormal { std, key }.into(),
            XavierUniform => Random::xavier_uniform(d, gain, key).into(),
            XavierNormal => Random::xavier_normal(d, gain, key).into(),
            KaimingUniform => Random::kaiming_uniform(d, fan, kaiming, key).into(),
            KaimingNormal => Random::kaiming_normal(d, fan, kaiming, key).into(),
            LecunUniform => Random::lecun_uniform(d, key).into(),
            LecunNormal => Random::lecun_normal(d, key).into(),
            Torch => Random::torch_default(d, key).into(),
            Orthogonal => {
                return Ok(Written::Orthogonal(idinit::rule::Orthogonal { gain, key }));
            }
        };
        Ok(Written::Rule(rule))
    }

    /// A number that a rule would not look at is a mistake.
    fn check_options(&self) -> Result<(), Failure> {
        use Name::*;
        let rule = self.rule;
        let takes = [
            ("--order", self.order.is_some(), matches!(rule, Idic | Idizc | Loose)),
            (
                "--gain",
                self.gain.is_some(),
                matches!(
                    rule,
                    Idi | Idic
                        | Dirac
                        | Hadamard
                        | Loose
                        | XavierUniform
                        | XavierNormal
                        | KaimingUniform
                        | KaimingNormal
                        | Orthogonal
                ),
            ),
            ("--eps", self.eps.is_some(), matches!(rule, Idiz | Idizc | DiracZero)),
            ("--std", self.std.is_some(), matches!(rule, Normal | TruncatedNormal | Loose)),
            ("--bound", self.bound.is_some(), rule == Uniform),
            ("--value", self.value.is_some(), rule == Constant),
            ("--fan", self.fan.is_some(), matches!(rule, KaimingUniform | KaimingNormal)),
        ];
        match takes.into_iter().find(|&(_, given, taken)| given && !taken) {
            None => Ok(()),
            Some((option, ..)) => {
                Err(Failure::Usage(format!("the rule {} takes no {option}", rule.text())))
            }
        }
    }
}

impl Name {
    fn text(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_string())
    }
}
