//! The body of a list's POST, read as strictly as browsers write it.
//!
//! What a list's POST does stands in its fields, so a body that Django could read otherwise than this reader is
//! not read at all: the error says why, and the gate refuses it. Only what no browser sends is lost by that.
//! Sources: `django/http/multipartparser.py`, `django/http/request.py` and `urllib.parse.parse_qsl`.

use percent_encoding::percent_decode;

/// The fields in the order of the form. What Django puts into `request.FILES` stands apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    pub fields: Vec<(String, String)>,
    /// The field's name and the file's.
    pub files: Vec<(String, String)>,
    pub multipart: bool,
}

/// Django takes 1,000 unless it is told otherwise (DATA_UPLOAD_MAX_NUMBER_FIELDS).
const FIELDS: usize = 100_000;

type Why = &'static str;

const ENCODED: Why = "the form's text is not encoded as browsers do it";
const MANY: Why = "it has more than 100,000 fields";
const PARTS: Why = "the parts of the form are not written as browsers do it";

impl Posted {
    /// As `QueryDict.get`: the last one counts.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The error says what no browser would have sent.
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Self, Why> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        match kind(content_type.unwrap_or_default())? {
            None => urlencoded(body),
            Some(boundary) => multipart(body, &boundary),
        }
    }
}

/// The boundary of a multipart form; none for the other kind.
fn kind(content_type: &str) -> Result<Option<String>, Why> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let mut boundary = None;
    for part in parts {
        let (name, value) = part.split_once('=').ok_or("its Content-Type cannot be read")?;
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        if name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8") {
            continue;
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"'()+_-./:".contains(&b);
        let good = !value.is_empty() && value.len() <= 70 && value.bytes().all(plain);
        if !name.eq_ignore_ascii_case("boundary") || !good || boundary.is_some() {
            return Err("its Content-Type has a parameter that no browser sends");
        }
        boundary = Some(value.to_owned());
    }
    match (kind, boundary) {
        (k, None) if k.eq_ignore_ascii_case("application/x-www-form-urlencoded") => Ok(None),
        // Django compares this one as it came.
        ("multipart/form-data", Some(boundary)) => Ok(Some(boundary)),
        _ => Err("its Content-Type is not one of a form"),
    }
}

fn urlencoded(body: &[u8]) -> Result<Posted, Why> {
    // Old versions of Python took `;` for `&`; bytes beyond ASCII would be guessed at.
    if body.iter().any(|b| !b.is_ascii() || *b == b';') {
        return Err(ENCODED);
    }
    let mut fields = Vec::new();
    for pair in body.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
        if fields.len() == FIELDS {
            return Err(MANY);
        }
        let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let value = pair.get(at + 1..).unwrap_or_default();
        fields.push((decoded(&pair[..at])?, decoded(value)?));
    }
    Ok(Posted { fields, ..Posted::default() })
}

fn decoded(text: &[u8]) -> Result<String, Why> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).map_err(|_| ENCODED)
}

