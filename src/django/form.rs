//! The bodies of POSTs: finding our token in the first bytes, and reading what a person typed.
//!
//! Pure: bytes in, fields out. The bytes that go to Django are never changed.

use std::collections::BTreeSet;

use super::base::{BASE_FIELD, unpack};
use super::changelist::split;

/// The name of the hidden field that carries the page token.
pub const TOKEN_FIELD: &str = "_collab";

/// The name of the hidden fields that name the form's password fields.
pub const WITHHOLD_FIELD: &str = "_collab_withhold";

/// How a body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    UrlEncoded,
    Multipart {
        boundary: String,
    },
    /// JSON and the like: not a form.
    Other,
}

impl Encoding {
    pub fn of(content_type: Option<&str>) -> Self {
        let content_type = content_type.unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Self::UrlEncoded;
        }
        match multer::parse_boundary(content_type) {
            Ok(boundary) => Self::Multipart { boundary },
            Err(_) => Self::Other,
        }
    }
}

/// What the bytes so far say of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek {
    Found(String),
    /// More bytes could still hold it.
    More,
    Absent,
}

/// Looks for the token in the first bytes of a body. `complete`: there are no more.
pub fn find_token(encoding: &Encoding, bytes: &[u8], complete: bool) -> Peek {
    let found = match encoding {
        Encoding::UrlEncoded => token_urlencoded(bytes, complete),
        Encoding::Multipart { boundary } => token_multipart(boundary, bytes),
        Encoding::Other => return Peek::Absent,
    };
    match found {
        Some(token) => Peek::Found(token),
        None if complete => Peek::Absent,
        None => Peek::More,
    }
}

fn token_urlencoded(bytes: &[u8], complete: bool) -> Option<String> {
    // The last pair may still be growing.
    let known = match bytes.iter().rposition(|&b| b == b'&') {
        Some(at) if !complete => &bytes[..at],
        None if !complete => return None,
        _ => bytes,
    };
    form_urlencoded::parse(known).find(|(name, _)| name == TOKEN_FIELD).map(|(_, value)| value.into_owned())
}

/// Finds the part named `_collab`. Only the head of each part is looked at, so a file that holds such text
/// cannot pass for it.
fn token_multipart(boundary: &str, bytes: &[u8]) -> Option<String> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = match bytes.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => after(bytes, delimiter.as_bytes())?,
    };
    loop {
        rest = rest.strip_prefix(b"\r\n")?;
        let (head, body) = split_at(rest, b"\r\n\r\n")?;
        let (value, next) = split_at(body, delimiter.as_bytes())?;
        if part_name(head).as_deref() == Some(TOKEN_FIELD) {
            return String::from_utf8(value.to_vec()).ok();
        }
        rest = next;
    }
}

