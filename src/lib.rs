//! collab-proxy: a reverse proxy that gives a Django admin edit locks and collaboration, with Django unchanged.
//!
//! # The life of a request
//!
//! ```text
//! request head ─► route ─┬ our own path (asset, socket) ──────────────────────► reply / 101
//!                        ├ write to an object ─► identity ─► gate ─┬ refused ─► page that keeps the work
//!                        │                                         └ granted ─► forward ─► outcome ─► commit
//!                        ├ change form ─► forward ─► rewrite the HTML stream on its way out
//!                        └ anything else ─► forward, untouched, streaming both ways
//! ```
//!
//! 1. [`server`] accepts the connection and hands each request to [`flow::handle`], which is the picture above in
//!    one function, and never fails.
//! 2. [`http::headers`] refuses what no proxy may pass on, and makes the headers ready for Django.
//! 3. [`django::route`] says what the path means to Django's admin. The path that goes upstream is the one that
//!    came, byte for byte; only the [`django::object::ObjectKey`] is canonical.
//! 4. A **change form** (`forms`) is read while it streams ([`render`], [`django::page`]): a signed page token goes in as the
//!    form's first field, the widget's script at the end. The token holds the version that the object was at when
//!    Django was asked.
//! 5. A **write** goes through the [`gate`]: the rules in [`collab::write`] grant or refuse it, by the lock and by
//!    the token's version. A granted write pins the object until [`django::outcome`] has understood Django's
//!    answer; that is committed before the answer leaves.
//!    A POST to a **change list** names many objects: [`list_write`] finds them, and guards each as if it were saved
//!    alone. [`lists`] puts the list's token and its widget into the page.
//! 6. What was decided goes with the answer to its line in the log, to the [`audit`] trail and to the [`metrics`]:
//!    [`seeing`]. What happens to locks is told by whoever commits it (`store::Witness`).
//! 7. A page's **socket** ([`socket`]) joins a room with its token, and is told the whole state whenever it changes.
//!
//! # Layers
//!
//! Imports point down only; `tests/it/layers.rs` holds this.
//!
//! - shell: `main`, [`cli`], [`config`], [`server`], [`control`], [`serve`], [`state`], [`health`], [`logs`], [`notify`],
//!   [`reload`]
//! - flow: [`flow`], below it the ways that a request can take: [`gate`], [`list_write`], [`lists`], `forms`, [`login`],
//!   `own`; below them what those share: `pass`, [`render`], [`reply`], `resolve`, [`seeing`], [`operator`], [`app`],
//!   [`socket`]
//! - ports: [`http`], [`identity`], [`store`], [`clock`], [`ids`], [`assets`], [`audit`], [`metrics`],
//!   [`settable`]
//! - pure: [`django`], [`collab`], [`token`]: no waiting, no I/O, no clock, no randomness

pub mod app;
pub mod assets;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod collab;
pub mod config;
pub mod control;
pub mod django;
pub mod flow;
mod forms;
pub mod gate;
pub mod health;
pub mod http;
pub mod identity;
pub mod ids;
pub mod list_write;
pub mod lists;
pub mod login;
pub mod logs;
pub mod metrics;
pub mod notify;
pub mod operator;
mod own;
mod pass;
pub mod reload;
pub mod render;
pub mod reply;
mod resolve;
pub mod seeing;
pub mod serve;
pub mod server;
pub mod settable;
pub mod socket;
pub mod state;
pub mod store;
pub mod token;
mod vouch;
