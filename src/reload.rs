//! A reload of the settings: what they say anew holds from the next request on, and no socket is dropped for it.
//!
//! Owns what can be replaced while the program runs, and what cannot. A file with a mistake in it changes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::assets::THEMES;
use crate::assets::catalog::Catalogs;
use crate::assets::texts::Texts;
use crate::audit::Audit;
use crate::config::Settings;
use crate::django::theme::Themes;
use crate::http::connect::Connector;
use crate::http::upstream::Upstream;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::server::{Limits, Site};
use crate::settable::Settable;
use crate::socket::hub::Hub;
use crate::store::Store;

pub(crate) fn limits(settings: &Settings) -> Limits {
    Limits {
        header_timeout: settings.header_timeout,
        drain_delay: settings.drain_delay,
        drain_timeout: settings.drain_timeout,
        max_connections: settings.max_connections,
        trusted: settings.trusted_proxies.clone(),
    }
}

/// What lives on over a reload: rooms, sessions, writes on their way, counts and the trail.
pub(crate) struct Lasting {
    pub(crate) identity: Arc<Identity>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Audit,
}

/// A store that has forgotten a write on its way hears of it no later than this, which is well within `RECALL`.
const KEEP_WRITE: Duration = Duration::from_secs(1);

/// The site as the settings describe it. `before`: what it was until now, of which the rest lives on too.
pub(crate) fn described(lasting: Lasting, settings: &Settings, before: Option<&App>) -> Result<App, String> {
    let Lasting { identity, hub, metrics, audit } = lasting;
    let connector = Connector::new(settings.upstream.clone(), settings.upstream_ca.as_deref())?;
    let upstream = Upstream::new(connector, settings.connect_timeout, settings.answer_timeout);
    let upstream = Arc::new(upstream.counted(Arc::clone(&metrics)));
    let present_upstream = match before {
        Some(app) => Arc::clone(&app.present_upstream),
        None => Arc::new(Settable::new(Arc::clone(&upstream))),
    };
    Ok(App {
        upstream,
        present_upstream,
        identity,
        hub,
        themes: Themes::parse(THEMES)?,
        prefixes: settings.prefixes.clone(),
        own_prefix: settings.own_prefix.clone(),
        texts: Texts::new(&settings.texts, settings.sharing.chat.is_some(), settings.sharing.live_view),
        catalogs: Catalogs::new(&settings.page_texts),
        deep_check: settings.deep_check,
        on_outage: settings.on_outage,
        volatile: settings.volatile.clone(),
        read_actions: settings.read_actions.clone(),
        read_views: settings.read_views.clone(),
        patience: settings.patience,
        body_timeout: settings.body_timeout,
        keep_write: Duration::from_millis(settings.rules.pin / 3).min(KEEP_WRITE),
        tasks: before.map(|app| app.tasks.clone()).unwrap_or_default(),
        metrics,
        audit,
        leaving: before.map(|app| Arc::clone(&app.leaving)).unwrap_or_default(),
        passwords: before.map(|app| Arc::clone(&app.passwords)).unwrap_or_default(),
        pk_names: before.map(|app| Arc::clone(&app.pk_names)).unwrap_or_default(),
    })
}

/// A running proxy whose settings can be replaced.
pub struct Reload {
    site: watch::Sender<Arc<Site>>,
    /// As the program was started.
    first: Settings,
}

impl Reload {
    pub(crate) fn new(site: watch::Sender<Arc<Site>>, first: Settings) -> Self {
        Self { site, first }
    }

    /// Takes the new settings. Gives the names of those that differ and take a restart.
    pub async fn take(&self, settings: &Settings) -> Result<Vec<&'static str>, String> {
        let old = Arc::clone(&self.site.borrow());
        let App { identity, hub, metrics, audit, .. } = &*old.app;
        let lasting = Lasting {
            identity: Arc::new(identity.anew(settings.session_cookie.clone(), settings.sso.clone())),
            hub: Arc::clone(hub),
            metrics: Arc::clone(metrics),
            audit: audit.clone(),
        };
        let app = described(lasting, settings, Some(&old.app))?;
        if let (Store::Redis(redis), Some(config)) = (app.hub.store(), &settings.redis)
            && is_same_store(&self.first, settings)
        {
            redis
                .renew(config)
                .await
                .map_err(|why| format!("Redis cannot be used by the new settings: {why}"))?;
        }
        let mut rules = settings.rules.clone();
        if !is_same_store(&self.first, settings) {
            // How long it waits for what others know is the running store's, whatever another would need.
            rules.recall = app.hub.rules().recall;
        }
        app.present_upstream.set(Arc::clone(&app.upstream));
        app.hub.set(rules, settings.sharing.clone());
        app.audit.reopen();
        self.site.send_replace(Arc::new(Site { app: Arc::new(app), limits: limits(settings) }));
        Ok(restart(&self.first, settings))
    }

    /// Is counted: whoever rolls settings out sees that they do not hold everywhere.
    pub fn note(&self, taken: bool) {
        self.site.borrow().app.metrics.reloaded(taken);
    }
}

/// Where locks live cannot change while people hold some; how to get there can.
fn is_same_store(first: &Settings, new: &Settings) -> bool {
    match (&first.redis, &new.redis) {
        (Some(first), Some(new)) => first.is_same_place(new),
        (None, None) => true,
        _ => false,
    }
}

/// What differs and holds only after a restart. Every setting is named here, so that nobody adds one that is forgotten.
fn restart(first: &Settings, new: &Settings) -> Vec<&'static str> {
    let Settings {
        listen,
        control_named: _,
        // By `is_same_store`.
        redis: _,
        secret,
        control,
        log_format,
        operator,
        audit,
        // These hold from the next request on, or the next connection; `log` at once, by who has started the log.
        upstream: _,
        upstream_ca: _,
        log: _,
        forgotten: _,
        trusted_proxies: _,
        connect_timeout: _,
        answer_timeout: _,
        header_timeout: _,
        body_timeout: _,
        drain_delay: _,
        drain_timeout: _,
        max_connections: _,
        prefixes: _,
        session_cookie: _,
        sso: _,
        read_actions: _,
        read_views: _,
        rules: _,
        patience: _,
        deep_check: _,
        on_outage: _,
        volatile: _,
        sharing: _,
        own_prefix: _,
        texts: _,
        page_texts: _,
        said: _,
    } = new;
    [
        ("listen", first.listen != *listen),
        ("store, or which server, database or prefix it is", !is_same_store(first, new)),
        ("secret", first.secret != *secret),
        ("control", first.control != *control),
        ("log_format", first.log_format != *log_format),
        ("operator.listen", first.operator != *operator),
        ("audit.file", first.audit != *audit),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
