//! A device that learns, by RTIC: sensing has the higher priority, and training is what `idle` does.

#![no_std]
#![no_main]

use rtic_monotonics::systick::prelude::*;

systick_monotonic!(Mono, 1_000);

#[rtic::app(device = stm32f4xx_hal::pac, dispatchers = [EXTI0])]
mod app {
    use super::Mono;
    use board::{Nucleo, Wired};
    use common::{
        Board,
        pieces::{ARENA, Pieces, WEIGHTS},
    };
    use idinit::engine::Error;
    use rtic_monotonics::{Timebase, fugit::ExtU32};

    /// Images learnt at once; sensing interrupts them.
    const BUDGET: usize = 1;

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        wired: Wired,
        pieces: Pieces,
    }

    #[init(local = [weights: [f32; WEIGHTS] = [0.0; WEIGHTS], arena: [f32; ARENA] = [0.0; ARENA]])]
    fn init(context: init::Context) -> (Shared, Local) {
        let Some(wired) = Nucleo::open(context.device) else { Nucleo::exit(1) };
        Mono::start(context.core.SYST, wired.clock);
        let pieces = match Pieces::new(context.local.weights, context.local.arena) {
            Ok(pieces) => pieces,
            Err(error) => common::end::<Nucleo, _>(Err(error)),
        };
        // fails only where it is spawned already
        let _ = sense::spawn();
        (Shared {}, Local { wired, pieces })
    }

    #[idle(local = [pieces])]
    fn idle(context: idle::Context) -> ! {
        common::end::<Nucleo, _>(learn(context.local.pieces))
    }

    fn learn(pieces: &mut Pieces) -> Result<(), Error> {
        while pieces.work(BUDGET)? {}
        pieces.tell(&mut |line| common::print::<Nucleo>(line))
    }

    /// Fifty times a second: a sample of `wired.i2c` and, while the button is pressed, its label.
    #[task(local = [wired], priority = 1)]
    async fn sense(context: sense::Context) {
        let mut due = Mono::now();
        loop {
            let _pressed = context.local.wired.pressed();
            due += 20.millis();
            Mono::delay_until(due).await;
        }
    }
}
