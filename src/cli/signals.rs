//! `Signals`: SIGINT and SIGTERM end reading or capturing in order, a second SIGINT ends the program, and so does any
//! of them once nothing is read any more; SIGUSR1 asks how a capture stands.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals as Incoming;

use crate::source::Stopper;

/// Signals that are kept until somebody serves them.
pub struct Signals(Incoming);

impl Signals {
    /// From now on they do not end the program by themselves.
    pub fn listen() -> io::Result<Self> {
        Incoming::new([SIGINT, SIGTERM, SIGUSR1]).map(Self)
    }

    /// Serves them in a thread; gives the flag that SIGUSR1 sets.
    pub fn serve(mut self, stopper: &Stopper) -> Arc<AtomicBool> {
        let asked = Arc::new(AtomicBool::new(false));
        let (flag, stopper) = (Arc::clone(&asked), stopper.clone());
        thread::spawn(move || {
            let mut interrupts = 0;
            for signal in self.0.forever() {
                match signal {
                    SIGUSR1 => {
                        flag.store(true, Ordering::Relaxed);
                        stopper.wake();
                    }
                    SIGINT | SIGTERM if stopper.is_alone() => at_once(signal),
                    SIGINT if interrupts > 0 => at_once(signal),
                    _ => {
                        interrupts += i32::from(signal == SIGINT);
                        stopper.stop();
                    }
                }
            }
        });
        asked
    }
}

/// Ends the program without any last word.
fn at_once(signal: i32) -> ! {
    #[cfg(feature = "tui")]
    if crate::tui::is_shown() {
        crate::tui::restore();
    }
    process::exit(128 + signal)
}
