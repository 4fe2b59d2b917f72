//! The Stanford Sentiment Treebank: sentences of film reviews, in five classes or in two. R. Socher et
//! al., "Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank", EMNLP 2013.
//!
//! There are two forms, in `DIR/sst`, plain or packed by gzip, and either gives the same sentences:
//!
//! - trees, `train.txt`, `dev.txt` and `test.txt`, a line `(3 (2 It) (4 works))` for each sentence: the
//!   label of the whole comes first, and the words are the leaves;
//! - lines, `stsa.fine.train` and so on and `stsa.binary.train` and so on, `LABEL WORD WORD …` each.
//!
//! Words are in lower case, and the treebank's signs are turned back: `-lrb-` is `(`, and `\/` is `/`.
//! No package registry has the files: `bash examples/get-data.sh sst DIR` says where they are.

use super::place::Place;
use super::vocabulary::Sentence;
use super::{DataError, Fault};
use std::{format, path::Path, string::String, vec::Vec};

/// How many classes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// SST-2: negative 0 and positive 1. Neutral sentences are left out.
    Binary,
    /// SST-5: from very negative, 0, to very positive, 4.
    Fine,
}

impl Grain {
    /// How many classes there are.
    pub const fn classes(self) -> u32 {
        match self {
            Self::Binary => 2,
            Self::Fine => 5,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Fine => "fine",
        }
    }
}

/// A part of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The 8,544 sentences to learn from; 6,920 in two classes.
    Train,
    /// The 1,101 sentences to choose settings by; 872 in two classes.
    Dev,
    /// The 2,210 sentences held back; 1,821 in two classes.
    Test,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }

    /// How many sentences it has.
    const fn count(self, grain: Grain) -> usize {
        match (self, grain) {
            (Self::Train, Grain::Fine) => 8544,
            (Self::Dev, Grain::Fine) => 1101,
            (Self::Test, Grain::Fine) => 2210,
            (Self::Train, Grain::Binary) => 6920,
            (Self::Dev, Grain::Binary) => 872,
            (Self::Test, Grain::Binary) => 1821,
        }
    }
}

/// Reads one part from `DIR/sst`, from trees where there are any.
///
/// # Errors
/// Where the file is absent, no text or not whole, and where a line is damaged or mislabelled.
pub fn load(dir: &Path, grain: Grain, part: Part) -> Result<Vec<Sentence>, DataError> {
    let place = Place::fetched(dir, "sst");
    let trees = format!("{}.txt", part.name());
    let lines = format!("stsa.{}.{}", grain.name(), part.name());
    let file = place.find(&trees).or_else(|| place.find(&lines));
    let file = file.ok_or_else(|| place.error(&place.folder.join(trees), Fault::Absent))?;
    let sentences = parse(&place, &file, grain)?;
    match (part.count(grain), sentences.len()) {
        (need, got) if need != got => Err(place.error(&file, Fault::Items { need, got })),
        _ => Ok(sentences),
    }
}

/// Reads any such file of one's own.
///
/// # Errors
/// Where the file is absent, no text or empty, and where a line is damaged or mislabelled.
pub fn read(file: &Path, grain: Grain) -> Result<Vec<Sentence>, DataError> {
    parse(&Place::own(file.parent().unwrap_or(file)), file, grain)
}

/// Reads trees, where the text begins with a bracket, or lines.
fn parse(place: &Place, file: &Path, grain: Grain) -> Result<Vec<Sentence>, DataError> {
    let text = place.text(file)?;
    let trees = text.trim_start().starts_with('(');
    let (need, classes) = match trees {
        true => ("a tree, (LABEL …)", Grain::Fine.classes()),
        false => ("LABEL WORD WORD …", grain.classes()),
    };
    let mut sentences = Vec::new();
    let full = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (index, text) in full {
        let fault = Fault::Line { line: index + 1, need };
        let parsed = if trees { tree(text) } else { line(text) };
        let (label, words) = parsed.ok_or_else(|| place.error(file, fault))?;
        if label >= classes {
            return Err(place.error(file, Fault::Label { index, got: label, classes }));
        }
        let label = match (trees, grain) {
            (true, Grain::Binary) if label == 2 => continue,
            (true, Grain::Binary) => u32::from(label > 2),
            _ => label,
        };
        sentences.push(Sentence { label, words });
    }
    match sentences.is_empty() {
        true => Err(place.error(file, Fault::Empty { need: "sentence" })),
        false => Ok(sentences),
    }
}

type Parsed = (u32, Vec<String>);

/// `LABEL WORD WORD …`
fn line(text: &str) -> Option<Parsed> {
    let mut words = text.split_whitespace();
    let label = words.next()?.parse().ok()?;
    let words: Vec<String> = words.map(plain).collect();
    (!words.is_empty()).then_some((label, words))
}

