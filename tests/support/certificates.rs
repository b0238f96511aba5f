//! Certificates of the test's own, as PEM files.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// An authority (`ca.pem`), a server that it vouches for, and a client (`server.pem`, `server.key`, …).
pub fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    for (name, host) in [("server", "127.0.0.1"), ("client", "collab-proxy")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        // Else it bears the authority's name, and passes for one that has signed itself.
        params.distinguished_name.push(DnType::CommonName, name);
        let made = params.signed_by(&key, &authority).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), made.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// What redis-server is told to be spoken to on this port, by those certificates and by whoever has one of that authority's.
pub fn tls_settings(folder: &Path, port: &str) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    [
        ("--tls-port", port.to_owned()),
        ("--tls-auth-clients", "yes".to_owned()),
        ("--tls-cert-file", file("server.pem")),
        ("--tls-key-file", file("server.key")),
        ("--tls-ca-cert-file", file("ca.pem")),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}
