//! A live capture against what the kernels of two hosts say, and against `read` of the packets it wrote.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::live::Live;
use crate::support::network::{B, Host, INTERFACE, NOBODY, Network, REQUIRED};
use crate::support::program::{run, scratch};

/// Every state of every socket, the number of TIME_WAITs and of half-open connections; then the same packets from the file.
#[test]
fn live_agrees_with_the_kernel_and_with_read() {
    let Some(network) = Network::new("live_agrees_with_the_kernel_and_with_read") else { return };
    let file = scratch("live-agrees").join("a.pcapng");
    let live = Live::start(&network, Host::B, &["-w", file.to_str().expect("a plain path")]);
    let sockets = traffic(&network);
    thread::sleep(Duration::from_millis(1500));

    let mut kernel = ss(&network, Host::A);
    kernel.extend(ss(&network, Host::B));
    let said = states_said(&live.lines());
    assert_eq!(said, kernel, "left: tcpscope's states by endpoint and peer; right: ss");
    for state in ["ESTABLISHED", "FIN_WAIT_2", "CLOSE_WAIT", "TIME_WAIT", "SYN_RECEIVED"] {
        assert!(kernel.values().any(|s| s == state), "the traffic has no {state}: {kernel:?}");
    }
    let counted = |state: &str| kernel.values().filter(|s| *s == state).count() as u64;
    live.wait_for("counts as the kernel has them", |lines| {
        let moment = lines.iter().rfind(|l| l["type"] == "moment");
        moment.is_some_and(|m| {
            ["ESTABLISHED", "FIN_WAIT_2", "CLOSE_WAIT", "TIME_WAIT", "SYN_RECEIVED"]
                .iter()
                .all(|s| m["states"][*s] == counted(s))
                && m["half_open"] == counted("SYN_RECEIVED")
                && m["time_wait"] == counted("TIME_WAIT")
        })
    });
    drop(sockets);
    live.signal(Signal::TERM);
    let (code, lines, stderr) = live.finish();
    assert_eq!(code, Some(0), "{stderr}");
    let read = run(["read", file.to_str().expect("a plain path"), "--format", "ndjson"]);
    let read: Vec<Value> = String::from_utf8_lossy(&read.stdout)
        .lines()
        .map(|l| serde_json::from_str(l).expect("an object"))
        .collect();
    for kind in ["connection", "finding", "listener", "client", "host"] {
        assert_eq!(of_kind(&lines, kind), of_kind(&read, kind), "left: live, right: read, {kind}");
    }
    assert!(of_kind(&lines, "connection").len() >= 15);
    described(&lines);
}

/// Every line is as `tcpscope schema` says; and the schema is able to refuse.
fn described(lines: &[Value]) {
    let printed = run(["schema"]);
    let schema: Value = serde_json::from_slice(&printed.stdout).expect("a schema");
    let line = schema["$defs"]["Line"].clone();
    let one =
        serde_json::json!({ "$schema": schema["$schema"], "oneOf": line["oneOf"], "$defs": schema["$defs"] });
    let validator = jsonschema::validator_for(&one).expect("a schema");
    for line in lines {
        let kind = line["type"].as_str().expect("every line says what it is");
        if let Err(error) = validator.validate(line) {
            panic!("{kind}: {error} at {}: {line:#}", error.instance_path());
        }
    }
    for kind in ["event", "moment"] {
        let mut broken = lines.iter().find(|l| l["type"] == kind).expect("one of each").clone();
        broken["at"] = 3.into();
        assert!(!validator.is_valid(&broken), "{broken}");
    }
}

