//! A recipe: what names a start completely, in a line or in a few bytes.

use super::bytes::{Reader, Writer};
use super::scheme::{Parameters, is_plain};
use super::value::Value;
use super::words::{FIRST_TENSOR, Key, MODELS, PARAMETERS, SCHEMES, SETTINGS, TENSORS};
use super::{Fingerprint, RecipeError};
use crate::init::Named;
use core::{fmt, ops::Range};

/// The version of rules, words and forms that this crate writes.
pub const VERSION: u8 = 1;

/// Bytes of the checksum at the end of the compact form.
const SUM: usize = 8;

/// What names a start completely: the model, the scheme with its parameters, the version of the
/// rules, the seed. It holds its compact form, in at most `N` bytes.
///
/// ```
/// use idinit::recipe::Recipe;
/// let recipe: Recipe = Recipe::parse("idinit/1 resnet norm=none idinit eps=1e-2")?;
/// assert_eq!(recipe.as_bytes().len(), 18);
/// assert_eq!(recipe.to_string(), "idinit/1 resnet norm=none idinit eps=0.01");
/// assert_eq!(Recipe::<64>::from_bytes(recipe.as_bytes())?, recipe);
/// # Ok::<(), idinit::recipe::RecipeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Recipe<const N: usize = 64> {
    bytes: [u8; N],
    len: usize,
}

/// What is said of a model or of a scheme: words, and what stands behind their `=`.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    keys: &'static [Key],
    rest: Reader<'a>,
}

impl<'a> Pairs<'a> {
    /// The same, with places in the list instead of words.
    pub(super) fn by_place(self) -> impl Iterator<Item = (usize, Value<'a>)> {
        let (keys, mut rest) = (self.keys, self.rest);
        core::iter::from_fn(move || rest.said(keys))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'static str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (place, value) = self.rest.said(self.keys)?;
        Some((self.keys.get(place)?.name, value))
    }
}

/// The parts of a compact form.
struct Parts<'a> {
    model: &'static str,
    settings: Pairs<'a>,
    scheme: &'static str,
    scheme_place: usize,
    parameters: Pairs<'a>,
}

/// Reads what is said up to a byte that is no place in the list, or the end. None where it is
/// malformed, or not in the order of the list; tensors stand in their own.
fn said<'a>(rest: &mut Reader<'a>, keys: &'static [Key], tensors: bool) -> Option<Pairs<'a>> {
    let begin = rest.0;
    let mut last = None;
    while let Some(next) = rest.0.first().filter(|byte| **byte < 0x80) {
        let place = usize::from(*next).checked_sub(1)?;
        let in_order = match place >= FIRST_TENSOR {
            true => tensors,
            false => last.is_none_or(|last| last < place),
        };
        if !in_order {
            return None;
        }
        rest.said(keys)?;
        last = Some(place);
    }
    let end = begin.len() - rest.0.len();
    Some(Pairs { keys, rest: Reader(begin.get(..end)?) })
}

/// Writes the words of a line that stand in `range`: each says something of `keys`.
pub(super) fn say(
    out: &mut Writer<'_>,
    line: &str,
    range: Range<usize>,
    keys: &'static [Key],
    tensors: bool,
) -> Result<(), RecipeError> {
    let words = || {
        let words = line.split_ascii_whitespace().enumerate();
        words.skip(range.start).take(range.len()).map(|(number, word)| {
            let (name, text) = word.split_once('=').unwrap_or((word, ""));
            let place = keys.iter().position(|key| key.name == name);
            let allowed = place.filter(|place| tensors || *place < FIRST_TENSOR);
            (number, allowed, text)
        })
    };
    let mut write = |number, place: usize, text| -> Result<(), RecipeError> {
        let Some(key) = keys.get(place) else { return Ok(()) };
        out.byte(place as u8 + 1)?;
        let wants = key.sort.wants();
        out.text(key.sort, text)?.ok_or(RecipeError::Word { number, wants })
    };
    for (number, place, _) in words() {
        let wants = "something that can be said here, as in depth=56";
        let place = place.ok_or(RecipeError::Word { number, wants })?;
        let before = words().take_while(|(other, ..)| *other < number);
        if place < FIRST_TENSOR && before.into_iter().any(|(_, other, _)| other == Some(place)) {
            return Err(RecipeError::Word { number, wants: "said once only" });
        }
    }
    for wanted in 0..FIRST_TENSOR {
        for (number, _, text) in words().filter(|(_, place, _)| *place == Some(wanted)) {
            write(number, wanted, text)?;
        }
    }
    for (number, place, text) in words() {
        if let Some(place) = place.filter(|place| *place >= FIRST_TENSOR) {
            write(number, place, text)?;
        }
    }
    Ok(())
}

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, RecipeError> {
        let (body, sum) = bytes.split_last_chunk::<SUM>().ok_or(RecipeError::Truncated)?;
        match body.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(RecipeError::Version { version }),
            None => return Err(RecipeError::Truncated),
        }
        if Fingerprint::of_bytes(body).0 != u64::from_le_bytes(*sum) {
            return Err(RecipeError::Checksum);
        }
        let parts = Self::read_body(body).ok_or(RecipeError::Malformed)?;
        // what is so by default is not said, or a start had two recipes
        match is_plain(parts.scheme_place, parts.parameters) {
            None => Err(RecipeError::Parameters),
            Some(false) => Err(RecipeError::Malformed),
            Some(true) => Ok(parts),
        }
    }

    fn scheme(&self) -> Result<Named, RecipeError> {
        Parameters::read(self.parameters).scheme(self.scheme).ok_or(RecipeError::Parameters)
    }

    fn read_body(body: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(body);
        rest.byte()?;
        let model = *MODELS.get(usize::from(rest.byte()?))?;
        let settings = said(&mut rest, SETTINGS, model == TENSORS)?;
        let scheme_place = usize::from(rest.byte()?.checked_sub(0x80)?);
        let scheme = *SCHEMES.get(scheme_place)?;
        let parameters = said(&mut rest, PARAMETERS, false)?;
        rest.0.is_empty().then_some(Self { model, settings, scheme, scheme_place, parameters })
    }
}

