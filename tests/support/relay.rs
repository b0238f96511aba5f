//! A network between a proxy and a server that can be slow, or lose everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What comes goes on after so long.
    After(Duration),
    /// What comes is taken, and goes nowhere: as when a machine on the way has forgotten the connection.
    Nowhere,
}

pub struct Relay {
    address: String,
    way: Arc<watch::Sender<(u64, Way)>>,
    /// Runs the relay: a test waits for programs without letting anything else of its own run.
    _runtime: Runtime,
}

/// It may end where nothing may wait.
struct Runtime(Option<tokio::runtime::Runtime>);

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Relay {
    /// Before the server at this address.
    pub fn before(server: String) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (way, _) = watch::channel((0, Way::After(Duration::ZERO)));
        let way = Arc::new(way);
        let ways = Arc::clone(&way);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&server).await else { continue };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((from, back), (answers, to)) = (near.into_split(), far.into_split());
                let born = ways.borrow().0;
                tokio::spawn(carry(from, to, ways.subscribe(), born));
                tokio::spawn(carry(answers, back, ways.subscribe(), born));
            }
        });
        Self { address, way, _runtime: Runtime(Some(runtime)) }
    }

    /// host:port
    pub fn address(&self) -> &str {
        &self.address
    }

    /// As `--redis` takes it.
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// From now on, for every connection.
    pub fn set(&self, way: Way) {
        self.way.send_modify(|now| now.1 = way);
    }

    /// The connections that are there lead nowhere any more; new ones do.
    pub fn forget_connections(&self) {
        self.way.send_modify(|now| now.0 += 1);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: watch::Receiver<(u64, Way)>, born: u64) {
    let (send, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let writing = tokio::spawn(async move {
        while let Some((at, bytes)) = due.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let (age, now) = *way.borrow();
        match now {
            Way::After(delay) if age == born => {
                let _ = send.send((Instant::now() + delay, buffer[..n].to_vec()));
            }
            _ => {}
        }
    }
    drop(send);
    let _ = writing.await;
}
