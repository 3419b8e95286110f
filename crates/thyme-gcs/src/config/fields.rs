//! The fields that source and sink share: which bucket, and who asks.

/// A config struct with its own fields first, then the bucket, then those that say where the server is and who asks; made by
/// the macro `$with`, which adds the fields of all files.
macro_rules! with_bucket {
    ($with:ident! $(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        thyme_files::$with! {
            $(#[$meta])*
            pub struct $name {
                /// The bucket. This, or `bucket_uri`.
                pub bucket: Option<String>,

                /// What the keys in `bucket` begin with.
                pub prefix: Option<String>,

                /// Bucket and keys at once, `gs://bucket/path/*.jsonl`: one object, all below a folder, or a pattern with `*` `**`
                /// `?` `[a-z]` `{a,b}`. A sink takes a folder.
                #[schemars(extend("x-aliases" = ["bucketUri"]))]
                pub bucket_uri: Option<String>,

                $($own)*

                /// The key of a service account, as JSON: `{ file = "key.json" }`. Without it the environment says who asks, as all
                /// of Google's tools find it: application default credentials, workload identity, the machine.
                #[schemars(extend(
                    "x-connection" = true,
                    "x-aliases" = ["serviceAccountCredentialsJson", "service_account_json", "credentials_json"]
                ))]
                pub service_account_credentials_json: Option<thyme_core::Secret>,

                /// Requests are not signed: for public buckets.
                #[schemars(extend("x-connection" = true))]
                pub anonymous: Option<bool>,

                /// The server, if it is not Google's.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["endpointUrl", "endpoint"]))]
                pub endpoint_url: Option<String>,
            }
        }

        impl thyme_files::buckets::BucketConfig for $name {
            type Provider = $crate::reach::Google;

            fn connection(&self) -> thyme_core::Result<$crate::config::Connection> {
                let key = self.service_account_credentials_json.clone();
                $crate::config::Connection::new(key, self.anonymous.unwrap_or(false), self.endpoint_url.clone())
            }

            fn bucket(&self) -> thyme_core::Result<thyme_files::storage::Bucket> {
                let (bucket, prefix, uri) = (self.bucket.as_deref(), self.prefix.as_deref(), self.bucket_uri.as_deref());
                let schemes = <Self::Provider as thyme_files::buckets::Provider>::SCHEMES;
                thyme_files::storage::Bucket::new(*schemes, bucket, prefix, uri)
            }
        }
    };
}
pub(super) use with_bucket;
