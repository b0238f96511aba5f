//! Memory of an idle joined socket, and how fast they join: 5,000 pages of 5,000 people.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::http::Client;
use crate::page::{Page, Socket};
use crate::stats::{Series, heading};
use crate::{Error, admin, process};

const SOCKETS: usize = 5000;
const AT_ONCE: usize = 100;
const RUNS: usize = 3;
/// Longer than two pings (5 s) and one renewal of the locks (10 s): what is needed only now and then is in.
const QUIET: Duration = Duration::from_secs(12);

#[derive(Default)]
struct Figures {
    kib: Series,
    rate: Series,
    cpu: Series,
}

pub(crate) async fn run(dir: &Path) -> Result<(), Error> {
    let (upstream, _) = admin::start().await?;
    heading(&format!("{SOCKETS} idle joined sockets"));
    println!("{RUNS} runs each, a fresh proxy every time; {AT_ONCE} handshakes at a time; aim 10 KiB\n");
    println!("{:<28}{:<22}{:<22}CPU per join (µs)", "", "KiB per socket", "joins/s");
    let mut figures = [Figures::default(), Figures::default()];
    for _ in 0..RUNS {
        for (figures, pages_each) in figures.iter_mut().zip([1, 50]) {
            one(dir, &upstream, pages_each, figures).await?;
        }
    }
    for (name, f) in ["all on different objects", "50 on each object"].iter().zip(&figures) {
        println!("{name:<28}{:<22}{:<22}{}", f.kib, f.rate, f.cpu);
    }
    Ok(())
}

async fn one(dir: &Path, upstream: &str, pages_each: usize, figures: &mut Figures) -> Result<(), Error> {
    let (proxy, address) = process::proxy(upstream, dir)?;
    // What a first request sets up once is not any socket's.
    fetch(&address, 100, |n| (1_000_000 + n, format!("early{n}"))).await?;
    let before = proxy.rss()?;
    let pages = fetch(&address, SOCKETS, move |n| (1 + n / pages_each, format!("person{n}"))).await?;
    let (cpu, started) = (proxy.cpu()?, Instant::now());
    let sockets = join(&address, pages).await?;
    figures.rate.add(SOCKETS as f64 / started.elapsed().as_secs_f64());
    figures.cpu.add((proxy.cpu()? - cpu) * 1e6 / SOCKETS as f64);
    // Read on, so that pings are answered.
    let mut alive = JoinSet::new();
    for mut socket in sockets {
        alive.spawn(async move { socket.until("nothing").await });
    }
    tokio::time::sleep(QUIET).await;
    if let Some(ended) = alive.try_join_next() {
        return Err(format!("a socket did not live: {ended:?}").into());
    }
    figures.kib.add((proxy.rss()? - before) / SOCKETS as f64);
    Ok(())
}

/// Fetches so many forms; `which` gives the product and the person of each.
async fn fetch(
    proxy: &str,
    count: usize,
    which: impl Fn(usize) -> (usize, String) + Clone + Send + 'static,
) -> Result<Vec<Page>, Error> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..16 {
        let (proxy, next, which) = (proxy.to_owned(), Arc::clone(&next), which.clone());
        workers.spawn(async move {
            let mut client = Client::connect(&proxy).await?;
            let mut pages = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok::<_, Error>(pages);
                }
                let (product, person) = which(n);
                pages.push(Page::fetch(&mut client, product, &person).await?);
            }
        });
    }
    all(workers).await
}

/// Opens and joins every page's socket.
pub(crate) async fn join(proxy: &str, pages: Vec<Page>) -> Result<Vec<Socket>, Error> {
    let (next, pages) = (Arc::new(AtomicUsize::new(0)), Arc::new(pages));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (proxy, next, pages) = (proxy.to_owned(), Arc::clone(&next), Arc::clone(&pages));
        workers.spawn(async move {
            let mut sockets = Vec::new();
            while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                sockets.push(page.join(&proxy).await?);
            }
            Ok::<_, Error>(sockets)
        });
    }
    all(workers).await
}

async fn all<T: 'static>(mut workers: JoinSet<Result<Vec<T>, Error>>) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    while let Some(worker) = workers.join_next().await {
        found.extend(worker??);
    }
    Ok(found)
}
