//! The answer to a list's POST that was not passed on: every row that stands against it, and all that was typed.

use std::collections::BTreeMap;

use hyper::Response;

use super::{Job, Token};
use crate::assets;
use crate::collab::command::Refusal;
use crate::collab::record::Millis;
use crate::django::form::{TOKEN_FIELD, Typed};
use crate::django::language::Language;
use crate::django::object::ObjectKey;
use crate::django::route::root_of;
use crate::http::body::Body;
use crate::lists;
use crate::reply::Representation;
pub(super) use crate::reply::rows::TypedField;
use crate::reply::rows::{self, Kept, RefusedRow, Trouble};
use crate::seeing::reason;
use crate::token::list::ListClaims;

/// A row that stands against the POST.
pub(super) struct Refused {
    pub(super) key: ObjectKey,
    pub(super) label: Option<String>,
    pub(super) refusal: Refusal,
    pub(super) typed: Vec<TypedField>,
    /// The person has not been shown this row.
    pub(super) unseen: bool,
}

/// A row that the POST would write, and may.
pub(super) struct Changed {
    pub(super) row: usize,
    pub(super) label: String,
    pub(super) typed: Vec<TypedField>,
}

/// The POST without the rows that stand against it.
pub(super) enum Fewer {
    Fields {
        fields: Vec<(String, String)>,
        rows: usize,
    },
    /// Nothing is left.
    None,
    /// The others cannot all be named.
    TooMany,
}

impl Job {
    /// What was posted, as it may be given back: without our token and without passwords.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        self.typed().fields
    }

    fn typed(&self) -> Typed {
        let passwords = self.app.passwords_of(&self.model.object("0"));
        let mut typed = Typed::default();
        for (name, value) in &self.posted.fields {
            typed.add(name.clone(), value.clone(), &passwords);
        }
        let mut typed = typed.finish_list();
        typed.files.clone_from(&self.posted.files);
        typed
    }

    /// What people call the rows of the page that was posted from.
    pub(super) async fn labels(&self) -> BTreeMap<ObjectKey, String> {
        let Some(page) = self.fresh().await else {
            return BTreeMap::new();
        };
        let rows = page.shown.rows(&self.model).filter_map(|row| {
            let label = page.shown.label(&self.model, &row.pk)?.to_owned();
            Some((self.model.object(&row.pk), label))
        });
        rows.collect()
    }

    pub(super) fn refuse(
        &self,
        refused: Vec<Refused>,
        fewer: Fewer,
        all: Vec<(String, String)>,
        changed: Vec<Changed>,
        now: Millis,
    ) -> Response<Body> {
        let root = root_of(&self.app.prefixes, self.address()).unwrap_or("/admin/").to_owned();
        let known = self.is_known();
        let mut noted = Vec::new();
        for row in &refused {
            noted.push(self.told(&row.key.to_string()).refused(reason(&row.refusal), Some(now)));
        }
        let rows: Vec<RefusedRow> = refused
            .into_iter()
            .map(|row| RefusedRow {
                label: row.label.unwrap_or_else(|| row.key.to_string()),
                href: format!("{root}{}change/", row.key.url_path()),
                pk: row.key.pk().to_owned(),
                refusal: if known { row.refusal } else { row.refusal.without_names() },
                typed: row.typed,
                unseen: row.unseen,
            })
            .collect();
        // To save over a save that one was told of is a conscious act, with a token that says so.
        let told = rows.iter().any(|r| matches!(r.refusal, Refusal::Stale { .. } | Refusal::Unfit));
        let token = match &self.token {
            _ if told => {
                let claims = lists::claims(&self.model, &self.who, now);
                Some(self.app.identity.key().sign_list(&ListClaims { language: self.language(), ..claims }))
            }
            // One that is no good as well: without any, the next try would pass for a script's.
            Token::Good(_) | Token::Unfit => self.posted.last(TOKEN_FIELD).map(str::to_owned),
            Token::None => None,
        };
        let (fewer, left, too_many) = match fewer {
            Fewer::Fields { fields, rows } => (Some(fields), rows, false),
            Fewer::None => (None, 0, false),
            Fewer::TooMany => (None, 0, true),
        };
        let kept = self.kept(all, fewer, left, too_many, changed, token, now);
        self.of_the_list(noted, rows::kept(&Trouble::Refused(&rows), &kept, self.representation()))
    }

    /// Something else went wrong; everything is given back all the same.
    pub(super) fn trouble(&self, trouble: &Trouble, changed: Vec<Changed>) -> Response<Body> {
        let token = self.posted.last(TOKEN_FIELD).map(str::to_owned);
        let kept = self.kept(self.fields(), None, 0, false, changed, token, 0);
        rows::kept(trouble, &kept, self.representation())
    }

    /// The language of the page that was posted from. Read of the token alone, so that it is known whatever went wrong.
    fn language(&self) -> Option<Language> {
        self.app.identity.key().language_of_list(self.posted.last(TOKEN_FIELD)?)
    }

    fn representation(&self) -> Representation<'_> {
        self.accepts.choose(&self.app.catalogs, self.language().as_ref())
    }

    #[expect(clippy::too_many_arguments, reason = "the page's own parts")]
    fn kept(
        &self,
        all: Vec<(String, String)>,
        fewer: Option<Vec<(String, String)>>,
        left: usize,
        too_many: bool,
        changed: Vec<Changed>,
        token: Option<String>,
        now: Millis,
    ) -> Kept {
        let list = format!(
            "{}{}",
            root_of(&self.app.prefixes, self.address()).unwrap_or("/admin/"),
            self.model.path()
        );
        // A path that begins with two slashes would name another host in a form's action.
        let address = if self.address().starts_with("//") { list } else { self.address().to_owned() };
        let typed = self.typed();
        Kept {
            model: self.model.label(),
            address,
            multipart: self.posted.multipart,
            all,
            fewer,
            left,
            too_many,
            changed: changed.into_iter().map(|c| (c.label, c.typed)).collect(),
            files: typed.files,
            withheld: typed.withheld,
            token,
            reader: self.who.user.clone(),
            script: format!("{}{}rows.js", self.app.own_prefix, assets::folder()),
            now,
        }
    }
}
