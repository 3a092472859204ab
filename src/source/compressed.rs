//! Compressed captures: known by their first bytes, unpacked on a thread of their own.
//!
//! Concatenated streams are read to the last one. A stream cut or damaged gives everything before that place, then
//! an error that says which compression failed and how.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

/// How a file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compression {
    /// gzip, RFC 1952.
    Gz,
    /// Zstandard, RFC 8878.
    Zst,
    /// The LZ4 frame format.
    Lz4,
    /// The one before it, which `lz4 -l` writes: blocks until the end of the file.
    OldLz4,
    /// xz.
    Xz,
}

impl Compression {
    /// From the first bytes of a file; [`Self::needs`] says how many.
    pub(super) fn of(mut first: &[u8]) -> Option<Self> {
        while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, l0, l1, l2, l3, rest @ ..] = first {
            first = rest.get(u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize..)?;
        }
        match first {
            [0x1f, 0x8b, ..] => Some(Self::Gz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zst),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0x02, 0x21, 0x4c, 0x18, ..] => Some(Self::OldLz4),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// How many bytes [`Self::of`] must see, when it has seen six: more, where a frame of zst or lz4 comes first that
    /// decoders skip (RFC 8878 §3.1.2). `pzstd` begins with such frames, of twelve bytes.
    pub(super) fn needs(first: &[u8]) -> usize {
        if matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) { 4096 } else { 6 }
    }

    /// As its files are named: `gz`, `zst`, `lz4`, `xz`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gz => "gz",
            Self::Zst => "zst",
            Self::Lz4 | Self::OldLz4 => "lz4",
            Self::Xz => "xz",
        }
    }

    /// What `packed` unpacks to.
    pub(super) fn unpack(self, packed: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let (sender, receiver) = sync_channel(CHUNKS);
        thread::spawn(move || {
            let end = match self.decoder(packed).and_then(|decoder| send_all(decoder, &sender)) {
                Ok(()) => Ok(Vec::new()),
                Err(e) => {
                    Err(io::Error::new(e.kind(), format!("the {} data is damaged or cut: {e}", self.name())))
                }
            };
            // Whoever asked may have gone; then nobody is there to be told.
            let _ = sender.send(end);
        });
        Box::new(Unpacked { chunks: receiver, chunk: Vec::new(), at: 0 })
    }

    fn decoder(self, packed: Box<dyn Read + Send>) -> io::Result<Box<dyn Read>> {
        let packed = BufReader::with_capacity(CHUNK, packed);
        Ok(match self {
            Self::Gz => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Zst => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
            Self::Lz4 => Box::new(Lz4::new(packed)),
            Self::OldLz4 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
            Self::Xz => {
                Box::new(XzDecoder::new_stream(packed, Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?))
            }
        })
    }
}

/// Reads to the end; stops early, content, if nobody listens.
fn send_all(mut decoder: impl Read, to: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    loop {
        let mut chunk = vec![0; CHUNK];
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => chunk.truncate(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
        if to.send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}

/// The receiving end: chunks, then an empty one or an error.
struct Unpacked {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Unpacked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            let stopped = || io::Error::other("the decoder stopped without a word");
            self.chunk = self.chunks.recv().unwrap_or_else(|_| Err(stopped()))?;
            self.at = 0;
        }
        let n = self.chunk.get(self.at..).unwrap_or_default().read(to)?;
        self.at += n;
        Ok(n)
    }
}

/// LZ4 frames one after the other. The decoder alone ends without error at a frame's end and at a cut between two
/// blocks alike; what tells them apart is that only the cut has met the end of the file.
struct Lz4<R: BufRead>(lz4_flex::frame::FrameDecoder<EndSeen<R>>);

impl<R: BufRead> Lz4<R> {
    fn new(packed: R) -> Self {
        Self(lz4_flex::frame::FrameDecoder::new(EndSeen { packed, seen: false }))
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(to) {
                Ok(0) if self.0.get_ref().seen => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => {}
                Ok(n) => return Ok(n),
                Err(e) => skip(e, &mut self.0.get_mut().packed)?,
            }
            if self.0.get_mut().packed.fill_buf()?.is_empty() {
                return Ok(0);
            }
        }
    }
}

