//! Which object a request means where its address does not tell: `?_to_field=name` makes Django take what stands in
//! the address for a value of that field (`ModelAdmin.get_object`). The pencil beside a foreign key with a `to_field`
//! leads there, in a popup.
//!
//! Owns the question only: Django is asked for the same page with the person's own cookies, and the page's links to
//! its history or its deletion name the key. What cannot be found out stays as the address has it.

use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use tokio::time::timeout;

use crate::app::App;
use crate::django::compare::Current;
use crate::django::object::ObjectKey;
use crate::django::page::Learned;
use crate::django::route::{Route, View, route};
use crate::http::body::Body;
use crate::render;

/// Django's name for it (`django.contrib.admin.options.TO_FIELD_VAR`).
pub(crate) const TO_FIELD: &str = "_to_field";
/// What almost every foreign key refers to: the key itself.
const USUAL: &str = "id";

/// The field that the query names.
pub(crate) fn in_query(query: Option<&str>) -> Option<String> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.filter(|(name, _)| name == TO_FIELD).map(|(_, value)| value.into_owned()).last()
}

/// The object that `path` means with this `_to_field`. `eyes`: headers for a look.
pub(crate) async fn object(
    app: &App,
    key: ObjectKey,
    view: View,
    path: &str,
    to_field: Option<&str>,
    eyes: &HeaderMap,
) -> ObjectKey {
    let Some(field) = to_field.filter(|field| !field.is_empty() && *field != USUAL) else {
        return key;
    };
    let folder = match view {
        View::Change => path.strip_suffix("change/"),
        View::Delete => path.strip_suffix("delete/"),
        View::Version | View::Other => None,
    };
    let Some(folder) = folder.filter(|folder| !folder.starts_with("//")) else {
        return key;
    };
    let field: String = form_urlencoded::byte_serialize(field.as_bytes()).collect();
    match look(app, &key, &format!("{folder}change/?{TO_FIELD}={field}"), eyes).await {
        Some(found) => found,
        None => {
            tracing::info!(object = %key, to_field = field, "which object this means cannot be found out");
            key
        }
    }
}

/// What the object's page at this address shows, if Django has one there.
pub(crate) async fn form_at(app: &App, address: &str, eyes: HeaderMap) -> Option<(Learned, Current)> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = address.parse().ok()?;
    *request.headers_mut() = eyes;
    let answer = app.upstream.send(request).await.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    timeout(app.upstream.patience(), render::read_form(app, answer)).await.ok()?
}

async fn look(app: &App, key: &ObjectKey, address: &str, eyes: &HeaderMap) -> Option<ObjectKey> {
    let (learned, _) = form_at(app, address, eyes.clone()).await?;
    learned.links.iter().find_map(|href| match route(&app.prefixes, href.split(['?', '#']).next()?) {
        Route::Object { key: found, .. } if found.model() == key.model() => Some(found),
        _ => None,
    })
}
