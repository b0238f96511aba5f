//! The settings: `collab.toml`'s text is the default, then the site's file, the environment, the flags.
//!
//! Owns what every setting means and every complaint about it; all of them are told at once. The defaults are
//! compiled in from the repository's `collab.toml`, so that what is documented there is what holds.
//! `source` reads, `load` lays over each other, `reader` makes values of it, `shown` shows it.

mod load;
mod reader;
mod redis;
mod said;
mod secrecy;
mod shown;
mod source;
mod texts;
mod values;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::app::{DeepCheck, OnOutage};
use crate::assets::texts::SiteTexts;
use crate::audit;
use crate::collab::chat;
use crate::collab::record::{Rules, Takeover};
use crate::django::route::Prefix;
use crate::http::connect::Address;
use crate::identity::SsoHeaders;
use crate::logs::LogFormat;
use crate::socket::connection::Patience;
use crate::socket::hub::Sharing;
use crate::store::RedisConfig;
pub use load::{load, show};
use reader::Reader;
pub use reader::duration;
pub use said::Said;
pub use shown::Shown;
pub use source::{Origin, Problem};
use values::{
    admin_root, audit_target, control_path, deep_check, header_name, listen, log_filter, log_format,
    maybe_listen, more_roots, network, on_outage, read_action, read_view, takeover, user_key,
};
pub use values::{default_control, model};

/// Every setting with its default, described.
pub const DEFAULTS: &str = include_str!("../../collab.toml");
/// Looked for in the current folder when no --config names another.
pub const FILE: &str = "collab.toml";

/// Where the proxy listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    Tcp(String),
    Unix(PathBuf),
    /// The socket that systemd hands over.
    Systemd,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "masked" })
    }
}

/// The settings as the program uses them.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: Listen,
    pub upstream: Address,
    pub upstream_ca: Option<PathBuf>,
    /// If locks live there.
    pub redis: Option<RedisConfig>,
    pub secret: Secret,
    pub control: PathBuf,
    /// By the site: itself, or the address to listen on that it is found by.
    pub control_named: bool,
    pub log: String,
    pub log_format: LogFormat,
    /// Where the audit trail goes, if one is kept.
    pub audit: Option<audit::Target>,
    /// Where health and metrics are told, if anywhere.
    pub operator: Option<Listen>,
    /// What can be used, and is likely not what was meant; for who starts the program, and for `check`.
    pub forgotten: Vec<String>,
    pub trusted_proxies: Vec<IpNet>,
    pub connect_timeout: Duration,
    pub answer_timeout: Duration,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub drain_delay: Duration,
    pub drain_timeout: Duration,
    pub max_connections: usize,
    pub prefixes: Vec<Prefix>,
    pub session_cookie: String,
    pub sso: SsoHeaders,
    /// Actions that change nothing.
    pub read_actions: Vec<String>,
    /// Views below an object that change nothing.
    pub read_views: Vec<String>,
    pub rules: Rules,
    pub patience: Patience,
    pub deep_check: DeepCheck,
    pub on_outage: OnOutage,
    pub volatile: Vec<String>,
    pub sharing: Sharing,
    /// Below this our own paths live: `/admin/collaboration/`.
    pub own_prefix: String,
    /// What the widget says.
    pub texts: SiteTexts,
    /// What the proxy's own pages say.
    pub page_texts: SiteTexts,
    /// All of it as the site says it.
    pub said: Said,
}

/// What a command line adds: `key` to value, with the flag's name.
pub type Flags = Vec<(&'static str, String, &'static str)>;

/// Everything that is wrong with the settings.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "the settings have {count} problem{}:", if count == 1 { "" } else { "s" })?;
        for problem in &self.0 {
            writeln!(f, "  {problem}")?;
        }
        f.write_str("`collab-proxy config defaults` describes every setting")
    }
}

impl std::error::Error for Problems {}

