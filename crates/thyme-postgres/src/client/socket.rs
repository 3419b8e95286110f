//! The line to the server.
use std::io::{self, Read};
use std::mem;
use std::net;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Sleep, sleep};

use crate::config::Connection;

/// A peer that vanished is noticed within two minutes, also by a statement that waits for it.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);

/// An answer of more bytes than this is in no hurry.
const MANY: usize = 1 << 20;

/// Fewer bytes at once than this are worth a pause.
const FEW: usize = 128 << 10;

/// What an answer in no hurry gathers for. The server sends 8 KiB at a time, and to be woken for each of them costs more than to
/// decode them.
const GATHER: Duration = Duration::from_millis(1);

/// After so many pauses without a byte, the next one wakes us again.
const IDLE: u32 = 4;

/// A connection over TCP or a Unix socket. In the middle of a long answer over TCP it looks for bytes from time to time instead
/// of being woken by them.
#[derive(Debug)]
pub(super) struct Socket {
    line: Line,
    /// Bytes of the answer so far.
    seen: usize,
    pause: Option<Pin<Box<Sleep>>>,
    /// Pauses in which nothing came.
    idle: u32,
}

#[derive(Debug)]
enum Line {
    Tcp(TcpStream),
    /// The same, while the runtime does not watch it.
    Unwatched(net::TcpStream),
    Unix(UnixStream),
    /// The runtime refused to watch it.
    Lost,
}

/// Reaches the server. A host that starts with `/` is the folder of its Unix socket.
///
/// # Errors
/// Those of the system; of several addresses of a name the last one's.
pub(super) async fn open(connection: &Connection) -> io::Result<Socket> {
    let Connection { host, port, .. } = connection;
    let line = if host.starts_with('/') {
        Line::Unix(UnixStream::connect(format!("{host}/.s.PGSQL.{port}")).await?)
    } else {
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE)?;
        Line::Tcp(stream)
    };
    Ok(Socket { line, seen: 0, pause: None, idle: 0 })
}

impl Socket {
    /// No more news of the line until somebody looks.
    fn unwatch(&mut self) -> io::Result<()> {
        self.line = match mem::replace(&mut self.line, Line::Lost) {
            Line::Tcp(stream) => Line::Unwatched(stream.into_std()?),
            other => other,
        };
        self.idle = 0;
        Ok(())
    }

    fn watch(&mut self) -> io::Result<()> {
        self.line = match mem::replace(&mut self.line, Line::Lost) {
            Line::Unwatched(stream) => Line::Tcp(TcpStream::from_std(stream)?),
            other => other,
        };
        self.pause = None;
        Ok(())
    }

    /// Watches the line again, as something is to be said on it. Whoever waits for the next look must wait for bytes instead.
    fn rouse(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if matches!(self.line, Line::Unwatched(_)) {
            self.watch()?;
            cx.waker().wake_by_ref();
        }
        Ok(())
    }

    /// Looks for bytes on a line that nobody watches; pending until the next look, or until it is watched again and has some.
    fn look(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let Line::Unwatched(stream) = &mut self.line else { return self.poll_line(cx, out) };
            match stream.read(out.initialize_unfilled()) {
                Ok(read) => {
                    out.advance(read);
                    self.idle = 0;
                    self.pause = (read < FEW).then(|| Box::pin(sleep(GATHER)));
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.idle += 1;
                    if self.idle < IDLE { self.pause = Some(Box::pin(sleep(GATHER))) } else { self.watch()? }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    fn poll_line(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.line {
            Line::Tcp(stream) => Pin::new(stream).poll_read(cx, out),
            Line::Unix(stream) => Pin::new(stream).poll_read(cx, out),
            Line::Unwatched(_) | Line::Lost => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.line, Line::Unwatched(_)) {
            return this.look(cx, out);
        }
        let before = out.filled().len();
        ready!(this.poll_line(cx, out))?;
        let read = out.filled().len() - before;
        this.seen = this.seen.saturating_add(read);
        if this.seen > MANY && (1..FEW).contains(&read) {
            this.unwatch()?;
            this.pause = Some(Box::pin(sleep(GATHER)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // What is said now has an answer of its own.
        this.seen = 0;
        this.rouse(cx)?;
        match &mut this.line {
            Line::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Line::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Line::Unwatched(_) | Line::Lost => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.rouse(cx)?;
        match &mut this.line {
            Line::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Line::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Line::Unwatched(_) | Line::Lost => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests;
