//! Which settings hold secrets, and what of them may be shown.
//!
//! Owns the one list of them. Their meaning is others'.

use super::source::Raw;
use crate::store::masked;

const MASK: &str = "***";

enum Secrecy {
    Open,
    /// All of it is secret.
    Secret,
    /// An address, perhaps with a password in it.
    Address,
}

fn of(key: &str) -> Secrecy {
    match key {
        "secret" => Secrecy::Secret,
        "options.redis_url" | "redis.sentinels" | "upstream" => Secrecy::Address,
        _ => Secrecy::Open,
    }
}

/// The value without what is secret in it, and whether there was anything.
pub(super) fn without_secrets(key: &str, raw: &Raw) -> (Raw, bool) {
    let shown = match (of(key), raw) {
        (Secrecy::Secret, Raw::Text(text)) if !text.is_empty() => Raw::Text(MASK.to_owned()),
        (Secrecy::Address, Raw::Text(text)) => Raw::Text(address(text)),
        (Secrecy::Address, Raw::List(items)) => {
            let items = items.iter().map(|item| match item {
                Raw::Text(text) => Raw::Text(address(text)),
                other => other.clone(),
            });
            Raw::List(items.collect())
        }
        _ => raw.clone(),
    };
    let hidden = shown != *raw;
    (shown, hidden)
}

fn address(text: &str) -> String {
    if may_hide(text) { masked(text) } else { text.to_owned() }
}

fn may_hide(text: &str) -> bool {
    text.contains('@') || text.contains("pass=")
}

/// May a wrong value be repeated in a complaint? What is wrong cannot be taken apart: all of it may be the password.
pub(super) fn may_quote(key: &str, raw: &Raw) -> bool {
    match (of(key), raw) {
        (Secrecy::Open, _) => true,
        (Secrecy::Secret, _) => false,
        (Secrecy::Address, Raw::Text(text)) => !may_hide(text) && text.split(':').skip(1).all(is_harmless),
        (Secrecy::Address, Raw::List(items)) => items.iter().all(|item| may_quote(key, item)),
        (Secrecy::Address, _) => true,
    }
}

/// What stands behind a colon: a port, or a path. Where a host was forgotten it is the password.
fn is_harmless(after: &str) -> bool {
    let port = after.split(['/', '?', '#']).next().unwrap_or_default();
    port.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_complaint_repeats_a_password() {
        let text = |text: &str| Raw::Text(text.to_owned());
        for (key, raw, wanted) in [
            ("listen", text("nowhere"), true),
            ("secret", text("short"), false),
            ("upstream", text("htp://h:1"), true),
            ("upstream", text("htp://u:hush@h:1"), false),
            ("options.redis_url", text("localhost:6379"), true),
            ("options.redis_url", text("redis//u:hush@h"), false),
            ("options.redis_url", text("redis://user:hunter2"), false),
            ("upstream", text("http://u:hunter2"), false),
            ("upstream", text("unix:run/django.sock"), false),
            ("upstream", text("localhost:8000/x"), true),
            ("options.redis_url", text("unix:///s?pass=hush"), false),
            ("redis.sentinels", Raw::List(vec![text("h:1"), text("x://:hush@h")]), false),
            ("redis.sentinels", Raw::Number(3.0), true),
        ] {
            assert_eq!(may_quote(key, &raw), wanted, "{key} = {raw}");
        }
    }
}