/// Passes over a frame that is to be skipped, whose header the decoder has read and complains of; any other complaint
/// stands.
fn skip(complaint: io::Error, packed: &mut impl BufRead) -> io::Result<()> {
    use lz4_flex::frame::Error::SkippableFrame;
    let Some(SkippableFrame(len)) = complaint.get_ref().and_then(|e| e.downcast_ref()) else {
        return Err(complaint);
    };
    let len = u64::from(*len);
    match io::copy(&mut packed.take(len), &mut io::sink())? {
        passed if passed == len => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Remembers that the end was read.
struct EndSeen<R> {
    packed: R,
    seen: bool,
}

impl<R: Read> Read for EndSeen<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.packed.read(to)?;
        self.seen |= n == 0 && !to.is_empty();
        Ok(n)
    }
}

/// Bytes handed over at once.
const CHUNK: usize = 128 * 1024;
/// Chunks under way.
const CHUNKS: usize = 4;
/// Memory an xz stream may ask for; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gz => {
                let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gz.write_all(bytes).unwrap();
                gz.finish().unwrap()
            }
            Compression::Zst => zstd::encode_all(bytes, 1).unwrap(),
            Compression::Lz4 => {
                let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
                lz4.write_all(bytes).unwrap();
                lz4.finish().unwrap()
            }
            Compression::OldLz4 => unreachable!("nothing here writes it"),
            Compression::Xz => {
                let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
                xz.write_all(bytes).unwrap();
                xz.finish().unwrap()
            }
        }
    }

    const OLD_LZ4: &[u8] = &[
        0x02, 0x21, 0x4c, 0x18, 15, 0, 0, 0, 110, 104, 101, 108, 108, 111, 32, 6, 0, 80, 104, 101, 108, 108,
        111,
    ];
    const ALL: [Compression; 4] = [Compression::Gz, Compression::Zst, Compression::Lz4, Compression::Xz];

    #[test]
    fn streams_one_after_the_other_are_one_file() {
        let bytes: Vec<u8> = (0..400_000u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for compression in ALL {
            let (a, b) = bytes.split_at(1_000_001);
            let packed = [pack(compression, a), pack(compression, b)].concat();
            assert_eq!(Compression::of(&packed), Some(compression));
            let mut unpacked = Vec::new();
            compression.unpack(Box::new(Cursor::new(packed))).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked.len(), bytes.len(), "{compression:?}");
            assert!(unpacked == bytes, "{compression:?}");
        }
    }

    #[test]
    fn frames_to_be_skipped_are_skipped_wherever_they_are() {
        let skipped = [&[0x52, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"extra"].concat();
        for compression in [Compression::Zst, Compression::Lz4] {
            let frame = pack(compression, b"hello");
            let packed = [&skipped, &skipped, &frame, &skipped, &frame, &skipped].map(|v| &v[..]).concat();
            assert!(Compression::needs(&packed) >= packed.len());
            assert_eq!(Compression::of(&packed), Some(compression));
            let mut unpacked = Vec::new();
            compression.unpack(Box::new(Cursor::new(packed.clone()))).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, b"hellohello", "{compression:?}");
            let cut = Cursor::new(packed[..packed.len() - 2].to_vec());
            let end = compression.unpack(Box::new(cut)).read_to_end(&mut unpacked);
            assert!(end.is_err(), "{compression:?}");
        }
        assert_eq!(Compression::of(&skipped), None);
        assert_eq!(Compression::of(&[0x50, 0x2a, 0x4d, 0x18, 255, 255, 255, 255, 0]), None);
    }

    /// As `printf 'hello hello hello hello hello' | lz4 -l` makes it.
    #[test]
    fn the_old_lz4_format_is_read() {
        let packed = OLD_LZ4.to_vec();
        let compression = Compression::of(&packed).unwrap();
        assert_eq!((compression, compression.name()), (Compression::OldLz4, "lz4"));
        let mut unpacked = Vec::new();
        compression.unpack(Box::new(Cursor::new(packed.clone()))).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, b"hello hello hello hello hello");
        let cut = Cursor::new(packed[..packed.len() - 3].to_vec());
        assert!(compression.unpack(Box::new(cut)).read_to_end(&mut unpacked).is_err());
    }

    #[test]
    fn a_cut_stream_gives_its_beginning_and_an_error_at_every_length() {
        let bytes: Vec<u8> =
            (0..2_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for compression in ALL {
            let packed = pack(compression, &bytes);
            for len in (1..packed.len()).step_by(7) {
                let mut unpacked = Vec::new();
                let cut = Cursor::new(packed.get(..len).unwrap_or_default().to_vec());
                let result = compression.unpack(Box::new(cut)).read_to_end(&mut unpacked);
                assert!(bytes.starts_with(&unpacked), "{compression:?}");
                assert!(
                    result.unwrap_err().to_string().contains(compression.name()),
                    "{len} of {compression:?}"
                );
            }
        }
    }
}
