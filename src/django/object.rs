//! Which row a URL means: Django's `quote`/`unquote`, and the one canonical key of a row.
//!
//! Owns the spelling of keys. Knows nothing of HTTP or of locks. The rules follow
//! `django/contrib/admin/utils.py` (quote), Python's `int()` and `uuid.UUID()`: Django hands the URL's text to
//! the primary key field, and these are what the fields call.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// One row in the admin, whatever URL it was reached by: `app_label.model_name/pk`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectKey {
    app: String,
    model: String,
    pk: String,
}

impl ObjectKey {
    /// `pk` is Django's unquoted key; it is made canonical here, so that two spellings are one key.
    pub fn new(app: &str, model: &str, pk: &str) -> Self {
        Self { app: app.to_owned(), model: model.to_owned(), pk: canonical_pk(pk) }
    }

    /// The label of the model: `shop.product`.
    pub fn model(&self) -> String {
        format!("{}.{}", self.app, self.model)
    }

    pub fn pk(&self) -> &str {
        &self.pk
    }

    /// `shop/product/3/`, as it stands in the admin's URLs.
    pub fn url_path(&self) -> String {
        let pk = quote(&self.pk);
        let pk = percent_encoding::utf8_percent_encode(&pk, PATH);
        format!("{}/{}/{pk}/", self.app, self.model)
    }

    /// Reads what [`fmt::Display`] writes, and what an operator types.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = "expected app_label.model_name/key, for example shop.product/3";
        let (label, pk) = text.split_once('/').ok_or(wanted)?;
        let (app, model) = label.split_once('.').ok_or(wanted)?;
        if app.is_empty() || model.is_empty() || pk.is_empty() || model.contains('.') {
            return Err(wanted.to_owned());
        }
        Ok(Self::new(app, &model.to_lowercase(), pk))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}/{}", self.app, self.model, self.pk)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// What a browser leaves as it is in a path segment (RFC 3986 pchar without our `_`-quoted ones).
const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The bytes that Django's admin writes as `_XX` in URLs (`QUOTE_MAP` in `contrib/admin/utils.py`).
const QUOTED: &[u8] = b"\":/_#?;@&=+$,[]<>%\n\\";

/// Django's `quote`.
pub fn quote(pk: &str) -> String {
    let mut out = String::with_capacity(pk.len());
    for c in pk.chars() {
        match u8::try_from(c) {
            Ok(b) if QUOTED.contains(&b) => out.push_str(&format!("_{b:02X}")),
            _ => out.push(c),
        }
    }
    out
}

