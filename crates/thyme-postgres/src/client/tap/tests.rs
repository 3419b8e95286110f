use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::{BLOCK, Flow, Tap};

/// Sends its bytes so many at a time, and now and then nothing.
struct Line {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
    rests: bool,
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.rests = !this.rests;
        if this.rests {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let end = (this.at + this.step.min(out.remaining())).min(this.bytes.len());
        out.put_slice(&this.bytes[this.at..end]);
        this.at = end;
        Poll::Ready(Ok(()))
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.extend(body);
    message
}

/// What a server sends: rows, a notice among them, the end. First all of it, then what is no row, then the rows.
fn stream() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (mut all, mut others, mut rows) = (b"N".to_vec(), b"N".to_vec(), Vec::new());
    let begin = message(b'H', &[1, 0, 0]);
    all.extend(&begin);
    others.extend(begin);
    for number in 0..200_u32 {
        let row = vec![number as u8; number as usize % 17];
        all.extend(message(b'd', &row));
        rows.extend(row);
        if number % 50 == 7 {
            let notice = message(b'N', b"by the way");
            all.extend(&notice);
            others.extend(notice);
        }
    }
    let huge = vec![7; 2 * BLOCK + 3];
    all.extend(message(b'd', &huge));
    rows.extend(huge);
    for end in [message(b'c', b""), message(b'C', b"COPY 201\0"), message(b'Z', b"I")] {
        all.extend(&end);
        others.extend(end);
    }
    (all, others, rows)
}

async fn read(step: usize, asked: bool) -> (Vec<u8>, Vec<u8>) {
    let line = Line { bytes: stream().0, at: 0, step, rests: false };
    let flow = Flow::default();
    let mut tap = Tap::new(line, flow.clone(), true);
    let blocks = asked.then(|| flow.open());
    let rows = async {
        match blocks {
            Some(blocks) => blocks.collect::<Vec<_>>().await.concat(),
            None => Vec::new(),
        }
    };
    let mut others = Vec::new();
    let (read, rows) = futures::join!(tap.read_to_end(&mut others), rows);
    assert_eq!(read.unwrap(), others.len());
    (others, rows)
}

#[tokio::test]
async fn rows_are_taken_out_wherever_the_bytes_are_cut() {
    let (_, others, rows) = stream();
    for step in [1, 2, 3, 5, 64, 1000, 8192, BLOCK - 1, BLOCK, 2 * BLOCK] {
        assert!(read(step, true).await == (others.clone(), rows.clone()), "{step} bytes at a time");
    }
}

#[tokio::test]
async fn what_nobody_asked_for_goes_its_way() {
    let (all, _, _) = stream();
    for step in [1, 7, 8192] {
        assert!(read(step, false).await == (all.clone(), Vec::new()), "{step} bytes at a time");
    }
}

#[tokio::test]
async fn the_rest_of_a_copy_that_nobody_reads_is_dropped_and_the_next_one_is_not() {
    let (all, others, rows) = stream();
    let mut twice = all.clone();
    twice.extend(&all[1..]);
    let flow = Flow::default();
    let mut tap = Tap::new(Line { bytes: twice, at: 0, step: 100, rests: false }, flow.clone(), true);
    drop(flow.open());
    let mut first = vec![0; others.len()];
    tap.read_exact(&mut first).await.unwrap();
    assert!(first == others);
    let blocks = flow.open();
    let mut second = Vec::new();
    let (_, got) = futures::join!(tap.read_to_end(&mut second), blocks.collect::<Vec<_>>());
    assert!(second == others[1..] && got.concat() == rows);
}

#[tokio::test]
async fn a_length_that_no_message_has_is_passed_on() {
    let mut bytes = b"d".to_vec();
    bytes.extend(3_u32.to_be_bytes());
    let flow = Flow::default();
    let blocks = flow.open();
    let mut tap = Tap::new(Line { bytes: bytes.clone(), at: 0, step: 9, rests: false }, flow, false);
    let mut others = Vec::new();
    tap.read_to_end(&mut others).await.unwrap();
    drop(tap);
    assert_eq!((others, blocks.collect::<Vec<_>>().await.len()), (bytes, 0));
}

#[tokio::test]
async fn whoever_waits_for_a_first_row_that_does_not_come_learns_it() {
    let mut error = message(b'H', &[1, 0, 0]);
    error.extend(message(b'E', b"SERROR\0\0"));
    for (bytes, stays) in [(error, true), (Vec::new(), false)] {
        let flow = Flow::default();
        let mut blocks = flow.open();
        let mut tap = Tap::new(Line { bytes: bytes.clone(), at: 0, step: 9, rests: false }, flow.clone(), false);
        let mut others = Vec::new();
        tap.read_to_end(&mut others).await.unwrap();
        assert_eq!(others, bytes);
        if !stays {
            drop(tap);
        }
        let first = tokio::time::timeout(Duration::from_secs(5), blocks.next()).await.expect("it waits for ever");
        assert!(first.is_none());
    }
}
