//! The rewriter: reads an admin page while it streams, and puts our pieces in.
//!
//! Push style: bytes in, bytes out, no waiting. What comes out is the input byte for byte, but for the token
//! field at the start of a form that writes the object, the bar's place before it and the tail at the end of the document. A page that cannot be
//! rewritten comes out whole and unrewritten from the point where that was found.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lol_html::send::{HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, MemorySettings};

use super::compare::Current;
use super::outcome::Shown;
use super::reader::{self, Reader};
use super::theme::Themes;
use super::watch::{
    append_tail, mark_forms, watch_controls, watch_form, watch_lang, watch_links, watch_names,
};

/// A page that needs more than this to rewrite goes out as it is.
const MEMORY_LIMIT: usize = 16 * 1024 * 1024;
/// A name longer than this is not a name.
pub(super) const NAME_LIMIT: usize = 150;

/// What the page said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The object's form was there; its `id`.
    pub form: Option<String>,
    /// A control that saves belongs to it.
    pub can_edit: bool,
    /// The signed-in person's display name.
    pub name: Option<String>,
    /// Names of password inputs.
    pub passwords: BTreeSet<String>,
    /// Django's page that closes a popup after a save.
    pub popup_done: bool,
    /// `<html lang>`, as it stands there.
    pub lang: String,
    /// Links to the history or the deletion of an object, as a page has them that is only read.
    pub links: Vec<String>,
}

impl Learned {
    pub fn shown(&self) -> Shown {
        match (self.popup_done, &self.form) {
            (true, _) => Shown::PopupDone,
            (false, Some(_)) => Shown::Form,
            (false, None) => Shown::Neither,
        }
    }
}

/// Makes HTML of the hidden field, when the page's language is known: `<html lang>` as it stands there.
pub type Field = Box<dyn Fn(&str) -> String + Send>;

/// Makes the end of a page from all that it said, and the names of the fields that people see.
pub type Tail = Box<dyn FnOnce(&Learned, &[&str]) -> Option<String> + Send>;

/// What is to be put in.
pub struct Insert {
    /// HTML before the object's form; may be empty.
    pub before: String,
    /// Put first into the object's form.
    pub field: Field,
    pub base: Base,
    /// HTML for the document's end, made when everything is known. None where the form never came.
    pub tail: Tail,
}

/// What the form is said to have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// What this page shows.
    Shown,
    /// Django gave the form back with what was typed: what the POST brought along, if anything.
    Carried(Option<String>),
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) learned: Learned,
    pub(super) inside_form: bool,
    /// `form=` ids of save controls that stand outside a form.
    pub(super) tied: Vec<String>,
    /// Text per name selector; the first that is not empty wins.
    pub(super) names: Vec<String>,
}

pub(super) type Shared<T> = Arc<Mutex<T>>;

/// A poisoned lock means that a handler panicked; the state is plain data and still the best there is.
pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct Page {
    /// None once it has failed: a failed rewriter must not be called again.
    rewriter: Option<HtmlRewriter<'static, Sink>>,
    out: Shared<Vec<u8>>,
    seen: Shared<Seen>,
    fields: Shared<Reader>,
}

struct Sink(Shared<Vec<u8>>);

impl lol_html::OutputSink for Sink {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        lock(&self.0).extend_from_slice(chunk);
    }
}

/// The rewriter reads ASCII-compatible encodings; others go through untouched.
pub fn encoding_of(content_type: &str) -> Option<AsciiCompatibleEncoding> {
    let charset = content_type
        .split(';')
        .skip(1)
        .filter_map(|p| p.split_once('='))
        .find(|(n, _)| n.trim().eq_ignore_ascii_case("charset"))
        .map_or("utf-8", |(_, v)| v.trim().trim_matches('"'));
    AsciiCompatibleEncoding::new(encoding_rs::Encoding::for_label(charset.as_bytes())?)
}

impl Page {
    /// `insert` is None for a page that is only read.
    pub fn new(themes: &Themes, encoding: AsciiCompatibleEncoding, insert: Option<Insert>) -> Self {
        Self::watching(themes, encoding, insert, false)
    }

    fn watching(
        themes: &Themes,
        encoding: AsciiCompatibleEncoding,
        insert: Option<Insert>,
        shown_to_nobody: bool,
    ) -> Self {
        let seen: Shared<Seen> = Arc::default();
        let fields: Shared<Reader> = Arc::default();
        let (start, tail) = match insert {
            Some(Insert { before, field, base, tail }) => (Some((before, field, base)), Some(tail)),
            None => (None, None),
        };
        let watch = |mut settings| {
            let reads = start.is_some();
            settings = watch_lang(settings, {
                let seen = Arc::clone(&seen);
                move |lang| lock(&seen).learned.lang = lang
            });
            settings = watch_form(settings, themes, &seen, start, &fields);
            if reads {
                settings = reader::watch(settings, &fields);
            }
            settings = watch_controls(settings, themes, &seen);
            if shown_to_nobody {
                settings = watch_links(settings, &seen);
            }
            match tail {
                Some(tail) => append_tail(settings, &seen, &fields, tail),
                None => settings,
            }
        };
        Self { fields: Arc::clone(&fields), ..Self::watched(themes, encoding, Arc::clone(&seen), watch) }
    }