/// A line every second although nothing comes, one more for SIGUSR1, and an end at once.
#[test]
fn a_quiet_interface_is_no_reason_to_hang() {
    let Some(network) = Network::new("a_quiet_interface_is_no_reason_to_hang") else { return };
    let live = Live::start(&network, Host::B, &[]);
    thread::sleep(Duration::from_millis(2500));
    let moments = |lines: &[Value]| lines.iter().filter(|l| l["type"] == "moment").count();
    let before = moments(&live.lines());
    assert!((3..=4).contains(&before), "{before} moments in 2.5 s");
    let asked = Instant::now();
    live.signal(Signal::USR1);
    live.wait_for("an answer to SIGUSR1", |lines| moments(lines) > before);
    assert!(asked.elapsed() < Duration::from_millis(400), "{:?}", asked.elapsed());
    let told = Instant::now();
    live.signal(Signal::INT);
    let (code, lines, stderr) = live.finish();
    assert_eq!(
        (code, lines.last().map(|l| l["type"].clone())),
        (Some(0), Some("summary".into())),
        "{stderr}"
    );
    // 20 ms, were this machine idle; 0.4 s is what waiting for the kernel would take, were it not asked what it has.
    assert!(told.elapsed() < Duration::from_millis(350), "{:?}", told.elapsed());
}

#[test]
fn a_second_sigint_ends_it_at_once() {
    let Some(network) = Network::new("a_second_sigint_ends_it_at_once") else { return };
    let live = Live::start(&network, Host::B, &["lo"]);
    // What is on loopback comes twice and is given once: nobody knows when all is there, so it is waited for.
    network.on(Host::B, || TcpStream::connect(("127.0.0.1", 9)).expect_err("nobody listens"));
    live.signal(Signal::INT);
    thread::sleep(Duration::from_millis(50));
    live.signal(Signal::INT);
    assert_eq!(live.finish().0, Some(130));
}

#[test]
fn it_stops_when_it_was_told_to() {
    let Some(network) = Network::new("it_stops_when_it_was_told_to") else { return };
    let begun = Instant::now();
    let (code, ..) = Live::start(&network, Host::B, &["-a", "duration:1s"]).finish();
    let took = begun.elapsed();
    assert_eq!(code, Some(0));
    assert!((1000..3500).contains(&took.as_millis()), "{took:?}");
    let live = Live::start(&network, Host::B, &["-a", "packets:7"]);
    refuse(&network, 10);
    let (code, lines, _) = live.finish();
    assert_eq!((code, lines.last().map(|l| l["packets"].clone())), (Some(0), Some(7.into())));
}

/// Two interfaces are one input with its packets in the order of time.
#[test]
fn several_interfaces_are_captured_together() {
    let Some(network) = Network::new("several_interfaces_are_captured_together") else { return };
    let file = scratch("live-several").join("a.pcapng");
    let live =
        Live::start(&network, Host::B, &["lo", "-f", "tcp", "-w", file.to_str().expect("a plain path")]);
    for _ in 0..5 {
        refuse(&network, 2);
        network.on(Host::B, || TcpStream::connect(("127.0.0.1", 9)).expect_err("nobody listens"));
    }
    live.signal(Signal::TERM);
    let (code, lines, stderr) = live.finish();
    assert_eq!(code, Some(0), "{stderr}");
    let counts: Vec<_> =
        lines.iter().filter(|l| l["type"] == "input").map(|l| l["packets"].clone()).collect();
    assert_eq!(counts, [20, 10]);
    let last = lines.last().expect("a summary");
    assert_eq!(
        (&last["packets"], &last["connections"], &last["time_backsteps"]),
        (&30.into(), &15.into(), &0.into())
    );
    let times: Vec<&str> =
        lines.iter().filter(|l| l["event"] == "attempt").filter_map(|l| l["at"].as_str()).collect();
    assert!(times.is_sorted() && times.len() == 15, "{times:?}");
    assert_eq!(packets(&file), 30);
}

/// An attack is told while it goes on, not when it is over.
#[test]
fn a_flood_is_told_while_it_goes_on() {
    let Some(network) = Network::new("a_flood_is_told_while_it_goes_on") else { return };
    let listener = network.on(Host::B, || TcpListener::bind((B, PORT)).expect("a free port"));
    let live = Live::start(&network, Host::B, &[]);
    until_told(&live, "AT001", |n| half_open_from(&network, 10_000 + n * 100, 100));
    drop(listener);
    live.signal(Signal::TERM);
    let (_, lines, _) = live.finish();
    assert!(lines.iter().any(|l| l["type"] == "finding" && l["rule"] == "AT001"), "and when it is over");
    described(&lines);
}

