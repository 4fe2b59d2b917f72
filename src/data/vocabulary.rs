//! Words as numbers: a vocabulary, and lines of words as tokens of one length.
//!
//! A token is a whole number that an f32 holds, exact up to 2²⁴. 0 fills a short line up, and 1 stands
//! for every word that is not in the vocabulary.

use std::{
    collections::{BTreeMap, HashMap},
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// A sentence and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its class, from 0.
    pub label: u32,
    /// Its words.
    pub words: Vec<String>,
}

/// The words of a text, in lower case: letters, digits and apostrophes together, every other sign a
/// word of its own.
pub fn tokenise(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut within = false;
    for c in text.chars() {
        let letter = c.is_alphanumeric() || c == '\'';
        if !(letter && within || c.is_whitespace()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| !c.is_whitespace()) {
            word.extend(c.to_lowercase());
        }
        within = letter;
    }
    words
}

/// Words by number and numbers by word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// All words from token 2 on, those that come most often first.
    words: Vec<String>,
    tokens: HashMap<String, u32>,
}

impl Vocabulary {
    /// The token that fills a line up.
    pub const PADDING: u32 = 0;
    /// The token of an unknown word.
    pub const UNKNOWN: u32 = 1;
    /// The most tokens, so that an f32 holds each.
    pub const MOST: usize = 1 << 24;

    /// The words that come at least `least` times, the most frequent first, equals by name; of those
    /// so many that there are `most` tokens.
    pub fn of<'w>(words: impl IntoIterator<Item = &'w str>, least: usize, most: usize) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().filter(|&(_, n)| n >= least).collect();
        // a stable sort keeps equals by name
        counts.sort_by_key(|&(_, n)| core::cmp::Reverse(n));
        counts.truncate(most.min(Self::MOST).saturating_sub(2));
        let words: Vec<_> = counts.iter().map(|(word, _)| word.to_string()).collect();
        let tokens = words.iter().cloned().zip(2..).collect();
        Self { words, tokens }
    }

    /// The words of sentences that come at least `least` times; see [`of`](Self::of).
    pub fn of_sentences(sentences: &[Sentence], least: usize, most: usize) -> Self {
        let words = sentences.iter().flat_map(|sentence| &sentence.words);
        Self::of(words.map(String::as_str), least, most)
    }

    /// How many tokens there are, with the padding and the unknown.
    pub fn len(&self) -> usize {
        self.words.len() + 2
    }

    /// Whether it knows no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The token of a word.
    pub fn token(&self, word: &str) -> u32 {
        self.tokens.get(word).copied().unwrap_or(Self::UNKNOWN)
    }

    /// The word of a token; none for the padding and the unknown.
    pub fn word(&self, token: u32) -> Option<&str> {
        let place = (token as usize).checked_sub(2)?;
        self.words.get(place).map(String::as_str)
    }

    /// Every word with its token.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.words.iter().map(String::as_str).zip(2..)
    }
}

/// Lines of tokens, all of one length, each with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    length: u32,
    tokens: Vec<u32>,
    labels: Vec<u32>,
}

impl Lines {
    /// Sentences as tokens: those that are longer than `length` are cut, those that are shorter filled
    /// up with 0 behind their words.
    pub fn new(sentences: &[Sentence], vocabulary: &Vocabulary, length: u32) -> Self {
        let room = length as usize;
        let mut tokens = vec![Vocabulary::PADDING; sentences.len().saturating_mul(room)];
        for (line, sentence) in tokens.chunks_exact_mut(room.max(1)).zip(sentences) {
            for (token, word) in line.iter_mut().zip(&sentence.words) {
                *token = vocabulary.token(word);
            }
        }
        let labels = sentences.iter().map(|sentence| sentence.label).collect();
        Self { length, tokens, labels }
    }

    /// Tokens in a line.
    pub fn length(&self) -> u32 {
        self.length
    }

    /// The labels of all lines.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Writes the tokens of line `i` to `x` and returns its label; `None` where there is no line `i`,
    /// or `x` has another length.
    pub fn line(&self, i: usize, x: &mut [f32]) -> Option<u32> {
        let length = self.length as usize;
        let line = self.tokens.get(i.checked_mul(length)?..)?.get(..length)?;
        let label = *self.labels.get(i)?;
        if x.len() != length {
            return None;
        }
        for (x, &token) in x.iter_mut().zip(line) {
            *x = token as f32;
        }
        Some(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(label: u32, text: &str) -> Sentence {
        Sentence { label, words: tokenise(text) }
    }

    #[test]
    fn signs_are_words_of_their_own_and_letters_are_small() {
        let words = tokenise("  It's FUN -- mostly;\nÄpfel (2.5)");
        let expected = ["it's", "fun", "-", "-", "mostly", ";", "äpfel", "(", "2", ".", "5", ")"];
        assert_eq!(words, expected);
        assert!(tokenise(" \n").is_empty());
    }

    #[test]
    fn frequent_words_come_first_and_equals_by_name() {
        let text = ["b", "c", "a", "b", "d", "a", "b"];
        let all = Vocabulary::of(text, 1, 100);
        assert_eq!(all.iter().collect::<Vec<_>>(), [("b", 2), ("a", 3), ("c", 4), ("d", 5)]);
        assert_eq!((all.len(), all.token("a"), all.token("x")), (6, 3, 1));
        assert_eq!([all.word(1), all.word(2), all.word(6)], [None, Some("b"), None]);
        assert_eq!(Vocabulary::of(text, 2, 100).len(), 4);
        assert_eq!(Vocabulary::of(text, 1, 3).len(), 3);
        assert!(Vocabulary::of(text, 1, 0).is_empty());
    }

    #[test]
    fn lines_are_filled_up_and_cut() {
        let sentences = [sentence(1, "a b"), sentence(0, "b b a x"), sentence(1, "")];
        let vocabulary = Vocabulary::of(["a", "a", "b"], 1, 100);
        let lines = Lines::new(&sentences, &vocabulary, 3);
        let mut x = [f32::NAN; 3];
        assert_eq!((lines.line(0, &mut x), x), (Some(1), [2.0, 3.0, 0.0]));
        assert_eq!((lines.line(1, &mut x), x), (Some(0), [3.0, 3.0, 2.0]));
        assert_eq!((lines.line(2, &mut x), x), (Some(1), [0.0; 3]));
        assert_eq!((lines.line(3, &mut x), lines.line(0, &mut x[1..])), (None, None));
        assert_eq!(Lines::new(&sentences, &vocabulary, 0).labels(), [1, 0, 1]);
    }

    #[test]
    fn the_largest_token_is_exact() {
        let last = Vocabulary::MOST as u32 - 1;
        assert_eq!((last as f32) as u32, last);
    }
}
