//! Redis as people have it: behind a password, a user's rights, certificates, Sentinels; and what is said of one that
//! cannot serve.

use serde_json::json;

use crate::browsers::PRODUCT;
use crate::cluster::QUICK;
use crate::support::certificates::{certificates, tls_settings};
use crate::support::django::Django;
use crate::support::person::Person;
use crate::support::proc::{Proc, Said, run};
use crate::support::proxy::{Proxy, binary};
use crate::support::redis::{Redis, free_port, others, server};
use crate::support::socket::PageSocket;

/// What docs/redis.md tells operators to give the proxy's user; `>` begins a password.
pub(crate) fn documented_rights() -> Vec<String> {
    let page = std::fs::read_to_string("docs/redis.md").unwrap();
    let line = page.lines().find_map(|l| l.strip_prefix("ACL SETUSER collab "));
    line.expect("docs/redis.md has the line").split_whitespace().map(str::to_owned).collect()
}

/// Somebody edits and saves, through this Redis; and the operator sees it.
pub(crate) async fn serves(django: &Django, proxy: &Proxy, name: &str) {
    let mut ada = Person::login(proxy, "root").await;
    let form = ada.form(PRODUCT).await;
    let socket = PageSocket::join(&ada, &form).await;
    socket.becomes("editor").await;
    assert_eq!(proxy.list().len(), 1);
    // Everything else that is ever asked of Redis.
    socket.send(
        json!({"type": "field_changed", "fields": [["stock", "7"]], "names": ["stock"], "too_large": false}),
    );
    let mut grace = Person::login(proxy, "grace").await;
    let theirs = grace.form(PRODUCT).await;
    let other = PageSocket::join(&grace, &theirs).await;
    eventually!(other.of("field_changed"), |typed| !typed.is_empty());
    let users = || other.of("active_users").pop().unwrap_or_default()["users"].clone();
    let users = eventually!(users(), |users| users.as_array().is_some_and(|u| u.len() == 2));
    let to = users[0]["user_id"].clone();
    other.send(json!({"type": "chat_message", "recipient_id": to, "message": "hello", "ref": "m"}));
    eventually!(socket.of("chat_message"), |lines| lines.len() == 1);
    let again = PageSocket::join(&grace, &theirs).await;
    eventually!(again.of("chat_history"), |kept| kept.len() == 1);
    for args in [&["show", "shop.product/1"][..], &["release", "shop.product/1", "--reason", "maintenance"]] {
        let told = proxy.locks(args);
        assert_eq!(told.code, Some(0), "{args:?}: {}", told.err);
    }
    eventually!(socket.of("lock_released"), |lost| lost.len() == 1);
    for person in [other, again] {
        person.leave();
    }
    socket.send(json!({"type": "claim_editor"}));
    socket.becomes("editor").await;
    ada.post(PRODUCT, &form.with("name", name).with("_save", "Save")).await.expect(302);
    assert_eq!(django.product_name(1), name);
    for trouble in ["subscribing again", "cannot be reached"] {
        assert!(!proxy.log().contains(trouble), "{}", proxy.log());
    }
}

/// How `serve` ends where Redis cannot serve.
pub(crate) fn fails(settings: &str, url: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("collab.toml"), settings).unwrap();
    let mut serve = binary(folder.path());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--redis", url]);
    run(serve)
}

/// From the oldest that is promised to the newest, and Valkey; the machine's own Redis is behind all other tests.
#[tokio::test]
async fn every_server_that_is_named() {
    for (name, program) in others() {
        let mode = std::fs::metadata(&program).unwrap().permissions();
        let mode = std::os::unix::fs::PermissionsExt::mode(&mode) | 0o755;
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        let (django, mut redis) = (Django::start(), Redis::of(program));
        let info: String = redis.tell(&["INFO", "server"]);
        let number = name.split(' ').next_back().unwrap();
        assert!(info.contains(&format!("_version:{number}.")), "{name}: {info}");
        let proxy = Proxy::with(&django.upstream(), QUICK, &["--redis", &redis.url()]);
        serves(&django, &proxy, name).await;
        // It is told from one that was there before.
        redis.kill();
        redis.restart();
        let mut ada = Person::login(&proxy, "root").await;
        let form = ada.form(PRODUCT).await.with("name", "After a restart").with("_save", "Save");
        eventually!(ada.post(PRODUCT, &form).await, |answer| answer.status == 302);
    }
}

#[tokio::test]
async fn a_password_a_database_and_a_user_with_just_the_rights_it_needs() {
    let django = Django::start();
    let redis = Redis::on_port(&["--requirepass", "the owners"]);
    let port = redis.address();
    let url = format!("redis://:the%20owners@{port}/3");
    let proxy = Proxy::with(&django.upstream(), "", &["--redis", &url]);
    serves(&django, &proxy, "With a password").await;
    let mut owner = redis::Client::open(url).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("collab:*").query(&mut owner).unwrap();
    assert!(!keys.is_empty(), "they are in database 3");
    redis::cmd("FLUSHALL").exec(&mut owner).unwrap();
    redis::cmd("ACL").arg("SETUSER").arg("collab").arg(documented_rights()).exec(&mut owner).unwrap();
    let proxy = Proxy::with(&django.upstream(), "", &["--redis", &format!("redis://collab:secret@{port}/0")]);
    serves(&django, &proxy, "With few rights").await;
    let log: Vec<redis::Value> = redis::cmd("ACL").arg("LOG").query(&mut owner).unwrap();
    assert_eq!(log, [], "Redis refused something");
}

