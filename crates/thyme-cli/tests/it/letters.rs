//! `thyme dlq`.
use crate::thyme::{Folder, pipeline, rows};

#[test]
fn letters_are_listed_shown_and_replayed() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &format!("{}{{\"id\": \"seven\", \"name\": \"x\"}}\n{}", rows(0, 2), rows(3, 5)));
    let keys = "on_error = \"dead_letter\"";
    folder.write("a.toml", &pipeline("orders", keys));
    let ran = folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert!(ran.err.contains("5 rows read, 4 written, 0 late, 1 dead-lettered"), "{}", ran.err);

    let list = folder.thyme(&["dlq", "list", "a.toml"]).ok().out;
    assert!(list.lines().nth(1).unwrap().contains("a.jsonl:3"), "{list}");
    let shown = folder.thyme(&["dlq", "show", "a.toml"]).ok().out;
    let letter: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(letter["payload"], "{\"id\": \"seven\", \"name\": \"x\"}");

    let ran = folder.thyme(&["dlq", "replay", "a.toml"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "orders: 0 replayed, 1 failed again\n"), "{ran:#?}");
    let path = std::fs::read_dir(folder.path(".thyme/orders/dlq")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\\\"seven\\\"", "7")).unwrap();
    let id = letter["id"].as_str().unwrap();
    let ran = folder.thyme(&["dlq", "replay", "a.toml", "--id", id]).ok();
    assert_eq!(ran.out, "orders: 1 replayed, 0 failed again\n");
    assert!(folder.lines("out").contains(&"{\"id\":7,\"name\":\"x\"}".to_owned()), "{:?}", folder.lines("out"));
    assert_eq!(folder.thyme(&["dlq", "list", "a.toml"]).ok().out.lines().count(), 1);
    assert_eq!(folder.thyme(&["dlq", "replay", "a.toml"]).ok().out, "orders: no dead letters\n");
    assert_eq!(folder.thyme(&["dlq", "show", "a.toml", "--id", "0-9.9"]).code, 2);
}
