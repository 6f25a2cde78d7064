//! A Postgres server of one's own: installed programs, a temporary folder, a free port, full durability.

mod installation;

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Process, Signal, send};
use crate::{Error, FakeClock, free_port};
use installation::Installation;

/// How long starting and stopping may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const READY: &str = "database system is ready to accept connections";
const PORT_TAKEN: &str = "Address already in use";
/// A port found free can be taken by somebody else before the server has it.
const PORTS_TRIED: usize = 5;
/// As a production server has them; nothing is measured or tested with less.
const DURABLE: &[(&str, &str)] = &[("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")];

/// A server for one test. Everybody on 127.0.0.1 may connect, as the superuser `postgres`. Dropping it ends the server
/// and removes its data.
#[derive(Debug)]
pub struct Postgres {
    // Before the folder: fields are dropped in order, and the server ends first.
    server: Process,
    folder: TempDir,
    installation: Installation,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    port: u16,
}

impl Postgres {
    /// Makes a new, empty server and waits until it takes connections.
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(&[]).await
    }

    /// The same with settings of `postgresql.conf`, which overrule the ones that it has from here.
    pub async fn start_with(settings: &[(&str, &str)]) -> Result<Self, Error> {
        Self::start_in(settings, Vec::new(), None).await
    }

    /// The same with TLS: a certificate and its key, PEM. Plain text is taken too.
    pub async fn start_with_tls(certificate: &str, key: &str) -> Result<Self, Error> {
        Self::start_in(&[], Vec::new(), Some([("server.pem", certificate), ("server-key.pem", key)])).await
    }

    /// The same by a clock that can be stepped.
    pub async fn start_with_clock(settings: &[(&str, &str)], clock: &FakeClock) -> Result<Self, Error> {
        Self::start_in(settings, clock.environment(), None).await
    }

    async fn start_in(
        settings: &[(&str, &str)],
        environment: Vec<(String, String)>,
        tls: Option<[(&str, &str); 2]>,
    ) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir();
        let folder = folder.map_err(Error::system("cannot make a temporary folder"))?;
        let installation = Installation::find(folder.path())?;
        if let Some(user) = installation.user() {
            chown(folder.path(), Some(user.uid), Some(user.gid))
                .map_err(Error::system("cannot give the data folder to the user `postgres`"))?;
        }
        make_cluster(&installation, &data(&folder)).await?;
        let mut settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if let Some(files) = tls {
            settings.extend(write_tls(&installation, folder.path(), files)?);
        }
        let mut tried = 1;
        loop {
            let port = free_port()?;
            match start_server(&installation, &folder, port, &settings, &environment).await {
                Ok(server) => {
                    return Ok(Self { server, folder, installation, settings, environment, port });
                }
                Err(Error::Ended { output, .. }) if output.contains(PORT_TAKEN) && tried < PORTS_TRIED => {
                    tried += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where a client connects: `postgres://…`, the database `postgres`. The same after [`Self::start_again`].
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Its TCP port at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged since it was last started.
    pub fn log(&self) -> String {
        self.server.stderr()
    }

    /// `psql` with these arguments, connected to the server; plain output, stops at the first error.
    pub fn psql(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.client("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"])
            .args(args);
        command
    }

    /// `pgbench` with these arguments, connected to the server.
    pub fn pgbench(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.client("pgbench");
        command.args(args);
        command
    }

    /// Ends every process of the server at once, as `kill -9` or a power cut of the process would. The data stays.
    pub fn kill(&mut self) -> Result<(), Error> {
        // It has none that live on by themselves; listed before, as afterwards they are nobody's children.
        let children = children(self.server.id());
        self.server.kill()?;
        send("KILL", &children)?;
        // A process that still holds the shared memory would keep the next server from starting.
        let deadline = Instant::now() + PATIENCE;
        while children.iter().any(|child| is_alive(*child)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Lets every process of the server stand still: the machine goes on taking connections for it.
    pub fn pause(&mut self) -> Result<(), Error> {
        // The first one before the others, so that it starts no more of them.
        self.server.signal(Signal::Stop)?;
        send("STOP", &children(self.server.id()))
    }

    /// Lets the server go on.
    pub fn resume(&mut self) -> Result<(), Error> {
        send("CONT", &children(self.server.id()))?;
        self.server.signal(Signal::Continue)
    }

    /// Stops the server in order: open transactions are rolled back, everything is written. The data stays.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.server.signal(Signal::Interrupt)?;
        self.server.wait(PATIENCE).await.map(drop)
    }

    /// Starts the server on the data that a kill or a stop left, at the same port. One that runs is killed first.
    pub async fn start_again(&mut self) -> Result<(), Error> {
        self.kill()?;
        let Self { installation, folder, port, settings, environment, .. } = self;
        self.server = start_server(installation, folder, *port, settings, environment).await?;
        Ok(())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = self.installation.client_program(program);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", "postgres").env("PGDATABASE", "postgres");
        command.env_remove("PGSERVICE").env_remove("PGOPTIONS").env_remove("PGSSLMODE");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.kill();
    }
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

async fn make_cluster(installation: &Installation, data: &Path) -> Result<(), Error> {
    let mut command = installation.server_program("initdb");
    // Whatever befalls the machine now, nobody misses this cluster; the server itself syncs.
    command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    command.arg("--pgdata").arg(data);
    let mut initdb = Process::spawn(command)?;
    initdb.wait_for_line("Success.", PATIENCE).await?;
    initdb.wait(PATIENCE).await.map(drop)
}

/// Writes a certificate and its key as the server wants them, and gives the settings that name them.
fn write_tls(
    installation: &Installation,
    folder: &Path,
    files: [(&str, &str); 2],
) -> Result<Vec<(String, String)>, Error> {
    let [certificate, key] = files.map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        if let Some(user) = installation.user() {
            chown(&path, Some(user.uid), Some(user.gid))?;
        }
        Ok(path.to_string_lossy().into_owned())
    });
    let failed = || Error::system("cannot write the server's certificate");
    let (certificate, key) = (certificate.map_err(failed())?, key.map_err(failed())?);
    let settings = [("ssl", "on".to_owned()), ("ssl_cert_file", certificate), ("ssl_key_file", key)];
    Ok(settings.map(|(name, value)| (name.to_owned(), value)).into())
}

async fn start_server(
    installation: &Installation,
    folder: &TempDir,
    port: u16,
    settings: &[(String, String)],
    environment: &[(String, String)],
) -> Result<Process, Error> {
    let mut command = installation.server_program("postgres");
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.arg("-D").arg(data(folder));
    let mut set = |name: &str, value: &str| {
        command.arg("-c").arg(format!("{name}={value}"));
    };
    for (name, value) in DURABLE {
        set(name, value);
    }
    set("listen_addresses", "127.0.0.1");
    set("port", &port.to_string());
    set("unix_socket_directories", &folder.path().to_string_lossy());
    for (name, value) in settings {
        set(name, value);
    }
    let mut server = Process::spawn(command)?;
    server.wait_for_line(READY, PATIENCE).await?;
    Ok(server)
}

/// The processes that this one started and has not lost.
fn children(process: u32) -> Vec<u32> {
    let list =
        std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Whether the process can still do or hold anything: one that only waits to be noticed cannot.
fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

#[cfg(test)]
mod tests;
