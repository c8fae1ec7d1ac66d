//! A started server, as its own process group: nothing of it outlives this value.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::sleep;

use super::server::Launch;
use crate::{client::Client, process_tree};

const POLL: Duration = Duration::from_millis(50);
/// From a polite request to end to a kill.
const GRACE: Duration = Duration::from_secs(5);
/// From a kill to a port that can be listened on again.
const PORT_FREE: Duration = Duration::from_mins(1);

/// A running server; dropped, it is killed with all it started.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    port: u16,
}

impl ServerProcess {
    /// Starts it with its output in a file.
    pub fn start(launch: &Launch, port: u16, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(&launch.program)
            .args(&launch.arguments)
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("cannot share the log")?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", launch.program.display()))?;
        Ok(Self { child, port })
    }

    /// Its process id, also its group's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers on this path; gives the time that took.
    pub async fn ready(&mut self, client: &Client, path: &str, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        while client.text(path).await.is_err() {
            if let Some(status) = self.child.try_wait().context("cannot look at the server")? {
                bail!("it ended before it was ready: {status}");
            }
            if start.elapsed() > limit {
                bail!("not ready after {} s", limit.as_secs_f64());
            }
            sleep(POLL).await;
        }
        Ok(start.elapsed())
    }

    /// Asks it to end, kills it if it lingers, and waits until its port is free.
    pub async fn stop(mut self) -> Result<()> {
        let port = self.port;
        self.signal(Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < GRACE && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            sleep(POLL).await;
        }
        drop(self);
        let start = Instant::now();
        while !is_free(port) {
            if start.elapsed() > PORT_FREE {
                bail!("port {port} is still taken {} s after its server was killed", PORT_FREE.as_secs());
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Signals the group, and descendants that left it.
    fn signal(&self, signal: Signal) {
        let members = process_tree::members(self.id());
        if let Some(group) = pid(self.id()) {
            // A group that is gone already is what is wanted.
            kill_process_group(group, signal).ok();
        }
        for member in members.into_iter().skip(1).filter_map(pid) {
            kill_process(member, signal).ok();
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().ok();
    }
}

/// A port of this machine that nothing listens on now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf, thread};

    use super::*;
    use crate::{comparison::program::find, target::Target};

    fn log(name: &str) -> PathBuf {
        env::temp_dir().join(format!("loadtests-{}-{name}.log", std::process::id()))
    }

    fn shell(script: &str, log: &Path) -> ServerProcess {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let launch = Launch { program: find("sh").unwrap(), arguments, environment: Vec::new() };
        ServerProcess::start(&launch, free_port().unwrap(), log).unwrap()
    }

    /// Whether it still runs: a zombie does not.
    fn runs(pid: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
    }

    fn eventually(what: impl Fn() -> bool) -> bool {
        (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            what()
        })
    }

    #[test]
    fn dropping_it_kills_the_whole_group() {
        let log = log("drop");
        let server = shell("sleep 300 & trap '' TERM; sleep 300 & wait", &log);
        assert!(eventually(|| process_tree::members(server.id()).len() == 3));
        let members = process_tree::members(server.id());
        assert!(members.iter().all(|&pid| runs(pid)));
        drop(server);
        assert!(eventually(|| !members.iter().any(|&pid| runs(pid))));
        fs::remove_file(log).unwrap();
    }

    #[tokio::test]
    async fn one_that_ends_at_once_is_never_ready_and_its_log_stays() {
        let log = log("ends");
        let mut server = shell("echo no model; exit 3", &log);
        let target: Target = format!("http://127.0.0.1:{}", server.port).parse().unwrap();
        let error = server.ready(&Client::new(target, false), "/health", Duration::from_secs(20)).await.unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        assert_eq!(fs::read_to_string(&log).unwrap(), "no model\n");
        server.stop().await.unwrap();
        fs::remove_file(log).unwrap();
    }
}
