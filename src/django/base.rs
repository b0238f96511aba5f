//! What a form showed when it was opened, carried by the form itself: a packed hidden field.
//!
//! Pure. The proxy keeps no copy of anybody's pages; a POST that has to be compared brings along what its author
//! saw. It is not signed: whoever forges it only deceives himself, since the version in the page token decides
//! whether a save is stale. Format: base64url(deflate(JSON)).

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::fields::Field;

/// The name of the hidden field.
pub const BASE_FIELD: &str = "_collab_base";
/// A larger one is left out: it would travel with every save, and has to fit into a frame (`collab::protocol`).
const PACKED_LIMIT: usize = 48 * 1024;
const PLAIN_LIMIT: u64 = 1024 * 1024;

/// What a form showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What the object is called.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(rename = "f")]
    pub fields: Vec<Field>,
}

/// None where there is nothing to compare, or too much to carry.
pub fn pack(shown: &Shown) -> Option<String> {
    if shown.fields.is_empty() {
        return None;
    }
    let plain = serde_json::to_vec(shown).ok().filter(|p| p.len() as u64 <= PLAIN_LIMIT)?;
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&plain).ok()?;
    let packed = BASE64.encode(packer.finish().ok()?);
    (packed.len() <= PACKED_LIMIT).then_some(packed)
}

/// None for what `pack` has not made.
pub fn unpack(text: &str) -> Option<Shown> {
    let packed = BASE64.decode(text).ok()?;
    let mut plain = Vec::new();
    // A few bytes can unpack to gigabytes.
    DeflateDecoder::new(packed.as_slice()).take(PLAIN_LIMIT + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= PLAIN_LIMIT).then(|| serde_json::from_slice(&plain).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::django::fields::{Kind, Value};

    fn shown(value: &str) -> Shown {
        let values = vec![Value(value.to_owned(), String::new())];
        let field = Field { name: "name".to_owned(), kind: Kind::Text, label: "Name".to_owned(), values };
        let empty = Field { name: "tags".to_owned(), ..Field::default() };
        Shown { title: Some("Kettle".to_owned()), fields: vec![field, empty] }
    }

    #[test]
    fn what_was_shown_comes_back() {
        let form = shown("é <b> \" 漢");
        let packed = pack(&form).unwrap();
        assert!(packed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{packed}");
        assert_eq!(unpack(&packed).unwrap(), form);
        assert_eq!(pack(&Shown::default()), None);
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        let mut state = 1_u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from(state >> 59).unwrap())
        };
        let noise: String = (0..200_000).map(|_| letter()).collect();
        assert!(pack(&shown(&noise)).is_none());
        let bomb = {
            let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
            packer.write_all(&vec![b' '; 64 * 1024 * 1024]).unwrap();
            BASE64.encode(packer.finish().unwrap())
        };
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack(&bomb), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String) {
            unpack(&text);
        }
    }
}
