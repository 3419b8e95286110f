//! How a server is proven under each `sslmode`.
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use thyme_core::{Error, Kind, Result};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{Connection, SslMode};

/// What is asked of the server's certificate.
#[derive(Debug)]
enum Proof {
    /// Nothing: the connection is encrypted, to whomever.
    None,
    /// That a trusted CA signed it, for whatever name.
    Ca(Arc<WebPkiServerVerifier>),
}

#[derive(Debug)]
struct Lenient {
    proof: Proof,
    provider: Arc<CryptoProvider>,
}

/// TLS as `sslmode`, `sslrootcert`, `sslcert` and `sslkey` ask for it.
pub(super) fn connector(connection: &Connection) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let broken = |e: rustls::Error| Error::new(Kind::Config, "the TLS settings do not fit together").source(e);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(broken)?;
    // As in libpq, a CA that is given is used under `require` too.
    let mode = match connection.sslmode {
        SslMode::Require if connection.sslrootcert.is_some() => SslMode::VerifyCa,
        mode => mode,
    };
    let lenient = |proof| Arc::new(Lenient { proof, provider: Arc::clone(&provider) });
    let builder = match mode {
        SslMode::VerifyFull => builder.with_root_certificates(roots(connection)?),
        SslMode::VerifyCa => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(connection)?), Arc::clone(&provider));
            let verifier = verifier.build().map_err(|e| Error::new(Kind::Config, "no usable CA certificate").source(e))?;
            builder.dangerous().with_custom_certificate_verifier(lenient(Proof::Ca(verifier)))
        }
        _ => builder.dangerous().with_custom_certificate_verifier(lenient(Proof::None)),
    };
    let config = match (&connection.sslcert, &connection.sslkey) {
        (Some(path), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.reveal()?.expose().as_bytes());
            let key = key.map_err(|_| Error::new(Kind::Config, "`sslkey` holds no unencrypted private key in PEM"))?;
            builder.with_client_auth_cert(certificates(path, "sslcert")?, key).map_err(broken)?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// What to do about a handshake that failed.
pub(super) fn remedy(error: &tokio_postgres::Error) -> Option<(&'static str, &'static str)> {
    let text = match crate::error::tls(error)? {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer => "name the CA that signed the server's certificate in `sslrootcert`",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "connect by a name that the certificate holds as a subject alternative name, or set sslmode to `verify-ca`"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "renew the server's certificate",
            _ => "give the server a certificate that is signed by the CA in `sslrootcert` and is none itself",
        },
        rustls::Error::AlertReceived(_) => "the server refused the client: see `sslcert` and `sslkey`",
        _ => return None,
    };
    Some(("remedy", text))
}

fn roots(connection: &Connection) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let Some(path) = &connection.sslrootcert else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            return Err(Error::new(
                Kind::Config,
                "this system has no trusted certificates: name the server's CA in `sslrootcert`",
            ));
        }
        return Ok(store);
    };
    for certificate in certificates(path, "sslrootcert")? {
        store.add(certificate).map_err(|e| unreadable(path, "sslrootcert").source(e))?;
    }
    Ok(store)
}

fn certificates(path: &Path, field: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).map_err(|e| unreadable(path, field).source(e))?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| unreadable(path, field))
}

fn unreadable(path: &Path, field: &str) -> Error {
    Error::new(Kind::Config, format!("`{field}` is not a file of PEM certificates")).context("file", path.display())
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Proof::Ca(verifier) = &self.proof else { return Ok(ServerCertVerified::assertion()) };
        match verifier.verify_server_cert(end, between, name, ocsp, now) {
            // The chain is looked at before the name.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
