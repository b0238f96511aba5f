//! What an operator did past every proxy comes into one of their trails, once, also where Redis's answers get lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use collab_proxy::audit::{self, Audit, Target};
use collab_proxy::clock::Clock;
use collab_proxy::collab::command::Command;
use collab_proxy::collab::record::Rules;
use collab_proxy::metrics::Metrics;
use collab_proxy::store::{Redis, Store, Witness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::store::{config, object, page};
use crate::support::redis::Redis as Server;

const TRAIL: &[u8] = b"t:{trail}";

/// A way to a Redis on which the answers to the next commands about the trail get lost, one after the other, with their
/// connection.
struct Lossy {
    url: String,
    /// So many more.
    lost: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Lossy {
    fn to(server: &Server, lost: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lossy.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let lost = Arc::new(AtomicUsize::new(lost));
        let (there, left) = (server.socket(), Arc::clone(&lost));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = UnixStream::connect(&there).await.unwrap();
                tokio::spawn(carry(near, far, Arc::clone(&left)));
            }
        });
        Self { url: format!("unix://{}", path.display()), lost, _folder: folder }
    }
}

async fn carry(mut near: UnixStream, mut far: UnixStream, lost: Arc<AtomicUsize>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let mut about_it = false;
    loop {
        tokio::select! {
            n = near.read(&mut asked) => {
                let Ok(n @ 1..) = n else { return };
                about_it = asked[..n].windows(TRAIL.len()).any(|part| part == TRAIL);
                if far.write_all(&asked[..n]).await.is_err() { return };
            }
            n = far.read(&mut answered) => {
                let Ok(n @ 1..) = n else { return };
                // A script that is not loaded yet has done nothing.
                let done = about_it && !answered[..n].starts_with(b"-NOSCRIPT");
                if done && lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    return;
                }
                if near.write_all(&answered[..n]).await.is_err() { return };
            }
        }
    }
}

#[tokio::test]
async fn what_is_left_and_taken_stands_there_once_though_answers_get_lost() {
    let server = Server::start();
    let way = Lossy::to(&server, 1);
    let cli = Redis::new(config(way.url.clone(), "t:"), Rules::default(), "cli".into(), None).unwrap();
    let cli = Store::Redis(Box::new(cli));
    cli.apply(&object(), &Command::Join { page: page(1, u64::MAX) }).await.unwrap();
    let seen = cli.read(&object()).await.unwrap();
    cli.apply(&object(), &Command::Claim { page: page(1, seen.record.version) }).await.unwrap();
    let release = Command::ForceRelease {
        user: None,
        reason: Some("fire".to_owned()),
        operator: Some("olaf@desk".to_owned()),
    };
    cli.apply(&object(), &release).await.unwrap();
    assert_eq!(way.lost.load(Ordering::SeqCst), 0, "an answer was lost");
    assert_eq!(server.tell::<Vec<String>>(&["LRANGE", "t:{trail}", "0", "-1"]).len(), 1);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let metrics = Metrics::new();
    let open = audit::open(Target::File(file.clone()));
    let audit = Audit::start(open, 10, "n".into(), Clock::system(), Arc::clone(&metrics)).unwrap();
    let way = Lossy::to(&server, 3);
    let taker = Redis::new(config(way.url.clone(), "t:"), Rules::default(), "n".into(), None).unwrap();
    let taker = Store::Redis(Box::new(taker)).witnessed(Witness::new(audit.clone(), metrics));
    tokio::spawn(async move {
        if let Store::Redis(taker) = taker {
            taker.collect().await;
        }
    });
    let kept = || {
        server
            .tell::<Vec<String>>(&["KEYS", "t:{trail}*"])
            .into_iter()
            .filter(|k| k == "t:{trail}" || k.ends_with(":n"))
            .count()
    };
    eventually!((kept(), way.lost.load(Ordering::SeqCst)), |left| *left == (0, 0));
    audit.finish();
    let lines = std::fs::read_to_string(&file).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("\"lock_force_released\"") && lines.contains("fire"), "{lines}");
    assert!(lines.contains("\"operator\":\"olaf@desk\""), "{lines}");
}
