//! The rows of a `COPY … TO STDOUT`, taken out of the server's messages many at a time.
//!
//! The server sends a message for each row. To pass every one of them on by itself, from task to task, costs as much as to decode
//! it. So whoever asks for rows gets blocks of what such messages hold, and all others go their way.
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::channel::mpsc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Bytes of rows that are handed on together, and of what is read at once while rows come.
const BLOCK: usize = 256 << 10;

/// Bytes that are read at once otherwise.
const SMALL: usize = 8 << 10;

/// Where the rows of the next `COPY` go to; with whoever asks for it and with the [`Tap`].
#[derive(Clone, Debug, Default)]
pub(super) struct Flow(Arc<Mutex<Option<mpsc::Sender<Vec<u8>>>>>);

impl Flow {
    /// The blocks of the next `COPY`: at most two wait here.
    pub(super) fn open(&self) -> mpsc::Receiver<Vec<u8>> {
        let (sender, receiver) = mpsc::channel(1);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Nobody asks for rows any more.
    pub(super) fn close(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<mpsc::Sender<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The tap's hold on it: whoever still waits for the first row when the tap is gone learns that there is none.
struct Held(Flow);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What the next byte from the server belongs to.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// The head of a message: what it is, and four bytes for its length.
    Head,
    /// A message that is passed on, or the answer to the question for TLS, with so many bytes to come.
    Other(usize),
    /// A row, with so many bytes to come.
    Row(usize),
}

/// Why [`Tap::sort`] stops.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// All that was read is sorted.
    Empty,
    /// Whoever reads messages has no more room.
    Full,
    /// The block must go before anything else.
    Block,
}

/// A connection whose rows are taken out.
pub(super) struct Tap<S> {
    inner: S,
    flow: Held,
    /// Where rows go to now; `None` where nobody asked for them by the block.
    rows: Option<mpsc::Sender<Vec<u8>>>,
    frame: Frame,
    /// What was read; all before `at` is sorted, all from `end` on is room.
    input: Vec<u8>,
    at: usize,
    end: usize,
    block: Vec<u8>,
}

impl<S> Tap<S> {
    /// Taps a connection that is new. `asks`: the first thing the server says is whether it has TLS, which is no message.
    pub(super) fn new(inner: S, flow: Flow, asks: bool) -> Self {
        Self::held(inner, Held(flow), asks)
    }

    fn held(inner: S, flow: Held, asks: bool) -> Self {
        let frame = if asks { Frame::Other(1) } else { Frame::Head };
        let (input, block) = (vec![0; SMALL], Vec::new());
        Self { inner, flow, rows: None, frame, input, at: 0, end: 0, block }
    }

    /// Sorts what was read: rows to the block, all else to `out`.
    fn sort(&mut self, out: &mut ReadBuf<'_>) -> Stop {
        loop {
            let input = self.input.get(self.at..self.end).unwrap_or_default();
            let (used, next) = match self.frame {
                Frame::Head => {
                    let head = input.first_chunk::<5>().map(|[tag, length @ ..]| (*tag, u32::from_be_bytes(*length) as usize));
                    let Some((tag, length)) = head else { return Stop::Empty };
                    if tag == b'd' && length >= 4 && self.takes() {
                        (5, Frame::Row(length - 4))
                    } else {
                        // The rows come before what follows them.
                        if !self.block.is_empty() {
                            return Stop::Block;
                        }
                        // Also where an error comes in place of the first row.
                        if matches!(tag, b'c' | b'E') {
                            self.rows = None;
                            self.flow.0.close();
                        }
                        // Whatever the length is, there is a head to be refused.
                        (0, Frame::Other(length.max(4).saturating_add(1)))
                    }
                }
                Frame::Other(left) => {
                    let taken = input.get(..left.min(out.remaining())).unwrap_or(input);
                    out.put_slice(taken);
                    match left - taken.len() {
                        0 => (taken.len(), Frame::Head),
                        left => {
                            self.at += taken.len();
                            self.frame = Frame::Other(left);
                            return if out.remaining() == 0 { Stop::Full } else { Stop::Empty };
                        }
                    }
                }
                Frame::Row(left) => {
                    let taken = input.get(..left.min(BLOCK - self.block.len())).unwrap_or(input);
                    self.block.extend_from_slice(taken);
                    match left - taken.len() {
                        0 => (taken.len(), Frame::Head),
                        left => {
                            self.at += taken.len();
                            self.frame = Frame::Row(left);
                            return if self.block.len() == BLOCK { Stop::Block } else { Stop::Empty };
                        }
                    }
                }
            };
            self.at += used;
            self.frame = next;
        }
    }

    /// Whether rows are asked for by the block.
    fn takes(&mut self) -> bool {
        if self.rows.is_none() {
            self.rows = self.flow.0.take();
            if self.rows.is_some() {
                self.block = Vec::with_capacity(BLOCK);
                self.input.resize(BLOCK, 0);
            }
        }
        self.rows.is_some()
    }

    /// Hands the block on, as soon as there is room for it. Without anybody who wants it, it is dropped.
    fn hand_on(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.block.is_empty() {
            return Poll::Ready(());
        }
        let wanted = match &mut self.rows {
            Some(rows) => ready!(rows.poll_ready(cx)).is_ok(),
            None => false,
        };
        if wanted && let Some(rows) = &mut self.rows {
            drop(rows.start_send(mem::replace(&mut self.block, Vec::with_capacity(BLOCK))));
        } else {
            self.block.clear();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> Tap<S> {
    /// Reads more; false at the end.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.input.copy_within(self.at..self.end, 0);
        self.end -= mem::take(&mut self.at);
        let mut room = ReadBuf::new(self.input.get_mut(self.end..).unwrap_or_default());
        if Pin::new(&mut self.inner).poll_read(cx, &mut room)?.is_pending() {
            // The rows so far do not wait for others.
            ready!(self.hand_on(cx));
            return Poll::Pending;
        }
        let read = room.filled().len();
        self.end += read;
        Poll::Ready(Ok(read > 0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        loop {
            let stop = this.sort(out);
            if out.filled().len() > before || stop == Stop::Full {
                return Poll::Ready(Ok(()));
            }
            if stop == Stop::Block {
                ready!(this.hand_on(cx));
            } else if !ready!(this.fill(cx))? {
                this.rows = None;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl<S: TlsStream + Unpin> TlsStream for Tap<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// TLS under the tap, as it was over it while both sides agreed on TLS.
pub(super) struct Tapped<T>(pub(super) T);

impl<S, T> TlsConnect<Tap<S>> for Tapped<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
    T::Error: 'static,
{
    type Stream = Tap<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: Tap<S>) -> Self::Future {
        // What somebody in between may have said after the answer is lost, and so is the handshake.
        let secured = self.0.connect(stream.inner);
        let flow = stream.flow;
        Box::pin(async move { Ok(Tap::held(secured.await?, flow, false)) })
    }
}

#[cfg(test)]
mod tests;
