//! Puts the program together: from settings to a running proxy.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::app::App;
use crate::audit::{self, Audit};
use crate::clock::Clock;
use crate::collab::record::{NodeId, Rules};
use crate::config::Settings;
use crate::control::Control;
use crate::health;
use crate::identity::Identity;
use crate::ids;
use crate::metrics::Metrics;
use crate::reload::{self, Lasting, Reload};
use crate::server::{self, Listener, Site};
use crate::socket::hub::Hub;
use crate::state;
use crate::store::{Memory, Redis, Store, Witness};
use crate::token::Key;

/// A proxy that is ready to serve.
pub struct Proxy {
    app: Arc<App>,
    sites: watch::Receiver<Arc<Site>>,
    reload: Option<Reload>,
    listener: Listener,
    control: Option<Control>,
    /// Beside it the embedded store's memory is kept over a restart.
    control_path: PathBuf,
    operator: Option<Listener>,
    /// Where locks live, for the operator.
    locks: String,
    /// Where the audit trail goes, and as whose.
    trail: Option<String>,
    /// As the trail names it.
    node: NodeId,
    /// In one word, or Redis's address without its password.
    store: String,
}

/// Opens the store that the settings name.
pub async fn open_store(settings: &Settings, node: NodeId) -> Result<Store, String> {
    let rules: Rules = settings.rules.clone();
    let Some(config) = &settings.redis else {
        return Ok(Store::Memory(Box::new(Memory::new(Clock::system(), rules))));
    };
    let redis = Redis::new(config.clone(), rules, node, None).map_err(|e| e.to_string())?;
    for warning in redis.probe().await.map_err(|e| e.to_string())? {
        tracing::warn!("{warning}");
    }
    redis.begin().await.map_err(|e| e.to_string())?;
    Ok(Store::Redis(Box::new(redis)))
}

/// As the process before left it, if it ended well.
fn memory(settings: &Settings, rules: Rules) -> Memory {
    let found = match state::take_memory(&settings.control) {
        Ok(None) => None,
        Ok(Some(saved)) => Some(Memory::resumed(rules.clone(), &saved)),
        Err(error) => Some(Err(error.to_string())),
    };
    match found {
        Some(Ok(memory)) => return memory,
        Some(Err(why)) => tracing::warn!(why, "what the proxy knew before its restart cannot be read"),
        None => {}
    }
    Memory::new(Clock::system(), rules)
}

async fn key(settings: &Settings, store: &Store) -> Result<Key, String> {
    if !settings.secret.0.is_empty() {
        return Ok(Key::new(settings.secret.0.as_bytes()));
    }
    match store {
        Store::Memory(_) => {
            let secret = state::folder_of(&settings.control).and_then(|()| state::secret(&settings.control));
            Ok(Key::new(&secret.map_err(|e| format!("cannot keep a secret beside the control socket: {e}"))?))
        }
        Store::Redis(redis) => Ok(Key::new(&redis.shared_secret().await.map_err(|e| e.to_string())?)),
    }
}

impl Proxy {
    /// Binds and connects; after this nothing can fail but what every request may meet.
    pub async fn start(settings: &Settings) -> Result<Self, String> {
        let node = NodeId::from(ids::id());
        let metrics = Metrics::new();
        let audit = trail(settings, node.clone(), &metrics)?;
        let witness = Witness::new(audit.clone(), Arc::clone(&metrics));
        let listener = Listener::bind(&settings.listen)
            .await
            .map_err(|e| format!("cannot listen on {}: {e}", settings.listen))?;
        let operator = match &settings.operator {
            Some(listen) => Some(
                Listener::bind(listen)
                    .await
                    .map_err(|e| format!("cannot listen on {listen} (operator.listen): {e}"))?,
            ),
            None => None,
        };
        let control = match settings.redis {
            None => Some(Control::bind(&settings.control).await.map_err(|e| {
                format!("cannot open the control socket {}: {e}", settings.control.display())
            })?),
            Some(_) => None,
        };
        // Only whoever has the control socket may take what the process before has left beside it.
        let store = match settings.redis {
            None => Store::Memory(Box::new(memory(settings, settings.rules.clone()))),
            Some(_) => open_store(settings, node.clone()).await?,
        };
        let store = Arc::new(store.witnessed(witness));
        let key = key(settings, &store).await?;
        let locks = match &*store {
            Store::Memory(_) => "in this process (embedded store)".to_owned(),
            Store::Redis(redis) => format!("in Redis at {}", redis.describe()),
        };
        let store_name = match &*store {
            Store::Memory(_) => "embedded".to_owned(),
            Store::Redis(redis) => redis.describe().to_string(),
        };
        let trail =
            settings.audit.as_ref().map(|to| format!("in {}, as node {}", name_of(to), node.as_str()));
        let hub = Hub::new(
            Arc::clone(&store),
            key.clone(),
            node.clone(),
            settings.rules.clone(),
            settings.sharing.clone(),
        );
        listen_to_others(&store, &hub);
        let identity = Identity::new(key, settings.session_cookie.clone(), store, settings.sso.clone());
        let lasting = Lasting { identity: Arc::new(identity), hub, metrics, audit };
        let app = reload::described(lasting, settings, None)?;
        let app = Arc::new(app);
        let (site, sites) =
            watch::channel(Arc::new(Site { app: Arc::clone(&app), limits: reload::limits(settings) }));
        Ok(Self {
            app,
            sites,
            reload: Some(Reload::new(site, settings.clone())),
            listener,
            control,
            control_path: settings.control.clone(),
            operator,
            locks,
            trail,
            node,
            store: store_name,
        })
    }

