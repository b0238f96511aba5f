//! What Django's answers to a stranger mean.
//!
//! Pure: owns the reading of answers; asking is `django`'s.

/// An answer, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) location: String,
    /// `Set-Cookie`.
    pub(super) cookies: Vec<String>,
}

/// What stands where the admin should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admin {
    /// It asks a stranger to sign in, there.
    SignIn(String),
    NotFound,
    /// Django does not know the Host.
    Host,
    /// To the same place, by https.
    ToHttps,
    /// The admin has a language before it: its root then.
    Language(String),
    /// Elsewhere.
    Moved(String),
    /// It shows itself to a stranger.
    Open,
    Failed,
    Odd,
}

/// `root`: the admin's, which was asked for. `host`: as what.
pub(super) fn admin(seen: &Seen, root: &str, host: &str) -> Admin {
    match seen.status {
        200 => Admin::Open,
        301 | 302 | 303 | 307 | 308 => moved(&seen.location, root, host),
        400 => Admin::Host,
        404 | 410 => Admin::NotFound,
        500.. => Admin::Failed,
        _ => Admin::Odd,
    }
}

fn moved(location: &str, root: &str, host: &str) -> Admin {
    let base = url::Url::parse(&format!("http://{host}{root}"));
    let Some(target) = base.ok().and_then(|base| base.join(location).ok()) else {
        return Admin::Moved(location.to_owned());
    };
    let path = target.path();
    if path == root && target.scheme() == "https" {
        return Admin::ToHttps;
    }
    let asks =
        path.trim_end_matches('/').ends_with("login") || target.query_pairs().any(|(k, _)| k == "next");
    if asks {
        return Admin::SignIn(location.to_owned());
    }
    let language = path.strip_suffix(root).is_some_and(|lang| {
        let lang = lang.trim_start_matches('/');
        (2..=10).contains(&lang.len()) && !lang.contains('/')
    });
    match language {
        true => Admin::Language(path.to_owned()),
        false => Admin::Moved(location.to_owned()),
    }
}

/// Does the admin tell staff from strangers, as the proxy asks it to (`HEAD …/jsi18n/`)?
pub(super) fn tells_strangers(status: u16) -> bool {
    matches!(status, 302 | 401 | 403)
}

/// Cookies that a browser sends over https only.
pub(super) fn secure_cookies(cookies: &[String]) -> Vec<&str> {
    let secure = cookies
        .iter()
        .filter(|cookie| cookie.split(';').skip(1).any(|part| part.trim().eq_ignore_ascii_case("secure")));
    secure.filter_map(|cookie| cookie.split('=').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let sign_in = |to: &str| Admin::SignIn(to.to_owned());
        for (status, location, want) in [
            (302, "/admin/login/?next=/admin/", sign_in("/admin/login/?next=/admin/")),
            (302, "https://sso.example.org/auth?next=x", sign_in("https://sso.example.org/auth?next=x")),
            (302, "/accounts/login/", sign_in("/accounts/login/")),
            (301, "https://shop/admin/", Admin::ToHttps),
            (301, "https://other/admin/", Admin::ToHttps),
            (302, "/de/admin/", Admin::Language("/de/admin/".to_owned())),
            (302, "/pt-br/admin/", Admin::Language("/pt-br/admin/".to_owned())),
            (302, "/", Admin::Moved("/".to_owned())),
            (302, "", Admin::Moved(String::new())),
            (200, "", Admin::Open),
            (400, "", Admin::Host),
            (404, "", Admin::NotFound),
            (403, "", Admin::Odd),
            (502, "", Admin::Failed),
        ] {
            let seen = Seen { status, location: location.to_owned(), cookies: Vec::new() };
            assert_eq!(admin(&seen, "/admin/", "shop:8080"), want, "{status} {location}");
        }
    }

    #[test]
    fn cookies_for_https_only_are_noticed() {
        let cookies = ["csrftoken=x; Path=/; Secure", "sessionid=secure; Path=/", "a=b; secure; HttpOnly"];
        assert_eq!(secure_cookies(&cookies.map(str::to_owned)), ["csrftoken", "a"]);
    }
}
