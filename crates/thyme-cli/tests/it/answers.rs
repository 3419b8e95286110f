//! What is compiled in, and what is in a file.
use crate::thyme::Folder;

#[test]
fn connectors_and_their_fields() {
    let folder = Folder::new();
    let out = folder.thyme(&["connectors"]).ok().out;
    assert!(out.lines().any(|line| line.starts_with("file ") && line.contains("exactly once")), "{out}");
    assert!(out.lines().any(|line| line.starts_with("stdout ") && line.contains("at least once")), "{out}");

    let out = folder.thyme(&["schema", "file", "source"]).ok().out;
    assert!(out.lines().nth(2).unwrap().starts_with("path "), "{out}");
    assert!(out.contains("required") && !out.contains("partition_by"), "{out}");
    let out = folder.thyme(&["schema", "file", "sink", "--json"]).ok().out;
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(schema["properties"]["partition_by"].is_object(), "{out}");
    let out = folder.thyme(&["schema", "pipeline", "--json"]).ok().out;
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(schema["$defs"]["pipeline"]["properties"]["max_lateness"].is_object());
    assert!(folder.thyme(&["schema", "pipeline"]).ok().out.contains("max_lateness"));
    assert_eq!(folder.thyme(&["schema", "stdout", "source"]).code, 2);
}

#[test]
fn a_file_is_shown_with_a_block_that_can_be_pasted() {
    let folder = Folder::new();
    folder.write(
        "in/a.csv",
        "id,name,at,price\n1,\"a, b\",2024-05-01T10:00:00Z,1.5\n2,c,2024-05-02T10:00:00Z,\n3,d,2024-05-02T10:00:00Z,9\n",
    );
    let out = folder.thyme(&["inspect", "in/a.csv", "--rows", "2"]).ok().out;
    let block: String = out
        .lines()
        .skip_while(|line| !line.starts_with("[pipeline"))
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(
        block.starts_with("[pipeline.dataset]\n") && block.contains("id = \"int64\"") && block.contains("price = \"float64\""),
        "{out}"
    );
    assert!(out.contains("a, b") && !out.lines().any(|line| line.starts_with('3')), "{out}");

    folder.write("a.toml", &format!("[[pipeline]]\nname = \"a\"\nschedule = \"@once\"\n{block}[pipeline.source]\ntype = \"file\"\npath = \"in/a.csv\"\n[pipeline.sink]\ntype = \"stdout\"\n"));
    let ran = folder.thyme(&["run", "a.toml"]).ok();
    assert_eq!(ran.out.lines().count(), 3, "{ran:#?}");
    assert!(ran.err.contains("a: 3 rows read, 3 written"), "{}", ran.err);
    let again = folder.thyme(&["run", "a.toml"]).ok();
    assert!(again.err.contains("`thyme cursor reset` starts it anew"), "{}", again.err);
}
