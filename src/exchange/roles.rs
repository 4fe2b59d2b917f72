//! What each tensor of somebody's model is for, told by its name and its sizes.
//!
//! A module's name is read from its end: `attn.c_proj` is the last of an attention branch wherever it
//! stands. The rules are tried in this order; the first that fits holds.
//!
//! | rule | a tensor | is |
//! |---|---|---|
//! | types | whose numbers are no floats of 16 bits or more | kept |
//! | running statistics | `running_mean`, `running_var` | zero, one |
//! | tables | whose module ends in `embeddings`, `embed_tokens`, `wte`, `pos_embed`, `cls_token` and the like | table |
//! | biases | named `…bias…` or `beta`, of one size | zero |
//! | gains | any other of one size that is `weight`, `gamma`, `scale` or `gain` | one |
//! | buffers | any other that is no `weight` of two to four sizes | kept |
//! | skips | in a `downsample`, `shortcut` or `skip` of a block | skip |
//! | gates | in a squeeze-and-excitation (`se`, `squeeze_excitation`, …), or `fc1` and `fc2` as 1 × 1 kernels of a block | main |
//! | ends | the last of an attention or of a feed-forward branch by name (`out_proj`, `o_proj`, `c_proj`, `fc2`, `down_proj`, `output.dense`, …) | end |
//! | numbered ends | the `conv`, `fc`, `linear`, `mlp.`, `block.` of a block with the highest number | end |
//! | inverted bottlenecks | `conv_pwl` of a block, or its `conv_pw` where it has none | end |
//! | branches | any other in a numbered block | branch |
//! | heads | outside of blocks, `head`, `fc`, `classifier`, `lm_head`, `score`, `logits` and the like; or the last matrix, where there is no table | head |
//! | first | outside of blocks, the stem: `stem`, `patch_embed`, `conv1`, `conv_stem` and the like, nearest to the root; or the first kernel by name, where there is no table | main, first of the list |
//! | others | all that is left | main |
//!
//! Where a block has one matrix only, it is no residual branch, and its matrix is of the main path.
//! A kernel of a block that looks at fewer channels than the one before it puts out is one of groups, and
//! so is a matrix of a recurrent layer, for its gates. Activations are taken for rectifiers where there are
//! running statistics and no attention. The order of the file says nothing.
//!
//! Names do not tell a transposed convolution, experts in one tensor, a layer's scale that is trained, nor
//! which tables are tied.

use super::safetensors::{Dtype, Item};
use crate::recipe::list::Part;
use crate::rule::Dims;
use std::collections::{BTreeMap, HashMap};
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

/// Modules that are tables.
const TABLES: &[&str] = &[
    "wte",
    "wpe",
    "shared",
    "emb",
    "embed",
    "embedding",
    "embeddings",
    "embed_in",
    "embed_tokens",
    "embed_positions",
    "relative_attention_bias",
    "relative_position_bias_table",
];
/// What the names of other tables end in.
const TABLE_ENDS: &[&str] = &["_embeddings", "_embedding", "_embed", "_emb", "_token", "_tokens"];
/// Names that end so and are none.
const NO_TABLES: &[&str] = &["class_embed", "bbox_embed"];
const SKIPS: &[&str] = &["downsample", "shortcut", "skip"];
const GATES: &[&str] = &[
    "se",
    "se_module",
    "se_layer",
    "squeeze",
    "squeeze_excite",
    "squeeze_excitation",
    "attn_last",
];
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
    "w2",
    "wo",
    "to_out.0",
    "self_attn.dense",
    "output_dense",
    "merge",
];
/// Words before a number: of those in a block, the highest is the last of the branch.
const NUMBERED: &[&str] =
    &["conv.", "conv", "fc", "linear", "lin", "mlp.", "net.", "branch.", "block.", "layers."];
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
    "proj_out",
    "embed_out",
    "output_projection",
];
const STEMS: &[&str] = &[
    "stem",
    "conv_stem",
    "patch_embed",
    "patch_embedding",
    "patch_embeddings",
    "conv_proj",
    "conv0",
    "conv1",
];

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

/// Whether a word numbers a block: `3`, `encoder_layer_3`, or the `b3` of a RegNet.
fn numbers(word: &str) -> bool {
    let behind = |(_, number): (&str, &str)| is_number(number);
    is_number(word)
        || word.rsplit_once("layer_").is_some_and(behind)
        || word.strip_prefix('b').is_some_and(is_number)
}

