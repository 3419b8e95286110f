//! Connection strings: `kafka://user:password@broker:9092,other:9092/topic?group_id=g`.
use serde_json::{Map, Value};
use thyme_core::connector::percent_decode;
use thyme_core::{Error, Kind, Result};

/// The fields in a connection string without its query.
pub(crate) fn from_url(url: &str) -> Result<Value> {
    let rest = url.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case("kafka")).map(|(_, rest)| rest);
    let rest = rest.ok_or_else(|| wrong("something that does not begin with `kafka://`"))?;
    let (authority, topic) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, brokers) = authority.rsplit_once('@').unwrap_or(("", authority));
    if topic.trim_end_matches('/').contains('/') {
        return Err(wrong("more than one `/` after the brokers"));
    }
    let mut fields = Map::new();
    let mut put = |name: &str, text: &str| -> Result<()> {
        if !text.is_empty() {
            fields.insert(name.to_owned(), Value::from(percent_decode(text)?));
        }
        Ok(())
    };
    put("brokers", brokers)?;
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    put("sasl_username", user)?;
    put("sasl_password", password)?;
    // Several topics are a matter of the source, whose field takes a list.
    let topics: Vec<_> = topic.trim_end_matches('/').split(',').filter(|one| !one.is_empty()).collect();
    match topics.as_slice() {
        [] => {}
        [one] => put("topic", one)?,
        many => {
            let many = many.iter().map(|one| percent_decode(one).map(Value::from)).collect::<Result<Vec<_>>>()?;
            fields.insert("topic".to_owned(), Value::Array(many));
        }
    }
    Ok(Value::Object(fields))
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::Config, format!("the connection string holds {what}: expected `kafka://broker:9092/topic?group_id=g`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parts_of_a_connection_string() {
        assert_eq!(from_url("kafka://broker:9092/topic").unwrap(), json!({"brokers": "broker:9092", "topic": "topic"}));
        assert_eq!(
            from_url("kafka://u:p%40@a:1,b:2/x,y").unwrap(),
            json!({"brokers": "a:1,b:2", "sasl_username": "u", "sasl_password": "p@", "topic": ["x", "y"]})
        );
        assert_eq!(from_url("kafka://a:1").unwrap(), json!({"brokers": "a:1"}));
        for bad in ["http://a/b", "kafka:a", "kafka://a/b/c", "kafka://a/%"] {
            assert_eq!(from_url(bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
    }
}
