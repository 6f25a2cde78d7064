//! How the Redis back end is set up, and what can be wrong with that.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use super::tls::Tls;
use super::trouble::Trouble;

/// Whose time silence is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// Redis' own: the only clock that all replicas share.
    #[default]
    Redis,
    /// The caller's `now`, for tests that make time up. All callers of one Redis must mean the same by it.
    Callers,
}

/// Where Redis is and how long it may take.
#[derive(Clone)]
pub struct Settings {
    /// `redis://[user[:password]@]host[:port][/database]`, or `rediss://…` for TLS.
    pub url: String,
    /// With TLS, a file with the CAs that the server's certificate may come from, PEM; else those that this system
    /// trusts.
    pub ca: Option<PathBuf>,
    /// The password, where it is not in the URL; it overrules one that is.
    pub password: Option<String>,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// After a failure, for how long calls fail without asking.
    pub retry_after: Duration,
    /// Whose time silence is measured in.
    pub time: Time,
}

impl Settings {
    /// The usual settings for a Redis at this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ca: None,
            password: None,
            connect_timeout: Duration::from_millis(500),
            response_timeout: Duration::from_millis(500),
            retry_after: Duration::from_secs(1),
            time: Time::Redis,
        }
    }

    /// That server, to which nobody has connected.
    pub(super) fn server(&self) -> Result<Server, ConnectError> {
        let refuse = |problem| ConnectError::Url { problem };
        let (url, wants_tls) = self.plain_url();
        if !wants_tls && self.ca.is_some() {
            return Err(refuse(
                "redis.ca is given, and the URL asks for plain text; write rediss:// for TLS",
            ));
        }
        if wants_tls && url.contains('#') {
            return Err(refuse("take away what follows the #; the server's certificate is always checked"));
        }
        let not_a_url = "expected redis://[user[:password]@]host[:port][/database], or rediss://… for TLS";
        // The parser's own message may repeat parts of the URL, the password among them.
        let info = url.as_str().into_connection_info().map_err(|_| refuse(not_a_url))?;
        let ConnectionAddr::Tcp(host, port) = info.addr().clone() else { return Err(refuse(not_a_url)) };
        let database = info.redis_settings().db();
        let info = self.of_user(info).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(|_| refuse(not_a_url))?;
        let tls = wants_tls.then(|| Tls::new(&host, self.ca.as_deref())).transpose();
        let tls = tls.map_err(|problem| ConnectError::Tls { server: address(&host, port), problem })?;
        Ok(Server { client, host, port, database, tls })
    }

    /// The URL as if it asked for plain text, and whether it asks for TLS.
    fn plain_url(&self) -> (String, bool) {
        for (secure, plain) in [("rediss:", "redis:"), ("valkeys:", "valkey:")] {
            if let Some(rest) = self.url.strip_prefix(secure) {
                return (format!("{plain}{rest}"), true);
            }
        }
        (self.url.clone(), false)
    }

    /// Who asks. The database is chosen later, so that a refusal of the one is told from a refusal of the other.
    fn of_user(&self, info: ConnectionInfo) -> ConnectionInfo {
        let mut redis = info.redis_settings().clone().set_skip_set_lib_name().set_db(0);
        if let Some(password) = &self.password {
            redis = redis.set_password(password);
        }
        info.set_redis_settings(redis)
    }
}

/// A server, and how to reach it.
pub(super) struct Server {
    /// What says who we are; it connects by plain text.
    pub(super) client: Client,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: i64,
    pub(super) tls: Option<Tls>,
}

impl Server {
    /// `host:port`, as messages name it.
    pub(super) fn address(&self) -> String {
        address(&self.host, self.port)
    }
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Without the password.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.url.rsplit_once('@').map_or(self.url.as_str(), |(_, server)| server);
        formatter
            .debug_struct("Settings")
            .field("server", &server)
            .field("ca", &self.ca)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("retry_after", &self.retry_after)
            .field("time", &self.time)
            .finish()
    }
}