/// Words that a number stands behind without numbering a block: parts of a `Sequential`. Some number
/// blocks unless they are in one.
fn is_sequential(word: &str, in_block: bool) -> bool {
    let parts =
        ["mlp", "net", "downsample", "shortcut", "skip", "classifier", "fn", "stem", "branch"];
    parts.contains(&word)
        || word.starts_with("conv")
        || GATES.contains(&word)
        || in_block && ["block", "layers"].contains(&word)
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
        let (mut before, mut in_sequence) = ("", false);
        for word in module.split('.') {
            end += word.len();
            // what stands behind a number of a sequence is one, too
            in_sequence = is_sequential(before, block.is_some())
                || in_sequence && is_number(before) && is_number(word);
            // a number at the end is a layer, and a block has layers behind its number
            let counts = numbers(word) && !in_sequence && end < module.len();
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
            let mut places = inside.match_indices(word).map(|(at, _)| at);
            let at = places.find(|at| *at == 0 || inside[..*at].ends_with('.'))?;
            let behind = inside.get(at + word.len()..)?;
            let number = behind.split('.').next().filter(|number| is_number(number))?;
            Some((*word, number.parse().ok()?))
        })
    }

    fn depth(&self) -> usize {
        self.module.split('.').count()
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
    let word = last.to_ascii_lowercase();
    let table = TABLES.contains(&&*word) || TABLE_ENDS.iter().any(|end| word.ends_with(end));
    let table = table && !NO_TABLES.contains(&&*word);
    Some(match leaf {
        _ if !is_float(item.dtype) => (Role::Keep, "types"),
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

    let by_name: HashMap<&str, &Item> =
        items.iter().map(|item| (item.name.as_str(), item)).collect();
    let turned = transposed(&matrices, items, &by_name);
    let mut in_block: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &i in &matrices {
        let name = &names[i];
        guesses[i].transposed = turned && items[i].shape.len() == 2 && name.block.is_some();
        guesses[i].groups = gates(&by_name, name, &items[i].shape);
        if let Some((block, _)) = name.block {
            in_block.entry(block).or_default().push(i);
        }
    }
    for inside in in_block.values_mut() {
        inside.sort_by_cached_key(|&i| natural(&items[i].name));
        block(inside, items, &names, &mut guesses);
    }
    outside(&matrices, items, &names, &mut guesses);
    Roles { guesses, relu: statistics && !attention, attention }
}

/// Says what the matrices of a block are.
fn block(inside: &[usize], items: &[Item], names: &[Name<'_>], guesses: &mut [Guess]) {
    let is_gate = |i: usize| names[i].has(GATES) || is_gate_by_shape(&items[i], &names[i]);
    let is_side = |i: usize| names[i].has(SKIPS) || is_gate(i);
    let own: Vec<usize> = inside.iter().copied().filter(|&i| !is_side(i)).collect();
    let mut highest: BTreeMap<&str, u32> = BTreeMap::new();
    for &i in &own {
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
            () if is_gate(i) => (Part::Main, "gates"),
            () if own.len() < 2 => (Part::Main, "others"),
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
    // a kernel of one channel is one of groups, and so is one that sees a part of what came before
    for (at, &i) in own.iter().enumerate() {
        let [out, inp, kernel @ ..] = &items[i].shape[..] else { continue };
        if kernel.iter().product::<usize>() < 2 || kernel.is_empty() {
            continue;
        }
        let before = at.checked_sub(1).map(|before| items[own[before]].shape[0]);
        let groups = match before {
            Some(before) if *inp > 0 && before.is_multiple_of(*inp) => before / inp,
            _ if *inp == 1 => *out,
            _ => 1,
        };
        if groups > 1 && out.is_multiple_of(groups) {
            guesses[i].groups = u32::try_from(groups).unwrap_or(1);
        }
    }
}

/// Whether a matrix is the `fc1` or `fc2` of a squeeze-and-excitation, whose kernels are 1 × 1. Those of
/// a feed-forward branch stand in an `mlp`.
fn is_gate_by_shape(item: &Item, name: &Name<'_>) -> bool {
    let named = ["fc1", "fc2", "conv_reduce", "conv_expand"].contains(&name.last());
    named && matches!(item.shape[..], [_, _, 1, 1]) && !name.has(&["mlp", "ffn"])
}

/// Says what the matrices outside of blocks are.
fn outside(matrices: &[usize], items: &[Item], names: &[Name<'_>], guesses: &mut [Guess]) {
    let outside = || matrices.iter().copied().filter(|&i| names[i].block.is_none());
    let tables = guesses.iter().any(|guess| guess.role == Role::Start(Part::Table));
    let order = |i: usize| natural(&items[i].name);
    let is_head =
        |i: usize| names[i].has(HEADS) && !names[i].has(STEMS) && !names[i].has(&["pre_logits"]);
    // of several in one classifier, the last
    let named = outside().filter(|&i| is_head(i));
    let named = named.max_by_key(|&i| (items[i].shape.len() == 2, order(i)));
    let last = || {
        let matrices = outside().filter(|&i| items[i].shape.len() == 2 && !tables);
        matrices.max_by_key(|&i| order(i))
    };
    let head = named.or_else(last);
    if let Some(head) = head {
        (guesses[head].role, guesses[head].why) = (Role::Start(Part::Head), "heads");
    }
    let stem = outside().filter(|&i| Some(i) != head && names[i].has(STEMS)).min_by_key(|&i| {
        let word = STEMS.iter().position(|stem| names[i].has(&[stem]));
        (names[i].depth(), word, order(i))
    });
    // the first kernel, or the first matrix where there is none, of all but classifiers
    let by_name = || {
        let all = matrices.iter().copied().filter(|&i| Some(i) != head && !is_head(i) && !tables);
        all.min_by_key(|&i| (items[i].shape.len() == 2, order(i)))
    };
    let first = stem.or_else(by_name);
    if let Some(first) = first.filter(|first| {
        matches!(guesses[*first].role, Role::Start(Part::Main)) && guesses[*first].why == "others"
    }) {
        (guesses[first].first, guesses[first].why) = (true, "first");
    }
}

/// A name with its numbers filled up with zeros, so that they sort as numbers do.
pub fn natural(name: &str) -> String {
    let word = |word: &str| match word.find(|c: char| c.is_ascii_digit()) {
        Some(at) if is_number(&word[at..]) => format!("{}{:0>8}", &word[..at], &word[at..]),
        _ => word.to_string(),
    };
    name.split('.').map(word).collect::<Vec<_>>().join(".")
}

/// Whether the matrices of blocks are stored as `[in, out]`: their biases are as long as the second
/// size, and no bias is as long as the first where the two differ.
fn transposed(matrices: &[usize], items: &[Item], by_name: &HashMap<&str, &Item>) -> bool {
    let mut votes = [0, 0];
    for &i in matrices {
        let [first, second] = items[i].shape[..] else { continue };
        let Some(module) = items[i].name.strip_suffix(".weight") else { continue };
        if first == second || Name::of(&items[i].name).block.is_none() {
            continue;
        }
        match by_name.get(&*format!("{module}.bias")).map(|bias| &bias.shape[..]) {
            Some([len]) if *len == second => votes[1] += 1,
            Some([len]) if *len == first => votes[0] += 1,
            _ => {}
        }
    }
    votes[1] > 0 && votes[0] == 0
}

/// The gates of a recurrent layer, of which its weights have as many groups; 1 for any other.
fn gates(by_name: &HashMap<&str, &Item>, name: &Name<'_>, shape: &[usize]) -> u32 {
    let (Some(rest), [rows, _]) = (
        name.leaf.strip_prefix("weight_ih").or_else(|| name.leaf.strip_prefix("weight_hh")),
        shape,
    ) else {
        return 1;
    };
    let of = |leaf: &str| {
        let name = format!("{}.{leaf}{rest}", name.module);
        by_name.get(&*name).and_then(|item| item.shape.get(1).copied())
    };
    // a state that is projected is shorter than the cell
    let state = of("weight_hr").or_else(|| of("weight_hh")).filter(|state| *state > 0);
    let gates = state.filter(|state| rows.is_multiple_of(*state)).map_or(1, |state| rows / state);
    u32::try_from(gates).unwrap_or(1).max(1)
}

/// The sizes of a tensor as rules have them.
///
/// # Errors
/// In words, where no rule has such sizes.
pub fn dims(item: &Item, guess: &Guess) -> Result<Dims, String> {
    let sizes: Option<Vec<u32>> = item.shape.iter().map(|size| (*size).try_into().ok()).collect();
    if guess.transposed && item.shape.len() != 2 {
        return Err(format!("{}: what is stored as [in, out] has two sizes", item.name));
    }
    // what is the same everywhere has no rows
    if matches!(guess.role, Role::Start(Part::One | Part::Zero))
        && let Ok(len) = u32::try_from(item.len())
    {
        return Dims::dense(len, 1).map_err(|error| format!("{}: {error}", item.name));
    }
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
