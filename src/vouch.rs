//! Does an object's page still show what it showed? Django is asked, with the person's own cookies.

use std::sync::Arc;

use hyper::header::HeaderMap;

use crate::app::{App, DeepCheck};
use crate::django::base::unpack;
use crate::django::compare::differences;
use crate::django::object::ObjectKey;
use crate::resolve;
use crate::socket::Vouch;

/// For the socket of a page of `object`. `eyes`: headers for a look. None where the site wants nothing compared.
pub(crate) fn of(app: &Arc<App>, object: &ObjectKey, eyes: HeaderMap) -> Option<Vouch> {
    if app.deep_check == DeepCheck::Off {
        return None;
    }
    let (app, object) = (Arc::clone(app), object.clone());
    Some(Box::new(move |root, base| {
        Box::pin(async move { shows(&app, &object, &root, eyes, &base).await == Some(true) })
    }))
}

async fn shows(app: &App, object: &ObjectKey, root: &str, eyes: HeaderMap, base: &str) -> Option<bool> {
    let base = unpack(base)?.fields;
    let (learned, current) =
        resolve::form_at(app, &format!("{root}{}change/", object.url_path()), eyes).await?;
    learned.form.as_ref()?;
    Some(differences(&base, &current.fields, &app.volatile_of(object)).is_empty())
}
