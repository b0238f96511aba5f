//! Opening a connection to Django: over http, https or a unix socket.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::in_words;

/// Where Django is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Http { host: String, port: u16 },
    Https { host: String, port: u16 },
    Unix(PathBuf),
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = "expected http://host:port, https://host:port or unix:/path/to.sock";
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(wanted.to_owned()) };
        }
        // `localhost:8000` would be taken for a scheme and a path.
        if !text.contains("://") {
            return Err(format!("{wanted}; http:// is missing"));
        }
        let url = url::Url::parse(text).map_err(|_| wanted)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err("expected no path: requests go to Django with the path they came with".to_owned());
        }
        let host = url.host_str().ok_or(wanted)?.trim_matches(['[', ']']).to_owned();
        match url.scheme() {
            "http" => Ok(Self::Http { host, port: url.port().unwrap_or(80) }),
            "https" => Ok(Self::Https { host, port: url.port().unwrap_or(443) }),
            _ => Err(wanted.to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { host, port } => write!(f, "http://{host}:{port}"),
            Self::Https { host, port } => write!(f, "https://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

pub struct Connector {
    address: Address,
    tls: Option<TlsConnector>,
}

impl Connector {
    /// `ca`: a PEM file of certificates to trust for https, instead of the system's.
    pub fn new(address: Address, ca: Option<&std::path::Path>) -> Result<Self, String> {
        let tls = match address {
            Address::Https { .. } => Some(TlsConnector::from(Arc::new(tls_config(ca)?))),
            _ => None,
        };
        Ok(Self { address, tls })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub async fn connect(&self) -> io::Result<Stream> {
        match &self.address {
            Address::Http { host, port } => Ok(Stream::Tcp(tcp(host, *port).await?)),
            Address::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
            Address::Https { host, port } => {
                let tls = self.tls.as_ref().ok_or_else(|| io::Error::other("no TLS set up"))?;
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                let stream = tls.connect(name, tcp(host, *port).await?).await;
                let stream = stream.map_err(|e| io::Error::new(e.kind(), in_words(&e.to_string())))?;
                Ok(Stream::Tls(Box::new(stream)))
            }
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn tls_config(ca: Option<&std::path::Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    match ca {
        Some(path) => {
            let shown = path.display();
            let found = CertificateDer::pem_file_iter(path).map_err(|e| format!("{shown}: {e}"))?;
            for certificate in found {
                let certificate = certificate.map_err(|e| format!("{shown}: {e}"))?;
                roots.add(certificate).map_err(|e| format!("{shown}: {e}"))?;
            }
            if roots.is_empty() {
                return Err(format!("{shown}: no certificate in it"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Self::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Self::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Self::Unix(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(s) => s.is_write_vectored(),
            Self::Unix(s) => s.is_write_vectored(),
            Self::Tls(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_flush(cx),
            Self::Unix(s) => Pin::new(s).poll_flush(cx),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Self::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, want) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://django/", "http://django:80"),
            ("https://django.internal", "https://django.internal:443"),
            ("http://[::1]:8000", "http://::1:8000"),
            ("unix:/run/gunicorn.sock", "unix:/run/gunicorn.sock"),
            ("unix:///run/gunicorn.sock", "unix:/run/gunicorn.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), want, "{text}");
        }
        for text in ["", "127.0.0.1:8000", "ftp://x", "http://x/path", "unix:relative.sock", "http://"] {
            assert!(Address::parse(text).unwrap_err().contains("expected"), "{text}");
        }
        assert!(Address::parse("localhost:8000").unwrap_err().ends_with("http:// is missing"));
    }
}
