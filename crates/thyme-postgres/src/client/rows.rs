//! The rows of a `COPY … TO STDOUT`, in blocks.
use std::pin::Pin;

use futures::StreamExt;
use futures::channel::mpsc;
use tokio_postgres::{CopyOutStream, Error};

use super::Client;

/// The rows of one `COPY … TO STDOUT`, as the server sends them, cut anywhere.
pub struct Rows {
    blocks: mpsc::Receiver<Vec<u8>>,
    end: Pin<Box<CopyOutStream>>,
}

impl Rows {
    /// Some more bytes, a quarter of a MiB at most; `None` after the last. Cancel-safe.
    ///
    /// # Errors
    /// What the server says instead of going on, or that the connection is cut.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.blocks.next().await {
            Some(block) => Ok(Some(block)),
            None => Ok(self.end.next().await.transpose()?.map(Into::into)),
        }
    }
}

impl Client {
    /// Starts a `COPY … TO STDOUT`. One at a time: what is left of the rows of the last one is lost.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn rows(&self, copy: &str) -> Result<Rows, Error> {
        let blocks = self.flow.open();
        match self.copy_out(copy).await {
            Ok(end) => Ok(Rows { blocks, end: Box::pin(end) }),
            Err(error) => {
                self.flow.close();
                Err(error)
            }
        }
    }
}
