//! A running `tcpscope live --format ndjson`, and what it has said so far.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::network::{Host, INTERFACE, Network};

/// The program at work.
pub struct Live {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Live {
    /// Starts it on a host and waits until it captures.
    pub fn start(network: &Network, host: Host, arguments: &[&str]) -> Self {
        let mut child = network
            .command(host, env!("CARGO_BIN_EXE_tcpscope"))
            .args(["live", INTERFACE, "--format", "ndjson"])
            .args(arguments)
            .env_remove("SUDO_UID")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (to, from) = (Arc::clone(&lines), child.stdout.take().expect("it is piped"));
        let reader = thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("every line is an object");
                to.lock().expect("nobody panicked").push(value);
            }
        });
        let live = Self { child, lines, reader: Some(reader) };
        live.wait_for("its first moment", |lines| lines.iter().any(|l| l["type"] == "moment"));
        live
    }

    /// Its process; `ip netns exec` has become it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is running");
    }

    /// What it has said so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().expect("nobody panicked").clone()
    }

    /// Waits until what it has said is as wanted, ten seconds at most.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.lines()) {
            assert!(begun.elapsed() < PATIENCE, "{what} did not come: {:#?}", self.lines().last());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it ends; its exit code, all it said, and its standard error.
    pub fn finish(mut self) -> (Option<i32>, Vec<Value>, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().expect("its lines are objects");
        }
        let stderr = self.child.stderr.take().map(std::io::read_to_string);
        (status.code(), self.lines(), stderr.and_then(Result::ok).unwrap_or_default())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
