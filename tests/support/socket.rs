//! A page's socket without a page: joins with a form's own token and remembers all it is told.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::person::{Form, Person};

#[derive(Debug, Default)]
struct Heard {
    frames: Vec<Value>,
    /// Once it is closed: the close code, 0 without one.
    closed: Option<u16>,
}

pub struct PageSocket {
    heard: Arc<Mutex<Heard>>,
    to: mpsc::UnboundedSender<Message>,
    task: JoinHandle<()>,
    frozen: Arc<std::sync::atomic::AtomicBool>,
}

/// As the widget says it.
fn join(form: &Form, token: &str, after: Option<&str>) -> serde_json::Value {
    let mut frame = serde_json::json!({"type": "join", "token": token});
    if form.config["version"] == 0 {
        frame["base"] = form.find("_collab_base").into();
    }
    if let Some(after) = after {
        frame["after"] = after.into();
    }
    frame
}

impl PageSocket {
    /// Opens the socket of a form that `person` was shown, and joins.
    pub async fn join(person: &Person, form: &Form) -> Self {
        Self::try_join(person, form).await.unwrap()
    }

    /// As [`Self::join`], from the tab that has shown the page `after` before.
    pub async fn join_after(person: &Person, form: &Form, after: &str) -> Self {
        Self::enter(person, form, Some(after)).await.unwrap()
    }

    pub async fn open(person: &Person, path: &str) -> Self {
        Self::try_open(person, path).await.unwrap()
    }

    /// Where the proxy may not be there.
    pub async fn try_join(person: &Person, form: &Form) -> Result<Self, String> {
        Self::enter(person, form, None).await
    }

    async fn enter(person: &Person, form: &Form, after: Option<&str>) -> Result<Self, String> {
        let said =
            |key: &str| form.config[key].as_str().ok_or(format!("the page has no data block with a {key}"));
        let (socket, token) = (said("socket")?, said("token")?);
        let opened = Self::try_open(person, socket).await?;
        opened.send(join(form, token, after));
        Ok(opened)
    }

    async fn try_open(person: &Person, path: &str) -> Result<Self, String> {
        let mut request = format!("ws://{}{path}", person.address).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("origin", format!("http://{}", person.address).parse().unwrap());
        headers.insert("cookie", person.cookie_header().parse().unwrap());
        let stream = TcpStream::connect(&person.address).await.map_err(|e| e.to_string())?;
        let (mut socket, _) =
            tokio_tungstenite::client_async(request, stream).await.map_err(|e| e.to_string())?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (to, mut from) = mpsc::unbounded_channel::<Message>();
        let told = Arc::clone(&heard);
        let frozen = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stop = Arc::clone(&frozen);
        let task = tokio::spawn(async move {
            let tell = |work: &dyn Fn(&mut Heard)| {
                work(&mut told.lock().unwrap_or_else(PoisonError::into_inner));
            };
            loop {
                tokio::select! {
                    // Reading answers the proxy's pings too.
                    frame = socket.next() => match frame {
                        Some(Ok(Message::Text(text))) => {
                            let frame: Value = serde_json::from_str(&text).unwrap();
                            tell(&|h| h.frames.push(frame.clone()));
                        }
                        Some(Ok(Message::Close(frame))) => {
                            let code = frame.map_or(0, |f| f.code.into());
                            tell(&|h| h.closed = Some(code));
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => {
                            tell(&|h| { h.closed.get_or_insert(0); });
                            return;
                        }
                    },
                    message = from.recv() => match message {
                        Some(_) if stop.load(std::sync::atomic::Ordering::Relaxed) => {
                            drop(from);
                            // Holds the connection open, and that is all.
                            std::future::pending::<()>().await;
                            return;
                        }
                        Some(message) => { let _ = socket.send(message).await; }
                        None => return,
                    },
                }
            }
        });
        Ok(Self { heard, to, task, frozen })
    }

    pub fn send(&self, frame: Value) {
        let _ = self.to.send(Message::Text(Utf8Bytes::from(frame.to_string())));
    }

    pub fn frames(&self) -> Vec<Value> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).frames.clone()
    }

    /// All frames of one type.
    pub fn of(&self, kind: &str) -> Vec<Value> {
        self.frames().into_iter().filter(|f| f["type"] == kind).collect()
    }

    /// The newest `editor_status`; null before the first.
    pub fn status(&self) -> Value {
        self.of("editor_status").pop().unwrap_or(Value::Null)
    }

    pub fn closed(&self) -> Option<u16> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    pub async fn becomes(&self, you: &str) {
        eventually!(self.status(), |s| s["you"] == you);
    }

    /// From now on nothing is read and nothing answered, and the connection stays: a machine that has died.
    pub async fn freeze(&self) {
        self.frozen.store(true, std::sync::atomic::Ordering::Relaxed);
        // Wakes the task, so that it sees it.
        self.send(serde_json::json!({"type": "input", "dirty": false}));
        eventually!(self.to.is_closed(), |closed| *closed);
    }

    /// The person goes away on purpose.
    pub fn leave(self) {
        self.send(serde_json::json!({"type": "leave"}));
        // The task goes on until the proxy has closed.
        std::mem::forget(self);
    }
}

/// The connection is cut: no close frame, as when a machine dies.
impl Drop for PageSocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}