/// Django's `unquote`: only upper-case `_XX` of the quoted characters is decoded; `_2f` stays.
pub fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        let decoded = rest
            .get(at + 1..at + 3)
            .filter(|hex| !hex.bytes().any(|b| b.is_ascii_lowercase()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(|b| QUOTED.contains(b));
        match decoded {
            Some(b) => {
                out.push(char::from(b));
                rest = &rest[at + 3..];
            }
            None => {
                out.push('_');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The path as Django's URL resolver sees it: percent-decoded; bytes that are not UTF-8 are percent-encoded
/// again (`repercent_broken_unicode` in `django/utils/encoding.py`).
pub fn decode_path(path: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for b in chunk.invalid() {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// One spelling for all texts that Django turns into the same key. Integers and UUIDs have many: `01`, `+1`,
/// `１`, ` 1`, dashless and upper-case UUIDs all open and save the same row. A text key that looks like one
/// is merged as well, which can only lock too much, never too little; so is a UUID of decimal digits only with
/// the integer that its dashless form spells.
fn canonical_pk(pk: &str) -> String {
    let trimmed = pk.trim_matches(is_python_space);
    let number = as_uuid(pk).or_else(|| as_uuid(trimmed)).or_else(|| as_int(trimmed));
    number.unwrap_or_else(|| trimmed.to_owned())
}

/// Python's `str.isspace` also counts the four ASCII separators, which Rust's `is_whitespace` does not.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// What Python's `int(text)` accepts, as a decimal without leading zeros.
pub(super) fn as_int(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut out = String::with_capacity(digits.len());
    let mut after_digit = false;
    for c in digits.chars() {
        if c == '_' && after_digit {
            after_digit = false;
            continue;
        }
        out.push(char::from(b'0' + decimal_value(c)?));
        after_digit = true;
    }
    if !after_digit {
        return None;
    }
    let out = out.trim_start_matches('0');
    Some(match (out, negative) {
        ("", _) => "0".to_owned(),
        (n, true) => format!("-{n}"),
        (n, false) => n.to_owned(),
    })
}

/// The zero of every run of ten Unicode decimal digits (general category Nd, Unicode 15), which `int()` reads.
const ZEROS: &[u32] = &[
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
    0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec,
    0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0,
];

fn decimal_value(c: char) -> Option<u8> {
    let code = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|&z| z <= code)].last()?;
    u8::try_from(code - zero).ok().filter(|&d| d < 10)
}

/// What Python's `uuid.UUID(text)` accepts: `urn:`, `uuid:`, braces and dashes are dropped wherever they stand,
/// and the 32 characters that are left are read as `int(text, 16)` does.
fn as_uuid(text: &str) -> Option<String> {
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let bare = bare.trim_matches(['{', '}']).replace('-', "");
    if bare.chars().count() != 32 {
        return None;
    }
    let hex = format!("{:032x}", as_hex(&bare)?);
    let dashed = || format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    Some(as_int(&hex).unwrap_or_else(dashed))
}

/// Python's `int(text, 16)` for what is not negative: any decimal digits of Unicode, spaces around, a sign, `0x`,
/// single underscores between digits.
fn as_hex(text: &str) -> Option<u128> {
    let text = text.trim_matches(is_python_space);
    let digits = text.strip_prefix('+').unwrap_or(text);
    let mut number = 0;
    let mut after_digit = false;
    for (place, c) in digits.chars().enumerate() {
        match c {
            '_' if after_digit => after_digit = false,
            'x' | 'X' if place == 1 && number == 0 && after_digit => {
                // `0x_1` is allowed as well, so this counts as a digit; `0x` alone is too short for a UUID.
            }
            _ => {
                let digit = c.to_digit(16).or_else(|| decimal_value(c).map(u32::from))?;
                number = number << 4 | u128::from(digit);
                after_digit = true;
            }
        }
    }
    after_digit.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pk(text: &str) -> String {
        ObjectKey::new("shop", "product", text).pk().to_owned()
    }

    #[test]
    fn every_spelling_of_an_integer_is_one_key() {
        for text in ["1", "01", "001", "+1", "1 ", " 1", "1\u{a0}", "１", "١", "\u{1c}1", "0_1"] {
            assert_eq!(pk(text), "1", "{text:?}");
        }
        for text in ["10", "1_0", "010", "１０"] {
            assert_eq!(pk(text), "10", "{text:?}");
        }
        assert_eq!(pk("-0"), "0");
        assert_eq!(pk("-07"), "-7");
    }

    #[test]
    fn what_python_does_not_read_as_a_number_stays_text() {
        for text in ["_1", "1_", "1__0", "1.0", "0x1", "", "+", "bolt-10", "½", "²"] {
            assert_eq!(pk(text), text.trim(), "{text:?}");
        }
    }

    #[test]
    fn every_spelling_of_a_uuid_is_one_key() {
        let want = "7b2c1d3e-4f50-6172-8394-a5b6c7d8e9f0";
        let bare = want.replace('-', "");
        for text in [
            want.to_owned(),
            bare.clone(),
            bare.to_uppercase(),
            format!("{{{want}}}"),
            format!("urn:uuid:{want}"),
        ] {
            assert_eq!(pk(&text), want, "{text}");
        }

        // Leading zeros leave room for all that Python's `int` lets pass.
        let want = "007c1d3e-4f50-6172-8394-a5b6c7d8e9f0";
        let short = want.replace('-', "")[2..].to_owned();
        for text in [
            want.to_owned(),
            format!("0x{short}"),
            format!("+0{short}"),
            format!("  {short}"),
            "7_c_1d3e4f5061728394a5b6c7d8e9f0".to_owned(),
        ] {
            assert_eq!(pk(&text), want, "{text}");
        }
        // As an integer and as a UUID these are one text, so they are one key.
        let digits = "00000000000000000000000000000042";
        for text in
            ["42", digits, "00000000-0000-0000-0000-000000000042", "-00000000000000000000000000000042"]
        {
            assert_eq!(pk(text), "42", "{text}");
        }
    }

    #[test]
    fn quote_and_unquote_are_djangos() {
        assert_eq!(quote("a/b_c d+e%é"), "a_2Fb_5Fc d_2Be_25é");
        assert_eq!(unquote("a_2Fb_5Fc d_2Be_25é"), "a/b_c d+e%é");
        assert_eq!(unquote("a_2fb"), "a_2fb", "Django decodes upper-case hex only");
        assert_eq!(unquote("a_41_"), "a_41_", "A is not in Django's map");
        assert_eq!(unquote("é_é_"), "é_é_");
    }

    #[test]
    fn the_url_path_is_what_django_writes() {
        let key = ObjectKey::new("shop", "part", "a/b_c d+e%é");
        assert_eq!(key.url_path(), "shop/part/a_2Fb_5Fc%20d_2Be_25%C3%A9/");
        assert_eq!(ObjectKey::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn an_operators_typing_error_is_explained() {
        for text in ["", "product/3", "shop.product", "shop.product/", ".a/1", "a.b.c/1"] {
            let error = ObjectKey::parse(text).unwrap_err();
            assert!(error.contains("shop.product/3"), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn quoting_round_trips(text in "\\PC*") {
            proptest::prop_assert_eq!(unquote(&quote(&text)), text);
        }

        #[test]
        fn keys_round_trip_through_text(text in "\\PC+") {
            let key = ObjectKey::new("a", "b", &text);
            if !key.pk().is_empty() {
                proptest::prop_assert_eq!(ObjectKey::parse(&key.to_string()), Ok(key));
            }
        }
    }
}
