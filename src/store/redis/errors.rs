//! What an error of Redis means: for the caller, and for the person who has to mend it.
//!
//! Pure. Owns telling answers from silence, and plain words; what is done about it is the link's.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::http::certificate::in_words;

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing was heard, or only half: the connection is of no more use.
    Unheard,
    /// This server is not, or no longer, the one that takes our writes: connect again, perhaps to another.
    Elsewhere,
    /// A node of a cluster that does not serve this key's slot, or not any more.
    Moved,
    /// It says no for now.
    Later,
    /// It says no.
    No,
}

/// What the first of several commands was told, where the crate says only that some have failed.
fn first_of(error: &RedisError) -> Option<RedisError> {
    let told = error.clone().into_server_errors().filter(|_| error.code().is_none())?;
    told.first().map(|(_, first)| RedisError::from(first.clone())).filter(|first| first.code().is_some())
}

pub(super) fn class(error: &RedisError) -> Class {
    if let Some(first) = first_of(error) {
        return class(&first);
    }
    if error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
    {
        return Class::Unheard;
    }
    match error.kind() {
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => Class::Unheard,
        ErrorKind::MasterNameNotFoundBySentinel => Class::Later,
        ErrorKind::Server(kind) => match kind {
            ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown => Class::Elsewhere,
            ServerErrorKind::Moved => Class::Moved,
            // A slot is on its way to another node.
            ServerErrorKind::Ask | ServerErrorKind::TryAgain => Class::Later,
            ServerErrorKind::BusyLoading | ServerErrorKind::ClusterDown => Class::Later,
            // Nothing was done; the first command that was refused says why.
            ServerErrorKind::ExecAbort => match error.clone().into_server_errors().as_deref() {
                Some([(_, first), ..]) if first.kind() != Some(ServerErrorKind::ExecAbort) => {
                    class(&RedisError::from(first.clone()))
                }
                _ => by_words(error),
            },
            _ => by_words(error),
        },
        _ => by_words(error),
    }
}

/// What the crate has no kind for.
fn by_words(error: &RedisError) -> Class {
    match error.code() {
        Some("NOREPLICAS" | "BUSY") => Class::Later,
        _ if error.detail().is_some_and(|d| d.contains("max number of clients")) => Class::Later,
        _ => Class::No,
    }
}

/// The answers that operators meet, in plain words; and Redis's own behind them.
pub(super) fn explain(error: &RedisError) -> String {
    if let Some(first) = first_of(error) {
        return explain(&first);
    }
    let hint = match error.code() {
        Some("READONLY") => "this Redis is a read-only replica; give the address of the primary",
        Some("NOAUTH") => "Redis wants a user name and password: redis://user:password@host:6379/0",
        Some("WRONGPASS") => WRONG,
        Some("MOVED") => {
            "this is a Redis Cluster, and the user may not run INFO, by which that is found at the start"
        }
        Some("ASK") => "the slot is on its way to another node of the cluster, and not there yet",
        Some("NOPERM") => lacks(&error.to_string()),
        Some("LOADING") => "Redis is still loading its data",
        Some("OOM") => "Redis has no memory left",
        Some("NOREPLICAS") => "too few replicas are there for Redis to take writes: min-replicas-to-write",
        _ if error.kind() == ErrorKind::AuthenticationFailed => return WRONG.to_owned(),
        // As servers from 7.0 on say it from inside a script.
        _ if error.detail().is_some_and(|said| said.contains("user executing the script can't")) => {
            lacks(&error.to_string())
        }
        _ => match by_detail(error) {
            Some(hint) => hint,
            None => return plain(error),
        },
    };
    format!("{hint} (it said: {})", plain(error))
}

const WRONG: &str = "the user name or password is wrong";

/// What the crate and Redis have no code for.
fn by_detail(error: &RedisError) -> Option<&'static str> {
    let whole = error.to_string();
    [
        ("SELECT is not allowed in cluster mode", "a Redis Cluster has database 0 only: redis://host:6379/0"),
        ("DB index is out of range", "this Redis has no database of that number"),
        ("max number of clients", "Redis serves as many clients as it may: maxclients"),
        ("Parse error", "what answers there does not speak as Redis does"),
        ("InvalidContentType", "what answers there does not speak TLS"),
    ]
    .into_iter()
    .find_map(|(part, hint)| whole.contains(part).then_some(hint))
}

/// What a user who may not do something may not do.
fn lacks(said: &str) -> &'static str {
    match said {
        _ if said.contains("channel") => {
            "this Redis user may not use the channels below redis.prefix; docs/redis.md has the rights it needs"
        }
        _ if said.contains("key") && said.contains("access") => {
            "this Redis user may not use the keys below redis.prefix; docs/redis.md has the rights it needs"
        }
        _ => "this Redis user may not run the commands that locks need; docs/redis.md has them",
    }
}

