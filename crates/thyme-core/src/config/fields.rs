//! The fields of a config struct, for people: what `thyme schema` prints and the reference pages are made of.
use schemars::Schema;
use serde_json::Value;

use super::schema::Node;
use super::variable;

/// One field of a config struct.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldInfo {
    /// Its name in a pipeline file.
    pub name: String,
    /// Its type in words: `text`, `integer`, `append | overwrite`, `list of text`, `duration`.
    pub kind: String,
    /// Must be given.
    pub required: bool,
    /// What it is without being given.
    pub default: Option<Value>,
    /// The environment variable of a connection-level field.
    pub env: Option<String>,
    /// Never shown.
    pub secret: bool,
    /// Other accepted names.
    pub aliases: Vec<String>,
    /// The field's doc comment.
    pub text: String,
}

/// The fields of the struct behind `schema`, the required ones first; `connector` names the environment's variables.
#[must_use]
pub fn fields(schema: &Schema, connector: &str) -> Vec<FieldInfo> {
    let node = Node::root(schema.as_value());
    let info = |(name, field): (&str, Node<'_>)| FieldInfo {
        name: name.to_owned(),
        kind: kind(&field),
        required: node.requires(name),
        default: field.get("default").filter(|value| !value.is_null()).cloned(),
        env: field.flag("x-connection").then(|| variable(connector, name)),
        secret: field.secret(),
        aliases: field.aliases().map(str::to_owned).collect(),
        text: field.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    let mut fields: Vec<_> = node.properties().map(info).collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

fn kind(node: &Node<'_>) -> String {
    if let Some(words) = node.words() {
        let word = |word: &&Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        return words.iter().map(word).collect::<Vec<_>>().join(" | ");
    }
    let options = node.alternatives();
    if !options.is_empty() {
        let mut kinds: Vec<_> = options.iter().map(kind).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let types = node.types();
    let one = |json: &&str| match *json {
        "string" => match node.format() {
            Some(format @ ("duration" | "size")) => format.to_owned(),
            _ if node.flag("x-path") => "path".to_owned(),
            _ => "text".to_owned(),
        },
        "integer" if node.format() == Some("size") => "size".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => node.items().map_or_else(|| "list".to_owned(), |items| format!("list of {}", kind(&items))),
        "object" => "table".to_owned(),
        other => other.to_owned(),
    };
    let mut kinds: Vec<_> = types.iter().map(one).collect();
    kinds.dedup();
    if kinds.is_empty() { "any".to_owned() } else { kinds.join(" or ") }
}
