//! Signed page tokens, and the keyed hashes that stand for a cookie and a person.
//!
//! Pure: the key and the time are arguments. A token proves that the proxy rendered this object's form for this
//! person, at this version; it holds nothing that must be hidden from the person whose page it stands in.
//! Format: base64url(JSON) `.` base64url(HMAC-SHA256), RFC 2104.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::collab::record::{Millis, PageId, UserKey};
use crate::django::language::Language;
use crate::django::object::ObjectKey;

pub mod list;
pub mod shown;

use shown::ShownFields;

/// How long a page may stay open before it must be loaded again to save: a day.
pub const LIFETIME: Millis = 24 * 60 * 60 * 1000;

/// Of a page that was rendered while nobody could say what the object was at. No object ever has it.
pub const UNKNOWN_VERSION: Millis = 0;

/// The proxy's secret. All proxies of one site must share it.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(masked)")
    }
}

/// What a page token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    #[serde(rename = "o")]
    pub object: ObjectKey,
    #[serde(rename = "u")]
    pub user: UserKey,
    /// Keyed hash of the session cookie that the page was rendered for.
    #[serde(rename = "s")]
    pub session: String,
    #[serde(rename = "p")]
    pub page: PageId,
    /// The object's version when it was rendered.
    #[serde(rename = "v")]
    pub version: Millis,
    #[serde(rename = "i")]
    pub issued: Millis,
    /// The page's; a page of an older proxy's making does not say.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Only in the token for the socket, which is made when the whole page was seen.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub join: Option<JoinClaims>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinClaims {
    #[serde(rename = "e")]
    pub can_edit: bool,
    #[serde(rename = "n")]
    pub name: String,
    /// The admin's root as the page's address has it, for asking Django about the person there.
    #[serde(rename = "r", default)]
    pub root: String,
    /// Fields that Django showed on this page. A page of an older proxy's making says nothing of them.
    #[serde(rename = "f", default)]
    pub shown: ShownFields,
}

/// All that counts of a token where nothing hangs on it.
#[derive(Deserialize)]
struct Spoken {
    #[serde(rename = "l", default)]
    language: Option<Language>,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Not made with our key, or damaged.
    Forged,
    Expired,
}

impl Key {
    pub fn new(secret: &[u8]) -> Self {
        Self(secret.to_vec())
    }

    fn mac(&self, purpose: &str, data: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length (RFC 2104, 2), so this cannot fail.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(data);
        mac
    }

    pub fn sign(&self, claims: &Claims) -> String {
        self.seal("page", claims)
    }

    fn seal(&self, purpose: &str, claims: &impl Serialize) -> String {
        let body = serde_json::to_vec(claims).unwrap_or_default();
        let mac = self.mac(purpose, &body).finalize().into_bytes();
        format!("{}.{}", BASE64.encode(body), BASE64.encode(mac))
    }

    fn unseal<T: for<'de> Deserialize<'de>>(&self, purpose: &str, token: &str) -> Result<T, Invalid> {
        let (body, mac) = token.split_once('.').ok_or(Invalid::Forged)?;
        let body = BASE64.decode(body).map_err(|_| Invalid::Forged)?;
        let mac = BASE64.decode(mac).map_err(|_| Invalid::Forged)?;
        self.mac(purpose, &body).verify_slice(&mac).map_err(|_| Invalid::Forged)?;
        serde_json::from_slice(&body).map_err(|_| Invalid::Forged)
    }

    pub fn verify(&self, token: &str, now: Millis) -> Result<Claims, Invalid> {
        let claims: Claims = self.unseal("page", token)?;
        if now > claims.issued + LIFETIME {
            return Err(Invalid::Expired);
        }
        Ok(claims)
    }

    /// The language of the page that a token of ours stands in, whatever else it is worth by now: who is refused for an
    /// old page still reads as they did there.
    pub fn language(&self, token: &str) -> Option<Language> {
        self.unseal::<Spoken>("page", token).ok()?.language
    }

    /// Stands for a session cookie wherever one must be remembered; the cookie itself never is.
    pub fn session(&self, cookie: &str) -> String {
        self.short("session", cookie)
    }

    /// Stands for a person towards other people's browsers: it tells nothing, not even a user name.
    pub fn public_id(&self, user: &UserKey) -> String {
        self.short("user", user.as_str())
    }

    fn short(&self, purpose: &str, data: &str) -> String {
        BASE64.encode(&self.mac(purpose, data.as_bytes()).finalize().into_bytes()[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            object: ObjectKey::new("shop", "part", "a/b é"),
            user: UserKey::from("id:5"),
            session: "s".to_owned(),
            page: PageId::from("p"),
            version: 7,
            issued: 1000,
            language: Language::parse("pt-br"),
            join: Some(JoinClaims {
                can_edit: true,
                name: "Ada".to_owned(),
                root: String::new(),
                shown: ShownFields::of(["name"]),
            }),
        }
    }

    #[test]
    fn a_token_is_believed_for_a_day() {
        let key = Key::new(b"k");
        let token = key.sign(&claims());
        assert_eq!(key.verify(&token, 1000 + LIFETIME), Ok(claims()));
        assert_eq!(key.verify(&token, 1001 + LIFETIME), Err(Invalid::Expired));
    }

    #[test]
    fn a_token_tells_its_pages_language_as_long_as_it_is_ours() {
        let key = Key::new(b"k");
        let token = key.sign(&claims());
        assert_eq!(key.language(&token), Language::parse("pt-br"));
        assert_eq!(Key::new(b"l").language(&token), None);
        assert_eq!(key.language_of_list(&token), None);
    }

    /// Before a proxy is replaced by a newer one, its pages are out there.
    #[test]
    fn a_token_without_a_language_is_believed() {
        let key = Key::new(b"k");
        let claims = Claims { language: None, ..claims() };
        let token = key.sign(&claims);
        let body = BASE64.decode(token.split('.').next().unwrap()).unwrap();
        assert!(!String::from_utf8(body).unwrap().contains("\"l\""));
        assert_eq!((key.verify(&token, 1000), key.language(&token)), (Ok(claims), None));
    }

    #[test]
    fn records_outlive_tokens() {
        const { assert!(crate::collab::record::KEEP > LIFETIME) };
    }

    #[test]
    fn any_change_is_seen() {
        let key = Key::new(b"k");
        let token = key.sign(&claims());
        assert_eq!(Key::new(b"other").verify(&token, 1000), Err(Invalid::Forged));
        for i in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(key.verify(&forged, 1000), Err(Invalid::Forged), "{i}");
        }
        for text in ["", ".", "a.b", "é.é"] {
            assert_eq!(key.verify(text, 0), Err(Invalid::Forged));
        }
    }

    #[test]
    fn hashes_differ_by_purpose_and_key() {
        let key = Key::new(b"k");
        assert_ne!(key.session("x"), key.public_id(&UserKey::from("x")));
        assert_ne!(key.session("x"), Key::new(b"l").session("x"));
        assert_eq!(format!("{key:?}"), "Key(masked)");
    }
}
