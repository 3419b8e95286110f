//! Which bucket, and what in it.
use thyme_core::{Error, Kind, Result};
use thyme_files::storage::{Place, is_glob};

/// A bucket, and what is meant in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    path: String,
    /// `path` is the beginning of keys, wherever that ends.
    begins: bool,
}

impl Bucket {
    /// The bucket by its name and a prefix, or by a URI.
    pub(crate) fn new(bucket: Option<&str>, prefix: Option<&str>, uri: Option<&str>) -> Result<Self> {
        let wrong = |text: &str| Error::new(Kind::Config, text);
        let (name, path, begins) = match (bucket, uri) {
            (Some(_), Some(_)) => return Err(wrong("`bucket` and `bucket_uri` both say where: keep one of them")),
            (None, None) => return Err(wrong("no bucket: set `bucket`, or `bucket_uri = \"gs://bucket/path/*.jsonl\"`")),
            (Some(name), None) => (name, prefix.unwrap_or_default(), true),
            (None, Some(_)) if prefix.is_some() => {
                return Err(wrong("`prefix` belongs to `bucket`; a `bucket_uri` holds its own"));
            }
            (None, Some(uri)) => {
                let rest = uri.strip_prefix("gs://").or_else(|| uri.strip_prefix("gcs://"));
                let rest = rest.ok_or_else(|| wrong("a bucket's URI begins with `gs://`").context("bucket_uri", uri))?;
                let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
                (name, path, false)
            }
        };
        if name.is_empty() || name.contains('/') || is_glob(name) {
            return Err(wrong("this is not the name of a bucket").context("bucket", name));
        }
        Ok(Self { name: name.to_owned(), path: path.trim_start_matches('/').to_owned(), begins })
    }

    /// `gs://bucket`.
    pub(crate) fn uri(&self) -> String {
        format!("gs://{}", self.name)
    }

    /// The objects to read.
    pub(crate) fn place(&self) -> Result<Place> {
        if self.begins { Ok(Place::prefix(&self.path)) } else { Place::path(&self.path) }
    }

    /// As messages say it, with the path.
    pub(crate) fn identity(&self) -> String {
        format!("{}/{}", self.uri(), self.path)
    }

    /// The folder to write to.
    pub(crate) fn folder(&self) -> Result<&str> {
        if is_glob(&self.path) {
            return Err(Error::new(Kind::Config, "a sink writes to a folder, not to a pattern").context("at", self.identity()));
        }
        Ok(self.path.trim_end_matches('/'))
    }

    /// The path, for what its ending says.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;

    #[test]
    fn buckets_are_named_one_way() {
        let uri = Bucket::new(None, None, Some("gs://b/a/*.csv")).unwrap();
        assert_eq!((uri.name.as_str(), uri.identity().as_str()), ("b", "gs://b/a/*.csv"));
        assert!(uri.place().unwrap().takes("a/x.csv"));
        let named = Bucket::new(Some("b"), Some("a/2024"), None).unwrap();
        assert!(named.place().unwrap().takes("a/2024-01.csv"));
        for (bucket, prefix, uri) in [
            (None, None, None),
            (Some("b"), None, Some("gs://b")),
            (None, Some("x"), Some("gs://b")),
            (None, None, Some("s3://b/x")),
            (None, None, Some("gs:///x")),
            (Some("b*"), None, None),
        ] {
            assert!(Bucket::new(bucket, prefix, uri).is_err(), "{bucket:?} {prefix:?} {uri:?}");
        }
    }
}
