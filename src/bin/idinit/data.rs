//! The data sets by name.

use crate::failure::Failure;
use clap::{Args, ValueEnum};
use idinit::data::folder::{self, Folder, Size};
use idinit::data::idx::{self, Part};
use idinit::data::text::{Text, Unit};
use idinit::data::{Chance, DataError, Images, Lines, Vary, Vocabulary, cifar10, glove, sst};
use idinit::model::catalog::Task;
use idinit::shape::Shape;
use idinit::train::{Digits, Examples, Pictures, Varied};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Data {
    /// 1,797 handwritten digits of 8×8 pixels, which are part of this program
    Digits,
    /// 70,000 handwritten digits of 28×28 pixels, from files
    Mnist,
    /// 70,000 articles of clothing of 28×28 pixels, from files
    Fashion,
    /// 60,000 photographs of 32×32 pixels, from files
    Cifar10,
    /// Pictures of 224×224 pixels in DIR/imagenet/train and val, a folder for each class
    Imagenet,
    /// Pictures in a folder for each class: those of --data-dir, or of train and val in it
    Folder,
    /// Sentences of film reviews, good or bad
    Sst2,
    /// Sentences of film reviews, in five classes
    Sst5,
    /// Plain text: that of --text, or "Moby Dick"
    Text,
}

/// What is chosen about data.
#[derive(Args)]
#[command(next_help_heading = "Data")]
pub struct Source {
    /// The folder with the files of sets that examples/get-data.sh fetches, or with class folders
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// The plain text to learn, where the data is text
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// What a token of plain text is
    #[arg(long, value_enum, default_value = "bytes")]
    pub unit: Token,
    /// Rows and columns of pictures: of those from a folder [default: 224 of imagenet, else 64], or
    /// of a set whose pictures are then halved until they have so many
    #[arg(long, value_name = "PIXELS")]
    pub side: Option<u32>,
    /// Learn from the first examples only, at most so many
    #[arg(long, value_name = "N")]
    pub first: Option<NonZeroUsize>,
    /// Where the vectors of words come from: from GloVe, where its file is there and the width is
    /// 50 (auto), from it in any case (glove), or from the start (none)
    #[arg(long, value_enum, default_value = "auto")]
    pub vectors: Vectors,
    /// Another file of vectors, a line `WORD v1 v2 …` for each word, plain or packed by gzip
    #[arg(long, value_name = "FILE")]
    pub vectors_file: Option<PathBuf>,
}

/// What a token of plain text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Token {
    /// A byte
    Bytes,
    /// A character
    Characters,
}

/// Where the vectors of words come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Vectors {
    /// GloVe if it is there
    Auto,
    /// GloVe
    Glove,
    /// The start
    None,
}

/// What to learn from, and what to be judged by.
pub struct Parts {
    pub train: Box<dyn Examples + Send>,
    pub test: Box<dyn Examples + Send>,
    /// What the data asks of a network, now that it is known.
    pub task: Task,
    /// The names of the classes, where they have any.
    pub classes: Vec<String>,
    /// Words by number, where the data has words.
    pub vocabulary: Option<Vocabulary>,
}

/// How the examples to learn from are varied, one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variation {
    pub crop: bool,
    pub flip: bool,
}

impl Parts {
    /// The checksum of all data.
    pub fn checksum(&self) -> Result<u64, DataError> {
        let sums = [self.train.checksum()?, self.test.checksum()?];
        Ok(idinit::checkpoint::checksum(&sums.map(u64::to_le_bytes).concat()))
    }
}

