//! Tokens of change lists: when the list was rendered, for whom, and which rows it showed.
//!
//! Pure, like its parent. The token in the form is made before the rows are known, the one at the page's end
//! after: that one alone opens the list's socket, and only for the rows that Django showed.

use base64::Engine;
use hmac::Mac;
use serde::{Deserialize, Serialize};

use super::{BASE64, Invalid, Key, LIFETIME, Spoken};
use crate::collab::record::{Millis, PageId, UserKey};
use crate::django::changelist::Model;
use crate::django::language::Language;

const PURPOSE: &str = "list";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListClaims {
    #[serde(rename = "m")]
    pub model: Model,
    #[serde(rename = "u")]
    pub user: UserKey,
    #[serde(rename = "s")]
    pub session: String,
    #[serde(rename = "p")]
    pub page: PageId,
    /// The store's time before Django was asked: what was saved later, the list may not show.
    #[serde(rename = "a")]
    pub asked: Millis,
    /// As in a form's token.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Stands for the rows that were shown; only in the token for the socket.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
}

impl Key {
    pub fn sign_list(&self, claims: &ListClaims) -> String {
        self.seal(PURPOSE, claims)
    }

    pub fn verify_list(&self, token: &str, now: Millis) -> Result<ListClaims, Invalid> {
        let claims: ListClaims = self.unseal(PURPOSE, token)?;
        if now > claims.asked + LIFETIME { Err(Invalid::Expired) } else { Ok(claims) }
    }

    /// As of a form's token.
    pub fn language_of_list(&self, token: &str) -> Option<Language> {
        self.unseal::<Spoken>(PURPOSE, token).ok()?.language
    }

    /// Stands for rows, so that a long list's token stays short.
    pub fn digest_of_rows<'r>(&self, rows: impl IntoIterator<Item = &'r str>) -> String {
        let rows: Vec<&str> = rows.into_iter().collect();
        let bytes = serde_json::to_vec(&rows).unwrap_or_default();
        BASE64.encode(self.mac("rows", &bytes).finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lists_token_is_good_for_its_list_and_for_a_day() {
        let key = Key::new(b"k");
        let claims = ListClaims {
            model: Model { app: "shop".to_owned(), model: "product".to_owned() },
            user: UserKey::from("id:5"),
            session: "s".to_owned(),
            page: PageId::from("p"),
            asked: 1000,
            language: Language::parse("tr"),
            rows: Some(key.digest_of_rows(["1", "2"])),
        };
        let token = key.sign_list(&claims);
        assert_eq!(key.verify_list(&token, 1000 + LIFETIME), Ok(claims));
        assert_eq!(key.verify_list(&token, 1001 + LIFETIME), Err(Invalid::Expired));
        assert_eq!(Key::new(b"l").verify_list(&token, 1000), Err(Invalid::Forged));
        assert_eq!(key.verify(&token, 1000), Err(Invalid::Forged), "it is no token of a form");
        assert_eq!((key.language_of_list(&token), key.language(&token)), (Language::parse("tr"), None));
        assert_ne!(key.digest_of_rows(["1", "2"]), key.digest_of_rows(["1,2"]));
        assert_ne!(key.digest_of_rows(["1", "2"]), key.digest_of_rows(["1\",\"2"]));
    }
}