impl<const N: usize> Recipe<N> {
    /// Reads the line: `idinit/1`, the model and what is said of it, the scheme and what is said of
    /// it, with blanks between.
    ///
    /// What is said of a model or of a scheme may come in any order. Names of schemes that a command
    /// takes are taken here too: `idinit-channel` is `idinit order=channel`.
    ///
    /// # Errors
    /// A [`RecipeError`] with the number of the word that is wrong.
    pub fn parse(line: &str) -> Result<Self, RecipeError> {
        let word = |number, wants| {
            let word = line.split_ascii_whitespace().nth(number);
            word.ok_or(RecipeError::Word { number, wants })
        };
        let version = word(0, "idinit/1")?;
        if version != "idinit/1" {
            return Err(RecipeError::Word { number: 0, wants: "idinit/1" });
        }
        let wants = "the name of a model";
        let model = word(1, wants)?;
        let place = MODELS.iter().position(|name| *name == model);
        let place = place.ok_or(RecipeError::Word { number: 1, wants })?;
        let behind = line.split_ascii_whitespace().skip(2);
        let number = 2 + behind.take_while(|word| word.contains('=')).count();
        let wants = "the name of a scheme";
        let scheme = word(number, wants)?;
        if Named::parse(scheme, 0).is_none() {
            return Err(RecipeError::Word { number, wants });
        }
        let end = line.split_ascii_whitespace().count();

        let mut parameters = [0; 64];
        let mut out = Writer::new(&mut parameters);
        say(&mut out, line, number + 1..end, PARAMETERS, false)?;
        let pairs = Pairs { keys: PARAMETERS, rest: Reader(out.written()) };
        let scheme = Parameters::read(pairs).scheme(scheme).ok_or(RecipeError::Parameters)?;
        Self::write(place, scheme, |out| say(out, line, 2..number, SETTINGS, model == TENSORS))
    }

    /// A recipe for a model in the list of models, with what is said of it, and a scheme.
    pub(super) fn write(
        model: usize,
        scheme: Named,
        settings: impl FnOnce(&mut Writer<'_>) -> Result<(), RecipeError>,
    ) -> Result<Self, RecipeError> {
        let mut bytes = [0; N];
        let mut out = Writer::new(&mut bytes);
        out.byte(VERSION)?;
        out.byte(model as u8)?;
        settings(&mut out)?;
        out.scheme(&scheme)?;
        let sum = Fingerprint::of_bytes(out.written()).0;
        out.all(&sum.to_le_bytes())?;
        let len = out.len;
        Ok(Self { bytes, len })
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// A [`RecipeError`] where the bytes are none, or are of another version.
    pub fn from_bytes(compact: &[u8]) -> Result<Self, RecipeError> {
        Parts::read(compact)?;
        let (mut bytes, len) = ([0; N], compact.len());
        let place = bytes.get_mut(..len).ok_or(RecipeError::Long { room: N })?;
        place.copy_from_slice(compact);
        Ok(Self { bytes, len })
    }

    /// The compact form.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn parts(&self) -> Parts<'_> {
        // the bytes were read, or written, by what is above
        let body = self.as_bytes().split_last_chunk::<SUM>().map_or(&[][..], |(body, _)| body);
        let none = |keys| Pairs { keys, rest: Reader(&[]) };
        Parts::read_body(body).unwrap_or(Parts {
            model: "",
            settings: none(SETTINGS),
            scheme: "",
            scheme_place: 0,
            parameters: none(PARAMETERS),
        })
    }

    /// The name of the model.
    pub fn model(&self) -> &'static str {
        self.parts().model
    }