/// None where a value that everything hangs on is wrong; the reader knows what.
fn settings(r: &mut Reader) -> Option<Settings> {
    let listen = r.parse("listen", listen);
    let upstream = r.parse("upstream", Address::parse);
    let admin = r.parse("options.admin_url", admin_root);
    let more = r.parse_list("admin.prefixes", more_roots);
    let trusted_proxies = r.parse_list("proxy.trusted_proxies", network);
    let redis = redis::read(r);
    let rules = Rules { recall: redis.as_ref().map_or(0, RedisConfig::recall), ..rules(r) };
    let patience = Patience {
        join: Duration::from_secs(5),
        ping: r.duration("lock.ping"),
        dead: r.duration("lock.dead"),
    };
    let answer_timeout = r.duration("proxy.answer_timeout");
    if rules.pin <= crate::clock::millis(answer_timeout) {
        r.clash(
            ("lock.pin", "more than"),
            ("proxy.answer_timeout", "less than"),
            ": the save may still be running",
        );
    }
    if patience.dead <= patience.ping {
        r.clash(("lock.dead", "more than"), ("lock.ping", "less than"), "");
    }
    let deep_check = r.parse("saves.deep_check", deep_check);
    let on_outage = r.parse("saves.on_outage", on_outage);
    let texts = texts::read(r);
    let secret = secret(r);
    // A field of Django's users cannot be seen from here: checked, so that a typing error is found.
    r.text("options.avatar_field");
    let own_prefix = own_prefix(r, admin.as_ref());
    let control = r.text("control");
    let listen = listen?;
    let operator = r.parse("operator.listen", maybe_listen).flatten();
    // Port 0 is whichever is free.
    if operator.as_ref() == Some(&listen) && !listen.to_string().ends_with(":0") {
        r.clash(
            ("operator.listen", "another address than"),
            ("listen", "another than"),
            ": no browser should reach it",
        );
    }
    Some(Settings {
        control: control_path(&control, &listen),
        control_named: r.is_changed("control") || r.is_changed("listen"),
        upstream: upstream?,
        upstream_ca: Some(r.text("proxy.upstream_ca")).filter(|p| !p.is_empty()).map(PathBuf::from),
        redis,
        secret,
        log: r.parse("log", log_filter).unwrap_or_default(),
        log_format: r.parse("log_format", log_format).unwrap_or_default(),
        audit: r.parse("audit.file", audit_target).flatten(),
        operator,
        forgotten: forgotten(r),
        trusted_proxies,
        connect_timeout: r.duration("proxy.connect_timeout"),
        answer_timeout,
        header_timeout: r.duration("proxy.header_timeout"),
        body_timeout: r.duration("proxy.body_timeout"),
        drain_delay: r.duration("proxy.drain_delay"),
        drain_timeout: r.duration("proxy.drain_timeout"),
        max_connections: r.count("proxy.max_connections").max(1),
        prefixes: admin.into_iter().chain(more).collect(),
        session_cookie: r.text("admin.session_cookie"),
        sso: SsoHeaders {
            user: r.parse("identity.user_header", header_name).flatten(),
            name: r.parse("identity.name_header", header_name).flatten(),
            avatar: r.parse("identity.avatar_header", header_name).flatten(),
        },
        read_actions: r.parse_list("admin.read_actions", read_action),
        read_views: r.parse_list("admin.read_views", read_view),
        rules,
        patience,
        deep_check: deep_check.unwrap_or(DeepCheck::Doubt),
        on_outage: on_outage.unwrap_or(OnOutage::Block),
        volatile: r.parse_list("saves.volatile_fields", |field| Ok(field.to_owned())),
        sharing: Sharing {
            chat: chat(r),
            sound: r.bool("attention.sound"),
            live_view: r.bool("options.live_view"),
            live_view_except: r.parse_list("live_view.except", model),
        },
        own_prefix,
        texts: texts.widget,
        page_texts: texts.pages,
        said: r.said(),
        listen,
    })
}

/// Settings that do nothing, or more than they should, without another.
fn forgotten(r: &Reader) -> Vec<String> {
    let says = |key: &str| r.is_changed(key);
    let mut all = Vec::new();
    if !says("store") && ["options.redis_url", "redis.url_file", "redis.sentinels"].into_iter().any(says) {
        all.push(
            "Redis is described, and not used: locks live in the process, as store is \"embedded\". Set store = \"redis\""
                .to_owned(),
        );
    }
    if says("identity.user_header") && !says("proxy.trusted_proxies") {
        all.push(
            "identity.user_header is believed from everybody on this machine, as proxy.trusted_proxies has its default. What \
             stands in front must set or clear that header in every request; name it in proxy.trusted_proxies"
                .to_owned(),
        );
    }
    all
}

fn rules(r: &mut Reader) -> Rules {
    let rules = Rules {
        lease: r.millis("lock.lease", 1_000),
        grace: r.millis("lock.grace", 0),
        turn: r.millis("lock.turn", 1_000),
        pin: r.millis("lock.pin", 1_000),
        queue: r.count("lock.queue"),
        answer_within: r.millis("lock.answer_within", 0),
        handover_later: r.millis("lock.handover_later", 1_000),
        ask_again: r.millis("lock.ask_again", 0),
        idle_after: r.millis("lock.idle_after", 0),
        idle_warning: r.millis("lock.idle_warning", 0),
        max_hold: r.millis("lock.max_hold", 0),
        attention_interval: r.millis("options.notification_request_interval", 0),
        takeover: r.parse("lock.takeover", takeover).unwrap_or(Takeover::Off),
        takeover_users: r.parse_list("lock.takeover_users", user_key),
        recall: 0,
    };
    for (key, limit) in [("lock.idle_after", rules.idle_after), ("lock.max_hold", rules.max_hold)] {
        if limit > 0 && limit < rules.idle_warning {
            r.clash((key, "0, or at least"), ("lock.idle_warning", "at most"), "");
        }
    }
    rules
}

fn chat(r: &mut Reader) -> Option<chat::Keep> {
    let keep = chat::Keep { age: r.millis("chat.keep", 60_000), lines: r.count("chat.messages").max(1) };
    r.bool("options.enable_chat").then_some(keep)
}

fn own_prefix(r: &mut Reader, admin: Option<&Prefix>) -> String {
    let root = admin.and_then(Prefix::fixed).unwrap_or_else(|| "/admin/".to_owned());
    let text = r.text("options.websocket_connection_prefix_url");
    if text == "admin/collaboration" {
        return format!("{root}collaboration/");
    }
    format!("/{}/", text.trim_matches('/'))
}

fn secret(r: &mut Reader) -> Secret {
    let inline = r.text("secret");
    let file = r.text("secret_file");
    let secret = match file.as_str() {
        "" => inline,
        path => match std::fs::read_to_string(path) {
            Ok(text) => text.trim().to_owned(),
            Err(e) => {
                r.complain("secret_file", &format!("cannot be read: {e}"));
                String::new()
            }
        },
    };
    if !secret.is_empty() && secret.len() < 16 {
        r.complain(if file.is_empty() { "secret" } else { "secret_file" }, "expected at least 16 characters");
    }
    Secret(secret)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts_tests;