/// `(LABEL WORD)` or `(LABEL TREE TREE)`: the words are what stands before a closing bracket.
fn tree(text: &str) -> Option<Parsed> {
    let (mut depth, mut words, mut root) = (0_u32, Vec::new(), None);
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('(') {
            // one tree only
            if depth == 0 && root.is_some() {
                return None;
            }
            let end = inside.find([' ', '(', ')'])?;
            let label: u32 = inside.get(..end)?.parse().ok()?;
            root.get_or_insert(label);
            depth += 1;
            rest = inside.get(end..)?.trim_start();
        } else if let Some(behind) = rest.strip_prefix(')') {
            depth = depth.checked_sub(1)?;
            rest = behind.trim_start();
        } else {
            // a word, behind its label and before its bracket
            let end = rest.find(['(', ')'])?;
            let word = rest.get(..end)?.trim_end();
            if depth == 0 || word.is_empty() || word.contains(char::is_whitespace) {
                return None;
            }
            words.push(plain(word));
            rest = rest.get(end..)?;
        }
    }
    (depth == 0 && !words.is_empty()).then_some((root?, words))
}

/// A word in lower case, with the signs that stand for others turned back.
fn plain(word: &str) -> String {
    match word.to_lowercase().as_str() {
        "-lrb-" => String::from("("),
        "-rrb-" => String::from(")"),
        word => word.replace("\\/", "/").replace("\\*", "*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scratch::{Scratch, real};
    use std::string::ToString;

    const TREES: &str = "\
(3 (2 It) (4 (3 (2 's) (3 fun)) (2 .)))
(2 (2 A) (2 (2 film) (2 -LRB-)))

(0 (1 Very) (0 bad\\/sad))
";

    fn show(sentences: &[Sentence]) -> Vec<String> {
        sentences.iter().map(|s| format!("{} {}", s.label, s.words.join(" "))).collect()
    }

    #[test]
    fn trees_and_lines_give_the_same_sentences() {
        let folder = Scratch::new("sst-forms");
        let file = folder.put("train.txt", TREES);
        let fine = ["3 it 's fun .", "2 a film (", "0 very bad/sad"];
        assert_eq!(show(&read(&file, Grain::Fine).unwrap()), fine);
        assert_eq!(show(&read(&file, Grain::Binary).unwrap()), ["1 it 's fun .", "0 very bad/sad"]);
        let lines = "3 it 's fun .\n2 a film -lrb-\n0 very bad\\/sad\n";
        let file = folder.put("stsa.fine.train", lines);
        assert_eq!(show(&read(&file, Grain::Fine).unwrap()), fine);
    }

    fn fault(text: &str, grain: Grain) -> Option<Fault> {
        let folder = Scratch::new("sst-fault");
        match read(&folder.put("train.txt", text), grain) {
            Err(DataError::File { file, fault, .. }) if file.ends_with("train.txt") => Some(fault),
            _ => None,
        }
    }

    #[test]
    fn damaged_lines_are_named() {
        let tree = |line| Some(Fault::Line { line, need: "a tree, (LABEL …)" });
        for wrong in
            ["(2 a", "(2 a))", "(2 a) (2 b)", "(x a)", "(2)", "(2 (3 a) b)x", "a", "(", "(2 a b)"]
        {
            assert_eq!(fault(&format!("(2 a)\n{wrong}\n"), Grain::Fine), tree(2), "{wrong}");
        }
        let need = "LABEL WORD WORD …";
        assert_eq!(fault("1 good\n-1 bad", Grain::Fine), Some(Fault::Line { line: 2, need }));
        assert_eq!(fault("1", Grain::Fine), Some(Fault::Line { line: 1, need }));
        let label = |got, classes| Some(Fault::Label { index: 0, got, classes });
        assert_eq!(fault("(5 a)", Grain::Binary), label(5, 5));
        assert_eq!(fault("2 a", Grain::Binary), label(2, 2));
        assert_eq!(fault("\n\n", Grain::Fine), Some(Fault::Empty { need: "sentence" }));
    }

    #[test]
    fn what_is_absent_or_cut_off_says_how_to_fetch_it() {
        let folder = Scratch::new("sst-absent");
        let dir = folder.path.display();
        let why = |part| load(&folder.path, Grain::Fine, part).unwrap_err().to_string();
        let fetch = format!("fetch it: bash examples/get-data.sh sst {dir}");
        assert_eq!(why(Part::Dev), format!("{dir}/sst/dev.txt is absent; {fetch}"));
        folder.put("sst/test.txt", TREES);
        let cut = format!("{dir}/sst/test.txt is not whole: 3 items of 2210; {fetch}");
        assert_eq!(why(Part::Test), cut);
    }

    #[test]
    fn the_real_sentences_are_as_published() {
        let Some(dir) = real("sst") else { return };
        for (grain, first) in [(Grain::Fine, 4), (Grain::Binary, 1)] {
            let [train, dev, test] =
                [Part::Train, Part::Dev, Part::Test].map(|part| load(&dir, grain, part).unwrap());
            let start = ["a", "stirring", ",", "funny"];
            // the two forms do not order their sentences alike
            let found = train.iter().find(|s| s.words.starts_with(&start.map(String::from)));
            assert_eq!(found.map(|sentence| sentence.label), Some(first));
            let mut words: Vec<_> =
                [&train, &dev, &test].into_iter().flatten().flat_map(|s| &s.words).collect();
            assert!(words.iter().all(|word| !word.contains('\\')));
            words.sort();
            words.dedup();
            assert!((16_000..20_000).contains(&words.len()), "{}", words.len());
        }
    }
}
