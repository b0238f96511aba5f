//! Content-Security-Policy: what a page allows, and the one thing we may add.
//!
//! Pure. Our script and our style sheet are external files of the page's own origin and nothing is inline, so `'self'` lets them in;
//! under a nonce the page's own nonce is used again. Source: CSP Level 3, 6.7.

/// A directive's sources, in the policy that a header holds.
fn directive<'p>(policy: &'p str, name: &str) -> Option<&'p str> {
    policy.split(';').map(str::trim).find_map(|d| {
        let (n, sources) = d.split_once(char::is_whitespace).unwrap_or((d, ""));
        n.eq_ignore_ascii_case(name).then_some(sources.trim())
    })
}

/// What a policy says of elements of this kind: `script` or `style`.
fn sources<'p>(policy: &'p str, kind: &str) -> Option<&'p str> {
    directive(policy, &format!("{kind}-src-elem"))
        .or_else(|| directive(policy, &format!("{kind}-src")))
        .or_else(|| directive(policy, "default-src"))
}

fn nonces(sources: &str) -> impl Iterator<Item = &str> {
    sources.split_whitespace().filter_map(|s| s.strip_prefix("'nonce-")?.strip_suffix('\''))
}

/// The nonce that a script needs on this page, if its policies use one.
pub fn nonce<'p>(policies: impl IntoIterator<Item = &'p str>) -> Option<String> {
    policies.into_iter().filter_map(|p| sources(p, "script")).flat_map(nonces).next().map(str::to_owned)
}

/// May the page load a style sheet of its own origin?
#[derive(Debug, PartialEq, Eq)]
pub enum Style<'p> {
    /// With this nonce, where one is needed.
    Allowed(Option<&'p str>),
    Refused,
}

/// Every policy of the page has to allow it.
pub fn style<'p>(policies: impl IntoIterator<Item = &'p str>) -> Style<'p> {
    let asked: Vec<&str> = policies.into_iter().filter_map(|p| sources(p, "style")).collect();
    let nonce = asked.iter().flat_map(|s| nonces(s)).next();
    let allows = |sources: &&str| {
        let own = sources.split_whitespace().any(|s| matches!(s, "'self'" | "*"));
        own || nonce.is_some_and(|nonce| nonces(sources).any(|n| n == nonce))
    };
    if asked.iter().all(allows) { Style::Allowed(nonce) } else { Style::Refused }
}

/// The policy with our socket let in, or None where it already is. Only `'self'` is ever added, and only to
/// what a page may connect to.
pub fn with_socket(policy: &str) -> Option<String> {
    let connect = directive(policy, "connect-src");
    let sources = connect.or_else(|| directive(policy, "default-src"))?;
    let open = sources.split_whitespace().any(|s| matches!(s, "'self'" | "*" | "ws:" | "wss:"));
    if open {
        return None;
    }
    let kept: Vec<&str> = sources.split_whitespace().filter(|s| *s != "'none'").collect();
    let new = format!("connect-src {}", [kept, vec!["'self'"]].concat().join(" "));
    if connect.is_none() {
        return Some(format!("{}; {new}", policy.trim_end_matches([';', ' '])));
    }
    let parts: Vec<String> = policy
        .split(';')
        .map(|d| {
            let name = d.split_whitespace().next().unwrap_or_default();
            if name.eq_ignore_ascii_case("connect-src") { format!(" {new}") } else { d.to_owned() }
        })
        .collect();
    Some(parts.join(";").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_nonce_is_used_again() {
        assert_eq!(
            nonce(["default-src 'self'; script-src 'nonce-aB1+/=' 'strict-dynamic'"]).as_deref(),
            Some("aB1+/=")
        );
        assert_eq!(nonce(["default-src 'nonce-x'"]).as_deref(), Some("x"));
        assert_eq!(nonce(["script-src 'self'", "style-src 'nonce-x'"]), None);
    }

    #[test]
    fn a_style_sheet_of_ours_needs_every_policys_leave() {
        for (policies, want) in [
            (&[][..], Style::Allowed(None)),
            (&["script-src 'none'"][..], Style::Allowed(None)),
            (&["default-src 'self'"], Style::Allowed(None)),
            (&["default-src 'none'; style-src 'self'"], Style::Allowed(None)),
            (&["style-src 'nonce-x' https://x"], Style::Allowed(Some("x"))),
            (&["style-src 'self'; style-src-elem https://x"], Style::Refused),
            (&["default-src 'none'; script-src 'self'"], Style::Refused),
            (&["style-src *", "style-src https://x"], Style::Refused),
            (&["style-src 'nonce-x'", "style-src 'nonce-y'"], Style::Refused),
        ] {
            assert_eq!(style(policies.iter().copied()), want, "{policies:?}");
        }
    }

    #[test]
    fn only_what_is_missing_is_added() {
        for (policy, want) in [
            ("default-src 'self'", None),
            ("script-src 'self'", None),
            ("connect-src 'self' https://x", None),
            (
                "default-src 'none'; script-src 'self'",
                Some("default-src 'none'; script-src 'self'; connect-src 'self'"),
            ),
            ("connect-src 'none'; script-src 'self'", Some("connect-src 'self'; script-src 'self'")),
            (
                "script-src 'self'; CONNECT-SRC https://x",
                Some("script-src 'self'; connect-src https://x 'self'"),
            ),
        ] {
            assert_eq!(with_socket(policy).as_deref(), want, "{policy}");
        }
    }
}