impl Data {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Mnist => "mnist",
            Self::Fashion => "fashion",
            Self::Cifar10 => "cifar10",
            Self::Imagenet => "imagenet",
            Self::Folder => "folder",
            Self::Sst2 => "sst2",
            Self::Sst5 => "sst5",
            Self::Text => "text",
        }
    }

    /// What it asks of a network, as far as that is known before it is read.
    pub fn task(self) -> Result<Task, Failure> {
        if self == Self::Folder {
            return Ok(Task::Pictures { shape: Shape::hwc(64, 64, 3), classes: 10 });
        }
        let name = self.name();
        Task::of(name).ok_or_else(|| Failure::failed(format!("{name} asks for no network")))
    }

    /// Reads the set for a network of this task, which has what was chosen about it.
    pub fn load(self, source: &Source, task: Task, vary: Variation) -> Result<Parts, Failure> {
        let fixed = matches!(self, Self::Digits | Self::Sst2 | Self::Sst5 | Self::Text);
        if fixed && source.side.is_some() {
            let why = format!("{} has no pictures that --side could change", self.name());
            return Err(Failure::Usage(why));
        }
        let mut parts = self.load_all(source, task, vary)?;
        if let Some(count) = source.first {
            parts.train = Box::new(First { examples: parts.train, count: count.get() });
        }
        Ok(parts)
    }

    fn load_all(self, source: &Source, task: Task, vary: Variation) -> Result<Parts, Failure> {
        let dir = &source.data_dir;
        let images = |load: &dyn Fn(Part) -> Result<Images, DataError>, normal| {
            let part = |part| {
                let images = shrunk(load(part).map_err(Failure::failed)?, source.side)?;
                Ok::<_, Failure>(Pictures { images, normal })
            };
            Ok(pictures(part(Part::Train)?, part(Part::Test)?, task, vary))
        };
        let idx = |set: idx::Set| images(&|part| idx::load(dir, set, part), set.normal());
        match self {
            Self::Digits => Ok(pictures(Digits::Train, Digits::Test, task, vary)),
            Self::Mnist => idx(idx::Set::Mnist),
            Self::Fashion => idx(idx::Set::Fashion),
            Self::Cifar10 => images(&|part| cifar10::load(dir, part), cifar10::NORMAL),
            Self::Imagenet => folders(&dir.join("imagenet"), source.side.unwrap_or(224), vary),
            Self::Folder => folders(dir, source.side.unwrap_or(64), vary),
            Self::Sst2 => sentences(dir, sst::Grain::Binary, task),
            Self::Sst5 => sentences(dir, sst::Grain::Fine, task),
            Self::Text => plain_text(source, task),
        }
    }
}

fn pictures<E: Examples + Send + 'static>(train: E, test: E, task: Task, vary: Variation) -> Parts {
    // as the pictures are, of which --side may have changed the shape
    let task = match task {
        Task::Pictures { classes, .. } => Task::Pictures { shape: train.shape(), classes },
        other => other,
    };
    // four pixels of CIFAR's 32
    let pad = if vary.crop { train.shape().height.div_ceil(8) } else { 0 };
    let train: Box<dyn Examples + Send> = match vary == Variation::default() {
        true => Box::new(train),
        false => Box::new(Varied { examples: train, how: Vary { pad, flip: vary.flip } }),
    };
    Parts { train, test: Box::new(test), task, classes: Vec::new(), vocabulary: None }
}

/// Images halved until they have so many rows and columns.
fn shrunk(mut images: Images, side: Option<u32>) -> Result<Images, Failure> {
    let Some(side) = side else { return Ok(images) };
    let whole = images.height;
    while images.height > side {
        let Some(half) = images.halved() else { break };
        images = half;
    }
    match images.height == side {
        true => Ok(images),
        false => {
            let why = format!("pictures of {whole} rows cannot be halved to --side {side}");
            Err(Failure::Usage(why))
        }
    }
}

/// The first of some examples.
struct First {
    examples: Box<dyn Examples + Send>,
    count: usize,
}

impl Examples for First {
    fn count(&self) -> usize {
        self.examples.count().min(self.count)
    }

    fn shape(&self) -> Shape {
        self.examples.shape()
    }

    fn labels(&self) -> usize {
        self.examples.labels()
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        self.examples.read(i, x, labels)
    }

    fn vary(
        &self,
        i: usize,
        chance: Chance,
        x: &mut [f32],
        labels: &mut [u32],
    ) -> Result<(), DataError> {
        self.examples.vary(i, chance, x, labels)
    }

    fn checksum(&self) -> Result<u64, DataError> {
        let sums = [self.examples.checksum()?, self.count() as u64];
        Ok(idinit::checkpoint::checksum(&sums.map(u64::to_le_bytes).concat()))
    }
}

/// Some pictures of a folder; drawn parts of them, where they are cropped or mirrored at all.
struct Chosen {
    folder: Arc<Folder>,
    numbers: Vec<usize>,
    varied: bool,
}

impl Examples for Chosen {
    fn count(&self) -> usize {
        self.numbers.len()
    }

    fn shape(&self) -> Shape {
        Examples::shape(&*self.folder)
    }

    fn read(&self, i: usize, x: &mut [f32], labels: &mut [u32]) -> Result<(), DataError> {
        self.folder.read(self.number(i)?, x, labels)
    }

    fn checksum(&self) -> Result<u64, DataError> {
        // which of them are held back is by their number
        self.folder.checksum()
    }

    fn vary(
        &self,
        i: usize,
        chance: Chance,
        x: &mut [f32],
        labels: &mut [u32],
    ) -> Result<(), DataError> {
        match self.varied {
            true => self.folder.vary(self.number(i)?, chance, x, labels),
            false => self.read(i, x, labels),
        }
    }
}

impl Chosen {
    fn number(&self, i: usize) -> Result<usize, DataError> {
        let gone = DataError::Number { number: i, count: self.numbers.len() };
        self.numbers.get(i).copied().ok_or(gone)
    }
}

