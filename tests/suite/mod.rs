//! One list of cases, one table of tolerances, one slow definition; the tests go by them.

mod cases;
mod definition;
mod runner;
mod token_cases;
mod token_layers;
mod tolerance;

mod adapters;
mod anything;
mod batch_norm;
mod bits;
mod blown_up;
mod dropout;
mod forward;
mod gradient;
#[cfg(feature = "std")]
mod host;
mod parts;
mod recurrent;
mod refusals;
mod ties;
mod tokens;
mod torch;
mod updates;