#[test]
fn a_flood_of_resets_is_told_while_it_goes_on() {
    let Some(network) = Network::new("a_flood_of_resets_is_told_while_it_goes_on") else { return };
    let live = Live::start(&network, Host::B, &[]);
    until_told(&live, "AT006", |n| send(&network, (0..100).map(|k| forged(10_000 + n * 100 + k, Tcp::rst))));
}

#[test]
fn a_scan_is_told_while_it_goes_on() {
    let Some(network) = Network::new("a_scan_is_told_while_it_goes_on") else { return };
    let live = Live::start(&network, Host::B, &[]);
    until_told(&live, "AT008", |n| {
        network.on(Host::A, || {
            for port in n * 4 + 1..=n * 4 + 4 {
                TcpStream::connect((B, port)).expect_err("nobody listens");
            }
        })
    });
    live.signal(Signal::TERM);
    let (_, lines, _) = live.finish();
    described(&lines);
}

/// Does it again every 80 ms until the attack is told, 12 s at most.
fn until_told(live: &Live, rule: &str, mut attack: impl FnMut(u16)) {
    let goes_on = |line: &Value| {
        let all = line["going_on"].as_array().filter(|_| line["type"] == "moment");
        all.is_some_and(|all| all.iter().any(|f| f["rule"] == rule && f["end"].is_null()))
    };
    for n in 0..150 {
        attack(n);
        thread::sleep(Duration::from_millis(80));
        if live.lines().iter().any(goes_on) {
            return;
        }
    }
    panic!("{:#?}", live.lines().iter().rfind(|l| l["type"] == "moment"));
}

/// What the user asked for is the user's, not root's; what was there before stays whose it was.
#[test]
fn files_belong_to_whoever_asked_for_them() {
    let Some(network) = Network::new("files_belong_to_whoever_asked_for_them") else { return };
    let folder = scratch("live-owner");
    let owner = |path: &Path| {
        let data = std::fs::metadata(path).expect("it was made");
        (std::os::unix::fs::MetadataExt::uid(&data), std::os::unix::fs::MetadataExt::gid(&data))
    };
    let (lines, capture, old) = (folder.join("lines"), folder.join("a.pcapng"), folder.join("old"));
    std::fs::write(&old, "not empty").expect("our folder");
    let live = |output: &Path, more: &[&str]| {
        let mut command = network.command(Host::B, env!("CARGO_BIN_EXE_tcpscope"));
        command.args(["live", INTERFACE, "--format", "ndjson", "-a", "duration:100ms", "-o"]).arg(output);
        let out = command.args(more).env("SUDO_UID", "1234").env("SUDO_GID", "1235").output();
        let out = out.expect("it starts");
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    };
    live(&lines, &["-w", capture.to_str().expect("a plain path")]);
    assert_eq!([owner(&lines), owner(&capture)], [(1234, 1235); 2]);
    assert!(std::fs::read_to_string(&lines).is_ok_and(|text| text.contains("\"type\":\"summary\"")));
    live(&old, &[]);
    assert_eq!(owner(&old), (0, 0));
    let before = owner(Path::new("/dev/null"));
    live(Path::new("/dev/null"), &[]);
    assert_eq!(owner(Path::new("/dev/null")), before);
}

