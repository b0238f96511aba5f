//! A page's socket by hand: handshake and frames as bytes, so that a test sends what no client would, reads when it
//! wants to, and sees every frame in its order.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::socket::Opened;
use crate::upstream::Front;

/// First bytes of frames: the last (or only) one of a message, or one that is not (RFC 6455, 5.2).
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
pub(crate) const TEXT_BEGINS: u8 = 0x01;
pub(crate) const GOES_ON: u8 = 0x00;
pub(crate) const ENDS: u8 = 0x80;
const CLOSE: u8 = 0x88;

pub(crate) struct Raw {
    stream: TcpStream,
    got: Vec<u8>,
}

/// How a socket ended, and all it was told before.
pub(crate) struct End {
    /// None: without a close frame.
    pub(crate) code: Option<u16>,
    pub(crate) heard: Vec<Value>,
}

/// A frame as a browser would send it, masked with zeros: which changes nothing, and is a mask all the same.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        n @ 0..=125 => bytes.push(0x80 | u8::try_from(n).unwrap()),
        n @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(n).unwrap().to_be_bytes());
        }
        n => {
            bytes.push(0x80 | 127);
            bytes.extend(u64::try_from(n).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// What was heard, each in a line that is not too long.
fn lines(heard: &[Value]) -> String {
    heard.iter().map(|v| format!("\n{:.400}", v.to_string())).collect()
}

impl Raw {
    /// `window`: bytes that this machine takes in before they are read; none: as many as usual.
    pub(crate) async fn connect(front: &Front, opened: &Opened, window: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = window {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let mut stream = socket.connect(front.address.parse().unwrap()).await.unwrap();
        let (path, host, cookie) =
            (opened.config["socket"].as_str().unwrap(), &front.address, &opened.cookie);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self { stream, got: Vec::new() }
    }

    pub(crate) async fn join(front: &Front, opened: &Opened) -> Self {
        Self::join_with(front, opened, None).await
    }

    pub(crate) async fn join_with(front: &Front, opened: &Opened, window: Option<u32>) -> Self {
        let mut raw = Self::connect(front, opened, window).await;
        raw.send(json!({"type": "join", "token": opened.config["token"]})).await;
        raw.next("welcome").await;
        raw
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.text(&message.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.bytes(&frame(TEXT, text.as_bytes())).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Writes until the other side does not want to hear any more. That it closes meanwhile is no fault.
    pub(crate) async fn try_bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The next frame but pings, which are answered: its first byte and what it holds. None: the connection ended.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, payload)) = self.whole() {
                if first != PING {
                    return Some((first, payload));
                }
                self.try_bytes(&frame(PONG, &payload)).await;
                continue;
            }
            let mut buffer = [0; 8192];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => self.got.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// Takes the first frame of what was read, once all of it is there.
    fn whole(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, short) = (*self.got.first()?, *self.got.get(1)?);
        let (start, length) = match short {
            126 => (4, usize::from(u16::from_be_bytes(self.got.get(2..4)?.try_into().unwrap()))),
            127 => {
                (10, usize::try_from(u64::from_be_bytes(self.got.get(2..10)?.try_into().unwrap())).unwrap())
            }
            n => (2, usize::from(n)),
        };
        let payload = self.got.get(start..start + length)?.to_vec();
        self.got.drain(..start + length);
        Some((first, payload))
    }

    /// Everything up to the first message that `is_it`, and that message last.
    pub(crate) async fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut heard = Vec::new();
        let finding = async {
            loop {
                let (first, payload) = self.frame().await.unwrap_or((CLOSE, Vec::new()));
                assert_eq!(first, TEXT, "{what} did not come, but an end after {}", lines(&heard));
                heard.push(serde_json::from_slice(&payload).unwrap());
                if heard.last().is_some_and(&is_it) {
                    return;
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(10), finding).await;
        assert!(found.is_ok(), "{what} did not come, but {}", lines(&heard));
        heard
    }

    /// The next message of this type; others before it are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        self.until(kind, |v| v["type"] == kind).await.pop().unwrap()
    }

    /// Is the other side there and listening? Answers come in order: all that was sent before has been read.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.try_bytes(&frame(PING, b"?")).await;
        let answer = async {
            loop {
                match self.frame().await {
                    Some((PONG, _)) => return true,
                    Some((CLOSE, _)) | None => return false,
                    Some(_) => {}
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap_or(false)
    }

    /// Reads to the end.
    pub(crate) async fn end(mut self) -> End {
        let mut end = End { code: None, heard: Vec::new() };
        let reading = async {
            while let Some((first, payload)) = self.frame().await {
                match first {
                    TEXT => end.heard.push(serde_json::from_slice(&payload).unwrap()),
                    CLOSE => {
                        end.code = payload.get(..2).map(|c| u16::from_be_bytes(c.try_into().unwrap()));
                        self.try_bytes(&frame(CLOSE, &payload)).await;
                    }
                    _ => {}
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(10), reading).await;
        assert!(ended.is_ok(), "the socket did not end, but {:?} {}", end.code, lines(&end.heard));
        end
    }

    /// Cuts the connection as a crash does: no close frame, and a reset instead of an end.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
