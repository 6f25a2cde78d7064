//! What a file has to pass before it is put in place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Says whether the program can load a file.
#[derive(Clone)]
pub struct LoadTest(Kind);

/// Says what is wrong with a file.
type Test = dyn Fn(&Path) -> Result<(), String> + Send + Sync;

#[derive(Clone)]
enum Kind {
    None,
    Child(Child),
    Function(Arc<Test>),
}

#[derive(Clone)]
struct Child {
    program: PathBuf,
    arguments: Vec<OsString>,
    time: Duration,
}

impl LoadTest {
    /// Everything passes.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// Runs this program with the file as its last argument. It passes where it ends well, within a minute unless
    /// [`LoadTest::time`] says otherwise; what crashes on it crashes there.
    pub fn child(program: impl Into<PathBuf>) -> Self {
        Self(Kind::Child(Child {
            program: program.into(),
            arguments: Vec::new(),
            time: Duration::from_mins(1),
        }))
    }

    /// Calls this with the file, on a thread that may wait. It should say what is wrong; a panic does not pass.
    pub fn function(test: impl Fn(&Path) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Kind::Function(Arc::new(test)))
    }

    /// Gives the child this argument, before the file.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        if let Kind::Child(child) = &mut self.0 {
            child.arguments.push(argument.into());
        }
        self
    }

    /// How long the child may take; then it is killed, and the file does not pass.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        if let Kind::Child(child) = &mut self.0 {
            child.time = time;
        }
        self
    }

    /// What is wrong with the file, if anything.
    pub(super) async fn run(&self, file: &Path) -> Result<(), String> {
        let (kind, file) = (self.0.clone(), file.to_owned());
        let run = move || match kind {
            Kind::None => Ok(()),
            Kind::Child(child) => child.run(&file),
            Kind::Function(test) => test(&file),
        };
        let ran = tokio::task::spawn_blocking(run).await;
        ran.unwrap_or_else(|_| Err("the load test panicked".to_owned()))
    }
}

impl Child {
    fn run(&self, file: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let named = self.program.display();
        let mut child = command.spawn().map_err(|error| format!("{named} cannot be run: {error}"))?;
        let begun = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("{named} ended with {status}")),
                Ok(None) if begun.elapsed() < self.time => std::thread::sleep(LOOK),
                Ok(None) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("{named} did not end within {:?}", self.time));
                }
                Err(error) => return Err(format!("{named} cannot be waited for: {error}")),
            }
        }
    }
}

impl std::fmt::Debug for LoadTest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::None => formatter.write_str("LoadTest(none)"),
            Kind::Child(child) => write!(formatter, "LoadTest({})", child.program.display()),
            Kind::Function(_) => formatter.write_str("LoadTest(function)"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> LoadTest {
        LoadTest::child("/bin/sh").arg("-c").arg(script)
    }

    #[tokio::test]
    async fn a_child_that_ends_well_passes_the_file_that_it_was_given() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(shell("test -f \"$0\"").run(file.path()).await, Ok(()));
        assert_eq!(LoadTest::none().run(file.path()).await, Ok(()));
    }

    #[tokio::test]
    async fn a_child_that_fails_crashes_hangs_or_is_not_there_passes_nothing() {
        let problem = async |test: LoadTest| test.run(Path::new("/x")).await.unwrap_err();
        assert!(problem(shell("exit 3")).await.contains("exit status: 3"));
        assert!(problem(shell("kill -9 $$")).await.contains("signal: 9"));
        assert!(
            problem(shell("sleep 600").time(Duration::from_millis(50))).await.contains("did not end within")
        );
        assert!(problem(LoadTest::child("/no/such/program")).await.contains("cannot be run"));
        assert_eq!(problem(LoadTest::function(|_| panic!("bad"))).await, "the load test panicked");
    }
}