    /// The address people open, for the ready line.
    pub fn address(&self) -> String {
        self.listener.address()
    }

    /// The same for the log, so that a start stands in it also where another has ended without a word.
    pub fn log_start(&self) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            node = self.node.as_str(),
            listen = self.address(),
            upstream = self.app.upstream.describe(),
            store = self.store,
            "collab-proxy starts"
        );
    }

    /// What the start tells the operator.
    pub fn describe(&self) -> String {
        let operator =
            self.operator_address().map_or_else(String::new, |at| format!("\n  health at     {at}"));
        let trail = self.trail.as_ref().map_or_else(String::new, |to| format!("\n  audit trail   {to}"));
        format!(
            "collab-proxy {}\n  listening on  {}\n  proxying to   {}\n  locks live    {}{operator}{trail}",
            env!("CARGO_PKG_VERSION"),
            self.address(),
            self.app.upstream.describe(),
            self.locks
        )
    }

    /// What replaces the settings while it runs.
    pub fn reloader(&mut self) -> Option<Reload> {
        self.reload.take()
    }

    /// Where health and metrics are told, if anywhere.
    pub fn operator_address(&self) -> Option<String> {
        self.operator.as_ref().map(Listener::address)
    }

    /// Serves until `stop` turns true.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let control = self.control.map(|control| tokio::spawn(control.serve(Arc::clone(&self.app.hub))));
        let operator =
            self.operator.map(|listener| tokio::spawn(health::serve(Arc::clone(&self.app), listener)));
        let audit = self.app.audit.clone();
        server::run(self.sites, self.listener, stop).await;
        for task in [control, operator].into_iter().flatten() {
            task.abort();
            let _ = task.await;
        }
        if let Store::Memory(memory) = self.app.hub.store()
            && let Err(error) = state::keep_memory(&self.control_path, &memory.dump())
        {
            tracing::warn!(%error, "what the proxy knows could not be kept for its next start");
        }
        let _ = tokio::task::spawn_blocking(move || audit.finish()).await;
    }
}

fn name_of(target: &audit::Target) -> String {
    match target {
        audit::Target::Stdout => "standard output".to_owned(),
        audit::Target::File(path) => path.display().to_string(),
    }
}

/// The audit trail, if one is kept.
fn trail(settings: &Settings, node: NodeId, metrics: &Arc<Metrics>) -> Result<Audit, String> {
    let Some(target) = settings.audit.clone() else { return Ok(Audit::off()) };
    let name = name_of(&target);
    Audit::start(audit::open(target), audit::WAITING, node, Clock::system(), Arc::clone(metrics))
        .map_err(|e| format!("the audit trail cannot be written to {name} (audit.file): {e}"))
}

/// With Redis, other proxies' changes are heard, and what operators did past them is collected.
fn listen_to_others(store: &Arc<Store>, hub: &Arc<Hub>) {
    if !matches!(**store, Store::Redis(_)) {
        return;
    }
    let (to, from) = mpsc::channel(1024);
    let (store, left) = (Arc::clone(store), Arc::clone(store));
    tokio::spawn(async move {
        if let Store::Redis(redis) = &*store {
            redis.listen(to).await;
        }
    });
    tokio::spawn(Arc::clone(hub).hear(from));
    tokio::spawn(async move {
        if let Store::Redis(redis) = &*left {
            redis.collect().await;
        }
    });
}
