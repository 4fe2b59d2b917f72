//! What each tensor of somebody's model is for, told by its name and its sizes.
//!
//! A module's name is read from its end: `attn.c_proj` is the last of an attention branch wherever it
//! stands. The rules are tried in this order; the first that fits holds.
//!
//! | rule | a tensor | is |
//! |---|---|---|
//! | integers | whose numbers are no floats | kept |
//! | running statistics | `running_mean`, `running_var` | zero, one |
//! | tables | with `embed`, `wte`, `wpe`, `position`, `token`, `cls`, `relative_attention_bias` or `shared` at the end of its module | table |
//! | biases | named `…bias…` or `beta`, of one size | zero |
//! | gains | any other of one size that is `weight`, `gamma`, `scale` or `gain` | one |
//! | buffers | any other that is no `weight` of two to four sizes | kept |
//! | skips | in a `downsample`, `shortcut` or `skip` of a block | skip |
//! | gates | in a squeeze-and-excitation (`se`, `se_module`, `squeeze`) | main |
//! | ends | the last of an attention or of a feed-forward branch by name (`out_proj`, `o_proj`, `c_proj`, `fc2`, `down_proj`, `output.dense`, …) | end |
//! | numbered ends | the `conv`, `fc`, `linear`, `mlp.` of a block with the highest number | end |
//! | inverted bottlenecks | `conv_pwl` of a block, or its `conv_pw` where it has none | end |
//! | branches | any other in a numbered block | branch |
//! | heads | outside of blocks, `head`, `fc`, `classifier`, `lm_head`, `score`, `logits`, `qa_outputs` or `decoder` | head |
//! | first | outside of blocks, the stem: `conv1`, `stem`, `conv_stem`, `patch_embed`, `conv_proj`, or the first of the file where there is no table | main, first of the list |
//! | others | all that is left | main |
//!
//! Where a block has one matrix only, it is no residual branch, and its matrix is of the main path.
//! Activations are taken for rectifiers where there are running statistics and no attention.

use super::safetensors::{Dtype, Item};
use crate::recipe::list::Part;
use crate::rule::Dims;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It starts as a scheme says.
    Start(Part),
    /// It stays as it is.
    Keep,
}

impl Role {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start(part) => part.name(),
            Self::Keep => "keep",
        }
    }

    /// The role of that name.
    pub fn of(name: &str) -> Option<Self> {
        let parts = Part::ALL.iter().map(|part| Self::Start(*part));
        parts.chain([Self::Keep]).find(|role| role.name() == name)
    }
}

/// What is known of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// What it is for.
    pub role: Role,
    /// The rule that said so.
    pub why: &'static str,
    /// Groups of its outputs.
    pub groups: u32,
    /// Whether it is stored as `[in, out]`.
    pub transposed: bool,
    /// Whether it is the first layer.
    pub first: bool,
}

/// What is known of all tensors of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Each tensor, in the order of the items.
    pub guesses: Vec<Guess>,
    /// Whether activations are rectifiers.
    pub relu: bool,
    /// Whether the model attends.
    pub attention: bool,
}

const TABLES: &[&str] = &[
    "embed",
    "wte",
    "wpe",
    "position",
    "pos_emb",
    "token",
    "cls",
    "relative_attention_bias",
    "relative_position_bias_table",
    "shared",
];
const SKIPS: &[&str] = &["downsample", "shortcut", "skip"];
const GATES: &[&str] = &["se", "se_module", "squeeze", "squeeze_excite"];
/// The ends of modules' names that are the last of a residual branch.
const ENDS: &[&str] = &[
    "out_proj",
    "o_proj",
    "attn.proj",
    "attention.proj",
    "c_proj",
    "output.dense",
    "attention.dense",
    "self_attention.dense",
    "SelfAttention.o",
    "EncDecAttention.o",
    "DenseReluDense.wo",
    "attention.wo",
    "out_lin",
    "mlp.fc2",
    "ffn.fc2",
    "ffn.lin2",
    "ffn.w2",
    "feed_forward.w2",
    "down_proj",
    "dense_4h_to_h",
    "linear2",
    "fc2",
];
/// Words before a number: of those in a block, the highest is the last of the branch.
const NUMBERED: &[&str] = &["conv", "fc", "linear", "lin", "mlp.", "net.", "branch."];
const HEADS: &[&str] = &[
    "head",
    "heads",
    "fc",
    "classifier",
    "lm_head",
    "score",
    "logits",
    "qa_outputs",
    "decoder",
    "out_proj",
];
const STEMS: &[&str] =
    &["conv1", "stem", "conv_stem", "patch_embed", "conv_proj", "patch_embedding"];

