//! The updates by name: one list for every subcommand.

use crate::failure::Failure;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use idinit::plan::Mode;
use idinit::update::{
    AdaDelta, Adagrad, Adam, AdamW, Chosen, Clip, Grouped, Momentum, Sgd, Update,
};

/// How weights move, whatever was chosen.
pub type Way = Clip<Grouped<Chosen>>;

/// Parses the name of an update, with its usual settings.
pub fn updates() -> impl TypedValueParser<Value = Chosen> {
    let names = Chosen::NAMES.iter().map(|name| PossibleValue::new(*name));
    PossibleValuesParser::new(names).try_map(|name| Chosen::named(&name).ok_or("no such update"))
}

/// What a program needs to train that links this update alone, as a microcontroller does.
pub fn mode(update: &Chosen, clipped: bool) -> Mode {
    fn of<U: Update>(_: &U, clipped: bool) -> Mode {
        if clipped { Mode::train::<Clip<U>>() } else { Mode::train::<U>() }
    }
    match update {
        Chosen::Momentum(update) => of::<Momentum>(update, clipped),
        Chosen::Adam(update) => of::<Adam>(update, clipped),
        Chosen::AdamW(update) => of::<AdamW>(update, clipped),
        Chosen::AdaDelta(update) => of::<AdaDelta>(update, clipped),
        Chosen::Adagrad(update) => of::<Adagrad>(update, clipped),
        Chosen::Sgd(update) => of::<Sgd>(update, clipped),
        // of an update that this list lacks, its numbers are known, and not its buffers
        other => Mode::train_with(other),
    }
}

/// What habits and files call an update: descent is sgd, and has its momentum beside it.
pub fn name(update: &Chosen) -> &'static str {
    match update {
        Chosen::Momentum(_) => "sgd",
        other => other.name(),
    }
}

/// Refuses a decay that turns weights around at a rate, in single precision, as the engine multiplies
/// them.
pub fn check_decay(rate: f32, update: &Way) -> Result<(), Failure> {
    let decay = update.decay();
    match rate * decay > 1.0 {
        true => Err(Failure::usage(format!(
            "--rate {rate} times --decay {decay} is more than 1: decay would turn weights around"
        ))),
        false if !update.is_sound() => {
            let decay = update.update.update.own_decay();
            Err(Failure::usage(format!("--decay {decay} is more than 1")))
        }
        false => Ok(()),
    }
}
