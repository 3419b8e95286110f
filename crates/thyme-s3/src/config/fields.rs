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

                /// Bucket and keys at once, `s3://bucket/path/*.jsonl`: one object, all below a folder, or a pattern with `*` `**`
                /// `?` `[a-z]` `{a,b}`. A sink takes a folder.
                #[schemars(extend("x-aliases" = ["bucketUri"]))]
                pub bucket_uri: Option<String>,

                $($own)*

                /// The region of the bucket; that of the identity chain unless said otherwise, else `us-east-1`.
                #[schemars(extend("x-connection" = true))]
                pub region: Option<String>,

                /// The role to take, by its ARN: with the keys if there are any, else with the identity chain. Its sessions are
                /// renewed before they end.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["arn", "roleArn"]))]
                pub role_arn: Option<thyme_core::Secret>,

                /// The id that the owner of the role asks for.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["externalId"]))]
                pub external_id: Option<String>,

                /// The access key, together with `secret`. Without both the identity chain says who asks: variables, profiles, SSO,
                /// web identity, containers, the machine.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["accessKey"]))]
                pub access_key: Option<thyme_core::Secret>,

                /// The secret key of `access_key`.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["secretKey", "secret_key"]))]
                pub secret: Option<thyme_core::Secret>,

                /// The token of the session that `access_key` belongs to.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["sessionToken"]))]
                pub session_token: Option<thyme_core::Secret>,

                /// The profile of the identity chain.
                #[schemars(extend("x-connection" = true))]
                pub profile: Option<String>,

                /// Requests are not signed: for public buckets.
                #[schemars(extend("x-connection" = true))]
                pub anonymous: Option<bool>,

                /// The server, if it is not Amazon's: `https://minio.internal:9000`.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["endpointUrl", "endpoint"]))]
                pub endpoint_url: Option<String>,

                /// Where the role is taken: at `endpoint_url` if that is given, else at Amazon's STS.
                #[schemars(extend("x-connection" = true))]
                pub sts_endpoint_url: Option<String>,

                /// The bucket stands in the path of a URL, not in its host; so it is with `endpoint_url` unless said otherwise.
                #[schemars(extend("x-connection" = true, "x-aliases" = ["pathStyle"]))]
                pub path_style: Option<bool>,
            }
        }

        impl thyme_files::buckets::BucketConfig for $name {
            type Provider = $crate::reach::Amazon;

            fn connection(&self) -> thyme_core::Result<$crate::config::Connection> {
                $crate::config::connection::Given {
                    region: self.region.clone(),
                    role_arn: self.role_arn.clone(),
                    external_id: self.external_id.clone(),
                    access_key: self.access_key.clone(),
                    secret: self.secret.clone(),
                    session_token: self.session_token.clone(),
                    profile: self.profile.clone(),
                    anonymous: self.anonymous,
                    endpoint_url: self.endpoint_url.clone(),
                    sts_endpoint_url: self.sts_endpoint_url.clone(),
                    path_style: self.path_style,
                }
                .resolve()
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
