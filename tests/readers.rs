//! Our own readers against libpcap: the same packets on every capture that both can read.
//!
//! The captures lie outside the repository: in `$TCPSCOPE_SHARED`, or in `../shared` beside it.

#![cfg(feature = "pcap")]

use std::path::{Path, PathBuf};

use tcpscope::source::{FileOptions, Files, Input, Next, Reader, Source};

/// Number, time, link type, wire length and a digest of the bytes of each packet; then the file's summary.
type Read = (Vec<(u64, i64, u16, u32, usize, u64)>, Input);

fn read(path: &Path, options: &FileOptions) -> Result<Read, String> {
    let mut files = Files::open([path], options).map_err(|e| e.to_string())?;
    let mut packets = Vec::new();
    loop {
        match files.next().map_err(|e| e.to_string())? {
            Next::Packet(p) => {
                packets.push((p.number, p.time.0, p.link.0, p.wire_len, p.data.len(), fnv(p.data)));
            }
            Next::Idle(_) => unreachable!("files never idle"),
            Next::End => return Ok((packets, files.inputs()[0].clone())),
        }
    }
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

/// The folder of captures, if it is there.
fn captures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("TCPSCOPE_SHARED").map_or_else(beside, PathBuf::from);
    let captures = shared.join("captures");
    if captures.join("MANIFEST.tsv").is_file() {
        return Some(captures);
    }
    eprintln!("SKIPPED: no captures in {}; set TCPSCOPE_SHARED", captures.display());
    None
}

/// Name and libpcap's verdict of every capture of the manifest.
fn manifest(captures: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(captures.join("MANIFEST.tsv")).expect("the manifest was there");
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let heads = lines.next().expect("the manifest has a first line");
    let column =
        |name: &str| heads.iter().position(|h| h.starts_with(name)).expect("the manifest has the column");
    let (file, verdict) = (column("file"), column("libpcap"));
    lines.map(|cells| (cells[file].to_owned(), cells[verdict].to_owned())).collect()
}

fn own(filter: Option<&str>) -> FileOptions {
    FileOptions { filter: filter.map(Into::into), ..FileOptions::default() }
}

fn libpcap(filter: Option<&str>) -> FileOptions {
    FileOptions { reader: Reader::Libpcap, ..own(filter) }
}

#[test]
fn both_readers_give_the_same_packets() {
    let Some(captures) = captures() else { return };
    let (mut compared, mut more, mut refused) = (0, Vec::new(), Vec::new());
    for (name, verdict) in manifest(&captures) {
        let path = captures.join(&name);
        let packed = name.ends_with(".gz");
        let (ours, theirs) = (read(&path, &own(None)), read(&path, &libpcap(None)));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let same = theirs.0.len();
                for (our, their) in ours.0.iter().zip(&theirs.0) {
                    assert_eq!(our, their, "{name}");
                }
                assert!(ours.0.len() >= same, "{name}: {} packets of {same}", ours.0.len());
                assert_eq!(ours.1.format, theirs.1.format, "{name}");
                if verdict == "ok" || packed && theirs.1.problem.is_none() {
                    let problems = (ours.1.problem.is_some(), theirs.1.problem.is_some());
                    assert_eq!(problems, (false, false), "{name}: {:?}", ours.1.problem);
                    assert_eq!(
                        Input { path: "".into(), ..ours.1.clone() }.packets,
                        theirs.1.packets,
                        "{name}"
                    );
                    assert_eq!(
                        (ours.1.bytes, ours.1.first, ours.1.last),
                        (theirs.1.bytes, theirs.1.first, theirs.1.last)
                    );
                    assert_eq!(ours.0.len(), same, "{name}: we give more");
                } else {
                    more.push((name, same, ours.0.len(), ours.1.problem, theirs.1.problem));
                }
                compared += 1;
            }
            (ours, Err(why)) => {
                assert!(verdict != "ok", "{name}: libpcap refuses it: {why}");
                refused.push((name, why, ours.map(|o| (o.0.len(), o.1.problem))));
            }
            (Err(why), Ok(_)) => panic!("{name}: only we refuse it: {why}"),
        }
    }
    eprintln!("{compared} captures compared");
    for line in more {
        eprintln!("libpcap stops early: {line:?}");
    }
    for line in refused {
        eprintln!("libpcap refuses: {line:?}");
    }
}

#[test]
fn a_filter_gives_the_same_packets_and_keeps_their_numbers() {
    let Some(captures) = captures() else { return };
    let filter = Some("tcp[tcpflags] & tcp-syn != 0 or greater 1000");
    let mut met = 0;
    for (name, verdict) in manifest(&captures).into_iter().step_by(5) {
        let path = captures.join(&name);
        if verdict != "ok" {
            continue;
        }
        let all = read(&path, &own(None)).expect(&name);
        match (read(&path, &own(filter)), read(&path, &libpcap(filter))) {
            (Ok(ours), Ok(theirs)) => {
                assert_eq!(ours.0, theirs.0, "{name}");
                assert_eq!(ours.1.packets + ours.1.filtered, all.1.packets, "{name}");
                assert!(ours.0.iter().all(|p| all.0[p.0 as usize - 1] == *p), "{name}");
                met += ours.0.len();
            }
            (Err(ours), Err(theirs)) => assert_eq!(ours, theirs, "{name}"),
            (ours, theirs) => panic!("{name}: {:?}", (ours.err(), theirs.err())),
        }
    }
    assert!(met > 1000, "the filter is met often enough to mean something, {met}");
}
