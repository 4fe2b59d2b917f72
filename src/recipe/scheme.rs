//! A scheme in the words of a recipe.

use super::bytes::Writer;
use super::value::Value;
use super::words::{PARAMETERS, SCHEMES, TAKES};
use super::{Pairs, RecipeError};
use crate::init::{IdInit, Loosened, Named};
use crate::rule::{EPS, Order};

const ORDERS: [(&str, Order); 3] = [
    ("spatial", Order::SpatialMajor),
    ("channel", Order::ChannelMajor),
    ("diagonal", Order::Diagonal),
];

/// Whether all that is said can be said of a scheme, by its number (else none), and nothing of it is so
/// by default. It goes by places in lists, and links no scheme, since devices read recipes too.
pub(super) fn is_plain(scheme: usize, said: Pairs<'_>) -> Option<bool> {
    let takes = *TAKES.get(scheme)?;
    let (mut plain, mut eps) = (true, EPS);
    for (place, value) in said.by_place() {
        if takes >> place & 1 == 0 {
            return None;
        }
        plain &= match value {
            Value::Real(real) => {
                let default = match place {
                    1 => core::mem::replace(&mut eps, real),
                    2 => eps,
                    3 => IdInit::PAPER.first,
                    _ => Loosened::STD,
                };
                real.to_bits() != default.to_bits()
            }
            Value::Count(seed) => seed != 0,
            Value::Word(word) => word != ORDERS[0].0,
            _ => false,
        };
    }
    Some(plain)
}

/// What a recipe says of the parameters of a scheme.
#[derive(Clone, Copy, Default)]
pub(super) struct Parameters {
    order: Option<Order>,
    eps: Option<f32>,
    norm_eps: Option<f32>,
    first: Option<f32>,
    std: Option<f32>,
    seed: Option<u64>,
}

impl Parameters {
    pub fn read(pairs: Pairs<'_>) -> Self {
        let mut all = Self::default();
        for (name, value) in pairs {
            match (name, value) {
                ("order", Value::Word(word)) => {
                    let order = ORDERS.iter().find(|(name, _)| *name == word);
                    all.order = order.map(|(_, order)| *order);
                }
                ("eps", Value::Real(real)) => all.eps = Some(real),
                ("norm-eps", Value::Real(real)) => all.norm_eps = Some(real),
                ("first", Value::Real(real)) => all.first = Some(real),
                ("std", Value::Real(real)) => all.std = Some(real),
                ("seed", Value::Count(seed)) => all.seed = Some(seed),
                _ => {}
            }
        }
        all
    }

    fn idinit(self, default: IdInit) -> IdInit {
        IdInit {
            order: self.order.unwrap_or(default.order),
            eps: self.eps.unwrap_or(default.eps),
            eps_before_norm: self.norm_eps.or(self.eps).unwrap_or(default.eps_before_norm),
            first: self.first.unwrap_or(default.first),
        }
    }

    /// The scheme of that name; none where it does not have what is said of it.
    pub fn scheme(self, name: &str) -> Option<Named> {
        let plain = Named::parse(name, self.seed.unwrap_or(0))?;
        let Self { order, eps, norm_eps, first, std, seed } = self;
        let of_idinit = order.is_some() || norm_eps.is_some() || first.is_some();
        let scheme = match plain {
            Named::IdInit(idinit) if std.is_none() => Named::IdInit(self.idinit(idinit)),
            Named::Loosened(loose) => Named::Loosened(Loosened {
                idinit: self.idinit(loose.idinit),
                std: std.unwrap_or(loose.std),
                ..loose
            }),
            _ if of_idinit || std.is_some() => return None,
            _ => match eps {
                Some(eps) => plain.with_eps(eps)?,
                None => plain,
            },
        };
        // a seed for what has no chance names nothing
        (seed.unwrap_or(0) == scheme.seed()).then_some(scheme)
    }
}

/// The name that a recipe has for a scheme, and what it says of it: only what is not so by default.
pub(super) fn words(scheme: &Named) -> Option<(usize, Parameters)> {
    let seed = Some(scheme.seed()).filter(|seed| *seed != 0);
    let of = |idinit: &IdInit, std: Option<f32>| {
        let IdInit { order, eps, eps_before_norm, first } = *idinit;
        let paper = IdInit::PAPER;
        let differs = |real: f32, default: f32| (real != default).then_some(real);
        Parameters {
            order: (order != paper.order).then_some(order),
            eps: differs(eps, paper.eps),
            norm_eps: differs(eps_before_norm, eps),
            first: differs(first, paper.first),
            std,
            seed,
        }
    };
    let (name, parameters) = match scheme {
        Named::IdInit(idinit) => ("idinit", of(idinit, None)),
        Named::Loosened(Loosened { idinit, std, .. }) => {
            ("idinit-loose", of(idinit, Some(*std).filter(|std| *std != Loosened::STD)))
        }
        other => {
            let eps = match other {
                Named::Ablation(ablation) => ablation.eps(),
                _ => None,
            };
            let mut names = SCHEMES.iter().flat_map(|name| {
                [None, eps].map(|eps| (*name, Parameters { eps, seed, ..Parameters::default() }))
            });
            names.find(|(name, parameters)| parameters.scheme(name) == Some(*other))?
        }
    };
    let place = SCHEMES.iter().position(|scheme| *scheme == name)?;
    (parameters.scheme(name) == Some(*scheme)).then_some((place, parameters))
}

impl Writer<'_> {
    /// A scheme, and what is to be said of it.
    pub fn scheme(&mut self, scheme: &Named) -> Result<(), RecipeError> {
        let (place, parameters) = words(scheme).ok_or(RecipeError::Nameless)?;
        self.byte(0x80 | place as u8)?;
        let Parameters { order, eps, norm_eps, first, std, seed } = parameters;
        let order = ORDERS.iter().find(|(_, other)| Some(*other) == order);
        for (i, key) in PARAMETERS.iter().enumerate() {
            let real = match key.name {
                "eps" => eps,
                "norm-eps" => norm_eps,
                "first" => first,
                "std" => std,
                _ => None,
            };
            let number = i as u8 + 1;
            match (key.name, order, real, seed) {
                ("order", Some((word, _)), ..) => {
                    self.byte(number)?;
                    self.text(key.sort, word)?;
                }
                ("seed", _, _, Some(seed)) => {
                    self.byte(number)?;
                    self.count(seed)?;
                }
                (_, _, Some(real), _) => {
                    self.byte(number)?;
                    self.real(real)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of what can be said agrees with the schemes themselves.
    #[test]
    fn what_can_be_said_of_a_scheme_is_what_it_has() {
        let each = |said: usize| Parameters {
            order: (said == 0).then_some(Order::Diagonal),
            eps: (said == 1).then_some(0.5),
            norm_eps: (said == 2).then_some(0.5),
            first: (said == 3).then_some(0.5),
            std: (said == 4).then_some(0.5),
            seed: (said == 5).then_some(9),
        };
        for (name, takes) in SCHEMES.iter().zip(TAKES) {
            for said in 0..PARAMETERS.len() {
                let has = each(said).scheme(name).is_some();
                assert_eq!(takes >> said & 1 == 1, has, "{name}, {said}");
            }
        }
    }
}
