//! TLS: a certificate and its key from files, taken anew at every reload.

use crate::Options;
use crate::serve_error::ServeError;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// Reads the certificate that a server answers with, if it is given one.
///
/// # Errors
/// Which of the two files is bad, and why.
pub(crate) fn read(options: &Options) -> Result<Option<Arc<ServerConfig>>, ServeError> {
    let (Some(certificate), Some(key)) = (&options.certificate, &options.key) else { return Ok(None) };
    let bad = |path: &Path, reason: String| ServeError::Config { path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| bad(certificate, format!("no certificates in PEM: {error}")))?;
    if chain.is_empty() {
        return Err(bad(certificate, "there is no certificate in it".to_owned()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, format!("no private key in PEM: {error}")))?;
    let refused = |error: rustls::Error| bad(certificate, format!("cannot be used with {}: {error}", key.display()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(refused)?;
    Ok(Some(Arc::new(config)))
}