/// The name of a tensor, taken apart.
struct Name<'a> {
    /// All but the last word.
    module: &'a str,
    /// `weight`, `bias`, …
    leaf: &'a str,
    /// Up to the number of the innermost block, and what follows.
    block: Option<(&'a str, &'a str)>,
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word numbers a block: `3`, or `encoder_layer_3`.
fn numbers(word: &str) -> bool {
    is_number(word) || word.rsplit_once("layer_").is_some_and(|(_, number)| is_number(number))
}

/// Words that a number stands behind without numbering a block: parts of a `Sequential`.
fn is_sequential(word: &str) -> bool {
    let parts =
        ["mlp", "net", "downsample", "shortcut", "skip", "classifier", "fn", "stem", "branch"];
    parts.contains(&word) || word.starts_with("conv") || GATES.contains(&word)
}

impl<'a> Name<'a> {
    fn of(name: &'a str) -> Self {
        let (module, leaf) = match name.rsplit_once('.') {
            Some((module, leaf)) => (module, leaf),
            // nn.MultiheadAttention's own: the module is the parameter
            None => (name, ""),
        };
        let (module, leaf) = match (leaf, name) {
            ("in_proj_weight", _) => (name, "weight"),
            ("in_proj_bias", _) => (name, "bias"),
            _ => (module, leaf),
        };
        let (mut end, mut block) = (0, None);
        let mut before = "";
        for word in module.split('.') {
            end += word.len();
            // a number at the end is a layer, and a block has layers behind its number
            let counts = numbers(word) && !is_sequential(before) && end < module.len();
            if counts && let Some((front, back)) = module.split_at_checked(end) {
                block = Some((front, back.trim_start_matches('.')));
            }
            end += 1;
            before = word;
        }
        Self { module, leaf, block }
    }

    /// Whether the module's name ends with these words.
    fn ends_with(&self, words: &str) -> bool {
        let front = self.module.strip_suffix(words);
        front.is_some_and(|front| front.is_empty() || front.ends_with('.'))
    }

    fn last(&self) -> &'a str {
        self.module.rsplit('.').next().unwrap_or(self.module)
    }

    fn has(&self, words: &[&str]) -> bool {
        self.module.split('.').any(|word| words.contains(&word))
    }

    /// A word of [`NUMBERED`] and the number behind it, within the block.
    fn numbered(&self) -> Option<(&'static str, u32)> {
        let (_, inside) = self.block?;
        NUMBERED.iter().find_map(|word| {
            let at = inside.rfind(word)?;
            let number = inside.get(at + word.len()..)?;
            (is_number(number)).then(|| Some((*word, number.parse().ok()?)))?
        })
    }
}

/// Whether a start can have numbers of this type.
pub const fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F64 | Dtype::F16 | Dtype::BF16)
}

/// What a name alone says of a tensor, where it is no matrix.
fn told(item: &Item, name: &Name<'_>) -> Option<(Role, &'static str)> {
    let part = |part| Role::Start(part);
    let rank = item.shape.len();
    let leaf = if name.leaf.is_empty() { name.module } else { name.leaf };
    let last = if name.leaf == "weight" { name.last() } else { leaf };
    let words = last.to_ascii_lowercase();
    let table = TABLES.iter().any(|table| words.contains(table));
    Some(match leaf {
        _ if !is_float(item.dtype) => (Role::Keep, "integers"),
        "running_mean" => (part(Part::Zero), "running statistics"),
        "running_var" => (part(Part::One), "running statistics"),
        _ if table && (2..=3).contains(&rank) => (part(Part::Table), "tables"),
        _ if rank == 1 && (leaf.contains("bias") || leaf == "beta") => (part(Part::Zero), "biases"),
        "weight" | "gamma" | "scale" | "gain" if rank == 1 => (part(Part::One), "gains"),
        _ if leaf.contains("weight") && (2..=4).contains(&rank) => return None,
        _ => (Role::Keep, "buffers"),
    })
}

