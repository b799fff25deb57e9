//! HTTPS with a certificate of our own making: a client that trusts it is answered, others are not.

use footpath::import::SplitSpec;
use footpath::train::{Preset, TrainingConfig};
use footpath::{Context, Kg, Replace, import, train};
use footpath_server::{Options, ServeError, Server};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A graph and a model that has hardly learned it.
fn artefacts(root: &Path) -> Options {
    let [data, kg, model] = ["data", "kg", "model"].map(|name| root.join(name));
    fs::create_dir(&data).expect("created");
    fs::write(data.join("triples.tsv"), "head\trelation\ttail\na\tr\tx\nb\tr\tx\n").expect("written");
    fs::write(data.join("interactions.tsv"), "user_id\titem_id\nu\ta\nu\tb\nv\tb\nv\ta\n").expect("written");
    let context = Context::default();
    let options = import::Options { split: SplitSpec::None, join_by_id: true, ..import::Options::default() };
    import::run(&data, &kg, &options, Replace::No, &context).expect("imported");
    let training = TrainingConfig { paths_per_user: 1, ..TrainingConfig::default() };
    let options = train::Options { preset: Preset::Tiny, linear: false, training, ..train::Options::default() };
    train::run(&Kg::open(&kg, &context).expect("opened"), &model, &options, &mut |_| (), &context).expect("trained");
    let (certificate, key) = (Some(root.join("cert.pem")), Some(root.join("key.pem")));
    Options { certificate, key, workers: 1, ..Options::new(kg, model) }
}

/// Writes a new certificate for localhost and its key.
fn certify(root: &Path) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(root.join("cert.pem"), cert.pem()).expect("written");
    fs::write(root.join("key.pem"), signing_key.serialize_pem()).expect("written");
}

/// The answer to a request by somebody who trusts the certificate in a file.
async fn ask(address: SocketAddr, trusted: &Path) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).expect("a certificate")).expect("taken");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[test]
fn who_trusts_the_certificate_is_answered_and_a_reload_takes_a_new_one() {
    let root = tempfile::tempdir().expect("a folder");
    certify(root.path());
    let trusted = root.path().join("trusted.pem");
    fs::copy(root.path().join("cert.pem"), &trusted).expect("copied");
    let server = Server::start(artefacts(root.path())).expect("started");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asked = || runtime.block_on(ask(server.address(), &trusted));
    let answer = asked().expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Plain HTTP is told nothing.
    let plain = runtime.block_on(async {
        let mut stream = TcpStream::connect(server.address()).await.expect("connected");
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    });
    assert!(!plain.starts_with(b"HTTP"), "{plain:?}");
    // Another certificate is not trusted by who trusted the first, once it has been taken over.
    certify(root.path());
    assert!(asked().is_ok(), "nothing changes before a reload");
    server.reload().expect("reloaded");
    assert!(asked().is_err(), "the old certificate is gone");
    fs::copy(root.path().join("cert.pem"), &trusted).expect("copied");
    assert!(asked().expect("an answer").starts_with("HTTP/1.1 200"));
    // A bad one is refused, and the good one stays.
    fs::write(root.path().join("cert.pem"), "no certificate").expect("written");
    assert!(matches!(server.reload(), Err(ServeError::Config { .. })));
    assert!(asked().is_ok());
    assert!(server.stop());
}

#[test]
fn files_that_are_no_certificate_and_key_are_named() {
    let root = tempfile::tempdir().expect("a folder");
    let options = artefacts(root.path());
    certify(root.path());
    let (cert, key) = (root.path().join("cert.pem"), root.path().join("key.pem"));
    let [good_cert, good_key] = [&cert, &key].map(|path| fs::read(path).expect("read"));
    let other = {
        certify(root.path());
        fs::read(&key).expect("read")
    };
    for (cert_bytes, key_bytes, named) in [
        (&b""[..], &good_key[..], &cert),
        (&good_cert[..], &b"nothing"[..], &key),
        (&good_key[..], &good_key[..], &cert),
        (&good_cert[..], &other[..], &cert),
    ] {
        fs::write(&cert, cert_bytes).expect("written");
        fs::write(&key, key_bytes).expect("written");
        let Err(ServeError::Config { path, reason }) = Server::start(options.clone()) else {
            panic!("{named:?} is refused")
        };
        assert_eq!(&path, named, "{reason}");
    }
    fs::remove_file(&key).expect("removed");
    fs::write(&cert, &good_cert).expect("written");
    assert!(matches!(Server::start(options), Err(ServeError::Config { path, .. }) if path == key));
}
