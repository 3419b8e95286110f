//! A proxy between a connector and its server that delays, throttles and cuts: on 127.0.0.1 alone.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thyme_core::{Error, Kind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// What happens to what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every piece waits this long, in each direction.
    pub delay: Duration,
    /// Bytes a second in each direction of each connection; `None`: as fast as it goes.
    pub rate: Option<u64>,
    /// New connections are closed at once, those that stand are cut.
    pub cut: bool,
    /// Nothing passes, and nothing is closed: a network that swallows.
    pub stall: bool,
    /// A connection is cut once it carried this many bytes to the client.
    pub cut_after: Option<u64>,
}

/// A running proxy; gone with its connections when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<watch::Sender<Faults>>,
    spent: Arc<AtomicU64>,
    accepting: AbortHandle,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and passes everything to `upstream`, without a fault at first. Needs a runtime.
    ///
    /// # Errors
    /// `Unavailable` when there is no port.
    pub async fn start(upstream: SocketAddr) -> Result<Self> {
        let broken = |e| Error::new(Kind::Unavailable, "the proxy can't listen").source(e);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        let faults = Arc::new(watch::Sender::new(Faults::default()));
        let spent = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, upstream, Arc::clone(&faults), Arc::clone(&spent))).abort_handle();
        Ok(Self { address, faults, spent, accepting })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, also for connections that stand.
    pub fn set(&self, faults: Faults) {
        self.faults.send_replace(faults);
    }

    /// Connections that [`Faults::cut_after`] has cut so far.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, faults: Arc<watch::Sender<Faults>>, spent: Arc<AtomicU64>) {
    // Dropped with this task, and each connection with it.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let faults = faults.subscribe();
        if faults.borrow().cut {
            continue;
        }
        connections.spawn(connect(client, upstream, faults, Arc::clone(&spent)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(client: TcpStream, upstream: SocketAddr, mut faults: watch::Receiver<Faults>, spent: Arc<AtomicU64>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    // A cut is a reset, which no side can take for an end.
    let _ = (client.set_zero_linger(), server.set_zero_linger());
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let up = pass(from_client, to_server, faults.clone(), None);
    let down = pass(from_server, to_client, faults.clone(), Some((0, &*spent)));
    let cut = async { faults.wait_for(|faults| faults.cut).await.is_ok() };
    tokio::pin!(up, down, cut);
    let (mut upwards, mut downwards) = (true, true);
    while upwards || downwards {
        tokio::select! {
            whole = &mut up, if upwards => if whole { upwards = false } else { return },
            whole = &mut down, if downwards => if whole { downwards = false } else { return },
            _ = &mut cut => return,
        }
    }
}

/// Passes one direction to its end; false when it is to be cut. `carried` counts its bytes where `cut_after` applies, and `spent`
/// such cuts.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Faults>,
    mut carried: Option<(u64, &AtomicU64)>,
) -> bool {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let now = *faults.borrow();
        // A tenth of a second's worth at a time, so that a slow line is slow all along.
        let most = now.rate.map_or(piece.len(), |rate| usize::try_from(rate / 10).unwrap_or(usize::MAX).clamp(1, piece.len()));
        let Some(room) = piece.get_mut(..most) else { return false };
        let read = match from.read(room).await {
            Ok(0) => return to.shutdown().await.is_ok(),
            Ok(read) => read,
            Err(_) => return false,
        };
        if faults.wait_for(|faults| !faults.stall).await.is_err() {
            return false;
        }
        let now = *faults.borrow();
        let pause = now.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(read as f64 / rate.max(1) as f64));
        if !(now.delay + pause).is_zero() {
            tokio::time::sleep(now.delay + pause).await;
        }
        let mut whole = true;
        let mut send = read;
        if let (Some((carried, spent)), Some(most)) = (&mut carried, now.cut_after) {
            let left = usize::try_from(most.saturating_sub(*carried)).unwrap_or(usize::MAX);
            whole = read < left;
            if !whole {
                spent.fetch_add(1, Ordering::SeqCst);
            }
            send = read.min(left);
            *carried += send as u64;
        }
        let Some(bytes) = piece.get(..send) else { return false };
        if to.write_all(bytes).await.is_err() || !whole {
            return false;
        }
    }
}