/// What each tensor of a model is for.
pub fn roles(items: &[Item]) -> Roles {
    let names: Vec<Name<'_>> = items.iter().map(|item| Name::of(&item.name)).collect();
    let all = || items.iter().zip(&names);
    let attends = |name: &Name<'_>| {
        let module = name.module.to_ascii_lowercase();
        ["attn", "attention", "q_proj"].iter().any(|word| module.contains(word))
            && !module.contains("relative_attention_bias")
    };
    let attention = names.iter().any(attends);
    let statistics = names.iter().any(|name| name.leaf == "running_var");
    let mut guesses: Vec<Guess> = all()
        .map(|(item, name)| {
            let (role, why) = told(item, name).unwrap_or((Role::Start(Part::Main), "others"));
            Guess { role, why, groups: 1, transposed: false, first: false }
        })
        .collect();
    let matrices: Vec<usize> =
        (0..items.len()).filter(|&i| told(&items[i], &names[i]).is_none()).collect();

    let turned = transposed(items, &names);
    let mut in_block: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &i in &matrices {
        let name = &names[i];
        let shape = &items[i].shape;
        guesses[i].transposed = turned && shape.len() == 2 && name.block.is_some();
        guesses[i].groups = groups(items, name, shape);
        if let Some((block, _)) = name.block {
            in_block.entry(block).or_default().push(i);
        }
    }
    for inside in in_block.values() {
        block(inside, &names, &mut guesses);
    }
    outside(&matrices, items, &names, &mut guesses);
    Roles { guesses, relu: statistics && !attention, attention }
}

