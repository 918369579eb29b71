//! Certificates for a cluster on this machine: an authority, a server and a client.
//!
//! `cargo xtask cluster` uses the module, and the live tests include it by path.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};

/// An authority, whose key is forgotten with this value.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    /// Its certificate.
    pub ca: PathBuf,
}

/// A certificate and its key, each in a file.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key, which the user alone can read.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one, and keeps all files in a folder.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let mut params = params("a cluster on this machine", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        fs::create_dir_all(folder)?;
        let ca = folder.join("ca.pem");
        fs::write(&ca, certificate.pem())?;
        Ok(Self { issuer: Issuer::new(params, key), folder: folder.to_owned(), ca })
    }

    /// The certificate of a server on this machine.
    pub fn server(&self) -> io::Result<Files> {
        // Of a client too: etcd's gateway calls the member that it is part of.
        self.signed("server", &["localhost", "127.0.0.1", "::1"], true)
    }

    /// The certificate of a client.
    pub fn client(&self) -> io::Result<Files> {
        self.signed("client", &[], false)
    }

    fn signed(&self, name: &str, hosts: &[&str], serves: bool) -> io::Result<Files> {
        let mut params = params(name, hosts)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if serves {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let at = |end: &str| self.folder.join(format!("{name}{end}"));
        let files = Files { certificate: at(".pem"), key: at("-key.pem") };
        fs::write(&files.certificate, certificate.pem())?;
        private(&files.key)?.write_all(key.serialize_pem().as_bytes())?;
        Ok(files)
    }
}

fn params(name: &str, hosts: &[&str]) -> io::Result<CertificateParams> {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    // A server takes a client's common name for its user where it sends no password.
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// A file that others cannot read.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
