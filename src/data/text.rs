//! Plain text for language models: windows of tokens, each with the token that follows as its label.
//!
//! A token is a byte, or a character by its place in the text's own alphabet.

use super::chance::{Chance, Purpose, below};
use super::place::Place;
use super::{DataError, Fault};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    string::String,
    sync::Arc,
    vec::Vec,
};

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A byte: 256 tokens.
    Bytes,
    /// A character of the text: as many tokens as it has different ones, in the order of Unicode.
    Characters,
}

/// Bytes of "Moby Dick".
const MOBY_DICK: u64 = 1_204_997;

/// A text as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    tokens: Arc<[u32]>,
    /// The characters by token; empty where tokens are bytes.
    alphabet: Vec<char>,
}

impl Text {
    /// Reads a file, plain or packed as `.gz`.
    ///
    /// # Errors
    /// Where the file cannot be read, is empty, or has characters that are not UTF-8.
    pub fn load(file: &Path, unit: Unit) -> Result<Self, DataError> {
        let place = Place::own(file.parent().unwrap_or(file));
        Self::read(&place, file, unit)
    }

    /// Reads "Moby Dick" (H. Melville, 1851), which `bash examples/get-data.sh mobydick DIR` fetches.
    ///
    /// # Errors
    /// As [`load`](Self::load), and where the file is not whole.
    pub fn moby_dick(dir: &Path, unit: Unit) -> Result<Self, DataError> {
        let place = Place::fetched(dir, "mobydick");
        let file = place.folder.join("data.txt");
        let got = std::fs::metadata(&file).map_or(MOBY_DICK, |about| about.len());
        Fault::length(MOBY_DICK, got).map_err(|fault| place.error(&file, fault))?;
        Self::read(&place, &file, unit)
    }

    fn read(place: &Place, file: &Path, unit: Unit) -> Result<Self, DataError> {
        let text = match unit {
            Unit::Bytes => Self::bytes(&place.bytes(file)?),
            Unit::Characters => Self::characters(&place.text(file)?),
        };
        match text.is_empty() {
            true => Err(place.error(file, Fault::Empty { need: "text" })),
            false => Ok(text),
        }
    }

    /// Bytes as tokens.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self { tokens: bytes.iter().map(|&byte| byte.into()).collect(), alphabet: Vec::new() }
    }

    /// Characters as tokens.
    pub fn characters(text: &str) -> Self {
        let alphabet: Vec<char> = text.chars().collect::<BTreeSet<_>>().into_iter().collect();
        let places: BTreeMap<char, u32> = alphabet.iter().copied().zip(0..).collect();
        // every character is in the alphabet
        let tokens = text.chars().filter_map(|c| places.get(&c).copied()).collect();
        Self { tokens, alphabet }
    }

    /// How many different tokens there can be.
    pub fn vocabulary(&self) -> u32 {
        if self.alphabet.is_empty() { 256 } else { self.alphabet.len() as u32 }
    }

    /// How many tokens the text has.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Tokens as text; what is no token, or no UTF-8, is �.
    pub fn show(&self, tokens: &[u32]) -> String {
        if self.alphabet.is_empty() {
            let bytes: Vec<u8> = tokens.iter().map(|&t| u8::try_from(t).unwrap_or(0xFF)).collect();
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let sign = |&token: &u32| self.alphabet.get(token as usize).copied().unwrap_or('\u{FFFD}');
        tokens.iter().map(sign).collect()
    }

    /// Windows of `context` tokens over the first part of the text, to learn from, and over the rest,
    /// of which `held_back`, from 0 to 1, is the share.
    pub fn windows(&self, context: u32, held_back: f64) -> [Windows; 2] {
        let kept = (1.0 - held_back.clamp(0.0, 1.0)) * self.len() as f64;
        let cut = (kept as usize).min(self.len());
        [[0, cut], [cut, self.len()]].map(|[from, to]| Windows {
            tokens: Arc::clone(&self.tokens),
            from,
            to,
            context,
        })
    }
}

/// Windows of a text, side by side: window i has the tokens from i · context on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    tokens: Arc<[u32]>,
    from: usize,
    to: usize,
    context: u32,
}

impl Windows {
    /// All tokens of the part that they are of.
    pub fn tokens(&self) -> &[u32] {
        self.tokens.get(self.from..self.to).unwrap_or_default()
    }

    /// How many windows there are; the last token has no follower.
    pub fn len(&self) -> usize {
        let labelled = (self.to - self.from).saturating_sub(1);
        labelled.checked_div(self.context as usize).unwrap_or(0)
    }

    /// Whether the text is too short for one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tokens in a window.
    pub fn context(&self) -> u32 {
        self.context
    }

    /// How far all windows of an epoch are moved, so that each epoch cuts the text elsewhere.
    pub fn offset(&self, chance: Chance) -> usize {
        below(chance.words(0, Purpose::Window, 0)[0], self.context) as usize
    }

