use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::{GATHER, Line, Socket};

async fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (Socket { line: Line::Tcp(stream), seen: 0, pause: None, idle: 0 }, server)
}

/// As in the middle of a long answer.
async fn unwatched() -> (Socket, TcpStream) {
    let (mut socket, server) = pair().await;
    socket.unwatch().unwrap();
    socket.pause = Some(Box::pin(sleep(GATHER)));
    (socket, server)
}

/// What it comes to in a task of its own, which nothing polls but who wakes it.
async fn woken<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    tokio::time::timeout(Duration::from_secs(5), tokio::spawn(future)).await.expect("nobody was woken").unwrap()
}

/// As the connection does it: it looks for bytes, then says something, and waits.
#[tokio::test]
async fn an_answer_to_what_is_said_between_two_looks_is_heard() {
    for _ in 0..20 {
        let (mut socket, mut server) = unwatched().await;
        let echo = tokio::spawn(async move {
            let mut asked = [0; 8];
            server.read_exact(&mut asked).await.unwrap();
            sleep(Duration::from_millis(20)).await;
            server.write_all(b"answered").await.unwrap();
            server
        });
        let mut said = false;
        let heard = woken(poll_fn(move |cx| {
            let mut bytes = [0; 64];
            let mut room = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut socket).poll_read(cx, &mut room);
            if !said {
                said = matches!(Pin::new(&mut socket).poll_write(cx, b"question"), Poll::Ready(Ok(8)));
            }
            read.map(|read| read.map(|()| room.filled().to_vec()))
        }));
        assert_eq!(heard.await.unwrap(), b"answered");
        echo.await.unwrap();
    }
}

/// As the connection ends: nobody says anything any more, and the server closes its side later.
#[tokio::test]
async fn the_end_after_a_farewell_between_two_looks_is_heard() {
    let (mut socket, mut server) = unwatched().await;
    let server = tokio::spawn(async move {
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        sleep(Duration::from_millis(20)).await;
    });
    let mut left = false;
    let heard = woken(poll_fn(move |cx| {
        let mut bytes = [0; 64];
        let mut room = ReadBuf::new(&mut bytes);
        let read = Pin::new(&mut socket).poll_read(cx, &mut room);
        if !left {
            left = Pin::new(&mut socket).poll_shutdown(cx).is_ready();
        }
        read.map(|read| read.map(|()| room.filled().len()))
    }));
    assert_eq!(heard.await.unwrap(), 0);
    server.await.unwrap();
}

#[tokio::test]
async fn bytes_after_a_long_silence_are_heard_and_so_is_the_end() {
    let (mut socket, mut server) = unwatched().await;
    let late = tokio::spawn(async move {
        sleep(Duration::from_millis(100)).await;
        server.write_all(b"late").await.unwrap();
        sleep(Duration::from_millis(100)).await;
    });
    let rest = woken(async move {
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.map(|_| rest)
    });
    assert_eq!(rest.await.unwrap(), b"late");
    late.await.unwrap();
}
