//! Which bucket, and what in it.
use thyme_core::{Error, Kind, Result};

use super::Place;
use crate::storage::is_glob;

/// A bucket, and what is meant in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What its URIs begin with: `s3`, `gs`.
    scheme: &'static str,
    path: String,
    /// `path` is the beginning of keys, wherever that ends.
    begins: bool,
}

impl Bucket {
    /// The bucket by its name and a prefix, or by a URI, whose scheme is one of `schemes`: the first is how messages say it.
    ///
    /// # Errors
    /// `Config` when both are given or neither, and for what is no name of a bucket.
    pub fn new(schemes: [&'static str; 2], bucket: Option<&str>, prefix: Option<&str>, uri: Option<&str>) -> Result<Self> {
        let wrong = |text: &str| Error::new(Kind::Config, text);
        let scheme = schemes[0];
        let (name, path, begins) = match (bucket, uri) {
            (Some(_), Some(_)) => return Err(wrong("`bucket` and `bucket_uri` both say where: keep one of them")),
            (None, None) => {
                return Err(wrong(&format!("no bucket: set `bucket`, or `bucket_uri = \"{scheme}://bucket/path/*.jsonl\"`")));
            }
            (Some(name), None) => (name, prefix.unwrap_or_default(), true),
            (None, Some(_)) if prefix.is_some() => {
                return Err(wrong("`prefix` belongs to `bucket`; a `bucket_uri` holds its own"));
            }
            (None, Some(uri)) => {
                let rest = uri.split_once("://").filter(|(scheme, _)| schemes.contains(scheme)).map(|(_, rest)| rest);
                let fail = || wrong(&format!("a bucket's URI begins with `{scheme}://`")).context("bucket_uri", uri);
                let rest = rest.ok_or_else(fail)?;
                let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
                (name, path, false)
            }
        };
        if name.is_empty() || name.contains('/') || is_glob(name) {
            return Err(wrong("this is not the name of a bucket").context("bucket", name));
        }
        Ok(Self { name: name.to_owned(), scheme, path: path.trim_start_matches('/').to_owned(), begins })
    }

    /// `s3://bucket`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}://{}", self.scheme, self.name)
    }

    /// The objects to read.
    ///
    /// # Errors
    /// `Config` for a pattern that does not parse.
    pub fn place(&self) -> Result<Place> {
        if self.begins { Ok(Place::prefix(&self.path)) } else { Place::path(&self.path) }
    }

    /// As messages say it, with the path.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}/{}", self.uri(), self.path)
    }

    /// The folder to write to.
    ///
    /// # Errors
    /// `Config` for a pattern in its place.
    pub fn folder(&self) -> Result<&str> {
        if is_glob(&self.path) {
            return Err(Error::new(Kind::Config, "a sink writes to a folder, not to a pattern").context("at", self.identity()));
        }
        Ok(self.path.trim_end_matches('/'))
    }

    /// The path, for what its ending says.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;

    const SCHEMES: [&str; 2] = ["s3", "s3a"];

    #[test]
    fn buckets_are_named_one_way() {
        let uri = Bucket::new(SCHEMES, None, None, Some("s3://b/a/*.csv")).unwrap();
        assert_eq!((uri.name.as_str(), uri.identity().as_str()), ("b", "s3://b/a/*.csv"));
        let other = Bucket::new(SCHEMES, None, None, Some("s3a://b/a/*.csv")).unwrap();
        assert_eq!(other, uri);
        assert!(uri.place().unwrap().takes("a/x.csv"));
        let named = Bucket::new(SCHEMES, Some("b"), Some("a/2024"), None).unwrap();
        assert!(named.place().unwrap().takes("a/2024-01.csv"));
        for (bucket, prefix, uri) in [
            (None, None, None),
            (Some("b"), None, Some("s3://b")),
            (None, Some("x"), Some("s3://b")),
            (None, None, Some("gs://b/x")),
            (None, None, Some("s3:///x")),
            (Some("b*"), None, None),
        ] {
            assert!(Bucket::new(SCHEMES, bucket, prefix, uri).is_err(), "{bucket:?} {prefix:?} {uri:?}");
        }
    }
}
