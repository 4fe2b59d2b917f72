//! Vectors for words: GloVe, and the table of them that an embedding starts from. J. Pennington et al.,
//! "GloVe: Global Vectors for Word Representation", EMNLP 2014.
//!
//! A file has a line `WORD v1 v2 … vn` for each word, plain or packed by gzip; a first line with two
//! numbers, as word2vec writes it, is passed over. `bash examples/get-data.sh glove DIR` fetches 400,000
//! words with 50 numbers each.

use super::chance::{Chance, Purpose, unit};
use super::place::Place;
use super::{DataError, Fault, Vocabulary};
use std::{path::Path, vec, vec::Vec};

/// Numbers in a vector of the file that is fetched.
pub const WIDTH: usize = 50;

/// Words in the file that is fetched.
const WORDS: usize = 400_000;

/// A table of vectors, one for each token of a vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// `[vocabulary, width]`, the weights of an embedding.
    pub values: Vec<f32>,
    /// How many words have a vector in the file.
    pub found: usize,
}

/// The vectors for a vocabulary from `DIR/glove/glove.6B.50d.txt`; see [`read`].
///
/// # Errors
/// Where the file is absent, not whole or damaged.
pub fn load(dir: &Path, vocabulary: &Vocabulary, seed: u64) -> Result<Table, DataError> {
    let place = Place::fetched(dir, "glove");
    let name = "glove.6B.50d.txt";
    let absent = || place.error(&place.folder.join(name), Fault::Absent);
    let file = place.find(name).ok_or_else(absent)?;
    match table(&place, &file, vocabulary, WIDTH, seed)? {
        (table, WORDS) => Ok(table),
        (_, got) => Err(place.error(&file, Fault::Items { need: WORDS, got })),
    }
}

/// The vectors for a vocabulary, of `width` numbers, from any such file.
///
/// The padding has zeros. A word that the file has not, and the unknown, draw from U(−¼, ¼) by a
/// counter, as Kim 2014 ("Convolutional Neural Networks for Sentence Classification", §3.3) lets unknown
/// words have about the variance of the known.
///
/// # Errors
/// Where the file is absent or no text, and where a line has not `width` finite numbers.
pub fn read(
    file: &Path,
    vocabulary: &Vocabulary,
    width: usize,
    seed: u64,
) -> Result<Table, DataError> {
    let place = Place::own(file.parent().unwrap_or(file));
    table(&place, file, vocabulary, width, seed).map(|(table, _)| table)
}

/// The table, and how many words the file has.
fn table(
    place: &Place,
    file: &Path,
    vocabulary: &Vocabulary,
    width: usize,
    seed: u64,
) -> Result<(Table, usize), DataError> {
    let text = place.text(file)?;
    let mut values = vec![0.0; vocabulary.len().saturating_mul(width)];
    let mut known = vec![false; vocabulary.len()];
    let mut words = 0;
    let mut lines = text.lines().enumerate().peekable();
    if lines.peek().is_some_and(|(_, line)| is_header(line)) {
        lines.next();
    }
    for (index, line) in lines {
        let damaged = || {
            let need = "a word and as many numbers as a vector has";
            place.error(file, Fault::Line { line: index + 1, need })
        };
        let (word, numbers) = line.split_once(' ').ok_or_else(damaged)?;
        words += 1;
        let token = vocabulary.token(word);
        if token == Vocabulary::UNKNOWN {
            continue;
        }
        let place = token as usize * width;
        let vector = values.get_mut(place..).and_then(|values| values.get_mut(..width));
        fill(numbers, vector.unwrap_or_default()).ok_or_else(damaged)?;
        if let Some(known) = known.get_mut(token as usize) {
            *known = true;
        }
    }
    if words == 0 {
        return Err(place.error(file, Fault::Empty { need: "vector" }));
    }
    let chance = Chance { seed, epoch: 0 };
    let vectors = values.chunks_exact_mut(width.max(1)).zip(&known).zip(0..);
    for ((vector, _), token) in vectors.filter(|((_, known), token)| !**known && *token > 0) {
        for (numbers, block) in vector.chunks_mut(4).zip(0..) {
            let words = chance.words(token, Purpose::Vector, block);
            for (number, word) in numbers.iter_mut().zip(words) {
                *number = (0.5 * unit(word) - 0.25) as f32;
            }
        }
    }
    let found = known.iter().filter(|known| **known).count();
    Ok((Table { values, found }, words))
}