/// Pictures in class folders. Where there is no folder to be judged by, every fifth picture is held
/// back.
fn folders(dir: &Path, crop: u32, vary: Variation) -> Result<Parts, Failure> {
    // 256 for 224
    let size = Size { side: (u64::from(crop) * 8 / 7) as u32, crop };
    let open = |dir: &Path| {
        Folder::open(dir, size, folder::IMAGENET).map(Arc::new).map_err(Failure::failed)
    };
    let held_back = ["val", "test"].into_iter().map(|name| dir.join(name));
    let held_back = held_back.into_iter().find(|dir| dir.is_dir());
    let varied = vary != Variation::default();
    let (train, test) = match (dir.join("train"), held_back) {
        (train, Some(test)) if train.is_dir() => {
            let (train, test) = (open(&train)?, open(&test)?);
            train.same_classes(&test).map_err(Failure::failed)?;
            let all = |folder: &Folder| (0..folder.len()).collect();
            let numbers = (all(&train), all(&test));
            (
                Chosen { folder: train, numbers: numbers.0, varied },
                Chosen { folder: test, numbers: numbers.1, varied: false },
            )
        }
        (train, _) => {
            let folder = open(if train.is_dir() { &train } else { dir })?;
            let (test, train) = (0..folder.len()).partition(|number| number % 5 == 4);
            (
                Chosen { folder: Arc::clone(&folder), numbers: train, varied },
                Chosen { folder, numbers: test, varied: false },
            )
        }
    };
    let classes = train.folder.classes().to_vec();
    let task = Task::Pictures { shape: train.shape(), classes: classes.len() as u32 };
    let (train, test) = (Box::new(train), Box::new(test));
    Ok(Parts { train, test, task, classes, vocabulary: None })
}

fn sentences(dir: &Path, grain: sst::Grain, task: Task) -> Result<Parts, Failure> {
    let load = |part| sst::load(dir, grain, part).map_err(Failure::failed);
    let (train, test) = (load(sst::Part::Train)?, load(sst::Part::Test)?);
    let Task::Texts { words, vocabulary: most, classes } = task else {
        return Err(Failure::failed("sentences ask for a network of texts"));
    };
    let vocabulary = Vocabulary::of_sentences(&train, 1, most as usize);
    let longest = train.iter().map(|sentence| sentence.words.len()).max().unwrap_or(1);
    let words = words.min(longest as u32).max(1);
    let lines = |sentences: &[_]| Box::new(Lines::new(sentences, &vocabulary, words));
    let (train, test) = (lines(&train), lines(&test));
    let task = Task::Texts { words, vocabulary: vocabulary.len() as u32, classes };
    Ok(Parts { train, test, task, classes: Vec::new(), vocabulary: Some(vocabulary) })
}

fn plain_text(source: &Source, task: Task) -> Result<Parts, Failure> {
    let unit = match source.unit {
        Token::Bytes => Unit::Bytes,
        Token::Characters => Unit::Characters,
    };
    let text = match &source.text {
        Some(file) => Text::load(file, unit),
        None => Text::moby_dick(&source.data_dir, unit),
    };
    let text = text.map_err(Failure::failed)?;
    let Task::Language { context, .. } = task else {
        return Err(Failure::failed("plain text asks for a language model"));
    };
    let [train, test] = text.windows(context, 0.1);
    if train.is_empty() || test.is_empty() {
        let tokens = text.len();
        return Err(Failure::usage(format!(
            "a text of {tokens} tokens is too short for a context of {context}"
        )));
    }
    let task = Task::Language { context, vocabulary: text.vocabulary() };
    let (train, test) = (Box::new(train), Box::new(test));
    Ok(Parts { train, test, task, classes: Vec::new(), vocabulary: None })
}

/// The vectors of GloVe for a vocabulary, where they are wanted and there: `[vocabulary, 50]`.
pub fn vectors(
    source: &Source,
    vocabulary: &Vocabulary,
    width: usize,
    seed: u64,
) -> Result<Option<glove::Table>, Failure> {
    let there = || {
        let file = source.data_dir.join("glove/glove.6B.50d.txt");
        file.is_file() || file.with_extension("txt.gz").is_file()
    };
    if let (Some(file), true) = (&source.vectors_file, source.vectors != Vectors::None) {
        return glove::read(file, vocabulary, width, seed).map(Some).map_err(Failure::failed);
    }
    match source.vectors {
        Vectors::None => Ok(None),
        Vectors::Auto if width != glove::WIDTH || !there() => Ok(None),
        Vectors::Glove if width != glove::WIDTH => Err(Failure::usage(format!(
            "GloVe's vectors have {} numbers, and --width is {width}",
            glove::WIDTH
        ))),
        _ => glove::load(&source.data_dir, vocabulary, seed).map(Some).map_err(Failure::failed),
    }
}
