//! argv in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    collab_proxy::cli::main()
}
