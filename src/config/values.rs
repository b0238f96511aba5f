//! Single values that are more than a number or a text: addresses, networks, roots.

use std::path::PathBuf;

use hyper::header::HeaderName;
use ipnet::IpNet;

use super::Listen;
use crate::app::{DeepCheck, OnOutage};
use crate::audit;
use crate::collab::record::{Takeover, UserKey};
use crate::django::route::Prefix;
use crate::logs::{self, LogFormat};
use crate::state;

pub(super) fn listen(text: &str) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Listen::Unix(path.into()));
    }
    if text == "systemd" {
        return Ok(Listen::Systemd);
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(Listen::Tcp(text.to_owned()))
        }
        _ => Err("expected host:port, such as 127.0.0.1:8080, unix:/path/to.sock, or systemd".to_owned()),
    }
}

/// Empty: nowhere.
pub(super) fn maybe_listen(text: &str) -> Result<Option<Listen>, String> {
    match text {
        "" => Ok(None),
        "systemd" => Err("expected host:port or unix:/path/to.sock".to_owned()),
        _ => listen(text).map(Some),
    }
}

/// A lone word that is no level would be taken for a part of the program, and everything else would not be heard.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let odd = |word: &&str| !word.contains('=') && !is_level(word);
    let mut words = text.split(',').map(str::trim).filter(|word| !word.is_empty()).peekable();
    if words.peek().is_none() || words.any(|word| odd(&word)) {
        return Err(
            "expected off, error, warn, info, debug or trace; or a tracing filter of such a level and \
                    target=level, such as \"info,collab_proxy::gate=debug\""
                .to_owned(),
        );
    }
    logs::filter(text).map(|_| text.to_owned())
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected \"text\" or \"json\"".to_owned()),
    }
}

/// Empty: no trail is kept.
pub(super) fn audit_target(text: &str) -> Result<Option<audit::Target>, String> {
    match text {
        "" => Ok(None),
        "stdout" => Ok(Some(audit::Target::Stdout)),
        path if path.ends_with('/') => Err("expected a file's path, or \"stdout\"".to_owned()),
        path => Ok(Some(audit::Target::File(path.into()))),
    }
}

pub(super) fn admin_root(text: &str) -> Result<Prefix, String> {
    let prefix = Prefix::parse(text)?;
    match prefix.fixed() {
        Some(_) => Ok(prefix),
        None => Err("expected a path without {lang}; admin.prefixes takes those".to_owned()),
    }
}

/// Roots where {lang} may stand, and nothing else in braces.
pub(super) fn more_roots(text: &str) -> Result<Prefix, String> {
    if text.replace("{lang}", "").contains(['{', '}', '<', '>']) {
        return Err("expected no other placeholder than {lang}, such as /{lang}/admin/".to_owned());
    }
    Prefix::parse(text)
}

/// `name`, or `shop.product:name`.
fn is_of_model(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((label, _)) => model(label).is_ok() && !label.contains(':'),
        None => true,
    }
}

pub(super) fn deep_check(text: &str) -> Result<DeepCheck, String> {
    match text {
        "off" => Ok(DeepCheck::Off),
        "doubt" => Ok(DeepCheck::Doubt),
        "always" => Ok(DeepCheck::Always),
        _ => Err("expected \"off\", \"doubt\" or \"always\"".to_owned()),
    }
}

pub(super) fn on_outage(text: &str) -> Result<OnOutage, String> {
    match text {
        "block" => Ok(OnOutage::Block),
        "allow" => Ok(OnOutage::Allow),
        _ => Err("expected \"block\" or \"allow\"".to_owned()),
    }
}

/// `export`, or `shop.product:export` for one model's.
pub(super) fn read_action(text: &str) -> Result<String, String> {
    let name = text.rsplit_once(':').map_or(text, |(_, name)| name);
    // Django's own deletes; whoever lists it has something else in mind.
    if name.is_empty()
        || !is_of_model(text)
        || name == "delete_selected"
        || text.contains(char::is_whitespace)
    {
        return Err(
            "expected the name of an action, such as \"export\" or \"shop.product:export\"".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// `preview`, or `shop.product:preview` for one model's.
pub(super) fn read_view(text: &str) -> Result<String, String> {
    let name = text.rsplit_once(':').map_or(text, |(_, name)| name).trim_matches('/');
    let written = ["change", "delete", "history", "password"];
    if name.is_empty() || !is_of_model(text) || written.contains(&name) || name.contains(char::is_whitespace)
    {
        return Err(
            "expected the name of a view below an object, such as \"preview\" or \"shop.product:preview\""
                .to_owned(),
        );
    }
    Ok(text.trim_matches('/').to_owned())
}

/// A header's name; empty for none.
pub(super) fn header_name(text: &str) -> Result<Option<HeaderName>, String> {
    match text {
        "" => Ok(None),
        name => name
            .parse()
            .map(Some)
            .map_err(|_| "expected a header's name, such as \"X-Remote-User\"".to_owned()),
    }
}

/// `shop.credential`.
pub fn model(text: &str) -> Result<String, String> {
    match text.split_once('.') {
        Some((app, model)) if !app.is_empty() && !model.is_empty() && !model.contains('.') => {
            Ok(text.to_lowercase())
        }
        _ => Err("expected app_label.model, such as \"shop.credential\"".to_owned()),
    }
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| "expected an address or a network, such as 10.0.0.0/8".to_owned())
}

pub(super) fn takeover(text: &str) -> Result<Takeover, String> {
    match text {
        "off" => Ok(Takeover::Off),
        "after_request" => Ok(Takeover::AfterRequest),
        "always" => Ok(Takeover::Always),
        _ => Err("expected \"off\", \"after_request\" or \"always\"".to_owned()),
    }
}

/// A person as settings name them: a login name, or the key that `locks list` shows.
pub(super) fn user_key(text: &str) -> Result<UserKey, String> {
    match text.trim().split_once(':') {
        Some(("login" | "id" | "sso", name)) if !name.is_empty() => Ok(UserKey::from(text.trim())),
        None if !text.trim().is_empty() => Ok(UserKey::from(format!("login:{}", text.trim()))),
        _ => Err("expected a login name, or a key such as login:ada, id:5 or sso:ada@example.org".to_owned()),
    }
}

/// `serve` and `locks` find each other by what both are told: the address to listen on.
pub(super) fn control_path(configured: &str, listen: &Listen) -> PathBuf {
    if configured.is_empty() { default_control(listen) } else { configured.into() }
}

pub fn default_control(listen: &Listen) -> PathBuf {
    let name: String = listen
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir).join("collab-proxy"),
        _ => std::env::temp_dir().join(state::default_name()),
    };
    folder.join(format!("{name}.sock"))
}
