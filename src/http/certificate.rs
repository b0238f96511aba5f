//! What is wrong with a server's certificate, in words: rustls tells it by the names that its own code has for it.
//!
//! Pure. Works on the text, as what Redis's client says is nothing more.

const MARK: &str = "invalid peer certificate: ";
/// How every such sentence begins.
pub const REFUSED: &str = "the server's certificate is not accepted: ";
/// What is made so, and used by a server as it is, most often comes from `openssl req -x509`.
pub const IS_AUTHORITY: &str = "it is an authority's, which may sign others and not speak for a server";

/// The same, with what rustls says of a certificate put into words.
pub fn in_words(text: &str) -> String {
    let Some((before, name)) = text.split_once(MARK) else { return text.to_owned() };
    let words = [
        ("CaUsedAsEndEntity", IS_AUTHORITY),
        ("UnknownIssuer", "no authority that is known here has signed it"),
        ("xpired", "it has expired, or this machine's clock is wrong"),
        ("not valid yet", "it is not valid yet, or this machine's clock is wrong"),
        ("NotValidYet", "it is not valid yet, or this machine's clock is wrong"),
        ("not valid for", "it is for another name than the one in the address"),
        ("NotValidForName", "it is for another name than the one in the address"),
        ("Revoked", "it has been revoked"),
        ("Purpose", "it is not made for a server"),
        ("BadSignature", "its signature is wrong"),
        ("UnsupportedCertVersion", "it is of an old version: X.509 version 3 is needed"),
        ("UnsupportedSignature", "it is signed in a way that is not supported"),
        ("BadEncoding", "it cannot be read"),
    ];
    let known = words.into_iter().find(|(part, _)| name.contains(part));
    format!("{before}{REFUSED}{}", known.map_or("it does not fit its use", |(_, words)| words))
}

#[cfg(test)]
mod tests {
    use rustls::{CertificateError, Error};

    use super::*;

    #[test]
    fn no_name_of_the_code_is_told() {
        let name = rustls::pki_types::ServerName::try_from("shop").unwrap();
        let elsewhere =
            CertificateError::NotValidForNameContext { expected: name, presented: vec!["x".to_owned()] };
        for (error, wanted) in [
            (CertificateError::UnknownIssuer, "no authority that is known here"),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (elsewhere, "another name"),
            (CertificateError::BadSignature, "signature"),
            (CertificateError::ApplicationVerificationFailure, "does not fit"),
        ] {
            let told = in_words(&Error::InvalidCertificate(error).to_string());
            assert!(told.starts_with(REFUSED) && told.contains(wanted), "{told}");
        }
        let told =
            in_words("it cannot be reached: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))");
        assert_eq!(told, format!("it cannot be reached: {REFUSED}{IS_AUTHORITY}"));
        assert_eq!(in_words("Connection refused"), "Connection refused");
    }
}