    /// What is said of the model.
    pub fn settings(&self) -> Pairs<'_> {
        self.parts().settings
    }

    /// The scheme.
    ///
    /// # Errors
    /// [`RecipeError::Parameters`] where what is said of it belongs to another.
    pub fn scheme(&self) -> Result<Named, RecipeError> {
        self.parts().scheme()
    }
}

impl<const N: usize> fmt::Display for Recipe<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { model, settings, scheme, parameters, .. } = self.parts();
        write!(f, "idinit/{VERSION} {model}")?;
        settings.into_iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))?;
        write!(f, " {scheme}")?;
        parameters.into_iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl<const N: usize> fmt::Debug for Recipe<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipe({self})")
    }
}

impl<const N: usize, const M: usize> PartialEq<Recipe<M>> for Recipe<N> {
    fn eq(&self, other: &Recipe<M>) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Recipe<N> {}

impl<const N: usize> core::str::FromStr for Recipe<N> {
    type Err = RecipeError;

    fn from_str(line: &str) -> Result<Self, RecipeError> {
        Self::parse(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::IdInit;

    fn parse(line: &str) -> Result<Recipe, RecipeError> {
        Recipe::parse(line)
    }

    #[test]
    fn a_line_comes_back() {
        for line in [
            "idinit/1 resnet norm=none idinit",
            "idinit/1 resnet depth=56 width=8 norm=none shortcut=split multiplier=yes idinit \
             order=channel eps=0.01",
            "idinit/1 mlp hidden=32,16,8 activation=tanh torch seed=18446744073709551615",
            "idinit/1 cnn input=28x28x1 classes=3 idinit eps=1e-7 norm-eps=0.5 first=1",
            "idinit/1 transformer dropout=0.25 idinit-loose first=1 std=0.001 seed=3",
            "idinit/1 tensors relu=yes main=16x3x3x3g1 one=16 zero=16 head=10x16 idinit",
        ] {
            let recipe = parse(line).unwrap();
            assert_eq!(recipe.to_string(), line.replace("g1 ", " "));
            assert_eq!(Recipe::<64>::from_bytes(recipe.as_bytes()), Ok(recipe));
            assert_eq!(parse(&recipe.to_string()), Ok(recipe));
        }
    }

    #[test]
    fn order_and_spelling_do_not_matter() {
        let want = parse("idinit/1 resnet depth=56 norm=none idinit order=channel").unwrap();
        for line in [
            "  idinit/1 resnet  norm=none depth=56 idinit order=channel eps=1e-6 ",
            "idinit/1 resnet norm=none depth=56 idinit-channel",
            "idinit/1 resnet norm=none depth=56 idinit eps=0.000001 norm-eps=1e-6 order=channel",
        ] {
            assert_eq!(parse(line), Ok(want), "{line}");
        }
        // but tensors stay where they are
        let list = |line| parse(line).unwrap();
        assert_ne!(
            list("idinit/1 tensors main=3x3 head=3x3 idinit"),
            list("idinit/1 tensors head=3x3 main=3x3 idinit")
        );
    }

    #[test]
    fn the_wrong_word_is_named() {
        let word = |line| match parse(line) {
            Err(RecipeError::Word { number, .. }) => number,
            other => panic!("{line}: {other:?}"),
        };
        for (line, number) in [
            ("", 0),
            ("idinit/2 mlp idinit", 0),
            ("idinit/1", 1),
            ("idinit/1 nobody idinit", 1),
            ("idinit/1 mlp", 2),
            ("idinit/1 mlp width=3", 3),
            ("idinit/1 mlp width=3 nobody", 3),
            ("idinit/1 mlp wdth=3 idinit", 2),
            ("idinit/1 mlp hidden=3 width=03 idinit", 3),
            ("idinit/1 mlp hidden=3,,4 idinit", 2),
            ("idinit/1 mlp width=3 width=4 idinit", 3),
            ("idinit/1 mlp norm=some idinit", 2),
            ("idinit/1 mlp fixup=1 idinit", 2),
            ("idinit/1 mlp dropout=nan idinit", 2),
            ("idinit/1 mlp main=3x3 idinit", 2),
            ("idinit/1 mlp input=3x idinit", 2),
            ("idinit/1 mlp idinit eps", 3),
            ("idinit/1 mlp idinit eps=1e-6 depth=4", 4),
            ("idinit/1 mlp torch seed=18446744073709551616", 3),
        ] {
            assert_eq!(word(line), number, "{line}");
        }
        for line in ["kaiming eps=1", "idinit seed=3", "zero order=channel", "torch std=1"] {
            let line = std::format!("idinit/1 mlp {line}");
            assert_eq!(parse(&line), Err(RecipeError::Parameters), "{line}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let line = "idinit/1 mlp hidden=1,2,3 idinit";
        assert!(Recipe::<16>::parse(line).is_ok());
        assert_eq!(Recipe::<15>::parse(line), Err(RecipeError::Long { room: 15 }));
        let recipe = parse(line).unwrap();
        let small = Recipe::<15>::from_bytes(recipe.as_bytes());
        assert_eq!(small, Err(RecipeError::Long { room: 15 }));
    }

    #[test]
    fn no_other_bytes_are_a_recipe() {
        let recipe = parse("idinit/1 mlp hidden=32,16 torch seed=300").unwrap();
        let bytes = recipe.as_bytes();
        for len in 0..bytes.len() {
            assert!(Recipe::<64>::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Recipe::<64>::from_bytes(&bytes).is_err(), "{bit}");
        }
        // with a sound checksum, each in a second form
        let seal = |body: &[u8]| {
            let sum = Fingerprint::of_bytes(body).0.to_le_bytes();
            Recipe::<64>::from_bytes(&[body, &sum].concat())
        };
        assert!(seal(&[1, 2, 0x80]).is_ok());
        assert_eq!(seal(&[2, 2, 0x80]), Err(RecipeError::Version { version: 2 }));
        for body in [
            &[1, 2][..],
            &[1, 2, 0x80, 0],
            &[1, 2, 0xff],
            &[1, 0x7f, 0x80],
            &[1, 2, 0, 0x80],                    // no setting has the number 0
            &[1, 2, 4, 3, 1, 3, 0x80],           // not in order
            &[1, 2, 4, 3, 4, 3, 0x80],           // twice
            &[1, 2, 4, 0x83, 0, 0x80],           // a number with zeros in front
            &[1, 2, 5, 0, 0x80],                 // an empty list
            &[1, 2, 8, 2, 0x80],                 // no such word
            &[1, 2, 10, 2, 0x80],                // neither yes nor no
            &[1, 2, 20, 0, 0, 0xc0, 0x7f, 0x80], // not a number
            &[1, 2, 20, 0, 0, 0, 0x80, 0x80],    // −0
            &[1, 2, 28, 2, 3, 3, 1, 0x80],       // a tensor, but no list
            &[1, 2, 0x80, 0x80],
            &[1, 2, 0x80, 1, 0], // the order that it has by default
            &[1, 2, 0x80, 2, 0xbd, 0x37, 0x86, 0x35], // the ε
            &[1, 2, 0x80, 2, 0, 0, 0, 0x3f, 3, 0, 0, 0, 0x3f], // the same ε before norms
            &[1, 2, 0x8b, 6, 0], // the seed
        ] {
            assert_eq!(seal(body), Err(RecipeError::Malformed), "{body:?}");
        }
        // what belongs to another scheme
        for body in [&[1, 2, 0x80, 6, 3][..], &[1, 2, 0x8b, 1, 1]] {
            assert_eq!(seal(body), Err(RecipeError::Parameters), "{body:?}");
        }
    }

    #[test]
    fn every_scheme_comes_back() {
        for (i, name) in Named::NAMES.iter().enumerate() {
            let scheme = Named::parse(name, i as u64 + 1).unwrap();
            let write = |scheme| Recipe::<64>::write(2, scheme, |_| Ok(()));
            assert_eq!(write(scheme).unwrap().scheme(), Ok(scheme), "{name}");
            if let Some(scheme) = scheme.with_eps(0.5) {
                assert_eq!(write(scheme).unwrap().scheme(), Ok(scheme), "{name}");
            }
        }
        let odd = Named::IdInit(IdInit { eps: f32::NAN, ..IdInit::PAPER });
        assert_eq!(Recipe::<64>::write(2, odd, |_| Ok(())), Err(RecipeError::Nameless));
    }
}
