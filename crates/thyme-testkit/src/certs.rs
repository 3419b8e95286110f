//! A certificate authority of a test's own.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use thyme_core::{Error, Kind, Result};

use crate::program::broke;

/// The authority that the server trusts, and that signed its certificate; PEM files in the server's folder.
pub struct Certs {
    authority: Authority,
    folder: PathBuf,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: String,
}

impl Certs {
    /// Makes an authority and a certificate for these names and addresses, in files that `own` gives to the server's user.
    pub(crate) fn write(folder: &Path, names: &[&str], own: impl Fn(&Path) -> Result<()>) -> Result<Self> {
        let authority = authority("thyme test authority")?;
        let certs = Self { authority, folder: folder.to_path_buf() };
        let server = signed(
            &certs.authority,
            names.iter().map(|name| (*name).to_owned()).collect(),
            "localhost",
            ExtendedKeyUsagePurpose::ServerAuth,
        )?;
        let other = self::authority("another authority")?.pem();
        let files =
            [("ca.crt", certs.pem()), ("other_ca.crt", other), ("server.crt", server.certificate), ("server.key", server.key)];
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|e| broke("a certificate can't be written", &path, e))?;
            let secret = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&path, secret).map_err(|e| broke("a certificate stays open", &path, e))?;
            own(&path)?;
        }
        Ok(certs)
    }

    /// The authority's certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.authority.pem()
    }

    /// The file with the authority's certificate.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// A file with the certificate of an authority that signed nothing here.
    #[must_use]
    pub fn other_path(&self) -> PathBuf {
        self.folder.join("other_ca.crt")
    }

    /// A certificate by which `user` can log in where `pg_hba.conf` says `cert`.
    ///
    /// # Errors
    /// `Unexpected` when it can't be signed.
    pub fn client(&self, user: &str) -> Result<Identity> {
        signed(&self.authority, Vec::new(), user, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// The same for `user`, signed by an authority that nobody here trusts.
    ///
    /// # Errors
    /// As [`Certs::client`].
    pub fn stranger(user: &str) -> Result<Identity> {
        signed(&authority("another authority")?, Vec::new(), user, ExtendedKeyUsagePurpose::ClientAuth)
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn signed(by: &Authority, names: Vec<String>, common: &str, purpose: ExtendedKeyUsagePurpose) -> Result<Identity> {
    let mut params = CertificateParams::new(names).map_err(unsigned)?;
    params.distinguished_name.push(DnType::CommonName, common);
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate().map_err(unsigned)?;
    let certificate = params.signed_by(&key, by).map_err(unsigned)?.pem();
    Ok(Identity { certificate, key: key.serialize_pem() })
}

fn authority(name: &str) -> Result<Authority> {
    let mut params = CertificateParams::new(Vec::new()).map_err(unsigned)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(unsigned)?).map_err(unsigned)
}

fn unsigned(error: rcgen::Error) -> Error {
    Error::new(Kind::Unexpected, "a certificate can't be made").source(error)
}

impl std::fmt::Debug for Certs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certs").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
