//! What waits to be written to one socket: bounded in frames and in bytes, whoever reads it and however slowly.
//!
//! Owns the bounds, and that of typing one frame waits at most: what is typed meanwhile joins it. What is sent to
//! whom is the rooms' affair.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::collab::live::join;
use crate::collab::protocol::{Close, ToPage, Values};

/// A page for which more than this waits is cut off: it does not read. `editor_status` is always the whole state, so
/// that one which comes back has missed nothing.
const FRAMES: usize = 256;
const BYTES: usize = 1024 * 1024;

/// What a socket's task is to do.
#[derive(Clone, Debug)]
pub enum Out {
    Text(Utf8Bytes),
    /// What Django says of the person; someone who is signed out has a while to come back.
    Session(bool),
    Close(Close),
}

/// A place in the line.
enum Item {
    Out(Out),
    /// Whatever has been typed until it is this one's turn.
    Typed,
}

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    /// Something did not fit and is lost.
    over: AtomicBool,
    typed: Mutex<Option<Box<Typed>>>,
}

#[derive(Default)]
struct Typed {
    whole: bool,
    values: Values,
}

pub struct Outbox {
    to: mpsc::Sender<Item>,
    waiting: Arc<Waiting>,
}

pub struct Inbox {
    from: mpsc::Receiver<Item>,
    waiting: Arc<Waiting>,
}

pub fn outbox() -> (Outbox, Inbox) {
    let (to, from) = mpsc::channel(FRAMES);
    let waiting = Arc::<Waiting>::default();
    (Outbox { to, waiting: Arc::clone(&waiting) }, Inbox { from, waiting })
}

impl Waiting {
    fn typed(&self) -> MutexGuard<'_, Option<Box<Typed>>> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Session(_) | Self::Close(_) => 0,
        }
    }
}

impl Outbox {
    /// What does not fit is lost, and the page is cut off for it.
    pub fn push(&self, out: Out) {
        let size = out.size();
        let before = self.waiting.bytes.fetch_add(size, Ordering::Relaxed);
        if before + size > BYTES {
            self.waiting.over.store(true, Ordering::Relaxed);
            // So that it is heard of, should nothing else be waiting. A full line is heard of anyway.
            let _ = self.to.try_send(Item::Out(Out::Close(Close::TooMuch)));
        } else {
            self.line_up(Item::Out(out));
        }
    }

    pub fn push_typed(&self, whole: bool, values: Values) {
        let mut typed = self.waiting.typed();
        match &mut *typed {
            None => {
                *typed = Some(Box::new(Typed { whole, values }));
                drop(typed);
                self.line_up(Item::Typed);
            }
            Some(waiting) if whole => **waiting = Typed { whole, values },
            Some(waiting) => join(&mut waiting.values, values),
        }
    }

    fn line_up(&self, item: Item) {
        // A socket whose task has ended takes nothing more, and nobody waits for it.
        if let Err(mpsc::error::TrySendError::Full(_)) = self.to.try_send(item) {
            self.waiting.over.store(true, Ordering::Relaxed);
        }
    }
}

impl Inbox {
    /// The next thing to do; none, once there is nobody who could send any more.
    pub async fn recv(&mut self) -> Option<Out> {
        let item = self.from.recv().await?;
        // Of what waits something is missing, so that none of it is worth waiting for.
        if self.waiting.over.load(Ordering::Relaxed) {
            return Some(Out::Close(Close::TooMuch));
        }
        Some(match item {
            Item::Out(out) => {
                self.waiting.bytes.fetch_sub(out.size(), Ordering::Relaxed);
                out
            }
            Item::Typed => {
                let Typed { whole, values } =
                    self.waiting.typed().take().map(|typed| *typed).unwrap_or_default();
                Out::Text(Utf8Bytes::from(ToPage::FieldChanged { whole, values }.text()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collab::protocol::Entry;

    fn typed(name: &str, value: &str) -> Values {
        let fields = vec![Entry::Plain(name.to_owned(), value.to_owned())];
        Values { fields, names: vec![name.to_owned()], ..Values::default() }
    }

    fn text(size: usize) -> Out {
        Out::Text(Utf8Bytes::from("x".repeat(size)))
    }

    async fn frame(inbox: &mut Inbox) -> serde_json::Value {
        let Some(Out::Text(text)) = inbox.recv().await else { panic!("no frame") };
        serde_json::from_str(&text).unwrap()
    }

    async fn is_cut_off(inbox: &mut Inbox) -> bool {
        matches!(inbox.recv().await, Some(Out::Close(Close::TooMuch)))
    }

    /// However much is typed while nobody reads: one frame waits, and it says how things are.
    #[tokio::test]
    async fn what_is_typed_waits_in_one_frame() {
        let (outbox, mut inbox) = outbox();
        outbox.push_typed(false, typed("name", "first"));
        outbox.push(text(1));
        for n in 0..1_000 {
            outbox.push_typed(false, typed("text", &format!("{n}{}", "y".repeat(40 * 1024))));
        }
        assert_eq!(inbox.from.len(), 2);
        let told = frame(&mut inbox).await;
        assert_eq!(told["whole"], false);
        assert_eq!(told["names"], serde_json::json!(["name", "text"]));
        assert!(told["fields"][1][1].as_str().unwrap().starts_with("999y"));
        assert!(matches!(inbox.recv().await, Some(Out::Text(text)) if text.len() == 1));
        // What comes then is told by itself; and all of it, if that is what is said.
        outbox.push_typed(false, typed("name", "b"));
        outbox.push_typed(true, typed("text", "c"));
        outbox.push_typed(false, typed("more", "d"));
        let told = frame(&mut inbox).await;
        assert_eq!(told["whole"], true);
        assert_eq!(told["fields"], serde_json::json!([["text", "c"], ["more", "d"]]));
        assert_eq!(inbox.from.len(), 0);
    }

    /// Nothing is missing between two frames that a page is told: what is lost is never lost in silence.
    #[tokio::test]
    async fn a_page_for_which_too_much_waits_is_cut_off() {
        let (by_count, mut inbox) = outbox();
        // The first in line is no frame: it must not hide that something was lost behind it.
        by_count.push(Out::Session(true));
        for _ in 1..FRAMES {
            by_count.push(text(1));
        }
        assert!(matches!(inbox.recv().await, Some(Out::Session(true))), "exactly full");
        by_count.push(text(1));
        by_count.push(text(1));
        assert!(is_cut_off(&mut inbox).await);

        let (by_size, mut inbox) = outbox();
        for _ in 0..8 {
            by_size.push(text(BYTES / 8));
        }
        assert!(matches!(inbox.recv().await, Some(Out::Text(_))), "exactly full");
        by_size.push(text(BYTES / 8));
        by_size.push(text(1));
        assert!(is_cut_off(&mut inbox).await);

        let (typing, mut inbox) = outbox();
        for _ in 0..FRAMES {
            typing.push(text(1));
        }
        typing.push_typed(false, typed("name", "x"));
        assert!(is_cut_off(&mut inbox).await);
    }
}