    /// Writes window `i`, moved by `offset` tokens, to `x`, and the same one token on to `labels`.
    /// Windows that would reach past the end are moved back to it.
    pub fn window(&self, i: usize, offset: usize, x: &mut [f32], labels: &mut [u32]) {
        let context = self.context as usize;
        let text = self.tokens.get(self.from..self.to).unwrap_or_default();
        let last = text.len().saturating_sub(context + 1);
        let start = i.saturating_mul(context).saturating_add(offset).min(last);
        let text = text.get(start..).unwrap_or_default();
        for (x, &token) in x.iter_mut().zip(text) {
            *x = token as f32;
        }
        for (label, &token) in labels.iter_mut().zip(text.iter().skip(1)) {
            *label = token;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scratch::{Scratch, real};
    use std::{format, string::ToString};

    #[test]
    fn characters_are_numbered_in_order() {
        let text = Text::characters("bäab");
        assert_eq!((text.vocabulary(), text.len()), (3, 4));
        assert_eq!(*text.tokens, [1, 2, 0, 1]);
        assert_eq!(text.show(&[2, 1, 9]), "äb\u{FFFD}");
        let bytes = Text::bytes("ä".as_bytes());
        assert_eq!((bytes.vocabulary(), &*bytes.tokens), (256, &[0xC3, 0xA4][..]));
        assert_eq!(bytes.show(&[0xC3, 0xA4]), "ä");
    }

    /// Window and labels of ten letters.
    fn window(windows: &Windows, i: usize, offset: usize) -> (Vec<f32>, Vec<u32>) {
        let context = windows.context() as usize;
        let (mut x, mut labels) = (std::vec![f32::NAN; context], std::vec![99; context]);
        windows.window(i, offset, &mut x, &mut labels);
        (x, labels)
    }

    #[test]
    fn a_label_is_the_token_that_follows() {
        let text = Text::characters("abcdefghij");
        let [all, none] = text.windows(3, 0.0);
        assert_eq!((all.len(), none.len()), (3, 0));
        assert_eq!(window(&all, 0, 0), (std::vec![0.0, 1.0, 2.0], std::vec![1, 2, 3]));
        assert_eq!(window(&all, 2, 0), (std::vec![6.0, 7.0, 8.0], std::vec![7, 8, 9]));
        assert_eq!(window(&all, 1, 2), (std::vec![5.0, 6.0, 7.0], std::vec![6, 7, 8]));
        // moved back to the end
        assert_eq!(window(&all, 2, 2), window(&all, 2, 0));
    }

    #[test]
    fn parts_share_no_token() {
        let text = Text::characters("abcdefghij");
        let [train, test] = text.windows(2, 0.3);
        assert_eq!((train.len(), test.len()), (3, 1));
        assert_eq!(window(&train, 2, 0).1, [5, 6]);
        assert_eq!(window(&train, 2, 1).1, [5, 6]);
        assert_eq!(window(&test, 0, 0), (std::vec![7.0, 8.0], std::vec![8, 9]));
        for [train, test] in [text.windows(0, 0.5), text.windows(11, 0.5)] {
            assert!(train.is_empty() && test.is_empty());
        }
    }

    #[test]
    fn every_offset_comes() {
        let [windows, _] = Text::characters("abcdefghij").windows(4, 0.0);
        let mut seen = [0; 4];
        for epoch in 0..400 {
            seen[windows.offset(Chance { seed: 1, epoch })] += 1;
        }
        assert!(seen.iter().all(|count| (60..140).contains(count)), "{seen:?}");
    }

    #[test]
    fn files_that_are_no_text_are_refused() {
        let folder = Scratch::new("text");
        let why = |file: &Path, unit| Text::load(file, unit).unwrap_err().to_string();
        let empty = folder.put("empty.txt", "");
        assert_eq!(why(&empty, Unit::Bytes), format!("{} has no text", empty.display()));
        let odd = folder.put("odd.txt", b"ab\xFF".as_slice());
        let sound = format!("{} is not UTF-8 after its first 2 bytes", odd.display());
        assert_eq!(why(&odd, Unit::Characters), sound);
        assert_eq!(Text::load(&odd, Unit::Bytes).unwrap().len(), 3);
        let absent = folder.path.join("absent.txt");
        assert_eq!(why(&absent, Unit::Bytes), format!("{} is absent", absent.display()));

        let dir = folder.path.display();
        let fetch = format!("fetch it: bash examples/get-data.sh mobydick {dir}");
        let why = || Text::moby_dick(&folder.path, Unit::Bytes).unwrap_err().to_string();
        let file = format!("{dir}/mobydick/data.txt");
        assert_eq!(why(), format!("{file} is absent; {fetch}"));
        folder.put("mobydick/data.txt", "Call me");
        assert_eq!(why(), format!("{file} is cut off: 7 bytes of 1204997; {fetch}"));
    }

    #[test]
    fn the_whale_is_whole() {
        let Some(dir) = real("mobydick") else { return };
        let text = Text::moby_dick(&dir, Unit::Characters).unwrap();
        assert!(text.vocabulary() < 128, "{}", text.vocabulary());
        assert!(text.show(&text.tokens).contains("Call me Ishmael."));
    }
}