fn part_name(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let line = head.split("\r\n").find(|l| l.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let (_, rest) = line.split_once(" name=\"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

fn split_at<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|w| w == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

fn after<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<&'b [u8]> {
    split_at(bytes, mark).map(|(_, rest)| rest)
}

/// What a person typed, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// In the order of the form; a name may come several times. Without our token.
    pub fields: Vec<(String, String)>,
    /// Files that were chosen: the field's name and the file's.
    pub files: Vec<(String, String)>,
    /// Names of fields that are not shown again: passwords.
    pub withheld: Vec<String>,
    /// What the form showed when it was opened, packed (see `base.rs`).
    pub base: Option<String>,
    /// Not everything could be kept.
    pub cut: bool,
    /// What the form names as not to be shown again.
    pub(crate) marked: BTreeSet<String>,
}

/// Django refuses more than a thousand (DATA_UPLOAD_MAX_NUMBER_FIELDS), unless a site has raised that.
const MOST_FIELDS: usize = 10_000;

impl Typed {
    /// Takes one field in, unless it is ours or must not be echoed.
    pub fn add(&mut self, name: String, value: String, passwords: &BTreeSet<String>) {
        if name == TOKEN_FIELD {
            return;
        }
        if name == BASE_FIELD {
            self.base = Some(value);
            return;
        }
        if self.fields.len() + self.marked.len() >= MOST_FIELDS {
            self.cut = true;
            return;
        }
        if name == WITHHOLD_FIELD {
            self.marked.insert(kind_of(&value));
            return;
        }
        if passwords.contains(&name) {
            self.marked.insert(kind_of(&name));
        }
        self.fields.push((name, value));
    }

    /// When all are in: takes out what must not be echoed. What names it may stand after it.
    pub fn finish(self) -> Self {
        self.sort_out(is_password)
    }

    /// As `finish`, of a list: what stands in its rows stands there to be read, so that a name alone makes no secret of
    /// it. An action may still ask for a password.
    pub fn finish_list(self) -> Self {
        self.sort_out(|name| is_password(name) && split(name).is_none())
    }

    fn sort_out(mut self, looks_secret: fn(&str) -> bool) -> Self {
        let marked = std::mem::take(&mut self.marked);
        let mut clear = None;
        let mut base = self.base.take();
        let mut is_secret = |name: &str| {
            let kind = kind_of(name);
            // A form of ours names its passwords itself; what it showed to be read is none, whatever it is called.
            marked.contains(&kind)
                || (looks_secret(name)
                    && !clear.get_or_insert_with(|| shown_in_clear(base.as_deref())).contains(&kind))
        };
        let (secret, shown): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.fields).into_iter().partition(|(name, _)| is_secret(name));
        self.base = base.take();
        self.fields = shown;
        let mut named = BTreeSet::new();
        let typed = secret.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name);
        self.withheld.extend(typed.filter(|name| named.insert(name.clone())));
        self
    }

    pub fn urlencoded(bytes: &[u8], passwords: &BTreeSet<String>) -> Self {
        let mut typed = Self::default();
        for (name, value) in form_urlencoded::parse(bytes) {
            typed.add(name.into_owned(), value.into_owned(), passwords);
        }
        typed.finish()
    }
}

/// The kinds of field that a form showed, as it says itself.
fn shown_in_clear(base: Option<&str>) -> BTreeSet<String> {
    let fields = base.and_then(unpack).map(|shown| shown.fields).unwrap_or_default();
    fields.iter().map(|field| kind_of(&field.name)).collect()
}

/// The same field of every row of an inline formset: `codes-3-secret`, as its template has it.
fn kind_of(name: &str) -> String {
    let is_row = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts = name.split('-').map(|part| if is_row(part) { "__prefix__" } else { part });
    parts.collect::<Vec<_>>().join("-")
}

