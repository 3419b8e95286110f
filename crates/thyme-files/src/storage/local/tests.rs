use std::fs;

use super::*;

#[tokio::test]
async fn pages_of_any_size_are_the_listing() {
    let folder = tempfile::tempdir().unwrap();
    // Between a folder and what is in it stand names with characters below `/`.
    for name in ["a/x", "a/y/z", "a.txt", "a-b/c", "a0", "b/1", "b/10", "b/2", "c", "\u{e9}/\u{e8}", "_no", ".no/x"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    let local = LocalStorage::new(folder.path().to_str().unwrap()).unwrap();
    let whole: Vec<_> = local.list(None, 100).await.unwrap().into_iter().map(|entry| entry.key).collect();
    assert!(whole.is_sorted(), "{whole:?}");
    assert_eq!(whole.len(), 10);
    for page in 1..=whole.len() {
        let mut paged: Vec<String> = Vec::new();
        loop {
            let next = local.list(paged.last().map(String::as_str), page).await.unwrap();
            let last = next.len() < page;
            paged.extend(next.into_iter().map(|entry| entry.key));
            if last {
                break;
            }
        }
        assert_eq!(paged, whole, "pages of {page}");
    }
    let after = local.list(Some("a/y"), 100).await.unwrap();
    assert_eq!(after.first().map(|entry| entry.key.as_str()), Some("a/y/z"), "a key need not be there to go on after it");
}

#[tokio::test]
async fn an_id_outlives_a_rename_and_not_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    fs::write(&a, "1").unwrap();
    let local = LocalStorage::new(folder.path().to_str().unwrap()).unwrap();
    let id = |entries: Vec<Entry>| entries.into_iter().next().map(|entry| entry.id);
    let first = id(local.list(None, 1).await.unwrap());
    fs::rename(&a, &b).unwrap();
    assert_eq!(id(local.list(None, 1).await.unwrap()), first);
    assert_eq!(local.open("b").unwrap().map(|opened| opened.entry.id), first);
    for _ in 0..20 {
        fs::remove_file(&b).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&b, "2").unwrap();
        assert_ne!(id(local.list(None, 1).await.unwrap()), first, "the inode may be the same, the birth is not");
    }
}

#[test]
fn what_would_be_read_is_known_before_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("data"), folder.path().join("link")).unwrap();
    for (path, takes, leaves) in [
        ("data", vec!["data/out/a.parquet", "link/a.csv", "data/../data/x"], vec!["data", "data/_thyme/a", "dataset/a", "a"]),
        ("later/", vec!["later/a", "later/b/c"], vec!["later", "lat/a"]),
        ("data/*.jsonl", vec!["data/a.jsonl", "link/a.jsonl"], vec!["data/out/a.jsonl", "data/a.parquet"]),
        ("link/**/*.jsonl", vec!["data/out/x=1/a.jsonl"], vec!["data/out/a.csv", "data/.out/a.jsonl"]),
        ("data/a.jsonl", vec![], vec!["data/a.jsonl", "data/b.jsonl"]),
    ] {
        let local = LocalStorage::new(format!("{root}/{path}")).unwrap();
        for file in takes {
            assert!(local.takes(&folder.path().join(file)), "{path} {file}");
        }
        for file in leaves {
            assert!(!local.takes(&folder.path().join(file)), "{path} {file}");
        }
    }
}
