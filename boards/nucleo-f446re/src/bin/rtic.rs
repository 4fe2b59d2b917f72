//! A device that learns, by RTIC: sensing has the higher priority, and training is what `idle` does. Between them is a
//! queue.

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
        pieces::{Digit, Digits, Lent, Pieces},
    };
    use heapless::spsc::{Consumer, Producer, Queue};
    use idinit::device::learn::{Budget, LearnError};
    use rtic_monotonics::{Timebase, fugit::ExtU32};

    /// Steps at once; sensing interrupts them, so that they may be many. Here the queue is looked at between two.
    const BUDGET: u32 = 1;

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        wired: Wired,
        pieces: Pieces,
        labelled: Producer<'static, Digit>,
        to_learn: Consumer<'static, Digit>,
    }

    #[init(local = [memory: Lent = Lent::ZEROS, queue: Queue<Digit, 3> = Queue::new()])]
    fn init(context: init::Context) -> (Shared, Local) {
        let Some(wired) = Nucleo::open(context.device) else { Nucleo::exit(1) };
        Mono::start(context.core.SYST, wired.clock);
        let pieces = match Pieces::new(context.local.memory) {
            Ok(pieces) => pieces,
            Err(error) => common::end::<Nucleo, _>(Err(error)),
        };
        let (labelled, to_learn) = context.local.queue.split();
        // fails only where it is spawned already
        let _ = sense::spawn();
        (Shared {}, Local { wired, pieces, labelled, to_learn })
    }

    #[idle(local = [pieces, to_learn])]
    fn idle(context: idle::Context) -> ! {
        let idle::LocalResources { pieces, to_learn, .. } = context.local;
        common::end::<Nucleo, _>(learn(pieces, to_learn))
    }

    fn learn(pieces: &mut Pieces, labelled: &mut Consumer<Digit>) -> Result<(), LearnError> {
        while !pieces.is_done() {
            if pieces.is_idle() {
                if let Some(digit) = labelled.dequeue() {
                    pieces.label(&digit)?;
                }
            } else {
                pieces.work(Budget::steps(BUDGET))?;
            }
        }
        pieces.tell(&mut |line| common::print::<Nucleo>(line))
    }

    /// Fifty times a second: a sample of `wired.i2c` and, while the button is pressed, its label.
    #[task(local = [wired, labelled, digits: Digits = Digits::NEW], priority = 1)]
    async fn sense(context: sense::Context) {
        let sense::LocalResources { wired, labelled, digits, .. } = context.local;
        let mut due = Mono::now();
        loop {
            let _pressed = wired.pressed();
            if labelled.ready()
                && let Some(digit) = digits.next()
            {
                let _ = labelled.enqueue(digit);
            }
            due += 20.millis();
            Mono::delay_until(due).await;
        }
    }
}