#[test]
fn prometheus_is_answered() {
    let Some(network) = Network::new("prometheus_is_answered") else { return };
    let live = Live::start(&network, Host::B, &["--metrics", "19464", "-f", "tcp"]);
    refuse(&network, 4);
    thread::sleep(Duration::from_millis(1800));
    let answer = network.on(Host::B, || {
        let mut stream = TcpStream::connect(("127.0.0.1", 19464)).expect("it listens");
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("tcpscope_packets_total{interface=\"eth0\"} 8\n"), "{answer}");
    assert!(answer.contains("tcpscope_syns_total 4\n") && answer.ends_with("# EOF\n"), "{answer}");
    live.signal(Signal::TERM);
    assert_eq!(live.finish().0, Some(0));
}

/// What was captured before the signal is all there, though the kernel had not handed it over yet.
#[test]
fn nothing_is_lost_at_the_end() {
    let Some(network) = Network::new("nothing_is_lost_at_the_end") else { return };
    for _ in 0..3 {
        let live = Live::start(&network, Host::B, &["-f", "tcp"]);
        refuse(&network, 100);
        live.signal(Signal::TERM);
        let (_, lines, stderr) = live.finish();
        assert_eq!(lines.last().map(|l| l["packets"].clone()), Some(200.into()), "{stderr}");
        assert!(stderr.contains("200 packets analyzed; 200 received, 0 dropped"), "{stderr}");
    }
}

/// No user, no capability, no file is left in any thread.
#[test]
fn privileges_are_given_up() {
    let Some(network) = Network::new("privileges_are_given_up") else { return };
    let file = scratch("live-privileges").join("a.pcapng");
    let live = Live::start(&network, Host::B, &["-v", "-w", file.to_str().expect("a plain path")]);
    let tasks = std::fs::read_dir(format!("/proc/{}/task", live.pid())).expect("it is running");
    let tasks: Vec<_> = tasks.flatten().collect();
    assert!(tasks.len() > 1, "a thread for signals at least");
    for task in tasks {
        let status = std::fs::read_to_string(task.path().join("status")).expect("a task has a status");
        let field = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().collect::<Vec<_>>()
        };
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set), ["0000000000000000"], "{set}");
        }
        assert_eq!(field("Uid:"), ["65534"; 4]);
        assert_eq!(field("Gid:"), ["65534"; 4]);
        assert_eq!(field("Groups:"), Vec::<&str>::new());
        assert_eq!(field("NoNewPrivs:"), ["1"]);
    }
    refuse(&network, 3);
    live.signal(Signal::TERM);
    let (code, _, stderr) = live.finish();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("uid 65534 without capabilities"), "{stderr}");
    // The program has tried to open a folder. Kernels before 5.13 have no Landlock; then it says so.
    assert!(stderr.contains("the file system is closed") || !has_landlock(), "{stderr}");
    assert!(packets(&file) > 0, "the file was opened before");
}

#[test]
fn without_permission_the_mend_is_told() {
    let Some(network) = Network::new("without_permission_the_mend_is_told") else { return };
    // Nobody may not enter the folder of the build.
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("tcpscope");
    std::fs::copy(env!("CARGO_BIN_EXE_tcpscope"), &program).expect("it is a file");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("it is ours");
    drop(network);
    let out = Command::new(&program).args(["live", "lo"]).uid(65534).gid(65534).output().expect("it starts");
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains(&format!("sudo setcap cap_net_raw=eip {}", program.display())), "{stderr}");
    assert!(stderr.contains("sudo tcpscope live lo") && stderr.contains("--cap-add=NET_RAW"), "{stderr}");
    let out = Command::new(&program).args(["live", "no-such-interface"]).output().expect("it starts");
    assert_eq!(out.status.code(), Some(4));
}

/// One capability is enough, and it is given up too.
#[test]
fn cap_net_raw_is_enough() {
    let Some(network) = Network::new("cap_net_raw_is_enough") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("tcpscope");
    std::fs::copy(env!("CARGO_BIN_EXE_tcpscope"), &program).expect("it is a file");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("it is ours");
    let set = Command::new("setcap").args(["cap_net_raw=eip"]).arg(&program).status();
    if !set.is_ok_and(|s| s.success()) {
        assert!(std::env::var_os(REQUIRED).is_none(), "setcap does not work here");
        eprintln!("SKIPPED cap_net_raw_is_enough: no setcap here");
        return;
    }
    let namespace = network.namespace(Host::B);
    let mut command = Command::new("ip");
    command.args([
        "netns",
        "exec",
        &namespace,
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ]);
    command.arg(&program).args(["live", INTERFACE, "-v", "-a", "duration:500ms"]);
    let out = command.output().expect("it starts");
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("uid 65534 without capabilities"), "{stderr}");
}

