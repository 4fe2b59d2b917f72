//! Numbers of any bits that become a delta and come back.
#![allow(clippy::disallowed_methods, reason = "the reference is the host's arithmetic")]

use super::bytes::{Bytes, bits};
use idinit::recipe::{Delta, DeltaError, Encoder, Fingerprint, Header, Kind, Recipe, Survey};

/// The most numbers of a delta.
const MOST: usize = 4096;

/// What a delta is made of.
struct Case {
    kind: Kind,
    /// The least difference that is kept, if the delta is sparse.
    least: Option<f32>,
    recipe: Option<Recipe>,
    /// How many numbers are given at a time.
    row: usize,
    page: usize,
    start: Vec<f32>,
    trained: Vec<f32>,
}

/// What was made comes back to the bit, or with the error that the delta states; and the reader takes
/// as many bytes as the writer wrote.
pub fn delta_roundtrip(data: &[u8]) {
    let case = Case::read(&mut Bytes(data));
    let (header, mut bytes) = match case.made() {
        Ok(made) => made,
        Err(error) => {
            assert_eq!(error, DeltaError::NotFinite);
            return assert!(case.may_be_refused());
        }
    };
    let Case { start, trained, page, recipe, .. } = &case;
    assert_eq!(
        (header.kind, header.recipe, header.count),
        (case.kind, *recipe, start.len() as u64)
    );
    let behind = [7, 0, 255];
    bytes.extend(behind);

    let mut rest = bytes.iter().copied();
    let delta = Delta::open(&mut rest).unwrap();
    assert_eq!(*delta.header(), header);
    let mut patch = delta.onto(Fingerprint::of(start), start.len()).unwrap();
    let mut weights = start.clone();
    weights.chunks_mut(*page).for_each(|page| patch.apply(page).unwrap());
    patch.finish().unwrap();
    assert!(rest.eq(behind));

    if case.kind == Kind::Exact {
        assert_eq!(bits(&weights), bits(trained));
        return assert_eq!((header.largest_error, header.mean_error), (0.0, 0.0));
    }
    case.is_within_bounds(&weights);
    let errors = || trained.iter().zip(&weights).map(|(trained, result)| (trained - result).abs());
    assert_eq!(header.largest_error, errors().fold(0.0, f32::max));
    let squares: f64 = errors().map(f64::from).map(|error| error * error).sum();
    let mean = (squares / start.len().max(1) as f64).sqrt();
    assert_eq!(header.mean_error, mean as f32);
    assert!(header.largest_error.is_finite() && header.mean_error.is_finite(), "{header:?}");
}

impl Case {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let [kind, least, row, page] = bytes.array();
        let recipe = "idinit/1 mlp hidden=32,16 idinit";
        let mut case = Self {
            kind: Kind::ALL[usize::from(kind % 4)],
            least: (least % 2 == 1).then(|| f32::from_bits(u32::from(least) << 23)),
            recipe: (kind & 4 != 0).then(|| Recipe::parse(recipe).unwrap()),
            row: usize::from(row) + 1,
            page: usize::from(page) + 1,
            start: vec![],
            trained: vec![],
        };
        while !bytes.0.is_empty() && case.start.len() < MOST {
            case.take(bytes);
        }
        case
    }

    /// Reads what comes next: a number that stays, many of them, or one that moves little or anywhere.
    fn take(&mut self, bytes: &mut Bytes<'_>) {
        let tag = bytes.byte();
        let some = [0.0, 1.0, -0.0, -1.0, 0.1, f32::MAX, f32::MIN_POSITIVE, 1e-40];
        let start = some[usize::from(tag >> 2 & 7)];
        let (start, trained) = match tag % 4 {
            0 => {
                let len = (usize::from(bytes.byte()) * 4 + 1).min(MOST - self.start.len());
                self.start.extend((0..len).map(|_| start));
                return self.trained.extend((0..len).map(|_| start));
            }
            1 => (start, f32::from_bits(start.to_bits() ^ u32::from(bytes.byte()) << (tag >> 5))),
            2 => (start, bytes.float()),
            _ => (bytes.float(), bytes.float()),
        };
        self.start.push(start);
        self.trained.push(trained);
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        self.start.chunks(self.row).zip(self.trained.chunks(self.row))
    }

    fn made(&self) -> Result<(Header, Vec<u8>), DeltaError> {
        let mut survey = match self.least {
            Some(least) => Survey::sparse(self.kind, least),
            None => Survey::new(self.kind),
        };
        self.rows().try_for_each(|(start, trained)| survey.take(start, trained))?;
        let header = survey.header(self.recipe);
        let mut bytes = vec![];
        let sink = |some: &[u8]| {
            bytes.extend_from_slice(some);
            Ok::<_, DeltaError>(())
        };
        // a delta that was surveyed is written
        let mut encoder = Encoder::new(&survey, &header, sink).unwrap();
        self.rows().for_each(|(start, trained)| encoder.take(start, trained).unwrap());
        encoder.finish().unwrap();
        Ok((header, bytes))
    }

    /// Whether a number or a difference is not finite, or would not be when it is rounded.
    fn may_be_refused(&self) -> bool {
        let most = |number: f32| number.abs() < 0.98 * f32::MAX;
        let mut numbers = self.start.iter().zip(&self.trained);
        self.kind != Kind::Exact && !numbers.all(|(a, b)| most(*a) && most(*b) && most(b - a))
    }

    /// Errors are no larger than the kind promises: half a unit in the eighth place of a difference,
    /// half a step of a row, or what is left out; and the sum is rounded.
    fn is_within_bounds(&self, weights: &[f32]) {
        for ((start, trained), weights) in self.rows().zip(weights.chunks(self.row)) {
            let difference = |(a, b): (&f32, &f32)| (f64::from(*b) - f64::from(*a)).abs();
            let largest = start.iter().zip(trained).map(difference).fold(0.0, f64::max);
            for ((start, trained), result) in start.iter().zip(trained).zip(weights) {
                let difference = difference((start, trained));
                let error = difference_of(*trained, *result);
                let bound = match self.kind {
                    Kind::Exact => 0.0,
                    Kind::Bf16 => difference / 255.0,
                    Kind::Int8 => largest / 127.0 * 0.504,
                    Kind::Sparse if trained.to_bits() == result.to_bits() => continue,
                    _ => match self.least {
                        Some(least) => f64::from(least),
                        None => 0.0,
                    },
                };
                let slack = match self.kind {
                    // the least step of bf16, and of the sum
                    Kind::Bf16 | Kind::Int8 => {
                        f64::from(f32::from_bits(1 << 16) + result.abs() * f32::EPSILON)
                    }
                    // what is kept is kept to the bit
                    _ => 0.0,
                };
                assert!(error <= bound + slack, "{:?}: {start} to {trained}: {result}", self.kind);
            }
        }
    }
}

fn difference_of(a: f32, b: f32) -> f64 {
    (f64::from(a) - f64::from(b)).abs()
}
