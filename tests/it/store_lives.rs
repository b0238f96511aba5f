//! A step that was made from what one server knew is not written to a server that has forgotten it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use collab_proxy::collab::command::{Command, Outcome, WriteProof};
use collab_proxy::collab::record::Rules;
use collab_proxy::store::{Redis, RedisConfig, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;

use crate::store::{config, object, page};
use crate::support::redis::Redis as Server;

/// What commits bear, and nothing else once the store has begun.
const COMMIT: &[u8] = b"t:events";

/// A way to a Redis on which the next commit is held up.
struct Way {
    url: String,
    /// A commit has come, and stands.
    held: Arc<Notify>,
    /// It may go on: over the same connection, or not at all.
    on: Arc<Notify>,
    /// Where new connections lead; None: and the old ones end.
    to: Arc<Mutex<std::path::PathBuf>>,
    _folder: tempfile::TempDir,
}

impl Way {
    fn to(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("way.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (held, on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let to = Arc::new(Mutex::new(server.socket()));
        let way = Self {
            url: format!("unix://{}", path.display()),
            held: Arc::clone(&held),
            on: Arc::clone(&on),
            to: Arc::clone(&to),
            _folder: folder,
        };
        tokio::spawn(async move {
            let armed = Arc::new(Mutex::new(true));
            while let Ok((near, _)) = listener.accept().await {
                let there = to.lock().unwrap().clone();
                let far = UnixStream::connect(&there).await.unwrap();
                let ((mut from, mut back), (mut answers, mut on_to)) = (near.into_split(), far.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
                let (armed, held, on, to) =
                    (Arc::clone(&armed), Arc::clone(&held), Arc::clone(&on), Arc::clone(&to));
                tokio::spawn(async move {
                    let mut buffer = vec![0; 65_536];
                    while let Ok(n @ 1..) = from.read(&mut buffer).await {
                        let is_commit = buffer[..n].windows(COMMIT.len()).any(|part| part == COMMIT);
                        if is_commit && std::mem::take(&mut *armed.lock().unwrap()) {
                            held.notify_one();
                            on.notified().await;
                        }
                        // Another server has taken this one's place.
                        if *to.lock().unwrap() != there || on_to.write_all(&buffer[..n]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        way
    }
}

/// As proxies have them: what a young memory does not hold is waited for.
fn store(url: &str, node: &str) -> Store {
    let rules = Rules { recall: 4_000, ..Rules::default() };
    let config = RedisConfig { timeout: Duration::from_secs(20), ..config(url.to_owned(), "t:") };
    Store::Redis(Box::new(Redis::new(config, rules, node.into(), None).unwrap()))
}

/// This server and its memory have been known for long.
pub(crate) fn known_for_long(server: &Server) {
    let info: String = server.tell(&["INFO", "server"]);
    let life = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap().trim();
    server.tell::<()>(&["MSET", "t:epoch", "1", "t:life", &format!("{life}|1")]);
}

fn save(user: usize) -> Command {
    Command::BeginWrite {
        id: format!("save {user}").as_str().into(),
        person: page(user, 0).person,
        proof: WriteProof::None,
    }
}

/// Ada's save is on its way to the store; meanwhile Grace's is granted, and then forgotten. `forget` says how.
async fn forgotten(forget: impl AsyncFnOnce(&Server, &Way)) {
    let server = Server::start();
    known_for_long(&server);
    let way = Way::to(&server);
    let (ada, grace) = (store(&way.url, "one"), store(&server.url(), "two"));
    ada.read(&object()).await.unwrap();
    let saving = tokio::spawn(async move { ada.apply(&object(), &save(1)).await.unwrap().step.outcome });
    way.held.notified().await;
    let outcome = grace.apply(&object(), &save(2)).await.unwrap().step.outcome;
    assert!(matches!(outcome, Outcome::Granted { .. }), "{outcome:?}");
    forget(&server, &way).await;
    let outcome = saving.await.unwrap();
    assert!(
        matches!(outcome, Outcome::Recalling { .. }),
        "Grace's save is on its way to Django: {outcome:?}"
    );
}

#[tokio::test]
async fn another_server_takes_its_place() {
    let other = Server::start();
    known_for_long(&other);
    forgotten(async |_, way| {
        // A replica that has never heard of Grace's save; the proxies meet it only now.
        other.tell::<()>(&["SET", "t:life", "the server before|1"]);
        *way.to.lock().unwrap() = other.socket();
        way.on.notify_one();
    })
    .await;
}

#[tokio::test]
async fn it_is_emptied() {
    forgotten(async |server, way| {
        server.tell::<()>(&["FLUSHALL"]);
        way.on.notify_one();
    })
    .await;
}
