//! The built binary.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::proc::{Proc, Said, command, run};

pub struct Proxy {
    pub proc: Proc,
    folder: tempfile::TempDir,
    url: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

/// `collab-proxy` with an empty environment, in `folder`.
pub fn binary(folder: &Path) -> Command {
    let mut proxy = command(env!("CARGO_BIN_EXE_collab-proxy"));
    proxy.current_dir(folder);
    proxy
}

impl Proxy {
    pub fn start(upstream: &str) -> Self {
        Self::with(upstream, "", &[])
    }

    /// `settings`: the text of its collab.toml. `args`: more flags of `serve`.
    pub fn with(upstream: &str, settings: &str, args: &[&str]) -> Self {
        Self::in_environment(upstream, settings, args, &[])
    }

    pub fn in_environment(upstream: &str, settings: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("collab.toml"), settings).unwrap();
        let mut all = vec!["serve", "--upstream", upstream];
        all.extend(args);
        let args: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let env: Vec<(String, String)> =
            env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let (proc, url) = launch(folder.path(), &args, "127.0.0.1:0", &env);
        Self { proc, folder, url, args, env }
    }

    /// Where people find it: `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("it listens on a port")
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("c.sock")
    }

    pub fn log(&self) -> String {
        self.proc.log()
    }

    /// `collab-proxy locks …` as its operator would call it.
    pub fn locks(&self, args: &[&str]) -> Said {
        run(self.locks_command(args))
    }

    pub fn locks_command(&self, args: &[&str]) -> Command {
        let mut cli = binary(self.folder.path());
        cli.arg("locks").args(args);
        match self.redis() {
            Some(url) => cli.args(["--redis", url]),
            None => cli.arg("--control").arg(self.control()),
        };
        cli
    }

    /// `locks list --json`, read.
    pub fn list(&self) -> Vec<serde_json::Value> {
        let said = self.locks(&["list", "--json"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    fn redis(&self) -> Option<&str> {
        let at = self.args.iter().position(|a| a == "--redis")?;
        Some(&self.args[at + 1])
    }

    /// Other settings in its file, and the signal by which it reads them.
    pub fn reload(&mut self, settings: &str) {
        std::fs::write(self.folder.path().join("collab.toml"), settings).unwrap();
        self.proc.signal("HUP");
    }

    /// SIGTERM, and the status it ends with.
    pub fn stop(&mut self) -> ExitStatus {
        self.proc.stop(Duration::from_secs(40))
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        let (proc, url) = launch(self.folder.path(), &self.args, self.address(), &self.env);
        assert_eq!(url, self.url);
        self.proc = proc;
    }
}

fn launch(folder: &Path, args: &[String], listen: &str, env: &[(String, String)]) -> (Proc, String) {
    let mut serve = binary(folder);
    serve
        .envs(env.iter().map(|(n, v)| (n, v)))
        .args(args)
        .args(["--listen", listen, "--control"])
        .arg(folder.join("c.sock"));
    let mut proc = Proc::start("collab-proxy", serve);
    let url = proc.ready(|line| line.strip_prefix("READY ").map(str::to_owned));
    (proc, url)
}
