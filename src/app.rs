//! What every request needs: made at the start, and anew by a reload (`reload.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::assets::catalog::Catalogs;
use crate::assets::texts::Texts;
use crate::audit::Audit;
use crate::django::changelist::Model;
use crate::django::object::{ObjectKey, decode_path, unquote};
use crate::django::page::Learned;
use crate::django::route::Prefix;
use crate::django::theme::Themes;
use crate::http::upstream::Upstream;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::settable::Settable;
use crate::socket::connection::Patience;
use crate::socket::hub::Hub;

/// When a save is compared with what Django shows at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeepCheck {
    Off,
    /// Where the record cannot tell.
    Doubt,
    Always,
}

/// What becomes of a save by somebody else than the editor while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOutage {
    Block,
    Allow,
}

pub struct App {
    pub upstream: Arc<Upstream>,
    /// The same, for what outlives a reload: pages' sockets.
    pub present_upstream: Arc<Settable<Arc<Upstream>>>,
    pub identity: Arc<Identity>,
    pub hub: Arc<Hub>,
    pub themes: Themes,
    pub prefixes: Vec<Prefix>,
    /// Below this our own paths live: `/admin/collaboration/`.
    pub own_prefix: String,
    /// What the widget says.
    pub texts: Texts,
    /// What our own pages say.
    pub catalogs: Catalogs,
    pub deep_check: DeepCheck,
    pub on_outage: OnOutage,
    /// Fields that change by themselves: `field` or `app.model:field`.
    pub volatile: Vec<String>,
    /// Actions that change nothing: `export` or `shop.product:export`.
    pub read_actions: Vec<String>,
    /// Views below an object that change nothing: `preview` or `shop.product:preview`.
    pub read_views: Vec<String>,
    pub patience: Patience,
    pub body_timeout: Duration,
    /// How often a write on its way says that it still is.
    pub keep_write: Duration,
    /// Writes on their way and open sockets: both outlive the connections that brought them.
    pub tasks: TaskTracker,
    pub metrics: Arc<Metrics>,
    pub audit: Audit,
    /// The proxy is about to stop: it still serves, but should be sent nobody any more.
    pub leaving: Arc<AtomicBool>,
    /// Names of password inputs that pages have shown, by model.
    pub passwords: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    /// Names of the fields that hold the rows' keys in lists with `list_editable`.
    pub pk_names: Arc<Mutex<BTreeMap<Model, Vec<String>>>>,
}

/// Is `name` in a list of names of which some are of one model's only?
fn lists(named: &[String], label: &str, fits: impl Fn(&str) -> bool) -> bool {
    named.iter().any(|entry| match entry.split_once(':') {
        Some((model, name)) => model == label && fits(name),
        None => fits(entry),
    })
}

impl App {
    /// Does this action change nothing?
    pub fn only_reads(&self, label: &str, action: &str) -> bool {
        lists(&self.read_actions, label, |name| name == action)
    }

    /// Does the view at `path`, below an object, change nothing?
    pub fn only_shows(&self, label: &str, path: &str) -> bool {
        let path = decode_path(path);
        // What something between us and Django may straighten is not what it looks like.
        let plain = !path.contains("//") && !path.contains("/.");
        plain && lists(&self.read_views, label, |name| path.ends_with(&format!("/{name}/")))
    }

    /// The path of an object's socket.
    pub fn socket_path(&self, object: &ObjectKey) -> String {
        format!("{}{}", self.own_prefix, object.url_path())
    }

    /// The object whose socket a path of ours names. `below` is what follows our own prefix.
    pub fn socket_object(below: &str) -> Option<ObjectKey> {
        let decoded = decode_path(below);
        let mut parts = decoded.strip_suffix('/')?.splitn(3, '/');
        let (app, model, pk) = (parts.next()?, parts.next()?, parts.next()?);
        (!app.is_empty() && !model.is_empty() && !pk.is_empty())
            .then(|| ObjectKey::new(app, model, &unquote(pk)))
    }

    /// The fields of this object's model that the deep check leaves out.
    pub fn volatile_of(&self, object: &ObjectKey) -> Vec<String> {
        let model = object.model();
        let bare =
            self.volatile.iter().map(|v| v.split_once(':').map_or((None, v.as_str()), |(m, f)| (Some(m), f)));
        bare.filter(|(of, _)| of.is_none_or(|of| of == model)).map(|(_, field)| field.to_owned()).collect()
    }

    /// The path of a list's socket.
    pub fn list_socket_path(&self, model: &Model) -> String {
        format!("{}{}", self.own_prefix, model.path())
    }

    /// Names of the fields that hold the keys of a list's rows, as its pages have shown them.
    pub fn pk_names(&self, model: &Model) -> Vec<String> {
        self.pk_names.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned().unwrap_or_default()
    }

    pub fn learn_pk_names(&self, model: &Model, names: Vec<String>) {
        if !names.is_empty() {
            self.pk_names.lock().unwrap_or_else(PoisonError::into_inner).insert(model.clone(), names);
        }
    }

    pub fn passwords_of(&self, object: &ObjectKey) -> BTreeSet<String> {
        let known = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&object.model()).cloned().unwrap_or_default()
    }

    pub fn learn_passwords(&self, object: &ObjectKey, learned: &Learned) {
        if learned.passwords.is_empty() {
            return;
        }
        let mut known = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(object.model()).or_default().extend(learned.passwords.iter().cloned());
    }
}