/// A field whose name says that it holds a password. Fields that a page showed as `type="password"` are known
/// beside it, by model; this is for forms that say nothing of themselves.
fn is_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "passphrase"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::base::{Shown, pack};
    use super::super::fields::Field;
    use super::*;

    fn multipart(parts: &[(&str, &str)]) -> (Encoding, Vec<u8>) {
        let mut body = String::new();
        for (disposition, value) in parts {
            body.push_str(&format!(
                "--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str("--B--\r\n");
        (Encoding::of(Some("multipart/form-data; boundary=B")), body.into_bytes())
    }

    #[test]
    fn encodings() {
        assert_eq!(
            Encoding::of(Some("application/x-www-form-urlencoded; charset=utf-8")),
            Encoding::UrlEncoded
        );
        assert_eq!(Encoding::of(Some("application/json")), Encoding::Other);
        assert_eq!(Encoding::of(None), Encoding::Other);
        let boundary = "x y".to_owned();
        assert_eq!(
            Encoding::of(Some("multipart/form-data; boundary=\"x y\"")),
            Encoding::Multipart { boundary }
        );
    }

    #[test]
    fn the_token_is_found_as_soon_as_it_is_there() {
        let body = b"_collab=abc.def&name=x";
        assert_eq!(find_token(&Encoding::UrlEncoded, &body[..12], false), Peek::More);
        assert_eq!(find_token(&Encoding::UrlEncoded, &body[..17], false), Peek::Found("abc.def".to_owned()));
        assert_eq!(find_token(&Encoding::UrlEncoded, b"_collab=abc", true), Peek::Found("abc".to_owned()));
        assert_eq!(find_token(&Encoding::UrlEncoded, b"name=x", true), Peek::Absent);

        let (encoding, body) = multipart(&[("name=\"_collab\"", "abc"), ("name=\"f\"; filename=\"a\"", "…")]);
        for end in 0..body.len() {
            match find_token(&encoding, &body[..end], false) {
                Peek::Found(token) => assert_eq!(token, "abc"),
                other => assert_eq!(other, Peek::More),
            }
        }
        assert_eq!(find_token(&encoding, &body, true), Peek::Found("abc".to_owned()));
    }

    #[test]
    fn a_file_that_looks_like_the_token_is_not_it() {
        let trick = "Content-Disposition: form-data; name=\"_collab\"\r\n\r\nforged";
        let (encoding, body) = multipart(&[("name=\"f\"; filename=\"_collab\"", trick), ("name=\"x\"", "y")]);
        assert_eq!(find_token(&encoding, &body, true), Peek::Absent);
    }

    #[test]
    fn passwords_and_our_token_are_not_kept() {
        let known = BTreeSet::from(["api_secret".to_owned()]);
        let body = b"_collab=t&name=a&tags=1&tags=2&new_password1=p&api_secret=s&Password=";
        let typed = Typed::urlencoded(body, &known);
        let names: Vec<&str> = typed.fields.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["name", "tags", "tags"]);
        assert_eq!(typed.withheld, ["new_password1", "api_secret"]);
        // Or the form names them itself.
        let body = b"api_secret=s&name=a&other=&_collab_withhold=api_secret&_collab_withhold=other&_collab_withhold=x";
        let typed = Typed::urlencoded(body, &BTreeSet::new());
        assert_eq!(typed.fields, [("name".to_owned(), "a".to_owned())]);
        assert_eq!(typed.withheld, ["api_secret"]);
    }

    /// A name alone makes no secret of what the form showed to everybody who could open it.
    #[test]
    fn what_a_form_showed_is_no_password() {
        let field = |name: &str| Field { name: name.to_owned(), ..Field::default() };
        let shown =
            Shown { title: None, fields: vec![field("password_hint"), field("codes-0-password_rule")] };
        let base = pack(&shown).unwrap();
        let pairs = [
            ("password_hint", "my long hint"),
            ("password_required", "on"),
            ("codes-7-password_rule", "long"),
            ("codes-7-secret", "hush"),
            ("new_password", "hush"),
            (WITHHOLD_FIELD, "codes-__prefix__-secret"),
            (BASE_FIELD, &base),
        ];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let typed = Typed::urlencoded(body.as_bytes(), &BTreeSet::new());
        let names: Vec<&str> = typed.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["password_hint", "codes-7-password_rule"]);
        // Nothing says that this box was shown: it is asked for again rather than shown to anybody.
        assert_eq!(typed.withheld, ["password_required", "codes-7-secret", "new_password"]);
        assert_eq!(typed.base.as_deref(), Some(base.as_str()));
    }

    #[test]
    fn the_fields_of_a_body_are_counted() {
        let body = "a=1&".repeat(MOST_FIELDS + 1);
        let typed = Typed::urlencoded(body.as_bytes(), &BTreeSet::new());
        assert_eq!((typed.fields.len(), typed.cut), (MOST_FIELDS, true));
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics(bytes: Vec<u8>, complete: bool) {
            find_token(&Encoding::UrlEncoded, &bytes, complete);
            find_token(&Encoding::Multipart { boundary: "B".to_owned() }, &bytes, complete);
        }
    }
}
