//! Every documented metric is served by its name, with the label of its pipeline.
use std::net::TcpListener;

use thyme_engine::{Late, OnError, Pipeline, metrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kit::{Feed, Item, Tank, once, rows};

async fn get(addr: std::net::SocketAddr) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn all_are_served_by_name() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    metrics::serve(addr).unwrap();
    let state = tempfile::tempdir().unwrap();
    let (feed, tank) = (Feed::new(rows(9000..9004)), Tank::new());
    feed.push("a", vec![Item::Bad("x".into())]);
    let builder = |on_error| {
        let builder = Pipeline::dynamic("measured").source(feed.clone()).sink(tank.clone()).every("1s");
        builder.max_lateness("1s").late(Late::DeadLetter).on_error(on_error)
    };
    tank.crash(1, false);
    assert!(once(state.path(), builder(OnError::DeadLetter)).await.error.is_none());
    feed.push("a", vec![Item::Row(Some(1), 1), Item::Bad("y".into())]);
    assert!(once(state.path(), builder(OnError::Skip)).await.error.is_none());
    let text = get(addr).await;
    for metric in metrics::ALL {
        assert!(text.contains(&format!("# TYPE {} {}", metric.name, metric.kind)), "{}: {text}", metric.name);
    }
    let value = |name: &str| {
        let start = format!("{name}{{pipeline=\"measured\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<f64>().unwrap()
    };
    assert_eq!(value(metrics::ROWS_WRITTEN), 4.0);
    assert_eq!(value(metrics::LATE), 1.0);
    assert_eq!(value(metrics::DEAD_LETTERS), 2.0);
    assert_eq!(value(metrics::SKIPPED), 1.0);
    assert_eq!(value(metrics::RETRIES), 1.0);
    assert_eq!(value(metrics::COMMITS), 2.0);
    assert_eq!(value(metrics::WATERMARK), 9003.0);
    assert_eq!(value(&format!("{}_count", metrics::COMMIT_LATENCY)), 2.0);
    assert!(value(metrics::ROWS_READ) >= 7.0 && value(metrics::BYTES_READ) > 0.0 && value(metrics::BYTES_WRITTEN) > 0.0);
    assert!(value(metrics::LAG) > 1e9 && value(metrics::STATE_AGE) < 600.0);
}

#[test]
fn the_page_begins_with_them() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md")).unwrap();
    let listed: Vec<_> = page.lines().filter(|line| line.starts_with("| `thyme_")).collect();
    let wanted: Vec<_> = metrics::ALL.iter().map(|m| format!("| `{}` | {} | {} |", m.name, m.kind, m.help)).collect();
    assert_eq!(listed.get(..wanted.len()).unwrap_or_default(), wanted);
}
