//! Checks a value against a schema, to the end.
use serde_json::{Map, Value};

use super::schema::Node;
use super::{Context, Problem, reference, variable};

mod scalar;

pub(super) struct Walk<'a> {
    context: &'a Context<'a>,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self { context, problems: Vec::new() }
    }

    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| a.place.cmp(&b.place));
        self.problems.dedup();
        self.problems
    }

    /// The whole of a config struct, with what the connection and the environment add.
    pub(super) fn top(&mut self, node: &Node<'_>, connector: Option<&str>, value: Value) -> Value {
        let place = self.context.place;
        match value {
            Value::Object(given) => self.table(node, connector, given, place),
            other => self.wrong(node, other, place),
        }
    }

    /// The fields of a named connection, each a connection-level field of one of `nodes`.
    pub(super) fn connection(&mut self, nodes: &[Node<'_>], fields: &Map<String, Value>) {
        for (key, value) in fields {
            let place = join(self.context.place, key);
            let found: Vec<_> = nodes.iter().filter_map(|node| node.property(key)).collect();
            if let Some((_, field)) = found.iter().find(|(_, field)| field.flag("x-connection")) {
                self.value(field, value.clone(), &place, false);
            } else if found.is_empty() {
                let of = |node: &Node<'_>| {
                    node.properties().filter(|(_, f)| f.flag("x-connection")).map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
                };
                let known: Vec<_> = nodes.iter().flat_map(of).collect();
                let problem = Problem::new(place, format!("unknown field `{key}` of a connection"));
                self.problems.push(problem.nearest(key, known.iter().map(String::as_str)));
            } else {
                let problem = Problem::new(place, format!("`{key}` says what to read or write, not where"));
                self.problems.push(problem.help("move it into the pipeline's source or sink"));
            }
        }
    }

    fn table(&mut self, node: &Node<'_>, connector: Option<&str>, given: Map<String, Value>, place: &str) -> Value {
        let mut found = self.spellings(node, given, place);
        let mut checked = Map::new();
        for (name, field) in node.properties() {
            let at = join(place, name);
            let required = node.requires(name);
            let given = found.iter().position(|given| given.name == name).map(|at| found.remove(at));
            let filled = match given {
                Some(given) => Some((join(place, &given.spelled), given.value)),
                None => connector.filter(|_| field.flag("x-connection")).and_then(|of| self.fill(of, name, &field, &at)),
            };
            match filled {
                // YAML's empty value: the field is not there.
                Some((_, Value::Null)) if !required => {}
                Some((at, value)) => drop(checked.insert(name.to_owned(), self.value(&field, value, &at, required))),
                None if required => self.missing(connector, name, &field, &at),
                None => {}
            }
        }
        let other = node.other();
        for Given { name, value, .. } in found {
            let at = join(place, &name);
            match &other {
                Some(other) => drop(checked.insert(name, self.value(other, value, &at, false))),
                None => {
                    let known = node
                        .properties()
                        .flat_map(|(name, field)| std::iter::once(name).chain(field.aliases()).collect::<Vec<_>>());
                    let problem = Problem::new(at, format!("unknown field `{name}`"));
                    self.problems.push(match crate::nearest(&name, known) {
                        Some(near) => problem.help(format!("did you mean `{near}`?")),
                        None => problem.nearest(&name, node.properties().map(|(name, _)| name)),
                    });
                }
            }
        }
        Value::Object(checked)
    }

    /// The given fields by their own names, in their order.
    fn spellings(&mut self, node: &Node<'_>, given: Map<String, Value>, place: &str) -> Vec<Given> {
        let mut found: Vec<Given> = Vec::with_capacity(given.len());
        for (spelled, value) in given {
            let name = node.property(&spelled).map_or(spelled.as_str(), |(name, _)| name).to_owned();
            if let Some(other) = found.iter().find(|other| other.name == name) {
                let message = format!("`{spelled}` and `{}` are the same field", other.spelled);
                self.problems.push(Problem::new(join(place, &spelled), message).help(format!("keep `{name}`")));
            } else {
                found.push(Given { name, spelled, value });
            }
        }
        found
    }

    /// A connection-level field that the pipeline does not give: from the named connection, else from the environment.
    fn fill(&mut self, connector: &str, name: &str, field: &Node<'_>, place: &str) -> Option<(String, Value)> {
        if let Some((at, given)) = self.context.connection {
            let spelled = std::iter::once(name).chain(field.aliases()).find(|spelled| given.contains_key(*spelled));
            if let Some((spelled, value)) = spelled.and_then(|spelled| Some((spelled, given.get(spelled)?))) {
                return Some((join(at, spelled), value.clone()));
            }
        }
        let variable = variable(connector, name);
        match (self.context.env)(&variable) {
            Ok(text) => text.map(|text| (format!("{place} (from {variable})"), field.coerce(&text))),
            Err(e) => {
                self.problems.push(Problem::of(place, &e));
                None
            }
        }
    }

    fn missing(&mut self, connector: Option<&str>, name: &str, field: &Node<'_>, place: &str) {
        let problem = Problem::new(place, format!("`{name}` is missing"));
        let connection = connector.filter(|_| field.flag("x-connection"));
        let help = connection.map(|connector| format!("give it here or in a connection, or set {}", variable(connector, name)));
        self.problems.push(Problem { help, ..problem });
    }

    fn value(&mut self, node: &Node<'_>, value: Value, place: &str, required: bool) -> Value {
        let value = match value {
            Value::Null if node.nullable() => return Value::Null,
            Value::Object(table) if node.takes("string") && reference::is_reference(&table) && !node.types().is_empty() => {
                match reference::resolve(&table, node.secret(), place, self.context) {
                    Ok(text) => Value::String(text),
                    Err(problem) => {
                        self.problems.push(problem);
                        return Value::Null;
                    }
                }
            }
            other => other,
        };
        let value = scalar::alias(node, value);
        if let Some(words) = node.words() {
            return self.word(node, &words, value, place);
        }
        let options = node.alternatives();
        if !options.is_empty() {
            return self.one_of(node, &options, value, place, required);
        }
        match value {
            Value::Object(table) if node.takes("object") => self.table(node, None, table, place),
            Value::Array(items) if node.takes("array") => {
                let item = node.items();
                let each = |(i, value): (usize, Value)| match &item {
                    Some(item) => self.value(item, value, &format!("{place}[{i}]"), required),
                    None => value,
                };
                Value::Array(items.into_iter().enumerate().map(each).collect())
            }
            Value::String(text) if node.takes("string") => self.text(node, text, place, required),
            Value::Number(number) if node.takes(if number.is_f64() { "number" } else { "integer" }) => {
                self.number(node, &number, place);
                Value::Number(number)
            }
            Value::Bool(_) if node.takes("boolean") => value,
            Value::Null if node.types().is_empty() => value,
            other => self.wrong(node, other, place),
        }
    }

    /// One of several schemas: by the tag of a tagged enumeration, else the first that has no problem, else the first that has
    /// the right JSON type.
    fn one_of(&mut self, node: &Node<'_>, options: &[Node<'_>], value: Value, place: &str, required: bool) -> Value {
        let fitting: Vec<_> = options.iter().filter(|option| option.takes(scalar::json_type(&value))).collect();
        let Some(first) = fitting.first() else { return self.wrong(node, value, place) };
        let mut chosen = *first;
        if let Some((tag, words)) = tag(&fitting) {
            let given = value.get(tag);
            let same = |option: &&&Node<'_>| option.property(tag).and_then(|(_, field)| field.get("const")) == given;
            match fitting.iter().find(same) {
                Some(option) => chosen = option,
                None => {
                    let word = given.and_then(Value::as_str).unwrap_or_default();
                    let problem = Problem::new(
                        join(place, tag),
                        match given {
                            Some(_) => format!("unknown `{tag}` {word:?}"),
                            None => format!("`{tag}` is missing"),
                        },
                    );
                    self.problems.push(problem.nearest(word, words));
                    return Value::Null;
                }
            }
        } else {
            for option in &fitting {
                let mut trial = Walk::new(self.context);
                let checked = trial.value(option, value.clone(), place, required);
                if trial.problems.is_empty() {
                    return checked;
                }
            }
        }
        self.value(chosen, value, place, required)
    }

    fn wrong(&mut self, node: &Node<'_>, value: Value, place: &str) -> Value {
        let types: Vec<_> = node.types().into_iter().map(scalar::in_words).collect();
        let message = format!("expected {}, found {}", types.join(" or "), scalar::found(&value));
        self.problems.push(Problem::new(place, message));
        value
    }
}

/// A field as it was given.
struct Given {
    name: String,
    spelled: String,
    value: Value,
}

/// The field whose constant tells the alternatives apart, and its values.
fn tag<'s>(options: &[&Node<'s>]) -> Option<(&'s str, Vec<&'s str>)> {
    let (name, _) = options.first()?.properties().find(|(_, field)| field.get("const").is_some())?;
    let word = |option: &&Node<'s>| option.property(name)?.1.get("const")?.as_str();
    let words: Option<Vec<_>> = options.iter().map(word).collect();
    words.filter(|words| words.len() > 1).map(|words| (name, words))
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}