/// Whether a line tells how many vectors of how many numbers follow.
fn is_header(line: &str) -> bool {
    let mut words = line.split(' ').map(|word| word.trim().parse::<u64>().is_ok());
    (words.next(), words.next(), words.next()) == (Some(true), Some(true), None)
}

/// Writes numbers, as many as there is room for.
fn fill(numbers: &str, vector: &mut [f32]) -> Option<()> {
    let mut numbers = numbers.split_ascii_whitespace();
    for place in vector {
        *place = numbers.next()?.parse().ok().filter(|number: &f32| number.is_finite())?;
    }
    numbers.next().is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scratch::{Scratch, real};
    use crate::data::sst::{self, Grain, Part};
    use std::{format, string::ToString};

    const FILE: &str = "the 0.5 -1.25 3e-2\n. 1 2 3\nof 4 5 6\n";

    #[test]
    fn each_word_has_its_vector_and_padding_has_none() {
        let folder = Scratch::new("glove");
        let vocabulary = Vocabulary::of(["of", "the", "the", "zebra"], 1, 100);
        let table = read(&folder.put("v.txt", FILE), &vocabulary, 3, 1).unwrap();
        assert_eq!((table.values.len(), table.found), (15, 2));
        assert_eq!(table.values[..3], [0.0; 3]);
        assert_eq!(table.values[6..9], [0.5, -1.25, 0.03]);
        assert_eq!(table.values[9..12], [4.0, 5.0, 6.0]);
        for unknown in [&table.values[3..6], &table.values[12..]] {
            assert!(unknown.iter().all(|v| v.abs() < 0.25 && *v != 0.0), "{unknown:?}");
        }
        assert_ne!(table.values[3..6], table.values[12..]);
        let headed = folder.put("w.txt", format!("3 3\n{FILE}"));
        assert_eq!(read(&headed, &vocabulary, 3, 1), Ok(table));
    }

    #[test]
    fn damaged_lines_are_named() {
        let folder = Scratch::new("glove-damaged");
        let vocabulary = Vocabulary::of(["the", "of"], 1, 100);
        for (text, line) in [
            ("the 1 2 3\nof 1 2", 2),
            ("the 1 2 3\nof 1 2 3 4", 2),
            ("the 1 2 x", 1),
            ("the 1 2 NaN", 1),
            ("of 1 2 3\nthe", 2),
        ] {
            let error = read(&folder.put("v.txt", text), &vocabulary, 3, 1).unwrap_err();
            let Fault::Line { line: got, .. } = fault(error) else { panic!("{text}") };
            assert_eq!(got, line, "{text}");
        }
        let empty = read(&folder.put("v.txt", ""), &vocabulary, 3, 1).unwrap_err();
        assert_eq!(fault(empty), Fault::Empty { need: "vector" });
    }

    fn fault(error: DataError) -> Fault {
        match error {
            DataError::File { fault, .. } => fault,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_absent_or_cut_off_says_how_to_fetch_it() {
        let folder = Scratch::new("glove-absent");
        let (dir, vocabulary) = (folder.path.display(), Vocabulary::of(["x"], 1, 9));
        let why = || load(&folder.path, &vocabulary, 1).unwrap_err().to_string();
        let file = format!("{dir}/glove/glove.6B.50d.txt");
        let fetch = format!("fetch it: bash examples/get-data.sh glove {dir}");
        assert_eq!(why(), format!("{file} is absent; {fetch}"));
        folder.put("glove/glove.6B.50d.txt", FILE);
        assert_eq!(why(), format!("{file} is not whole: 3 items of 400000; {fetch}"));
    }

    #[test]
    fn the_real_vectors_are_as_published() {
        let vocabulary = Vocabulary::of(["the", "the", "of"], 1, 100);
        let the = [0.418, 0.24968, -0.41242, 0.1217];
        if let Some(dir) = real("glove") {
            let table = load(&dir, &vocabulary, 1).unwrap();
            assert_eq!((table.found, &table.values[100..104]), (2, &the[..]));
        }
    }

    #[test]
    fn most_words_of_the_sentences_have_a_vector() {
        let Some(sentences) = real("sst") else { return };
        let Some(vectors) = real("glove") else { return };
        let sentences = sst::load(&sentences, Grain::Fine, Part::Train).unwrap();
        let vocabulary = Vocabulary::of_sentences(&sentences, 1, Vocabulary::MOST);
        let table = load(&vectors, &vocabulary, 1).unwrap();
        let share = table.found as f64 / (vocabulary.len() - 2) as f64;
        assert!(share > 0.9, "{share}");
    }
}