#[test]
fn a_killed_capture_leaves_a_readable_file() {
    let Some(network) = Network::new("a_killed_capture_leaves_a_readable_file") else { return };
    let file = scratch("live-killed").join("a.pcapng");
    let live = Live::start(&network, Host::B, &["-w", file.to_str().expect("a plain path"), "-f", "tcp"]);
    refuse(&network, 50);
    thread::sleep(Duration::from_millis(600));
    live.signal(Signal::KILL);
    refuse(&network, 50);
    assert_eq!(live.finish().0, None);
    let ran = run(["read", file.to_str().expect("a plain path"), "--strict", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(packets(&file), 100);
}

#[test]
fn a_full_disk_is_told_and_the_analysis_goes_on() {
    let Some(network) = Network::new("a_full_disk_is_told_and_the_analysis_goes_on") else { return };
    let disk = Disk::new(&scratch("live-full"));
    let file = disk.0.join("a.pcapng");
    let live = Live::start(&network, Host::B, &["-w", file.to_str().expect("a plain path"), "-f", "tcp"]);
    refuse(&network, 2000);
    live.signal(Signal::TERM);
    let (code, lines, stderr) = live.finish();
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert_eq!(lines.last().map(|l| l["packets"].clone()), Some(4000.into()));
    let ran = run(["read", file.to_str().expect("a plain path"), "--strict", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!((100..3000).contains(&packets(&file)), "{}", packets(&file));
}

/// A file system of 128 KiB.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(folder: &Path) -> Self {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "none"]).arg(folder).status();
        assert!(mount.is_ok_and(|s| s.success()), "root can mount");
        Self(folder.into())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn has_landlock() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|release| {
        let mut numbers = release.split(['.', '-']).map_while(|n| n.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(5), Some(13))
    })
}

/// Packets of a capture.
fn packets(file: &Path) -> u64 {
    let ran = run(["read", file.to_str().expect("a plain path"), "--json"]);
    let document: Value = serde_json::from_slice(&ran.stdout).expect("a document");
    document["summary"]["packets"].as_u64().unwrap_or_default()
}

/// So many connections that are refused: a SYN and a RST each.
fn refuse(network: &Network, count: usize) {
    network.on(Host::A, || {
        for _ in 0..count {
            let refused = TcpStream::connect((B, 9)).expect_err("nobody listens");
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        }
    });
}

/// Connections in every state that lasts: open, half-closed, in TIME_WAIT on either side, half-open, refused.
fn traffic(network: &Network) -> Vec<TcpStream> {
    let listener = network.on(Host::B, || TcpListener::bind((B, PORT)).expect("a free port"));
    let server = thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().take(14) {
            kept.extend(serve(stream.expect("a connection")));
        }
        (listener, kept)
    });
    let mut kept = network.on(Host::A, || {
        let open = || TcpStream::connect((B, PORT)).expect("it listens");
        let mut kept = Vec::new();
        for wish in [b'k', b'k', b'k', b'k', b'k', b's', b's', b's', b's', b'c', b'c', b'c', b'h', b'h'] {
            let mut stream = open();
            stream.write_all(&[wish]).expect("it is open");
            let mut answer = [0; 2];
            match wish {
                b's' => while stream.read(&mut answer).is_ok_and(|n| n > 0) {},
                _ => stream.read_exact(&mut answer).expect("it answers"),
            }
            match wish {
                b'k' => kept.push(stream),
                b'h' => {
                    stream.shutdown(Shutdown::Write).expect("it is open");
                    kept.push(stream);
                }
                _ => drop(stream),
            }
        }
        kept
    });
    refuse(network, 2);
    half_open(network, 6);
    let (listener, served) = server.join().expect("it has served all");
    kept.extend(served);
    // The listener stays until the test's end; its socket is closed with the process.
    std::mem::forget(listener);
    kept
}

