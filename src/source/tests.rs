//! The readers on captures made by hand, byte by byte.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::file::Capture;
use super::record::Step;
use super::window::Window;
use super::{FileOptions, Files, Input, LinkType, Next, Reader, Source};
use crate::error::Error;

/// Time, link type, wire length and bytes of a packet.
type Seen = (i64, u16, u32, Vec<u8>);

/// All packets of one capture, and what is said about it.
fn read(bytes: &[u8]) -> Result<(Vec<Seen>, Input), Error> {
    let mut input = Input::default();
    let window = Window::new(Box::new(Cursor::new(bytes.to_vec())));
    let mut capture = Capture::open(window, Path::new("made.pcap"), &mut input)?;
    let mut seen = Vec::new();
    loop {
        match capture.next(&mut input, seen.len() as u64 + 1) {
            Step::Record(r) => seen.push((r.time.0, r.link.0, r.wire_len, capture.data(r).to_vec())),
            Step::End => return Ok((seen, input)),
            Step::Problem(text) => {
                input.problem = Some(text);
                return Ok((seen, input));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Writer {
    big: bool,
}

const LE: Writer = Writer { big: false };
const BE: Writer = Writer { big: true };

impl Writer {
    fn u16(self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u32(self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|n| self.u32(*n)).collect()
    }

    fn pcap(self, magic: u32, minor: u16, snaplen: u32, link: u32) -> Vec<u8> {
        let version = [self.u16(2), self.u16(minor)].concat();
        [self.words(&[magic]), version, self.words(&[0, 0, snaplen, link])].concat()
    }

    fn record(self, sec: u32, fraction: u32, captured: u32, wire: u32, data: &[u8]) -> Vec<u8> {
        [self.words(&[sec, fraction, captured, wire]), data.to_vec()].concat()
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0xee);
        let len = body.len() as u32 + 12;
        [self.words(&[kind, len]), body, self.words(&[len])].concat()
    }

    fn section(self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        self.block(0x0a0d_0d0a, &[self.words(&[0x1a2b_3c4d]), version, vec![0xff; 8]].concat())
    }

    fn interface(self, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
        self.block(1, &[&self.u16(link)[..], &[0, 0], &self.u32(snaplen), options].concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = [&self.u16(code)[..], &self.u16(value.len() as u16), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn enhanced(self, interface: u32, units: u64, wire: u32, data: &[u8]) -> Vec<u8> {
        let head = [interface, (units >> 32) as u32, units as u32, data.len() as u32, wire];
        self.block(6, &[self.words(&head), data.to_vec()].concat())
    }
}

const DATA: &[u8] = b"sixty bytes that only an engineer could take for an Ethernet";

#[test]
fn pcap_is_read_in_both_byte_orders_and_both_units() {
    for writer in [LE, BE] {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1)] {
            let file = [writer.pcap(magic, 4, 65_535, 1), writer.record(7, 999, 60, 1514, DATA)].concat();
            let (seen, input) = read(&file).unwrap();
            assert_eq!(seen, [(7_000_000_000 + 999 * unit, 1, 1514, DATA.to_vec())]);
            assert_eq!((input.snaplen, input.problem), (Some(65_535), None));
        }
    }
}

#[test]
fn seconds_beyond_2038_are_not_negative() {
    let file = [LE.pcap(0xa1b2_c3d4, 4, 0, 1), LE.record(u32::MAX, 0, 0, 60, b"")].concat();
    assert_eq!(read(&file).unwrap().0, [(4_294_967_295_000_000_000, 1, 60, vec![])]);
}

#[test]
fn the_patched_format_has_longer_headers() {
    let record = [LE.words(&[1, 2, 60, 60, 3, 4]), DATA.to_vec()].concat();
    let file = [LE.pcap(0xa1b2_cd34, 4, 50, 1), record.clone(), record].concat();
    let (seen, input) = read(&file).unwrap();
    assert_eq!((seen.len(), input.problem), (2, None));
    assert_eq!(seen[0], (1_000_002_000, 1, 60, DATA.to_vec()));
}

#[test]
fn lcap_says_behind_its_header_how_long_it_is() {
    for w in [LE, BE] {
        for magic in [0x1c00_01ac, 0x1c00_01ab] {
            let file = [w.pcap(magic, 4, 99, 1), w.words(&[76]), w.record(1, 2, 60, 60, DATA)].concat();
            let (seen, input) = read(&file).unwrap();
            assert_eq!((seen, input.problem), (vec![(1_000_002_000, 1, 60, DATA.to_vec())], None));
            assert!(matches!(read(&file[..26]), Err(Error::NotACapture { .. })));
        }
    }
}

#[test]
fn old_versions_exchange_the_lengths() {
    for (minor, captured, wire) in [(2, 90, 60), (3, 90, 60), (3, 60, 90), (4, 60, 90)] {
        let file = [BE.pcap(0xa1b2_c3d4, minor, 99, 1), BE.record(0, 0, captured, wire, DATA)].concat();
        assert_eq!(read(&file).unwrap().0, [(0, 1, 90, DATA.to_vec())], "version 2.{minor}");
    }
}

#[test]
fn a_packet_longer_than_the_snaplen_is_cut_as_libpcap_cuts_it() {
    let record = LE.record(0, 0, 60, 60, DATA);
    let file = [LE.pcap(0xa1b2_c3d4, 4, 20, 1), record.clone(), record].concat();
    let (seen, input) = read(&file).unwrap();
    assert_eq!(seen, vec![(0, 1, 60, DATA[..20].to_vec()); 2]);
    assert_eq!(input.problem, None);
}

#[test]
fn the_upper_half_of_the_link_type_is_not_the_type() {
    let file = [LE.pcap(0xa1b2_c3d4, 4, 0, 0x2400_000c), LE.record(0, 0, 60, 60, DATA)].concat();
    let (seen, input) = read(&file).unwrap();
    assert_eq!((seen[0].1, input.link_types), (101, vec![LinkType::RAW]));
}

#[test]
fn a_huge_packet_ends_the_file_and_says_where() {
    let good = LE.record(0, 0, 60, 60, DATA);
    let file = [LE.pcap(0xa1b2_c3d4, 4, 0, 1), good, LE.record(0, 0, u32::MAX, 60, DATA)].concat();
    let (seen, input) = read(&file).unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        input.problem.unwrap(),
        "damaged at byte 100: packet 2 claims 4294967295 bytes, more than 262144"
    );
}

/// As `cat` does it. The second header would be a packet without bytes of the year 2055.
#[test]
fn a_second_pcap_behind_the_first_ends_it_and_is_named() {
    for w in [LE, BE] {
        let mut bytes = w.pcap(0xa1b2_c3d4, 4, 262_144, 1);
        bytes.extend(w.record(10, 0, 4, 4, b"abcd"));
        let at = bytes.len();
        bytes.extend(bytes.clone());
        let (packets, input) = read(&bytes).expect("a capture");
        let problem = input.problem.expect("it ends early");
        assert_eq!(packets.len(), 1);
        assert!(problem.contains(&format!("at byte {at}")) && problem.contains("mergecap"), "{problem}");
        // Nor does it matter that the second one has the other byte order.
        let other = if w.big { LE } else { BE };
        bytes.truncate(at);
        bytes.extend(other.pcap(0xa1b2_3c4d, 4, 262_144, 1));
        let problem = read(&bytes).expect("a capture").1.problem.expect("it ends early");
        assert!(problem.contains("mergecap"), "{problem}");
        // An empty packet is none of that.
        let mut empty = w.pcap(0xa1b2_c3d4, 4, 262_144, 1);
        empty.extend(w.record(0xa1b2_c3d4, 5, 0, 60, b""));
        assert_eq!(read(&empty).expect("a capture").1.problem, None);
    }
}

#[test]
fn a_cut_pcap_gives_every_whole_packet() {
    let record = LE.record(0, 0, 60, 60, DATA);
    let file = [LE.pcap(0xa1b2_c3d4, 4, 0, 1), record.clone(), record.clone(), record].concat();
    for len in 0..=file.len() {
        let result = read(&file[..len]);
        if len < 24 {
            assert!(matches!(result, Err(Error::NotACapture { .. })), "{len} bytes");
            continue;
        }
        let (seen, input) = result.unwrap();
        assert_eq!(seen.len(), (len - 24) / 76, "{len} bytes");
        assert_eq!(input.problem.is_some(), (len - 24) % 76 != 0, "{len} bytes");
    }
    let (_, input) = read(&file[..24 + 76 + 16 + 40]).unwrap();
    assert_eq!(input.problem.unwrap(), "ends inside packet 2: 40 of 60 bytes there");
    let (_, input) = read(&file[..24 + 76 + 7]).unwrap();
    assert_eq!(input.problem.unwrap(), "ends inside the header of packet 2: 7 of 16 bytes there");
}

/// Two interfaces that libpcap would refuse: link type, snaplen, clock and offset differ.
fn two_interfaces(w: Writer) -> Vec<u8> {
    let nano = [w.option(2, b"eth0"), w.option(9, &[9]), w.option(0, b"")].concat();
    let offset = if w.big { 100i64.to_be_bytes() } else { 100i64.to_le_bytes() };
    let binary = [w.option(9, &[0x81]), w.option(14, &offset)].concat();
    let drops = |n: u64| if w.big { n.to_be_bytes() } else { n.to_le_bytes() };
    let statistics = [w.words(&[1, 0, 0]), w.option(5, &drops(2)), w.option(7, &drops(3))].concat();
    [
        w.section(),
        w.interface(1, 65_535, &nano),
        w.interface(101, 0, &binary),
        w.enhanced(0, 1_500_000_000_123_456_789, 1514, &DATA[..57]),
        w.block(0x0bad, b"unknown"),
        w.enhanced(1, 3, 60, DATA),
        w.block(5, &statistics),
    ]
    .concat()
}

#[test]
fn pcapng_interfaces_may_differ_in_everything() {
    for writer in [LE, BE] {
        let (seen, input) = read(&two_interfaces(writer)).unwrap();
        let first = (1_500_000_000_123_456_789, 1, 1514, DATA[..57].to_vec());
        assert_eq!(seen, [first, (101_500_000_000, 101, 60, DATA.to_vec())]);
        assert_eq!((input.problem, input.dropped, input.snaplen), (None, Some(5), None));
    }
}

#[test]
fn sections_may_differ_in_byte_order() {
    let file = [two_interfaces(BE), two_interfaces(LE)].concat();
    let (seen, input) = read(&file).unwrap();
    assert_eq!((seen.len(), input.problem, input.dropped), (4, None, Some(10)));
}

#[test]
fn simple_and_old_packet_blocks_are_read() {
    let w = BE;
    let old = [&w.u16(0)[..], &[0, 9], &w.words(&[0, 77, 60, 90]), DATA].concat();
    let file = [
        w.section(),
        w.interface(1, 40, &[]),
        w.block(3, &[&w.u32(60)[..], &DATA[..40]].concat()),
        w.block(2, &old),
        w.block(3, &[&w.u32(30)[..], &DATA[..30]].concat()),
    ]
    .concat();
    let (seen, input) = read(&file).unwrap();
    assert_eq!(input.problem, None);
    let third = (77_000, 1, 30, DATA[..30].to_vec());
    assert_eq!(seen, [(0, 1, 60, DATA[..40].to_vec()), (77_000, 1, 90, DATA.to_vec()), third]);
}

#[test]
fn a_block_may_leave_its_padding_out_of_its_length() {
    for trailer in [32 + 57, 32 + 60] {
        let head = LE.words(&[6, 32 + 57, 0, 0, 7, 57, 57]);
        let odd = [head, DATA[..57].to_vec(), vec![0; 3], LE.words(&[trailer])].concat();
        let file = [LE.section(), LE.interface(1, 0, &[]), odd.clone(), odd].concat();
        let (seen, input) = read(&file).unwrap();
        assert_eq!((seen, input.problem), (vec![(7_000, 1, 57, DATA[..57].to_vec()); 2], None));
    }
}

#[test]
fn packets_tell_of_those_dropped_before_them() {
    for w in [LE, BE] {
        let count = |n: u64| if w.big { n.to_be_bytes() } else { n.to_le_bytes() };
        let start = [w.section(), w.interface(1, 0, &[]), w.interface(1, 0, &[])].concat();
        let options = |n| [w.option(1, b"odd"), w.option(4, &count(n)), w.option(0, b"")].concat();
        let head = |interface| w.words(&[interface, 0, 7, 60, 60]);
        let packet = |interface, n| w.block(6, &[&head(interface)[..], DATA, &options(n)].concat());
        let old = |n| w.block(2, &[&w.u16(1)[..], &w.u16(n), &w.words(&[0, 7, 60, 60]), DATA].concat());
        let statistics = |n| w.block(5, &[w.words(&[0, 0, 0]), w.option(5, &count(n))].concat());
        let dropped =
            |blocks: &[Vec<u8>]| read(&[start.clone(), blocks.concat()].concat()).unwrap().1.dropped;
        assert_eq!(dropped(&[w.enhanced(0, 7, 60, DATA)]), None);
        assert_eq!(dropped(&[packet(0, 0)]), Some(0));
        assert_eq!(dropped(&[packet(0, 3), packet(1, 4), packet(0, 2)]), Some(9));
        assert_eq!(dropped(&[old(3), old(0xffff), old(4)]), Some(7));
        // They are those that the statistics count.
        assert_eq!(dropped(&[packet(0, 3), packet(1, 4), statistics(5)]), Some(9));
        assert_eq!(dropped(&[statistics(u64::MAX)]), None);
        assert_eq!(dropped(&[packet(0, u64::MAX), packet(0, 1)]), Some(u64::MAX));
    }
}

#[test]
fn a_cut_pcapng_gives_every_whole_packet() {
    let file = two_interfaces(LE);
    let whole = read(&file).unwrap().0;
    let mut counts = Vec::new();
    for len in 28..=file.len() {
        let (seen, input) = read(&file[..len]).unwrap();
        assert_eq!(seen, whole[..seen.len()], "{len} bytes");
        if input.problem.is_none() {
            counts.push(seen.len());
        }
    }
    assert_eq!(counts, [0, 0, 0, 1, 1, 2, 2], "after each block");
}

#[test]
fn a_malformed_block_ends_the_file_and_says_where() {
    let start = [LE.section(), LE.interface(1, 0, &[])].concat();
    for (block, words) in [
        (LE.enhanced(7, 0, 60, DATA), "packet 1 is of interface 7"),
        (LE.block(6, b"short"), "packet 1 is too short"),
        (LE.block(6, &LE.words(&[0, 0, 0, 500, 60])), "packet 1 claims 500 bytes where 0 are"),
        (LE.words(&[6, 0, 0, 0]), "claims 0 bytes"),
        (LE.words(&[6, 33, 0, 0]), "is 33 before"),
        (LE.words(&[6, 0xffff_fffc, 0, 0]), "claims 4294967292 bytes"),
        (LE.words(&[6, 16, 0, 20]), "16 before and 20 behind"),
        (LE.interface(1, 0, &LE.option(9, &[6, 6])), "wrong length"),
        (LE.interface(1, 0, &LE.u32(0xff00_0005)), "cut short"),
    ] {
        let (seen, input) = read(&[start.clone(), block, start.clone()].concat()).unwrap();
        let problem = input.problem.unwrap();
        assert!(seen.is_empty() && problem.contains(words), "{problem}");
        assert!(problem.starts_with("damaged in the block at byte 48: "), "{problem}");
    }
}

#[test]
fn strange_clocks_saturate() {
    for (resolution, units, ns) in [
        (0, u64::MAX, 1 << 62),
        (19, u64::MAX, 1_844_674_407),
        (0xbf, u64::MAX, 1_999_999_999),
        (20, u64::MAX, 184_467_440),
        (0xc0, u64::MAX, 999_999_999),
        (0x7f, u64::MAX, 0),
        (0xff, u64::MAX, 0),
        (6, 1 << 63, 1 << 62),
        (3, 5, 5_000_000),
    ] {
        let clock = LE.option(9, &[resolution]);
        let file = [LE.section(), LE.interface(1, 0, &clock), LE.enhanced(0, units, 60, DATA)].concat();
        assert_eq!(read(&file).unwrap().0[0].0, ns, "resolution {resolution}");
    }
}

#[test]
fn what_is_no_capture_is_named() {
    for (bytes, word) in [
        (vec![], "empty"),
        (b"Frame 1: 60 bytes on wire".to_vec(), "text"),
        (LE.pcap(0xa1b2_c3d4, 9, 0, 1), "version 2.9"),
        (LE.block(0x0a0d_0d0a, &LE.words(&[0x1a2b_3c4d, 5, 0, 0])), "version 5.0"),
        (two_interfaces(LE)[..20].to_vec(), "ends inside"),
    ] {
        let Err(Error::NotACapture { why, .. }) = read(&bytes) else { panic!("{word} was read") };
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn any_byte_may_be_anything() {
    for file in
        [two_interfaces(LE), [LE.pcap(0xa1b2_c3d4, 4, 0, 239), BE.record(0, 0, 60, 60, DATA)].concat()]
    {
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = file.clone();
                bytes[at] = value;
                let _ = read(&bytes);
            }
        }
    }
}

/// A folder of captures that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tcpscope-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Numbers of the packets given, and the texts of errors met, in their order.
fn run(files: &mut Files) -> Vec<Result<u64, String>> {
    let mut met = Vec::new();
    loop {
        match files.next() {
            Ok(Next::Packet(p)) => met.push(Ok(p.number)),
            Ok(Next::Idle(_)) => panic!("files never idle"),
            Ok(Next::End) => return met,
            Err(e) => met.push(Err(e.to_string())),
        }
    }
}

fn three_packets() -> Vec<u8> {
    let record = |len: usize| LE.record(1, 0, len as u32, 1514, &DATA[..len]);
    [LE.pcap(0xa1b2_c3d4, 4, 65_535, 1), record(60), record(40), record(50)].concat()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, bytes).unwrap();
    gz.finish().unwrap()
}

#[test]
fn numbers_run_on_over_files_and_a_cut_or_missing_one_stops_nothing() {
    let folder = Folder::new("run-on");
    let whole = three_packets();
    let first = folder.write("a.pcap", &whole[..whole.len() - 10]);
    let missing = folder.0.join("missing.pcap");
    let last = folder.write("b.pcapng.gz", &gz(&two_interfaces(BE)));
    let total = 24 + 76 + 56 + 56 + std::fs::metadata(&last).unwrap().len();

    let mut files = Files::open([&first, &missing, &last], &FileOptions::default()).unwrap();
    assert_eq!(files.progress(), (0, Some(total)));
    let met = run(&mut files);
    assert_eq!(met.len(), 5);
    assert_eq!((&met[..2], &met[3..]), (&[Ok(1), Ok(2)][..], &[Ok(3), Ok(4)][..]));
    assert!(met[2].as_ref().unwrap_err().contains("missing.pcap: No such file"), "{met:?}");
    let [a, b] = files.inputs() else { panic!("{:?}", files.inputs()) };
    assert_eq!((a.format.as_str(), a.packets, a.bytes), ("pcap", 2, 2 * 1514));
    assert_eq!(a.problem.as_deref(), Some("ends inside packet 3: 40 of 50 bytes there"));
    assert_eq!((b.format.as_str(), b.packets, &b.problem, &b.path), ("pcapng.gz", 2, &None, &last));
    assert_eq!(files.progress(), (total, Some(total)));
    assert!(matches!(files.next(), Ok(Next::End)));
}

#[test]
fn count_stops_after_packets_that_passed_the_filter() {
    let folder = Folder::new("count");
    let path = folder.write("a.pcap", &three_packets());
    let count = FileOptions { count: Some(4), ..FileOptions::default() };
    assert_eq!(run(&mut Files::open([&path, &path], &count).unwrap()).last(), Some(&Ok(4)));
    let none = FileOptions { count: Some(0), ..FileOptions::default() };
    assert_eq!(run(&mut Files::open([&path], &none).unwrap()), []);
    #[cfg(feature = "pcap")]
    {
        // The middle packet has 40 bytes; its byte 45 does not exist, so the test fails on it.
        let filter = Some("greater 1514 and ether[45] != 0".into());
        let options = FileOptions { filter, count: Some(3), ..FileOptions::default() };
        let mut files = Files::open([&path, &path], &options).unwrap();
        assert_eq!(run(&mut files), [Ok(1), Ok(3), Ok(4)]);
        assert_eq!((files.inputs()[0].packets, files.inputs()[0].filtered), (2, 1));
    }
    #[cfg(not(feature = "pcap"))]
    {
        let filtered = FileOptions { filter: Some("tcp".into()), ..FileOptions::default() };
        assert!(matches!(Files::open([&path], &filtered), Err(Error::BadFilter { .. })));
    }
}

#[test]
fn what_cannot_be_opened_is_an_error_with_a_reason() {
    let folder = Folder::new("errors");
    for (path, reason) in [
        (folder.0.clone(), "it is a directory"),
        (folder.write("empty", b""), "the file is empty"),
        (folder.write("text.txt", b"10:00:00 IP a > b: Flags [S]"), "it looks like text"),
        (folder.write("text.gz", &gz(b"plain words")), "gz data, and in it: it looks like text"),
        (folder.write("cut.gz", &gz(&three_packets())[..12]), "the gz data is damaged or cut"),
    ] {
        for reader in READERS {
            let options = FileOptions { reader: *reader, ..FileOptions::default() };
            let mut files = Files::open([&path], &options).unwrap();
            let met = run(&mut files);
            let [Err(text)] = &met[..] else { panic!("{reason}: {met:?}") };
            assert!(text.contains(reason), "{text}");
            assert!(files.inputs().is_empty());
        }
    }
}

#[test]
fn a_cut_stream_gives_the_packets_before_the_cut() {
    let folder = Folder::new("cut-gz");
    let mut bytes = LE.pcap(0xa1b2_c3d4, 4, 65_535, 1);
    for n in 0..20_000u32 {
        let data: Vec<u8> =
            (0..15).flat_map(|i| (n * 15 + i).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        bytes.extend(LE.record(n, n, 60, 60, &data));
    }
    let packed = gz(&bytes);
    let path = folder.write("a.gz", &packed[..packed.len() / 2]);
    for reader in READERS {
        let mut files =
            Files::open([&path], &FileOptions { reader: *reader, ..FileOptions::default() }).unwrap();
        let packets = run(&mut files).len();
        assert!((8_000..12_000).contains(&packets), "{packets}");
        let problem = files.inputs()[0].problem.as_deref().unwrap();
        if *reader == Reader::Own {
            assert!(
                problem.contains("ends inside") && problem.contains("gz data is damaged or cut"),
                "{problem}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new("bytes");
    let path = folder.write(std::ffi::OsStr::from_bytes(b"\xff\xfe.pcap"), &three_packets());
    for reader in READERS {
        let options = FileOptions { reader: *reader, ..FileOptions::default() };
        assert_eq!(run(&mut Files::open([&path], &options).unwrap()), [Ok(1), Ok(2), Ok(3)]);
    }
}

#[cfg(feature = "pcap")]
#[test]
fn libpcap_agrees_on_captures_made_by_hand() {
    let folder = Folder::new("libpcap");
    let nflog =
        [&[2, 0, 0, 0][..], &BE.u16(5), &BE.u16(9), &[7, 0, 0, 0], &BE.u16(8), &BE.u16(1), b"data"].concat();
    let mut files = vec![three_packets()];
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
        for minor in 0..=4 {
            for link in [1, 101, 12, 14, 100, 106, 239] {
                for w in [LE, BE] {
                    let extra = if magic == 0xa1b2_cd34 { vec![9; 8] } else { vec![] };
                    let record = |sec, frac, a, b, data: &[u8]| {
                        [w.record(sec, frac, a, b, &extra), data.to_vec()].concat()
                    };
                    let records = [
                        record(u32::MAX, 5, 60, 60, DATA),
                        record(3, u32::MAX, 20, 20, &nflog),
                        record(0, 0, 0, 0, b""),
                    ];
                    files.push([w.pcap(magic, minor, 30, link), records.concat()].concat());
                }
            }
        }
    }
    for w in [LE, BE] {
        for resolution in [0, 3, 6, 9, 12, 19, 0x80, 0x81, 0x8a, 0x9e] {
            let offset = w.option(14, &if w.big { 9i64.to_be_bytes() } else { 9i64.to_le_bytes() });
            let clock = [w.option(9, &[resolution]), offset].concat();
            for clock in [clock, w.option(9, &[resolution])] {
                let packets = [w.enhanced(0, 1_234_567_890, 99, DATA), w.enhanced(0, 7, 99, DATA)].concat();
                files.push([w.section(), w.interface(1, 100, &clock), packets].concat());
            }
        }
    }
    for (n, bytes) in files.iter().enumerate() {
        let path = folder.write(format!("{n}"), bytes);
        let [ours, theirs] = [Reader::Own, Reader::Libpcap].map(|reader| {
            let mut files = Files::open([&path], &FileOptions { reader, ..FileOptions::default() }).unwrap();
            let mut seen = Vec::new();
            while let Next::Packet(p) = files.next().unwrap() {
                seen.push((p.number, p.time, p.link, p.wire_len, p.data.to_vec()));
            }
            (seen, files.inputs()[0].problem.is_some(), files.inputs()[0].format.clone())
        });
        assert_eq!(ours, theirs, "file {n}: {:02x?}", &bytes[..24]);
    }
}

const READERS: &[Reader] = &[
    Reader::Own,
    #[cfg(feature = "pcap")]
    Reader::Libpcap,
];

proptest::proptest! {
    /// Whatever follows a good beginning: no panic, and only as many packets as bytes can hold.
    #[test]
    fn no_bytes_make_a_reader_panic(
        start in 0usize..6,
        words in proptest::collection::vec(proptest::prop_oneof![0u32..8, 12u32..80, proptest::num::u32::ANY], 0..200),
    ) {
        let (w, start) = match start {
            0 => (LE, LE.pcap(0xa1b2_c3d4, 4, 50, 239)),
            1 => (BE, BE.pcap(0xa1b2_cd34, 3, 0, 1)),
            2 => (BE, BE.section()),
            3 => (LE, [LE.section(), LE.interface(1, 0, &[])].concat()),
            4 => (BE, [BE.section(), BE.interface(239, 9, &[])].concat()),
            _ => (LE, vec![]),
        };
        let file = [start, w.words(&words)].concat();
        if let Ok((seen, _)) = read(&file) {
            proptest::prop_assert!(seen.len() * 12 <= file.len());
        }
    }
}
