//! A browser's page as the proxy sees it: the form is fetched, its socket opened and joined.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::Error;
use crate::http::{Client, between};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a rendered form holds for its socket and its save.
pub(crate) struct Page {
    pub(crate) cookie: String,
    /// For the form's `_collab` field.
    pub(crate) field: String,
    path: String,
    token: String,
}

pub(crate) fn form_path(product: usize) -> String {
    format!("/admin/shop/product/{product}/change/")
}

impl Page {
    pub(crate) async fn fetch(client: &mut Client, product: usize, person: &str) -> Result<Self, Error> {
        let cookie = format!("sessionid={person}");
        let answer = client.get(&form_path(product), &cookie).await?;
        let config = between(&answer.body, "id=\"collab-config\">", "</script>")?;
        let config: Value = serde_json::from_str(config)?;
        let field = between(&answer.body, "name=\"_collab\"", ">")?;
        Ok(Self {
            cookie,
            field: between(field, "value=\"", "\"")?.to_owned(),
            path: config["socket"].as_str().ok_or("no socket")?.to_owned(),
            token: config["token"].as_str().ok_or("no token")?.to_owned(),
        })
    }

    /// Opens the page's socket and joins; the state has been told once when it returns.
    pub(crate) async fn join(&self, proxy: &str) -> Result<Socket, Error> {
        tokio::time::timeout(PATIENCE, self.try_join(proxy)).await?
    }

    async fn try_join(&self, proxy: &str) -> Result<Socket, Error> {
        let mut request = format!("ws://{proxy}{}", self.path).into_client_request()?;
        request.headers_mut().insert("cookie", self.cookie.parse()?);
        request.headers_mut().insert("origin", format!("http://{proxy}").parse()?);
        let stream = TcpStream::connect(proxy).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
        let (stream, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        let mut socket = Socket(stream);
        let join = serde_json::json!({"type": "join", "token": self.token});
        socket.0.send(Message::text(join.to_string())).await?;
        socket.until("welcome").await?;
        socket.until("editor_status").await?;
        Ok(socket)
    }
}

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// The next frame of this type; others are passed over. Answers pings meanwhile.
    pub(crate) async fn until(&mut self, kind: &str) -> Result<Value, Error> {
        loop {
            match self.0.next().await.ok_or("the socket ended")?? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    if frame["type"] == kind {
                        return Ok(frame);
                    }
                }
                Message::Close(close) => return Err(format!("the socket was closed: {close:?}").into()),
                _ => {}
            }
        }
    }

    /// Says good-bye as a page does that is left.
    pub(crate) async fn leave(mut self) {
        let _ = self.0.send(Message::text(r#"{"type":"leave"}"#)).await;
        while let Some(Ok(_)) = self.0.next().await {}
    }
}
