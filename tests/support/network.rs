//! Two hosts with real kernels: network namespaces of this test alone, joined by a veth pair.
//!
//! Needs root and iproute2. Without them the test is skipped, which stderr tells; `TCPSCOPE_REQUIRE_LIVE` makes that a
//! failure.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Address of the host [`Host::A`].
pub const A: &str = "10.99.0.1";
/// Address of the host [`Host::B`].
pub const B: &str = "10.99.0.2";
/// An address that the kernel of B sends to over the wire, and at which nobody is.
pub const NOBODY: &str = "10.99.0.77";
/// The interface of both hosts.
pub const INTERFACE: &str = "eth0";

/// One of the two hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host {
    /// Where clients are.
    A,
    /// Where servers are, and where captures are made.
    B,
}

/// The two hosts; gone when dropped.
#[derive(Debug)]
pub struct Network {
    name: String,
}

impl Network {
    /// Two hosts; `None`, and a loud line on stderr, where this user may not make them.
    pub fn new(test: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let network = Self { name: format!("tcpscope-{}-{count}", std::process::id()) };
        match network.build() {
            Ok(()) => Some(network),
            Err(why) => {
                assert!(std::env::var_os(REQUIRED).is_none(), "{test} would be skipped: {why}");
                eprintln!("SKIPPED {test}: no network namespaces here: {why} (root and iproute2 are needed)");
                None
            }
        }
    }

    /// Name of a host's namespace.
    pub fn namespace(&self, host: Host) -> String {
        format!("{}-{host:?}", self.name).to_lowercase()
    }

    /// A command that runs on a host.
    pub fn command(&self, host: Host, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]).arg(program);
        command
    }

    /// Runs a closure in a thread of its own on a host; sockets made there stay there.
    pub fn on<T: Send>(&self, host: Host, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.namespace(host));
        let file = File::open(path).expect("the namespace is there");
        thread::scope(|scope| {
            let moved = scope.spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may");
                work()
            });
            moved.join().expect("the work on the host is done")
        })
    }

    /// Lines of a command on a host.
    pub fn lines(&self, host: Host, program: &str, arguments: &[&str]) -> Vec<String> {
        let out = self.command(host, program).args(arguments).output().expect("the command runs");
        String::from_utf8_lossy(&out.stdout).lines().map(String::from).collect()
    }

    fn build(&self) -> Result<(), String> {
        let (a, b) = (self.namespace(Host::A), self.namespace(Host::B));
        let veth = format!("link add {INTERFACE} netns {a} type veth peer name {INTERFACE} netns {b}");
        let up = |ns: &str, addr: &str| {
            vec![
                format!("-n {ns} link set lo up"),
                format!("-n {ns} addr add {addr}/24 dev {INTERFACE}"),
                format!("-n {ns} link set {INTERFACE} up"),
            ]
        };
        let first = vec![format!("netns add {a}"), format!("netns add {b}"), veth];
        let address = "02:00:00:00:00:01";
        let last = vec![
            format!("-n {a} link set {INTERFACE} address {address}"),
            format!("-n {b} neigh add {NOBODY} lladdr {address} dev {INTERFACE}"),
        ];
        let all = [first, up(&a, A), up(&b, B), last].concat();
        all.iter().try_for_each(|line| ip(line))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in [Host::A, Host::B] {
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(host)]).output();
        }
    }
}

fn ip(line: &str) -> Result<(), String> {
    let out = Command::new("ip").args(line.split(' ')).output().map_err(|e| format!("ip: {e}"))?;
    match out.status.success() {
        true => Ok(()),
        false => Err(format!("ip {line}: {}", String::from_utf8_lossy(&out.stderr).trim())),
    }
}

/// The variable that turns a skipped test into a failed one.
pub const REQUIRED: &str = "TCPSCOPE_REQUIRE_LIVE";