    /// Django asks before it goes on, with a form of no name: `field` goes into what writes to the object.
    /// `ours`: does a form with this action write to it?
    pub fn confirming(
        themes: &Themes,
        encoding: AsciiCompatibleEncoding,
        field: Field,
        ours: impl Fn(&str) -> bool + Send + 'static,
    ) -> Self {
        let seen: Shared<Seen> = Arc::default();
        let told = Arc::clone(&seen);
        let watch = |settings| {
            let settings = watch_lang(settings, move |lang| lock(&told).learned.lang = lang);
            mark_forms(watch_controls(settings, themes, &seen), &seen, field, ours)
        };
        Self::watched(themes, encoding, Arc::clone(&seen), watch)
    }

    /// A page that somebody else's handlers read and change; beside them only the person's name is read.
    pub(super) fn with(
        themes: &Themes,
        encoding: AsciiCompatibleEncoding,
        watch: impl FnOnce(PageSettings) -> PageSettings,
    ) -> Self {
        Self::watched(themes, encoding, Arc::default(), watch)
    }

    fn watched(
        themes: &Themes,
        encoding: AsciiCompatibleEncoding,
        seen: Shared<Seen>,
        watch: impl FnOnce(PageSettings) -> PageSettings,
    ) -> Self {
        let out: Shared<Vec<u8>> = Arc::default();
        lock(&seen).names = vec![String::new(); themes.name.len()];
        let settings = Settings::new_send()
            .with_encoding(encoding)
            // Strict parsing cuts pages short on odd markup (`<select><xmp>`); a browser would show them.
            .with_strict(false)
            .with_memory_settings(
                MemorySettings::new()
                    .with_max_allowed_memory_usage(MEMORY_LIMIT)
                    .with_graceful_bail_out_on_memory_limit_exceeded(true),
            )
            .with_graceful_bail_out_on_content_handler_error(true);
        let settings = watch(watch_names(settings, themes, &seen));
        let fields = Arc::default();
        Self { rewriter: Some(HtmlRewriter::new(settings, Sink(Arc::clone(&out)))), out, seen, fields }
    }

    /// A form that is only read, not shown to anybody: what it holds.
    pub fn read(themes: &Themes, encoding: AsciiCompatibleEncoding, html: &[u8]) -> (Learned, Current) {
        let nothing = Insert {
            before: String::new(),
            field: Box::new(|_| String::new()),
            base: Base::Shown,
            tail: Box::new(|_, _| None),
        };
        let mut page = Self::watching(themes, encoding, Some(nothing), true);
        lock(&page.fields).words = Some(HashMap::new());
        page.write(html);
        page.end();
        let mut fields = lock(&page.fields);
        let (title, words) = (fields.title(), fields.words.take().unwrap_or_default());
        (page.learned(), Current { fields: fields.fields(), words, title, csrf: fields.csrf.clone() })
    }

    /// Takes bytes of the page, gives bytes for the browser.
    pub fn write(&mut self, chunk: &[u8]) -> Vec<u8> {
        match self.rewriter.as_mut() {
            // The bail-out has written all that was taken in, this chunk included.
            Some(rewriter) => {
                if rewriter.write(chunk).is_err() {
                    self.rewriter = None;
                }
                std::mem::take(&mut *lock(&self.out))
            }
            None => chunk.to_vec(),
        }
    }

    /// The page is over; gives its last bytes.
    pub fn end(&mut self) -> Vec<u8> {
        if let Some(rewriter) = self.rewriter.take() {
            // An error here has written what was left, as `write` does.
            let _ = rewriter.end();
        }
        std::mem::take(&mut *lock(&self.out))
    }

    /// What is known so far.
    pub fn learned(&self) -> Learned {
        let seen = lock(&self.seen);
        seen.known()
    }
}

impl Seen {
    pub(super) fn known(&self) -> Learned {
        let mut learned = self.learned.clone();
        if let Some(form) = &learned.form {
            learned.can_edit |= self.tied.contains(form);
        }
        learned.name = self.names.iter().map(|n| tidy(n)).find(|n| !n.is_empty());
        learned
    }
}

/// White space folded; an ellipsis where a name is absurdly long. Entities are decoded.
pub(super) fn tidy(text: &str) -> String {
    let decoded = html_escape::decode_html_entities(text);
    let folded = decoded.split_whitespace().collect::<Vec<_>>().join(" ");
    match folded.char_indices().nth(NAME_LIMIT) {
        Some((at, _)) => format!("{}…", &folded[..at]),
        None => folded,
    }
}

pub(super) type PageSettings = Settings<'static, 'static>;
