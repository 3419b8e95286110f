//! The proxy breaks what it is told to, and nothing else.
use std::time::{Duration, Instant};

use thyme_testkit::proxy::{Faults, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that sends back what it gets.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
            });
        }
    });
    address
}

async fn round(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).await?;
    Ok(back)
}

#[tokio::test]
async fn without_faults_everything_passes() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    assert!(proxy.address().ip().is_loopback());
    let stream = TcpStream::connect(proxy.address()).await.unwrap();
    let sent: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let (mut from, mut to) = stream.into_split();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    from.read_to_end(&mut got).await.unwrap();
    writing.await.unwrap();
    assert!(got == expected, "{} of {} bytes", got.len(), expected.len());
}

#[tokio::test]
async fn a_delay_delays() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.set(Faults { delay: Duration::from_millis(40), ..Faults::default() });
    let begun = Instant::now();
    assert_eq!(round(&mut stream, b"hello").await.unwrap(), b"hello");
    assert!(begun.elapsed() >= Duration::from_millis(80), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_slow_line_is_slow() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    proxy.set(Faults { rate: Some(20_000), ..Faults::default() });
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let begun = Instant::now();
    let sent = vec![7; 6_000];
    assert_eq!(round(&mut stream, &sent).await.unwrap(), sent);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_cut_cuts_and_heals() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round(&mut stream, b"before").await.unwrap(), b"before");
    proxy.set(Faults { cut: true, ..Faults::default() });
    let mut rest = [0; 1];
    assert!(!matches!(stream.read(&mut rest).await, Ok(1..)), "the connection stands");
    let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(round(&mut refused, b"during").await.is_err());
    proxy.set(Faults::default());
    let mut healed = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round(&mut healed, b"after").await.unwrap(), b"after");
}

#[tokio::test]
async fn a_cut_after_some_bytes_lets_just_those_pass() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    proxy.set(Faults { cut_after: Some(1_000), ..Faults::default() });
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(&[1; 5_000]).await.unwrap();
    let (mut got, mut piece) = (0, [0; 512]);
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        got += read;
    }
    assert!(got <= 1_000, "{got} bytes passed");
    assert_eq!(proxy.spent(), 1);
}

#[tokio::test]
async fn a_stall_swallows_until_it_is_over() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round(&mut stream, b"x").await.unwrap(), b"x");
    proxy.set(Faults { stall: true, ..Faults::default() });
    let waited = tokio::time::timeout(Duration::from_millis(150), round(&mut stream, b"lost?")).await;
    assert!(waited.is_err(), "something passed");
    proxy.set(Faults::default());
    let mut back = [0; 5];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"lost?");
}