/// One line, by the words of Redis: what the crate calls it is nothing to an operator.
fn plain(error: &RedisError) -> String {
    let text = match (error.code(), error.detail()) {
        (Some("ERR"), Some(detail)) => detail.to_owned(),
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string().replace(&format!(" - {:?}", error.kind()), ""),
    };
    in_words(&text)
        .split(|c: char| c.is_control())
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// An address that may be printed: without its password.
pub fn masked(address: &str) -> String {
    let parsed = url::Url::parse(address).ok().filter(|_| address.contains("://"));
    let Some(mut parsed) = parsed else {
        // Whatever it is, what stands before the last @ may be a password.
        return address
            .rsplit_once('@')
            .map_or_else(|| address.to_owned(), |(_, host)| format!("***@{host}"));
    };
    if parsed.password().is_some() {
        let _ = parsed.set_password(Some("***"));
    }
    // Addresses of unix sockets have theirs among the parameters.
    if parsed.query_pairs().any(|(name, _)| name == "pass") {
        let shown: Vec<(String, String)> = parsed
            .query_pairs()
            .map(|(name, value)| {
                (name.to_string(), if name == "pass" { "***".to_owned() } else { value.to_string() })
            })
            .collect();
        parsed.query_pairs_mut().clear().extend_pairs(shown);
    }
    parsed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> RedisError {
        let reply = format!("-{text}\r\n");
        match redis::parse_redis_value(reply.as_bytes()).and_then(redis::Value::extract_error) {
            Err(error) => error,
            Ok(value) => panic!("{text}: {value:?}"),
        }
    }

    #[test]
    fn an_answer_is_told_from_silence() {
        for (text, want) in [
            ("READONLY You can't write against a read only replica.", Class::Elsewhere),
            ("MASTERDOWN Link with MASTER is down", Class::Elsewhere),
            ("LOADING Redis is loading the dataset in memory", Class::Later),
            ("MOVED 3999 127.0.0.1:6381", Class::Moved),
            ("ASK 3999 127.0.0.1:6381", Class::Later),
            ("CLUSTERDOWN Hash slot not served", Class::Later),
            ("EXECABORT Transaction discarded because of previous errors.", Class::No),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Class::Later),
            ("NOREPLICAS Not enough good replicas to write.", Class::Later),
            ("BUSY Redis is busy running a script.", Class::Later),
            ("ERR max number of clients reached", Class::Later),
            ("NOPERM this user has no permissions to run the 'set' command", Class::No),
            ("OOM command not allowed when used memory > 'maxmemory'.", Class::No),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Class::No),
        ] {
            assert_eq!(class(&said(text)), want, "{text}");
        }
        let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(class(&RedisError::from(cut)), Class::Unheard);
        assert!(explain(&said("READONLY You can't write")).contains("address of the primary"));
        assert!(explain(&said("ERR max number of clients reached")).contains("maxclients"));
    }

    #[test]
    fn operators_are_told_in_their_words() {
        let refused = "Redis server refused to switch database";
        let select = |why: &str| {
            RedisError::from((ErrorKind::Server(ServerErrorKind::ResponseError), refused, why.to_owned()))
        };
        let auth = RedisError::from((ErrorKind::AuthenticationFailed, "Password authentication failed"));
        let http = redis::parse_redis_value(b"HTTP/1.1 400 Bad Request\r\n").unwrap_err();
        for (error, wanted) in [
            (said("NOAUTH Authentication required."), "wants a user name and password"),
            (said("WRONGPASS invalid username-password pair"), "the user name or password is wrong"),
            (auth, "the user name or password is wrong"),
            (
                said("NOPERM this user has no permissions to run the 'set' command"),
                "may not run the commands",
            ),
            (said("NOPERM No permissions to access a key"), "the keys below redis.prefix; docs/redis.md"),
            (
                said("NOPERM this user has no permissions to access one of the channels used as arguments"),
                "the channels below redis.prefix; docs/redis.md",
            ),
            (
                said(
                    "ERR The user executing the script can't publish to the channel mentioned in the command",
                ),
                "the channels below redis.prefix; docs/redis.md",
            ),
            (select("DB index is out of range"), "no database of that number"),
            (select("SELECT is not allowed in cluster mode"), "has database 0 only"),
            (http, "does not speak as Redis does"),
            (said("ERR something\u{7}new"), "something new"),
        ] {
            let told = explain(&error);
            assert!(told.contains(wanted), "{wanted}: {told}");
            assert!(!told.contains(char::is_control), "{told:?}");
            for name in ["NoPerm", "ResponseError", "AuthenticationFailed", "Server("] {
                assert!(!told.contains(name), "{told}");
            }
        }
    }

    #[test]
    fn passwords_are_never_printed() {
        for (address, want) in [
            ("redis://u:secret@h:1/2", "redis://u:***@h:1/2"),
            ("redis://h:1/2", "redis://h:1/2"),
            ("unix:///run/r.sock?db=1&user=u&pass=secret", "unix:///run/r.sock?db=1&user=u&pass=***"),
            ("u:secret@h:1", "***@h:1"),
        ] {
            let shown = masked(address);
            assert!(!shown.contains("secret"), "{shown}");
            assert_eq!(shown.replace("%2A", "*"), want);
        }
    }
}
