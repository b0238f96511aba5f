//! CPU per request that is only passed on, against nginx `proxy_pass` on the same upstream.
//!
//! Both proxies run all the time and take turns (ours, nginx, ours, …), so that the machine's drift hits both.

use std::path::Path;
use std::process::Stdio;

use crate::Error;
use crate::http::Client;
use crate::process::{self, Process};
use crate::stats::{Series, heading};

const PAIRS: usize = 3;
const SECONDS: &str = "2";

struct Case {
    name: &'static str,
    path: &'static str,
}

const CASES: [Case; 4] = [
    Case { name: "1 KiB, outside the admin", path: "/small" },
    Case { name: "20 KiB, outside the admin", path: "/large" },
    Case { name: "1 KiB, inside the admin", path: "/admin/jsi18n/" },
    Case { name: "1 KiB, a list that is read", path: "/admin/shop/product/" },
];

/// What a browser sends with every request of a signed-in person.
const HEADERS: [&str; 6] = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate",
    "Referer: http://127.0.0.1/",
    "Cookie: csrftoken=Nx0Q5kqQfJz0uJ2mIu6gY3cG1bKx8r4w; sessionid=y7yq2tq4m0zpk3w1x5c8v9b6n2a4s7d1",
];
/// What the proxy learns the person's name from, once.
const INDEX: &str =
    "<!DOCTYPE html><html><body><div id=\"user-tools\"><strong>Ada</strong></div></body></html>";

struct Rig {
    ours: (Process, String),
    nginx: (Process, String),
    _upstream: Process,
}

impl Rig {
    /// An upstream that costs next to nothing, and both proxies in front of it.
    async fn start(dir: &Path) -> Result<Self, Error> {
        for (name, size) in [("small", 1024), ("large", 20 * 1024)] {
            std::fs::write(dir.join(name), "x".repeat(size))?;
        }
        let (upstream, port) = (process::free_port()?, process::free_port()?);
        let site = format!(
            "open_file_cache max=10; sendfile on; tcp_nopush on;\n\
             server {{ listen 127.0.0.1:{upstream}; root {root}; default_type text/html;\n\
             location = /admin/ {{ try_files /index =404; }} location /admin/ {{ try_files /small =404; }} }}",
            root = dir.display()
        );
        std::fs::write(dir.join("index"), INDEX)?;
        // As gunicorn's documentation has it, with connections to the upstream kept open.
        let pass = format!(
            "upstream site {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}\n\
             server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://site;\n\
             proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
             proxy_set_header X-Forwarded-Proto $scheme; }} }}"
        );
        let rig = Self {
            _upstream: process::nginx("upstream", upstream, 1, &site, dir)?,
            nginx: (process::nginx("nginx", port, 2, &pass, dir)?, format!("127.0.0.1:{port}")),
            ours: process::proxy(&format!("127.0.0.1:{upstream}"), dir)?,
        };
        rig.check().await?;
        Ok(rig)
    }

    /// Both give the very answer that is to be measured, and the person is known as after any first page.
    async fn check(&self) -> Result<(), Error> {
        let cookie = HEADERS[HEADERS.len() - 1].trim_start_matches("Cookie: ");
        Client::connect(&self.ours.1).await?.get("/admin/", cookie).await?;
        for (case, size) in CASES.iter().zip([1024, 20 * 1024, 1024]) {
            for address in [&self.ours.1, &self.nginx.1] {
                let answer = Client::connect(address).await?.get(case.path, "").await?;
                if answer.status != 200 || answer.body.len() != size {
                    return Err(format!("{address}{} answers {}", case.path, answer.status).into());
                }
            }
        }
        Ok(())
    }
}

/// CPU microseconds of a proxy per request, and requests per second.
async fn load(proxy: &(Process, String), path: &str) -> Result<(f64, f64), Error> {
    let mut wrk = tokio::process::Command::new("wrk");
    wrk.args(["-t2", "-c32", &format!("-d{SECONDS}s")]).stdin(Stdio::null()).kill_on_drop(true);
    for header in HEADERS {
        wrk.args(["-H", header]);
    }
    let before = proxy.0.cpu()?;
    let output = wrk.arg(format!("http://{}{path}", proxy.1)).output().await?;
    let used = proxy.0.cpu()? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("wrk met errors:\n{text}").into());
    }
    let number = |line: Option<&str>, word: usize| -> Result<f64, Error> {
        let word = line.and_then(|l| l.split_whitespace().nth(word)).ok_or("wrk printed no figures")?;
        Ok(word.parse()?)
    };
    let requests = number(text.lines().find(|l| l.contains(" requests in ")), 0)?;
    let rate = number(text.lines().find(|l| l.starts_with("Requests/sec:")), 1)?;
    Ok((used * 1e6 / requests, rate))
}

pub(crate) async fn run(dir: &Path) -> Result<(), Error> {
    let rig = Rig::start(dir).await?;
    heading("CPU per proxied request (µs), against nginx proxy_pass");
    println!("{PAIRS} pairs of {SECONDS} s, wrk -t2 -c32, keep-alive; aim 1.0, accepted 1.5\n");
    println!("{:<28}{:<22}{:<22}{:<20}requests/s ours, nginx", "answer", "ours", "nginx", "ratio");
    for case in &CASES {
        let (mut ours, mut nginx, mut ratio) = (Series::default(), Series::default(), Series::default());
        let (mut our_rate, mut nginx_rate) = (Series::default(), Series::default());
        for _ in 0..PAIRS {
            let a = load(&rig.ours, case.path).await?;
            let b = load(&rig.nginx, case.path).await?;
            ours.add(a.0);
            nginx.add(b.0);
            ratio.add(a.0 / b.0);
            our_rate.add(a.1);
            nginx_rate.add(b.1);
        }
        println!(
            "{:<28}{ours:<22}{nginx:<22}{ratio:<20}{:.0}, {:.0}",
            case.name,
            our_rate.median(),
            nginx_rate.median()
        );
    }
    Ok(())
}
