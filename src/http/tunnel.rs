//! Foreign upgrades: the site's own WebSockets and the like. Bytes both ways, never read.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// Joins the two sides once both have switched. Ends when either side does.
pub fn join(client: OnUpgrade, server: OnUpgrade) {
    tokio::spawn(async move {
        let (client, server) = match tokio::try_join!(client, server) {
            Ok(sides) => sides,
            Err(error) => {
                tracing::debug!(%error, "an upgrade did not come about");
                return;
            }
        };
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        // An error is one side going away, which is how tunnels end.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
}
