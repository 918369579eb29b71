//! What a handshake that failed means, and how none is made to fail.

use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, Error, SignatureScheme,
};

use crate::error::Cause;

/// Takes every certificate; its owner still has to have the key.
#[derive(Debug)]
pub(super) struct Anyone(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Whether TLS ended a connection: in 1.3 servers refuse certificates only after the handshake.
pub(crate) fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Error>())
}

/// Why it did.
pub(crate) fn cause(error: &io::Error) -> Cause {
    Cause::Tls(describe(error, ""))
}

/// The same as an error of the connection, for h2, which keeps its words alone.
pub(crate) fn in_words(error: io::Error) -> io::Error {
    match is_of_tls(&error) {
        true => io::Error::new(io::ErrorKind::ConnectionAborted, describe(&error, "")),
        false => error,
    }
}

/// Why a handshake failed, and what would help.
pub(super) fn describe(error: &io::Error, host: &str) -> String {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(why)) => refused(why, host),
        Some(Error::AlertReceived(alert)) => alerted(*alert),
        Some(other) => format!("TLS failed ({other}); does it speak TLS?"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection instead of speaking TLS".into()
        }
        None => error.to_string(),
    }
}

fn refused(why: &CertificateError, host: &str) -> String {
    use CertificateError as Why;
    match why {
        Why::Expired | Why::ExpiredContext { .. } => "its certificate has expired".into(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "its certificate is not valid yet".into()
        }
        Why::UnknownIssuer => {
            "its certificate is of an authority that is not trusted; give the CA file of the cluster"
                .into()
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            format!("its certificate is not for {host:?}")
        }
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers".into()
        }
        Why::Revoked => "its certificate was revoked".into(),
        other => format!("its certificate is not good: {other}"),
    }
}

fn alerted(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "it wants a certificate of us; give one and its key".into()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            format!("it does not accept our certificate ({alert:?})")
        }
        other => format!("it ended the handshake ({other:?})"),
    }
}