#[tokio::test]
async fn an_authority_of_ones_own_and_a_certificate_for_the_client() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let tls = free_port().to_string();
    let args = tls_settings(folder.path(), &tls);
    let _redis = Redis::on_port(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let url = format!("rediss://127.0.0.1:{tls}/0");
    let django = Django::start();
    let trusting = format!("{QUICK}\n[redis]\nca = \"{}\"\n", file("ca.pem"));
    let settings = format!(
        "{trusting}client_cert = \"{}\"\nclient_key = \"{}\"\n",
        file("client.pem"),
        file("client.key")
    );
    let proxy = Proxy::with(&django.upstream(), &settings, &["--redis", &url]);
    serves(&django, &proxy, "Encrypted").await;
    for (settings, why) in [(QUICK, "no authority that is known here has signed it"), (&*trusting, "")] {
        let said = fails(settings, &url);
        assert_eq!(said.code, Some(3), "{}", said.err);
        assert!(said.err.contains(why), "{}", said.err);
    }
}

#[tokio::test]
async fn a_redis_that_cannot_serve_is_named_at_the_start() {
    let guarded = Redis::on_port(&["--requirepass", "hunter2"]);
    let primary = Redis::on_port(&[]);
    let (host, port) = primary.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    let replica = Redis::on_port(&["--replicaof", &format!("{host} {port}")]);
    let node = Redis::on_port(&["--cluster-enabled", "yes"]);
    let weak = Redis::on_port(&[]);
    weak.tell::<()>(&["ACL", "SETUSER", "weak", "on", ">secret", "~*", "&*", "+@all", "-eval", "-evalsha"]);
    let mut seen = 0;
    for (url, why) in [
        (guarded.url(), "wants a user name and password"),
        (guarded.url().replace("redis://", "redis://:hunter3@"), "user name or password is wrong"),
        (replica.url(), "read-only replica"),
        (node.url(), "Redis Cluster"),
        (weak.url().replace("redis://", "redis://weak:secret@"), "may not run the commands"),
        (format!("redis://127.0.0.1:{}/0", free_port()), "refused"),
    ] {
        let said = fails(QUICK, &url);
        assert_eq!(said.code, Some(3), "{}", said.err);
        assert!(said.err.contains(why), "{why}: {}", said.err);
        assert!(!said.err.contains("hunter3") && !said.err.contains("secret"), "{}", said.err);
        seen += 1;
    }
    assert_eq!(seen, 6);
    // One that may throw locks away serves, with a word to the operator.
    let django = Django::start();
    let small = Redis::on_port(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let proxy = Proxy::with(&django.upstream(), QUICK, &["--redis", &small.url()]);
    assert!(proxy.log().contains("maxmemory-policy allkeys-lru"), "{}", proxy.log());
}

/// Three Sentinels, a primary and a replica.
struct Watched {
    primary: Redis,
    replica: Redis,
    sentinels: Vec<(Proc, u16)>,
    _folder: tempfile::TempDir,
}

impl Watched {
    fn start() -> Self {
        let primary = Redis::on_port(&[]);
        let address = primary.address().replace(':', " ");
        let replica = Redis::on_port(&["--replicaof", &address]);
        let folder = tempfile::tempdir().unwrap();
        let sentinels = (0..3).map(|n| {
            let port = free_port();
            let file = folder.path().join(format!("sentinel-{n}.conf"));
            let settings = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop {address} 2\n\
                 sentinel down-after-milliseconds shop 1000\nsentinel failover-timeout shop 5000\n",
                folder.path().display(),
            );
            std::fs::write(&file, settings).unwrap();
            let mut command = server();
            command.arg(file).arg("--sentinel");
            let mut proc = Proc::start("sentinel", command);
            proc.ready(|line| line.contains("+monitor").then_some(()));
            (proc, port)
        });
        let sentinels = sentinels.collect();
        Self { primary, replica, sentinels, _folder: folder }
    }

    fn settings(&self) -> String {
        let addresses: Vec<String> =
            self.sentinels.iter().map(|(_, port)| format!("\"127.0.0.1:{port}\"")).collect();
        format!("{QUICK}\n[redis]\nsentinels = [{}]\nmaster = \"shop\"\n", addresses.join(", "))
    }

    /// All of it is known to all, and the replica has all there is.
    async fn settle(&self) {
        for (_, port) in &self.sentinels {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
            let others = || {
                let mut connection = client.get_connection().unwrap();
                let text: Vec<Vec<String>> =
                    redis::cmd("SENTINEL").arg("sentinels").arg("shop").query(&mut connection).unwrap();
                let slaves: Vec<Vec<String>> =
                    redis::cmd("SENTINEL").arg("replicas").arg("shop").query(&mut connection).unwrap();
                (text.len(), slaves.len())
            };
            eventually!(others(), |known| *known == (2, 1), within: std::time::Duration::from_secs(30));
        }
        let link = || self.replica.tell::<String>(&["INFO", "replication"]);
        eventually!(link(), |info| info.contains("master_link_status:up"));
    }
}