/// Keeps the connection, closes it first, or waits for the client to close.
fn serve(mut stream: TcpStream) -> Option<TcpStream> {
    let mut wish = [0];
    stream.read_exact(&mut wish).expect("a wish");
    stream.write_all(b"ok").expect("it is open");
    match wish[0] {
        b's' => None,
        b'c' => {
            let _ = stream.read(&mut [0]);
            None
        }
        _ => Some(stream),
    }
}

/// SYNs from an address where nobody answers the SYN+ACK.
fn half_open(network: &Network, count: u16) {
    half_open_from(network, 10_000, count);
}

fn half_open_from(network: &Network, first: u16, count: u16) {
    send(network, (0..count).map(|n| forged(first + n, Tcp::syn)));
}

/// Sends packets from A to B, whoever they say they are from.
fn send(network: &Network, packets: impl Iterator<Item = Vec<u8>> + Send) {
    network.on(Host::A, || {
        let raw = socket_with(AddressFamily::INET, SocketType::RAW, SocketFlags::empty(), Some(ipproto::RAW));
        let raw = raw.expect("root may");
        let to: std::net::SocketAddr = (B.parse::<std::net::Ipv4Addr>().expect("an address"), 0).into();
        for packet in packets {
            sendto(&raw, &packet, SendFlags::empty(), &to).expect("it is sent");
        }
    });
}

type Tcp = etherparse::PacketBuilderStep<etherparse::TcpHeader>;

/// A segment in the name of a host that is not there.
fn forged(port: u16, flags: fn(Tcp) -> Tcp) -> Vec<u8> {
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().expect("an address").octets();
    let mut packet = Vec::new();
    flags(etherparse::PacketBuilder::ipv4(address(NOBODY), address(B), 64).tcp(
        port,
        PORT,
        u32::from(port),
        64240,
    ))
    .write(&mut packet, &[])
    .expect("it fits");
    packet
}

/// State of every socket that is part of a connection, by its endpoint and its peer's.
fn ss(network: &Network, host: Host) -> BTreeMap<String, String> {
    let lines = network.lines(host, "ss", &["-tanH"]);
    let row = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [state, _, _, local, peer, ..] = words.as_slice() else { return None };
        let state = match *state {
            "LISTEN" => return None,
            "ESTAB" => "ESTABLISHED".into(),
            "SYN-RECV" => "SYN_RECEIVED".into(),
            other => other.replace('-', "_"),
        };
        let plain = |endpoint: &str| endpoint.replace("[::ffff:", "").replace(']', "");
        Some((format!("{} {}", plain(local), plain(peer)), state))
    };
    lines.iter().filter_map(row).collect()
}

/// The same out of the events. An end at which no kernel is has no socket.
fn states_said(lines: &[Value]) -> BTreeMap<String, String> {
    let mut states = BTreeMap::new();
    for line in lines.iter().filter(|l| l["type"] == "event") {
        let endpoint = |end: &str| {
            let end = &line[end];
            format!("{}:{}", end["addr"].as_str().unwrap_or_default(), end["port"])
        };
        for (end, peer) in [("client", "server"), ("server", "client")] {
            let state = line["state"][end].as_str().unwrap_or_default().to_string();
            states.insert(format!("{} {}", endpoint(end), endpoint(peer)), state);
        }
    }
    states.retain(|ends, state| {
        !ends.starts_with(NOBODY) && !matches!(state.as_str(), "CLOSED" | "LISTEN" | "UNKNOWN")
    });
    states
}

/// Lines of a kind, without the name of the input, in an order of their own.
fn of_kind(lines: &[Value], kind: &str) -> Vec<String> {
    let plain = |line: &Value| {
        let mut line = line.clone();
        if let Some(object) = line.as_object_mut() {
            object.remove("file");
        }
        line.to_string()
    };
    let mut all: Vec<String> = lines.iter().filter(|l| l["type"] == kind).map(plain).collect();
    all.sort();
    all
}

const PORT: u16 = 8000;
