//! Who asks, and what is said when that is refused.
use serde_json::json;
use thyme_core::{Kind, Result, Source};
use thyme_s3::S3Source;
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use thyme_testkit::objects::Program;

use crate::reading::{lines, poll};
use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("what_is_wrong_is_said", wrong)
        .case("half_of_a_pair_is_refused", pairs)
        .case("a_role_is_taken", role)
        .case("nobody_reads_what_is_not_public", anonymous)
}

async fn wrong() -> Result<()> {
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    for (extra, says) in [
        (json!({"secret": "wrong"}), "the secret key is not the one that belongs to the access key"),
        (json!({"access_key": "nobody"}), "the server does not know the access key"),
        (json!({"region": "us-west-2"}), "set `region`"),
    ] {
        let error = folder.source("*", extra.clone()).check().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Auth, "{extra}: {error}");
        assert!(error.message().contains(says), "{extra}: {error}");
    }
    Ok(())
}

async fn pairs() -> Result<()> {
    let refused = |config: serde_json::Value| {
        let source = S3Source::new(serde_json::from_value(config).unwrap());
        let error = source.validate().unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        error.to_string()
    };
    let uri = "s3://b/x";
    assert!(refused(json!({"bucket_uri": uri, "access_key": "k"})).contains("`secret`"));
    assert!(refused(json!({"bucket_uri": uri, "secret": "s"})).contains("`access_key`"));
    assert!(refused(json!({"bucket_uri": uri, "session_token": "t"})).contains("`session_token`"));
    assert!(refused(json!({"bucket_uri": uri, "external_id": "x"})).contains("`role_arn`"));
    assert!(refused(json!({"bucket_uri": uri, "anonymous": true, "role_arn": "r"})).contains("`anonymous`"));
    assert!(refused(json!({"bucket_uri": uri, "endpoint_url": "minio:9000"})).contains("`endpoint_url`"));
    Ok(())
}

async fn role() -> Result<()> {
    if Program::s3()? != Program::Minio {
        return Ok(()); // versitygw has no STS.
    }
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    let role = json!({"role_arn": "arn:aws:iam::123456789012:role/reader", "external_id": "thyme"});
    assert_eq!(poll(&folder.source("*", role.clone()), &mut Durable::default()).await?, [1]);
    let mut wrong = role;
    wrong["secret"] = "wrong".into();
    let error = folder.source("*", wrong).check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    assert!(!error.to_string().contains("wrong secret"), "{error}");
    Ok(())
}

async fn anonymous() -> Result<()> {
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    let mut config = folder.config("*", json!({"anonymous": true}));
    for field in ["access_key", "secret"] {
        config.as_object_mut().unwrap().remove(field);
    }
    let error = S3Source::new(serde_json::from_value(config).unwrap()).check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    Ok(())
}