/// Says what the matrices of a block are.
fn block(inside: &[usize], names: &[Name<'_>], guesses: &mut [Guess]) {
    let is_side = |i: usize| names[i].has(SKIPS) || names[i].has(GATES);
    let own = inside.iter().filter(|&&i| !is_side(i)).count();
    let mut highest: BTreeMap<&str, u32> = BTreeMap::new();
    for &i in inside.iter().filter(|&&i| !is_side(i)) {
        if let Some((word, number)) = names[i].numbered() {
            let most = highest.entry(word).or_default();
            *most = number.max(*most);
        }
    }
    let has = |last: &str| inside.iter().any(|&i| names[i].last() == last);
    let (pwl, depthwise) = (has("conv_pwl"), has("conv_dw"));
    for &i in inside {
        let name = &names[i];
        let last = name.last();
        let numbered = name.numbered();
        let (part, why) = match () {
            () if name.has(SKIPS) => (Part::Skip, "skips"),
            () if name.has(GATES) => (Part::Main, "gates"),
            () if own < 2 => (Part::Main, "others"),
            () if ENDS.iter().any(|end| name.ends_with(end)) => (Part::End, "ends"),
            () if numbered
                .is_some_and(|(word, number)| highest.get(word) == Some(&number) && number > 0) =>
            {
                (Part::End, "numbered ends")
            }
            () if last == "conv_pwl" || (last == "conv_pw" && depthwise && !pwl) => {
                (Part::End, "inverted bottlenecks")
            }
            () => (Part::Branch, "branches"),
        };
        (guesses[i].role, guesses[i].why) = (Role::Start(part), why);
    }
}

/// Says what the matrices outside of blocks are.
fn outside(matrices: &[usize], items: &[Item], names: &[Name<'_>], guesses: &mut [Guess]) {
    let outside = || matrices.iter().copied().filter(|&i| names[i].block.is_none());
    // of several in one classifier, the last
    let head = outside()
        .filter(|&i| {
            let mut words = names[i].module.split('.');
            words.any(|word| HEADS.contains(&word)) && !is_stem(&names[i])
        })
        .max_by_key(|&i| (items[i].shape.len() == 2, natural(&items[i].name)));
    if let Some(head) = head {
        (guesses[head].role, guesses[head].why) = (Role::Start(Part::Head), "heads");
    }
    let tables = guesses.iter().any(|guess| guess.role == Role::Start(Part::Table));
    let stem = outside()
        .filter(|&i| Some(i) != head && is_stem(&names[i]))
        .min_by_key(|&i| natural(&items[i].name));
    let first = stem.or_else(|| if tables { None } else { matrices.first().copied() });
    if let Some(first) = first.filter(|first| guesses[*first].role == Role::Start(Part::Main)) {
        (guesses[first].first, guesses[first].why) = (true, "first");
    }
}

fn is_stem(name: &Name<'_>) -> bool {
    name.has(STEMS)
}

/// A name with its numbers filled up with zeros, so that they sort as numbers do.
pub fn natural(name: &str) -> String {
    let word = |word: &str| if is_number(word) { format!("{word:0>8}") } else { word.to_string() };
    name.split('.').map(word).collect::<Vec<_>>().join(".")
}

/// Whether the matrices of blocks are stored as `[in, out]`: their biases are as long as the second
/// size, and no bias is as long as the first where the two differ.
fn transposed(items: &[Item], names: &[Name<'_>]) -> bool {
    let mut votes = [0, 0];
    for (item, name) in items.iter().zip(names) {
        let [first, second] = item.shape[..] else { continue };
        if name.leaf != "weight" || first == second || name.block.is_none() {
            continue;
        }
        let bias = items
            .iter()
            .zip(names)
            .find(|(_, other)| other.module == name.module && other.leaf == "bias");
        match bias.map(|(bias, _)| &bias.shape[..]) {
            Some([len]) if *len == second => votes[1] += 1,
            Some([len]) if *len == first => votes[0] += 1,
            _ => {}
        }
    }
    votes[1] > 0 && votes[0] == 0
}

/// Groups of outputs: a depthwise kernel has one for each, the weight of a recurrent layer one for
/// each gate.
fn groups(items: &[Item], name: &Name<'_>, shape: &[usize]) -> u32 {
    let groups = match shape {
        [out, 1, kernel @ ..] if *out > 1 && kernel.iter().product::<usize>() > 1 => *out,
        [out, _] if name.leaf.starts_with("weight_ih") || name.leaf.starts_with("weight_hh") => {
            let state = name.leaf.replace("_ih", "_hh");
            let state = format!("{}.{state}", name.module);
            match items.iter().find(|item| item.name == state).map(|item| &item.shape[..]) {
                Some([_, hidden]) if *hidden > 0 => out / hidden,
                _ => 1,
            }
        }
        _ => 1,
    };
    u32::try_from(groups).unwrap_or(1).max(1)
}

/// The sizes of a tensor as rules have them.
///
/// # Errors
/// In words, where no rule has such sizes.
pub fn dims(item: &Item, guess: &Guess) -> Result<Dims, String> {
    let sizes: Option<Vec<u32>> = item.shape.iter().map(|size| (*size).try_into().ok()).collect();
    let (out, inp, kernel) = match (sizes.as_deref(), guess.role) {
        (Some([out]), _) => (*out, 1, [1, 1]),
        // rows of a table, whatever stands before them
        (Some([1, out, inp]), Role::Start(Part::Table)) => (*out, *inp, [1, 1]),
        (Some([inp, out]), _) if guess.transposed => (*out, *inp, [1, 1]),
        (Some([out, inp]), _) => (*out, *inp, [1, 1]),
        (Some([out, inp, width]), _) => (*out, *inp, [1, *width]),
        (Some([out, inp, height, width]), _) => (*out, *inp, [*height, *width]),
        _ => return Err(format!("{}: no rule is for {} sizes", item.name, item.shape.len())),
    };
    Dims::new(out, inp, kernel, guess.groups).map_err(|error| format!("{}: {error}", item.name))
}
