//! What reading from and writing to object stores have in common: what their errors mean.
use std::error::Error as _;

use thyme_core::{Error, Kind, Retry};

/// An error code in the answer of a server, or a part of a library's message, and what is to be done about it.
type Known = (&'static [&'static str], Kind, &'static str);

const KNOWN: &[Known] = &[
    (&["RequestTimeTooSkewed"], Kind::Auth, "the clock of this machine is too far from the server's: set it by NTP"),
    (&["SignatureDoesNotMatch"], Kind::Auth, "the secret key is not the one that belongs to the access key"),
    (&["InvalidAccessKeyId"], Kind::Auth, "the server does not know the access key"),
    (
        &["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraint", "incorrectly configured region"],
        Kind::Auth,
        "the region is not the bucket's: set `region`",
    ),
    (&["InvalidBucketName"], Kind::Config, "this is not the name of a bucket"),
    (&["NoSuchBucket", "The specified bucket does not exist"], Kind::NotFound, "the bucket does not exist"),
    (&["SlowDown", "TooManyRequests", "429 Too Many", "rateLimitExceeded"], Kind::RateLimited, "the server asks to slow down"),
];

/// What a server says to those who may not.
const DENIED: &[&str] = &["AccessDenied", "AllAccessDisabled", "forbidden", "Forbidden"];

/// What is tried, and the permission that it takes: on S3, on GCS.
const PERMISSIONS: &[(&str, &str, &str)] = &[
    ("list objects", "s3:ListBucket", "storage.objects.list"),
    ("read an object", "s3:GetObject", "storage.objects.get"),
    ("look at an object", "s3:GetObject", "storage.objects.get"),
    ("write an object", "s3:PutObject", "storage.objects.create"),
    ("copy an object", "s3:GetObject and s3:PutObject", "storage.objects.get and storage.objects.create"),
    ("remove an object", "s3:DeleteObject", "storage.objects.delete"),
    (
        "read or write the state",
        "s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject",
        "storage.objects.list, .get, .create, .update and .delete",
    ),
];

/// Credentials that end in time: the next attempt has new ones.
const EXPIRED: &[&str] = &["ExpiredToken", "TokenRefreshRequired", "RequestExpired"];

/// What an error of an object store means, while `what` was tried at `place`.
#[must_use]
pub fn failed(what: &str, place: &str, error: object_store::Error) -> Error {
    use object_store::Error as E;
    let text = chain(&error);
    let said = |codes: &[&str]| codes.iter().any(|code| text.contains(code));
    let new = |kind, text: &str| Error::new(kind, format!("cannot {what}: {text}"));
    let denied = || {
        let needs = PERMISSIONS.iter().find(|(known, ..)| *known == what);
        let needs = needs.map(|(_, s3, gcs)| if place.starts_with("gs:") { *gcs } else { *s3 });
        let needs = needs.map_or(String::new(), |permission| format!(": they need {permission} here"));
        new(Kind::Auth, &format!("the credentials do not allow this{needs}"))
    };
    let known = KNOWN.iter().find(|(codes, ..)| said(codes));
    let made = match &error {
        _ if said(EXPIRED) => new(Kind::Auth, "the session token has expired").retry(Retry::Backoff),
        _ if known.is_some() => known.map_or_else(|| new(Kind::Unexpected, ""), |(_, kind, text)| new(*kind, text)),
        E::NotFound { .. } => new(Kind::NotFound, "there is no such object"),
        E::PermissionDenied { .. } => denied(),
        _ if said(DENIED) => denied(),
        E::Unauthenticated { .. } => new(Kind::Auth, "the server wants credentials, or does not accept these"),
        E::Precondition { .. } => new(Kind::Unavailable, "the object has changed meanwhile"),
        E::NotSupported { .. } | E::NotImplemented { .. } => new(Kind::Unsupported, "the server does not do this"),
        E::InvalidPath { .. } | E::UnknownConfigurationKey { .. } => new(Kind::Config, "the name is not one of an object"),
        _ if said(&["NoSuchKey"]) => new(Kind::NotFound, "there is no such object"),
        _ if said(&["invalid path", "Encountered object with invalid path", "Path \""]) => {
            new(Kind::Unsupported, "a key has an empty part, `.` or `..` between its slashes")
        }
        _ => new(Kind::Unavailable, "the server cannot be reached, or broke off"),
    };
    // An error of ours that a provider of credentials met keeps its kind, and says itself what it is.
    match own(&error) {
        Some(own) => Error::new(own.kind(), format!("cannot {what}: {}", own.message()))
            .retry(own.retry_advice())
            .context("at", place)
            .source(own.source().map(chain).unwrap_or_default()),
        None => made.context("at", place).source(text),
    }
}

/// The error of ours that is the cause, if one is.
fn own(error: &object_store::Error) -> Option<&Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<Error>() {
            return Some(own);
        }
        cause = error.source();
    }
    None
}

/// The error and all its causes; of those that repeat what they are caused by, once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