/// What waiting does not mend.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none that can be used.
    #[error("the URL of Redis cannot be used: {problem}")]
    Url {
        /// What is wrong, without the URL: it may hold a password.
        problem: &'static str,
    },
    /// There is no secure connection to be had, or none where one is wanted.
    #[error("the connection to Redis at {server} cannot be secured: {problem}")]
    Tls {
        /// Its host and port.
        server: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Redis does not let us in.
    #[error("Redis at {server} {problem}")]
    Refused {
        /// Its host and port.
        server: String,
        /// What it refuses, and what to do.
        problem: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Redis does not have the database of the URL.
    #[error(
        "Redis at {server} does not let database {database} be used: {said}; give the number of one that it has at the \
         end of redis.url, or none for database 0"
    )]
    NoDatabase {
        /// Its host and port.
        server: String,
        /// The number.
        database: i64,
        /// What it said.
        said: String,
    },
    /// This Redis lacks commands that are needed.
    #[error("Redis {found} at {server} is too old; 6.2 or newer is needed")]
    TooOld {
        /// Its host and port.
        server: String,
        /// Its version.
        found: String,
    },
}

impl ConnectError {
    /// The trouble as such an error, or `None` if it may pass.
    pub(super) fn of(trouble: Trouble, server: String) -> Option<Self> {
        match trouble {
            Trouble::TooOld(found) => Some(Self::TooOld { server, found }),
            Trouble::Tls(problem) => Some(Self::Tls { server, problem: problem.to_string() }),
            Trouble::NoDatabase { number, said } => {
                Some(Self::NoDatabase { server, database: number, said: said.to_string() })
            }
            Trouble::Redis(error) => {
                let problem = refusal(&error)?;
                Some(Self::Refused { server, problem, source: Box::new(error) })
            }
            _ => None,
        }
    }
}

/// What Redis refuses, and what to do.
fn refusal(error: &redis::RedisError) -> Option<&'static str> {
    match error.code().unwrap_or_default() {
        "NOAUTH" => Some("asks for a password; set redis.password_file, or redis.password"),
        "NOPERM" => Some("does not let this user do what is needed; give the user more rights there"),
        "WRONGPASS" => Some(WRONG_PASSWORD),
        _ => (error.kind() == redis::ErrorKind::AuthenticationFailed).then_some(WRONG_PASSWORD),
    }
}

const WRONG_PASSWORD: &str = "refuses the user or the password; correct them in redis.url and redis.password_file (or \
                              redis.password), or take them away if it wants none";

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(url: &str) -> String {
        Settings::new(url).server().err().expect("a bad URL").to_string()
    }

    #[test]
    fn a_url_that_cannot_be_used_is_explained_without_its_password() {
        for url in ["http://:s3cret@host", "redis://:s3cret@host:notaport", "redis+unix:///s3cret", "s3cret"]
        {
            let problem = problem(url);
            assert!(problem.contains("expected redis://"), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
        assert!(problem("rediss://host/#insecure").contains("always checked"));
    }

    #[test]
    fn a_ca_is_for_tls_alone_and_has_to_be_one() {
        let problem = |url: &str, text: Option<&str>| {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("ca.pem");
            if let Some(text) = text {
                std::fs::write(&path, text).expect("a file");
            }
            let settings = Settings { ca: Some(path), ..Settings::new(url) };
            settings.server().err().expect("bad settings").to_string()
        };
        for (url, text, part) in [
            ("redis://host", None, "write rediss:// for TLS"),
            ("rediss://host", None, "cannot be read: "),
            ("rediss://host", Some("no PEM"), "holds no certificate in PEM form"),
        ] {
            let problem = problem(url, text);
            assert!(problem.contains(part) && problem.contains("redis.ca"), "{problem}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let settings =
            Settings { password: Some("s3cret".into()), ..Settings::new("redis://u:s3cret@h:1/2") };
        let text = format!("{settings:?} {:?}", settings.server().expect("a good URL").client);
        assert!(text.contains("h:1/2") && !text.contains("s3cret"), "{text}");
    }
}
