//! Where Redis is: one address, or the primary that Sentinels name. With what certificates, and as which user.
//!
//! Owns finding the server that takes writes. It must not know what is asked of it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError,
    TlsCertificates,
};
use tokio::time::{sleep, timeout};

use super::config::RedisConfig;
use super::errors::{explain, masked};
use super::slots::Address;

/// Redis Sentinel, as settings describe it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sentinels {
    /// `host:port`, or a whole address where they want a password of their own. None: there are no Sentinels.
    pub addresses: Vec<String>,
    /// What they call the group of servers.
    pub master: String,
}

/// PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Whom to believe, instead of the system's authorities.
    pub ca: Option<Vec<u8>>,
    /// Our own certificate, and its key.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

/// One Sentinel is asked so long after the one before it, whatever that one does: the first may be on a machine that is gone,
/// which refuses nothing and answers nothing.
const TURN: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(super) struct Where {
    /// User, password, database; and the address, where no Sentinel is asked.
    base: ConnectionInfo,
    tls: TlsCertificates,
    sentinels: Vec<ConnectionInfo>,
    master: String,
}

impl Where {
    pub(super) fn new(config: &RedisConfig) -> Result<Self, String> {
        let Certificates { ca, own } = config.certificates.clone();
        let base = address(&config.url)?;
        let secure = matches!(base.addr(), ConnectionAddr::TcpTls { .. });
        let sentinels = config.sentinels.addresses.iter().map(|text| match text.contains("://") {
            true => address(text),
            false => address(&format!("{}://{text}", if secure { "rediss" } else { "redis" })),
        });
        Ok(Self {
            base,
            tls: TlsCertificates {
                client_tls: own.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
                root_cert: ca,
            },
            sentinels: sentinels.collect::<Result<_, _>>()?,
            master: config.sentinels.master.clone(),
        })
    }

    /// Another node, for the same user and by the same certificates.
    pub(super) fn to(&self, Address { host, port }: &Address) -> Self {
        Self { base: self.base.clone().set_addr(self.at(host.clone(), *port)), ..self.clone() }
    }

    /// None: it is a unix socket.
    pub(super) fn address(&self) -> Option<Address> {
        match self.base.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some(Address { host: host.clone(), port: *port })
            }
            _ => None,
        }
    }

    pub(super) fn database(&self) -> i64 {
        self.base.redis_settings().db()
    }

    /// Another user's way, or one by other certificates, leads to the same locks; so do other Sentinels.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let of = |place: &Self| match place.is_found() {
            true => (Some(place.master.clone()), None, place.database()),
            false => (None, Some(place.base.addr().clone()), place.database()),
        };
        of(self) == of(other)
    }

    /// Sentinels may still name a server that is not the primary any more.
    pub(super) fn is_found(&self) -> bool {
        !self.sentinels.is_empty()
    }

    /// The server that takes writes at this moment, as far as is known.
    pub(super) async fn client(&self, patience: Duration) -> Result<Client, RedisError> {
        if !self.is_found() {
            return self.open(self.base.clone());
        }
        let mut turn = Duration::ZERO;
        let mut asked: FuturesUnordered<_> = self
            .sentinels
            .iter()
            .map(|sentinel| {
                let (wait, left) = (turn, patience.saturating_sub(turn));
                turn = (turn + TURN).min(patience / 2);
                async move {
                    sleep(wait).await;
                    match timeout(left, self.ask(sentinel.clone())).await {
                        Ok(Ok(Some(found))) => Ok(found),
                        Ok(Ok(None)) => Err(format!("{} knows no {:?}", sentinel.addr(), self.master)),
                        Ok(Err(error)) => Err(format!("{}: {}", sentinel.addr(), explain(&error))),
                        Err(_) => Err(format!("{} does not answer", sentinel.addr())),
                    }
                }
            })
            .collect();
        let mut why = String::new();
        while let Some(told) = asked.next().await {
            match told {
                Ok((host, port)) => return self.open(self.base.clone().set_addr(self.at(host, port))),
                Err(said) => why = said,
            }
        }
        Err(RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, "no Sentinel names the primary", why)))
    }

    async fn ask(&self, sentinel: ConnectionInfo) -> Result<Option<(String, u16)>, RedisError> {
        let mut connection = self.open(sentinel)?.get_multiplexed_async_connection().await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master).query_async(&mut connection).await
    }

    fn at(&self, host: String, port: u16) -> ConnectionAddr {
        match self.base.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        }
    }

    fn open(&self, info: ConnectionInfo) -> Result<Client, RedisError> {
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        match info.addr() {
            ConnectionAddr::TcpTls { .. } => Client::build_with_tls(info, self.tls.clone()),
            _ => Client::open(info),
        }
    }
}

fn address(text: &str) -> Result<ConnectionInfo, String> {
    text.into_connection_info().map_err(|e| format!("{} is not a Redis address: {e}", masked(text)))
}
