//! `errand-guest sftp`: the file transfer protocol of SSH, version 3, on standard input and output.
//!
//! Runs as the agent's user and does what that user may; nothing else stands between a client and
//! the files. The client is a person's, the files may be anybody's: neither can make it hold more than
//! one packet and its open files.

mod attributes;
mod files;
mod wire;

use files::Files;
use std::io::{self, Read, Write};
use wire::{Packet, Reader, Writer};

/// Bytes of one packet at most, as other servers have it.
const PACKET_BYTES: usize = 256 * 1024;
/// Version of the protocol.
const VERSION: u32 = 3;

const INIT: u8 = 1;
const VERSION_IS: u8 = 2;
const STATUS: u8 = 101;
const STATUS_OK: u32 = 0;
const STATUS_EOF: u32 = 1;
const STATUS_NO_SUCH_FILE: u32 = 2;
const STATUS_DENIED: u32 = 3;
const STATUS_FAILURE: u32 = 4;
const STATUS_BAD_MESSAGE: u32 = 5;
const STATUS_UNSUPPORTED: u32 = 8;

/// What a request came to, if it is no answer of its own.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing more.
    End,
    /// The bytes were no such request.
    BadMessage,
    /// Nobody does this.
    Unsupported,
    /// The system said no.
    Failed(io::Error),
}

impl From<io::Error> for Outcome {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Serves a client until it goes.
pub fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut files = Files::default();
    while let Some(packet) = read(&mut input)? {
        output.write_all(&answer(&mut files, &packet).finish())?;
        output.flush()?;
    }
    Ok(())
}

fn read(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if !(1..=PACKET_BYTES).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet is empty or too long"));
    }
    let mut packet = vec![0; length];
    input.read_exact(&mut packet)?;
    Ok(Some(packet))
}

fn answer(files: &mut Files, packet: &[u8]) -> Writer {
    let Some(Packet { kind, rest }) = Packet::parse(packet) else {
        return status(0, &Outcome::BadMessage);
    };
    let mut fields = Reader::new(rest);
    if kind == INIT {
        let mut writer = Writer::new(VERSION_IS);
        writer.number(VERSION);
        for name in files::EXTENSIONS {
            writer.text(name.as_bytes()).text(b"1");
        }
        return writer;
    }
    let Some(id) = fields.number() else { return status(0, &Outcome::BadMessage) };
    match files.carry_out(kind, id, &mut fields) {
        Ok(Some(writer)) => writer,
        Ok(None) => done(id),
        Err(outcome) => status(id, &outcome),
    }
}

fn done(id: u32) -> Writer {
    let mut writer = Writer::new(STATUS);
    writer.number(id).number(STATUS_OK).text(b"").text(b"");
    writer
}

fn status(id: u32, outcome: &Outcome) -> Writer {
    let (code, text) = match outcome {
        Outcome::End => (STATUS_EOF, "end of file".to_owned()),
        Outcome::BadMessage => (STATUS_BAD_MESSAGE, "bad message".to_owned()),
        Outcome::Unsupported => (STATUS_UNSUPPORTED, "not supported".to_owned()),
        Outcome::Failed(error) => {
            let known = [
                (io::ErrorKind::NotFound, STATUS_NO_SUCH_FILE),
                (io::ErrorKind::PermissionDenied, STATUS_DENIED),
            ];
            let code = known.iter().find(|(kind, _)| *kind == error.kind());
            (code.map_or(STATUS_FAILURE, |(_, code)| *code), error.to_string())
        }
    };
    let mut writer = Writer::new(STATUS);
    writer.number(id).number(code).text(text.as_bytes()).text(b"");
    writer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: u8, id: u32, build: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new(kind);
        writer.number(id);
        build(&mut writer);
        writer.finish()
    }

    fn ask(files: &mut Files, packet: &[u8]) -> (u8, Vec<u8>) {
        let bytes = answer(files, &packet[4..]).finish();
        (bytes[4], bytes[9..].to_vec())
    }

    fn code(answer: &(u8, Vec<u8>)) -> u32 {
        assert_eq!(answer.0, STATUS);
        u32::from_be_bytes(answer.1[..4].try_into().unwrap())
    }

    #[test]
    fn a_file_goes_in_and_comes_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b\n\u{fc}").into_os_string().into_encoded_bytes();
        let mut files = Files::default();
        let open = |flags: u32| {
            request(3, 1, |writer| {
                writer.text(&path).number(flags).number(4).number(0o600);
            })
        };
        let (kind, handle) = ask(&mut files, &open(0x1a));
        assert_eq!(kind, 102);
        let handle = handle[4..].to_vec();
        let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_be_bytes).take(100_000).collect();
        for (nth, piece) in content.chunks(32_768).enumerate() {
            let written = request(6, 2, |writer| {
                writer.text(&handle).long(nth as u64 * 32_768).text(piece);
            });
            assert_eq!(code(&ask(&mut files, &written)), STATUS_OK);
        }
        let close = request(4, 3, |writer| {
            writer.text(&handle);
        });
        assert_eq!(code(&ask(&mut files, &close)), STATUS_OK);
        assert_eq!(code(&ask(&mut files, &close)), STATUS_FAILURE, "a handle works until closed");
        let (_, handle) = ask(&mut files, &open(1));
        let mut read = Vec::new();
        loop {
            let piece = request(5, 4, |writer| {
                writer.text(&handle[4..]).long(read.len() as u64).number(32_768);
            });
            let (kind, bytes) = ask(&mut files, &piece);
            if kind == STATUS {
                break;
            }
            read.extend_from_slice(&bytes[4..]);
        }
        assert!(read == content);
        let mode = std::os::unix::fs::PermissionsExt::mode;
        let found = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        assert_eq!(mode(&found.metadata().unwrap().permissions()) & 0o777, 0o600);
    }

    #[test]
    fn nonsense_is_answered_and_ends_nothing() {
        let mut files = Files::default();
        for kind in [3_u8, 4, 5, 6, 11, 12, 14, 17, 18, 20, 200, 250] {
            let answered = ask(
                &mut files,
                &request(kind, 7, |writer| {
                    writer.number(u32::MAX);
                }),
            );
            assert_ne!(code(&answered), STATUS_OK, "{kind}");
        }
        let too_long = u32::try_from(PACKET_BYTES + 1).unwrap().to_be_bytes();
        assert!(serve(&too_long[..], io::sink()).is_err());
        assert!(serve(&[][..], io::sink()).is_ok());
    }

    #[test]
    fn a_folder_is_listed_whole_and_renamed_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for nth in 0..700 {
            std::fs::write(folder.path().join(format!("f{nth}")), "x").unwrap();
        }
        let path = folder.path().display().to_string();
        let mut files = Files::default();
        let (kind, handle) = ask(
            &mut files,
            &request(11, 1, |writer| {
                writer.text(path.as_bytes());
            }),
        );
        assert_eq!(kind, 102);
        let mut names = 0;
        loop {
            let (kind, answer) = ask(
                &mut files,
                &request(12, 2, |writer| {
                    writer.text(&handle[4..]);
                }),
            );
            if kind == STATUS {
                break;
            }
            names += u32::from_be_bytes(answer[..4].try_into().unwrap());
        }
        assert_eq!(names, 702, "with . and ..");
        let over = request(200, 3, |writer| {
            writer.text(b"posix-rename@openssh.com");
            writer.text(format!("{path}/f1").as_bytes()).text(format!("{path}/f2").as_bytes());
        });
        assert_eq!(code(&ask(&mut files, &over)), STATUS_OK);
        assert!(!folder.path().join("f1").exists());
    }
}
