//! One list of cases, one table of tolerances, one slow definition; the tests go by them.

mod cases;
mod definition;
mod runner;
mod tolerance;

mod anything;
mod batch_norm;
mod bits;
mod blown_up;
mod forward;
mod gradient;
#[cfg(feature = "std")]
mod host;
mod parts;
mod recurrent;
mod refusals;
mod ties;
mod torch;
mod updates;