/// Django ends a part wherever the boundary's text stands, and reads on after the last one.
fn multipart(body: &[u8], boundary: &str) -> Result<Posted, Why> {
    let mark = format!("--{boundary}");
    let mut posted = Posted { multipart: true, ..Posted::default() };
    let mut rest = body.strip_prefix(mark.as_bytes()).ok_or(PARTS)?;
    loop {
        if matches!(rest, b"--" | b"--\r\n") {
            return Ok(posted);
        }
        if posted.fields.len() + posted.files.len() == FIELDS {
            return Err(MANY);
        }
        let part = rest.strip_prefix(b"\r\n").ok_or(PARTS)?;
        let end = find(part, mark.as_bytes()).ok_or(PARTS)?;
        let whole = part[..end].strip_suffix(b"\r\n").ok_or(PARTS)?;
        let at = find(whole, b"\r\n\r\n").ok_or(PARTS)?;
        let (name, file) = head(std::str::from_utf8(&whole[..at]).map_err(|_| PARTS)?)?;
        match file {
            Some(file) if !file.is_empty() => posted.files.push((name, file)),
            // A file that was not chosen arrives in Django as an empty field.
            _ => {
                let value = std::str::from_utf8(&whole[at + 4..]).map_err(|_| ENCODED)?;
                posted.fields.push((name, value.to_owned()));
            }
        }
        rest = &part[end + mark.len()..];
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|b| *b == first) {
        if bytes[from + at..].starts_with(mark) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The name and the file's name in the head of a part.
fn head(head: &str) -> Result<(String, Option<String>), Why> {
    let mut found = None;
    let mut typed = false;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ").ok_or(PARTS)?;
        if name.eq_ignore_ascii_case("content-transfer-encoding") {
            return Err("a part of it has a Content-Transfer-Encoding, which no browser sends");
        }
        if name.eq_ignore_ascii_case("content-type") && !typed {
            typed = true;
        } else if name.eq_ignore_ascii_case("content-disposition") && found.is_none() {
            found = Some(disposition(value).ok_or(PARTS)?);
        } else {
            return Err(PARTS);
        }
    }
    found.ok_or(PARTS)
}

fn disposition(value: &str) -> Option<(String, Option<String>)> {
    // A backslash escapes for Django, and for no browser.
    if value.contains(['\\', '\r', '\n']) {
        return None;
    }
    let (name, rest) = value.strip_prefix("form-data; name=\"")?.split_once('"')?;
    let file = match rest {
        "" => None,
        rest => Some(rest.strip_prefix("; filename=\"")?.strip_suffix('"')?),
    };
    let plain = name.trim() == name && !file.is_some_and(|f| f.contains('"'));
    plain.then(|| (name.to_owned(), file.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const PARTS_OF_B: Option<&str> = Some("multipart/form-data; boundary=B");

    fn pairs(posted: &Posted) -> Vec<(&str, &str)> {
        posted.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    #[test]
    fn what_browsers_send_is_read() {
        let posted = Posted::read(FORM, b"a=1+2&a=%C3%A9%3B&b&&c==").unwrap();
        assert_eq!(pairs(&posted), [("a", "1 2"), ("a", "é;"), ("b", ""), ("c", "=")]);
        assert_eq!((posted.last("a"), posted.all("a").count()), (Some("é;"), 2));
        let body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n\
            --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x y.png\"\r\nContent-Type: image/png\r\n\r\n\u{0}\r\n\
            --B\r\nContent-Disposition: form-data; name=\"g\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n\
            --B--\r\n";
        let posted = Posted::read(PARTS_OF_B, body.as_bytes()).unwrap();
        assert_eq!(pairs(&posted), [("a", "1\r\n2"), ("g", "")]);
        assert_eq!(posted.files, [("f".to_owned(), "x y.png".to_owned())]);
        assert_eq!(Posted::read(None, b"").unwrap(), Posted::default());
    }

    #[test]
    fn fields_without_number_are_not_read() {
        let part = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
        for (kind, field, end) in [(FORM, "a=&", ""), (PARTS_OF_B, part, "--B--\r\n")] {
            let body = |n: usize| format!("{}{end}", field.repeat(n)).into_bytes();
            assert_eq!(Posted::read(kind, &body(FIELDS)).unwrap().fields.len(), FIELDS);
            assert_eq!(Posted::read(kind, &body(FIELDS + 1)), Err(MANY));
        }
    }

    #[test]
    fn what_django_could_read_otherwise_is_not_read() {
        let part = |head: &str, value: &str| format!("--B\r\n{head}\r\n\r\n{value}\r\n--B--\r\n");
        let a = "Content-Disposition: form-data; name=\"a\"";
        assert!(Posted::read(PARTS_OF_B, part(a, "1").as_bytes()).is_ok());
        for (kind, body) in [
            (None, "a=1".to_owned()),
            (Some("application/json"), "{}".to_owned()),
            (Some("text/plain"), "a=1".to_owned()),
            (Some("application/x-www-form-urlencoded; charset=utf-16"), "a=1".to_owned()),
            (Some("application/x-www-form-urlencoded; charset=utf-8; charset=latin-1"), "a=1".to_owned()),
            (FORM, "a=1;index=0".to_owned()),
            (FORM, "a=é".to_owned()),
            (FORM, "a=%E9".to_owned()),
            (Some("multipart/form-data"), part(a, "1")),
            (Some("Multipart/Form-Data; boundary=B"), part(a, "1")),
            (Some("multipart/form-data; boundary=B; boundary=C"), part(a, "1")),
            (Some("multipart/form-data; boundary*=B"), part(a, "1")),
            (Some("multipart/mixed; boundary=B"), part(a, "1")),
            (Some("multipart/form-data; boundary=B; charset=utf-7"), part(a, "1")),
            (PARTS_OF_B, format!("preamble\r\n{}", part(a, "1"))),
            (PARTS_OF_B, format!("{}--B\r\n{a}\r\n\r\n1\r\n--B--\r\n", part(a, "1"))),
            (PARTS_OF_B, part(a, "x--By")),
            (PARTS_OF_B, part(a, "x\n--B\r\ny")),
            (PARTS_OF_B, part(&format!("{a}\r\nContent-Transfer-Encoding: base64"), "MQ==")),
            (PARTS_OF_B, part(&format!("{a}\r\ncontent-transfer-encoding : base64"), "MQ==")),
            (PARTS_OF_B, part(&format!("{a}\r\n{a}"), "1")),
            (PARTS_OF_B, part(&format!("{a}; name=\"b\""), "1")),
            (PARTS_OF_B, part("Content-Disposition: form-data; name*=utf-8''a", "1")),
            (PARTS_OF_B, part("Content-Disposition: form-data; name=a", "1")),
            (PARTS_OF_B, part("Content-Disposition: form-data; name=\" a\"", "1")),
            (PARTS_OF_B, part("Content-Disposition: form-data; name=\"a\\\"b\"", "1")),
            (PARTS_OF_B, part("X: y", "1")),
            (PARTS_OF_B, format!("--B\r\n{a}\r\n\r\ncut")),
        ] {
            assert!(Posted::read(kind, body.as_bytes()).is_err(), "{kind:?} {body:?}");
        }
        assert!(Posted::read(PARTS_OF_B, &[part(a, "").as_bytes(), b"\xff"].concat()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics(bytes: Vec<u8>, text in "(--B|\r\n|: |\"|[a-z;=]|Content-Disposition: form-data; name=\")*") {
            for kind in [FORM, PARTS_OF_B] {
                let _ = Posted::read(kind, &bytes);
                let _ = Posted::read(kind, text.as_bytes());
            }
        }
    }
}
