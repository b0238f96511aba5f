//! What shells and `man` are told of the command line: written from its own description, so that neither grows old.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory};

use super::{Cli, NOTHING, USAGE, fail};

#[derive(Args)]
#[command(after_help = "\
For example: collab-proxy completions bash > ~/.local/share/bash-completion/completions/collab-proxy")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "collab-proxy", &mut out);
        // For bash, what has a dash in its name is written in two ways, and nothing is completed below it:
        // https://github.com/clap-rs/clap/issues/6421
        let script = String::from_utf8_lossy(&out).replace("collab__subcmd__proxy", "collab__proxy");
        print(script.as_bytes())
    }
}

#[derive(Args)]
#[command(after_help = "\
For example: collab-proxy man | man -l -, or collab-proxy man locks release > collab-proxy-locks-release.1")]
pub(super) struct Man {
    /// Of this command [default: of collab-proxy]
    #[arg(value_name = "COMMAND")]
    verbs: Vec<String>,
}

impl Man {
    pub(super) fn run(self) -> ExitCode {
        let mut whole = Cli::command();
        whole.build();
        let found = self.verbs.iter().try_fold(&whole, |command, verb| command.find_subcommand(verb));
        let Some(command) = found else {
            return fail(
                USAGE,
                &format!("there is no command {:?}; see collab-proxy --help", self.verbs.join(" ")),
            );
        };
        let mut out = Vec::new();
        match clap_mangen::Man::new(command.clone()).render(&mut out) {
            Ok(()) => print(titled(&String::from_utf8_lossy(&out)).as_bytes()),
            Err(error) => fail(NOTHING, &format!("the page cannot be written: {error}")),
        }
    }
}

/// What stands at the end of help has no title of its own there; in a manual it is looked for by the usual one.
fn titled(page: &str) -> String {
    let title = if page.contains("Exit codes:") { ".SH \"EXIT STATUS\"" } else { ".SH EXAMPLES" };
    page.replace(".SH EXTRA", title)
}

/// A reader that went away is no error.
fn print(bytes: &[u8]) -> ExitCode {
    let mut out = std::io::stdout();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
    ExitCode::SUCCESS
}