/// The primary dies at night. The Sentinels promote the replica, which has not heard the last second: nobody's save
/// overwrites one that it has forgotten, and everything goes on.
#[tokio::test]
async fn a_primary_that_fails_over_with_its_last_second_lost() {
    let mut watched = Watched::start();
    watched.settle().await;
    let django = Django::start();
    // The first Sentinel that is asked does not even run.
    let settings = watched.settings().replace("sentinels = [", "sentinels = [\"127.0.0.1:1\", ");
    let node = || Proxy::with(&django.upstream(), &settings, &["--redis", "redis://the-sentinels-know/0"]);
    let (one, two) = (node(), node());
    let mut ada = Person::login(&one, "root").await;
    let mut grace = Person::login(&two, "grace").await;
    let old = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &old.with("stock", "13").with("_save", "Save")).await.expect(302);
    let old = ada.form(PRODUCT).await;
    watched.settle().await;
    // What happens now is lost.
    watched.replica.freeze();
    let lost: u32 = watched.primary.tell(&["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(lost, 1);
    let form = grace.form(PRODUCT).await;
    grace.post(PRODUCT, &form.with("stock", "50").with("_save", "Save")).await.expect(302);
    watched.primary.kill();
    watched.replica.thaw();
    let typed = old.with("name", "Ada's").with("_save", "Save");
    let within = std::time::Duration::from_secs(40);
    let answer = eventually!(ada.post(PRODUCT, &typed).await, |answer| answer.status != 503, within: within);
    let page = answer.expect(409).text();
    assert!(page.contains("Changed by somebody else only"), "{page}");
    assert_eq!(django.value("select stock from shop_product where id = 1"), 50);
    let fresh = ada.form(PRODUCT).await;
    ada.post(PRODUCT, &fresh.with("name", "Ada's").with("_save", "Save")).await.expect(302);
    // The other proxy finds the new primary as well, and is heard through it.
    let third = "/admin/shop/product/3/change/";
    let form = grace.form(third).await.with("_save", "Save");
    eventually!(grace.post(third, &form).await, |answer| answer.status != 503, within: within);
    let form = ada.form("/admin/shop/product/2/change/").await;
    let editing = PageSocket::join(&ada, &form).await;
    editing.becomes("editor").await;
    let theirs = grace.form("/admin/shop/product/2/change/").await;
    let waits = PageSocket::join(&grace, &theirs).await;
    waits.becomes("waiting").await;
    editing.leave();
    waits.becomes("editor").await;
}

/// Whoever does not hear the others by then does not hear them at all.
const DEAF: std::time::Duration = std::time::Duration::from_secs(20);

/// The machine of the first Sentinel is down: nothing answers there, nothing refuses.
#[tokio::test]
async fn a_first_sentinel_that_says_nothing() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let watched = Watched::start();
    watched.settle().await;
    let django = Django::start();
    let first = format!("sentinels = [\"{}\", ", silent.local_addr().unwrap());
    let settings = watched.settings().replace("sentinels = [", &first);
    let _proxy = Proxy::with(&django.upstream(), &settings, &["--redis", "redis://the-sentinels-know/0"]);
    let heard = || -> u32 {
        let (_, n): (String, u32) = watched.primary.tell(&["PUBSUB", "NUMSUB", "collab:events"]);
        n
    };
    eventually!(heard(), |n| *n > 0, within: DEAF);
}

/// It falls silent while everything runs; then the subscription breaks, as with a failover.
#[tokio::test]
async fn a_first_sentinel_that_falls_silent() {
    let mut watched = Watched::start();
    watched.settle().await;
    let django = Django::start();
    let settings = watched.settings();
    let _proxy = Proxy::with(&django.upstream(), &settings, &["--redis", "redis://the-sentinels-know/0"]);
    let primary = watched.primary.url();
    let heard = || -> u32 {
        let mut c = redis::Client::open(&*primary).unwrap().get_connection().unwrap();
        let (_, n): (String, u32) =
            redis::cmd("PUBSUB").arg("NUMSUB").arg("collab:events").query(&mut c).unwrap();
        n
    };
    eventually!(heard(), |n| *n == 1);
    watched.sentinels[0].0.signal("STOP");
    watched.primary.tell::<i64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    watched.primary.tell::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually!(heard(), |n| *n > 0, within: DEAF);
    watched.sentinels[0].0.signal("CONT");
}
