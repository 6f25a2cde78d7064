//! Signals that `leasehold run` passes on to its program.

use std::io;
use std::process::ExitCode;

use tokio::process::Child;

/// A signal that asks to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The terminal went away.
    #[cfg(unix)]
    HangUp,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-\.
    #[cfg(unix)]
    Quit,
    /// End in order.
    Terminate,
}

impl Signal {
    /// What a process that ends because of it returns.
    pub(super) fn exit_code(self) -> ExitCode {
        ExitCode::from(128 + self.number())
    }

    /// Whether the terminal has sent it to the program as well, so that passing it on would double it.
    pub(super) fn reaches_the_program_itself(self) -> bool {
        self != Self::Terminate && io::IsTerminal::is_terminal(&io::stdin())
    }

    fn number(self) -> u8 {
        match self {
            #[cfg(unix)]
            Self::HangUp => 1,
            Self::Interrupt => 2,
            #[cfg(unix)]
            Self::Quit => 3,
            Self::Terminate => 15,
        }
    }
}

#[cfg(unix)]
mod unix {
    use rustix::process::{Pid, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    use super::{Child, Signal, io};

    /// The signals that this process receives.
    pub(crate) struct Signals {
        hang_up: tokio::signal::unix::Signal,
        interrupt: tokio::signal::unix::Signal,
        quit: tokio::signal::unix::Signal,
        terminate: tokio::signal::unix::Signal,
    }

    impl Signals {
        /// Begins to receive them; from now on they do not end this process by themselves.
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self {
                hang_up: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }

        /// The next signal.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.hang_up.recv() => Signal::HangUp,
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.quit.recv() => Signal::Quit,
                _ = self.terminate.recv() => Signal::Terminate,
            }
        }
    }

    impl Signal {
        /// Sends it to the program; one that has ended already needs none.
        pub(crate) fn send_to(self, child: &Child) {
            let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            let signal = match self {
                Self::HangUp => rustix::process::Signal::HUP,
                Self::Interrupt => rustix::process::Signal::INT,
                Self::Quit => rustix::process::Signal::QUIT,
                Self::Terminate => rustix::process::Signal::TERM,
            };
            if let Some(pid) = pid {
                // It ends between the look and the call at worst, and that is what was wanted.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

#[cfg(windows)]
mod windows {
    use tokio::signal::windows::{CtrlC, CtrlShutdown, ctrl_c, ctrl_shutdown};

    use super::{Child, Signal, io};

    /// The signals that this process receives.
    pub(crate) struct Signals {
        interrupt: CtrlC,
        shutdown: CtrlShutdown,
    }

    impl Signals {
        /// Begins to receive them; from now on they do not end this process by themselves.
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self { interrupt: ctrl_c()?, shutdown: ctrl_shutdown()? })
        }

        /// The next signal.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.shutdown.recv() => Signal::Terminate,
            }
        }
    }

    impl Signal {
        /// The console has told the program already.
        pub(crate) fn send_to(self, _child: &Child) {}
    }
}

#[cfg(unix)]
pub(super) use unix::Signals;
#[cfg(windows)]
pub(super) use windows::Signals;
