//! SIGINT and SIGTERM: the first stops in good order, the second at once.
use tokio_util::sync::CancellationToken;

use crate::logs::Screen;

/// Cancelled by the first signal. A second one ends the process with 1: nothing is lost, what was not committed is read again.
pub(crate) fn stop(screen: &Screen) -> CancellationToken {
    let stop = CancellationToken::new();
    let (token, screen) = (stop.clone(), screen.clone());
    tokio::spawn(async move {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(e) => return screen.line(format_args!("signals are not heard: {e}")),
        };
        signals.next().await;
        screen.line("stopping: what is staged is being committed; a second signal ends at once");
        token.cancel();
        signals.next().await;
        std::process::exit(1);
    });
    stop
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a handler for Ctrl-C it ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
