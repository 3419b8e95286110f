//! A JSON schema as the walker sees it: references followed, `null` set aside.
use serde_json::{Map, Value};

/// References and wrappers that one field may lead through; more is a schema that refers to itself.
const LAYERS: usize = 16;

/// A place in a schema, with everything that its references and wrappers say about it: the nearest layer counts first.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    root: &'a Value,
    layers: Vec<&'a Map<String, Value>>,
    nullable: bool,
}

impl<'a> Node<'a> {
    pub(super) fn root(schema: &'a Value) -> Self {
        Self::at(schema, schema)
    }

    fn at(root: &'a Value, schema: &'a Value) -> Self {
        let mut node = Self { root, layers: Vec::new(), nullable: false };
        let mut next = schema.as_object();
        while let Some(layer) = next.filter(|_| node.layers.len() < LAYERS) {
            node.layers.push(layer);
            let types = layer.get("type").and_then(Value::as_array);
            node.nullable |= types.is_some_and(|types| types.iter().any(|t| t == "null"));
            next = node.follow(layer);
        }
        node
    }

    /// The schema that `layer` refers to, or its only alternative beside `null`.
    fn follow(&mut self, layer: &'a Map<String, Value>) -> Option<&'a Map<String, Value>> {
        if let Some(path) = layer.get("$ref").and_then(Value::as_str) {
            return self.root.pointer(path.trim_start_matches('#'))?.as_object();
        }
        let all = ["anyOf", "oneOf", "allOf"].iter().find_map(|word| layer.get(*word).and_then(Value::as_array))?;
        let others: Vec<_> = all.iter().filter(|one| one.get("type").is_none_or(|t| t != "null")).collect();
        self.nullable |= others.len() < all.len();
        others.first().filter(|_| others.len() == 1).and_then(|one| one.as_object())
    }

    pub(super) fn get(&self, word: &str) -> Option<&'a Value> {
        self.layers.iter().find_map(|layer| layer.get(word))
    }

    pub(super) fn flag(&self, word: &str) -> bool {
        self.get(word).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn nullable(&self) -> bool {
        self.nullable
    }

    pub(super) fn secret(&self) -> bool {
        self.flag("x-secret")
    }

    pub(super) fn format(&self) -> Option<&'a str> {
        self.get("format").and_then(Value::as_str)
    }

    pub(super) fn aliases(&self) -> impl Iterator<Item = &'a str> {
        self.get("x-aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The JSON types it takes, `null` aside; of all its alternatives. Empty: anything.
    pub(super) fn types(&self) -> Vec<&'a str> {
        let named = match self.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ if self.get("const").is_some_and(Value::is_string) => vec!["string"],
            _ if self.get("enum").is_some() => vec!["string"],
            _ => self.alternatives().iter().flat_map(Self::types).collect(),
        };
        let mut types: Vec<&str> = Vec::new();
        named.into_iter().filter(|t| *t != "null").for_each(|t| {
            if !types.contains(&t) {
                types.push(t)
            }
        });
        types
    }

    pub(super) fn takes(&self, json: &str) -> bool {
        let types = self.types();
        types.is_empty() || types.contains(&json) || (json == "integer" && types.contains(&"number"))
    }

    /// Where several schemas are possible; empty where there is but one.
    pub(super) fn alternatives(&self) -> Vec<Self> {
        let several = |layer: &&'a Map<String, Value>| {
            let many = ["anyOf", "oneOf"].iter().find_map(|word| layer.get(*word).and_then(Value::as_array))?;
            let many = many.iter().filter(|one| one.get("type").is_none_or(|t| t != "null"));
            Some(many.map(|one| Self::at(self.root, one)).collect::<Vec<_>>()).filter(|nodes| nodes.len() > 1)
        };
        self.layers.iter().find_map(several).unwrap_or_default()
    }

    /// The values of an enumeration; `None` where it is not one.
    pub(super) fn words(&self) -> Option<Vec<&'a Value>> {
        if let Some(one) = self.get("const") {
            return Some(vec![one]);
        }
        if let Some(Value::Array(many)) = self.get("enum") {
            return Some(many.iter().filter(|one| !one.is_null()).collect());
        }
        let nodes = self.alternatives();
        let words: Vec<_> = nodes.iter().filter_map(Self::words).flatten().collect();
        (!nodes.is_empty() && nodes.iter().all(|node| node.words().is_some())).then_some(words)
    }

    /// The fields of a table, in the order of the schema.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let (root, fields) = (self.root, self.get("properties").and_then(Value::as_object));
        fields.into_iter().flatten().map(move |(name, schema)| (name.as_str(), Self::at(root, schema)))
    }

    /// The field `name`, by its own name or an alias, with its own name.
    pub(super) fn property(&self, name: &str) -> Option<(&'a str, Self)> {
        self.properties().find(|(own, field)| *own == name || field.aliases().any(|alias| alias == name))
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        self.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|n| n == name))
    }

    /// What keys without a field of their own hold; `None` when there can't be any.
    pub(super) fn other(&self) -> Option<Self> {
        match self.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(Self::at(self.root, schema)),
            None => Some(Self { root: self.root, layers: Vec::new(), nullable: true }),
        }
    }

    /// What a list holds.
    pub(super) fn items(&self) -> Option<Self> {
        self.get("items").map(|items| Self::at(self.root, items))
    }

    pub(super) fn coerce(&self, text: &str) -> Value {
        let types = self.types();
        let number = || text.trim().parse::<i64>().map(Value::from).ok();
        let truth = || text.trim().parse::<bool>().map(Value::from).ok();
        let list = || {
            let items = self.items().unwrap_or_else(|| self.clone());
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| items.coerce(part)).collect::<Vec<_>>()
        };
        let one = |json: &str| match json {
            "integer" => number(),
            "number" => number().or_else(|| text.trim().parse::<f64>().ok().map(Value::from)),
            "boolean" => truth(),
            "array" => Some(Value::Array(list())),
            "object" => serde_json::from_str(text).ok().filter(Value::is_object),
            _ => None,
        };
        if types.is_empty() || types.contains(&"string") {
            return Value::from(text);
        }
        types.into_iter().find_map(one).unwrap_or_else(|| Value::from(text))
    }
}
