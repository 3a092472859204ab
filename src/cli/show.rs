//! `tcpscope show`: the ladder diagram of one connection.

use std::path::PathBuf;

use super::args::{InputArgs, ShowArgs};
use super::failure::{FINDINGS, Usage, say};
use super::place::Place;
use super::read;
use super::screen;
use crate::engine;
use crate::output::{Color, Detail, Folding, LADDERS, Layout, Numbers, View};
use crate::report::{Ladder, NotThere, Pick, Picker};
use crate::rules::Severity;

/// Reads once, keeps one connection, draws it.
pub fn run(args: &ShowArgs) -> anyhow::Result<u8> {
    let (paths, pick) = wanted(args)?;
    let config = read::config(&args.input)?;
    let place = Place::open(args.output.as_deref(), &paths)?;
    let format = LADDERS.iter().find(|f| f.name == args.format).expect("clap takes names of LADDERS only");
    let mut source = read::source(&args.input, read::progress(args.quiet), &paths)?;
    let mut picker = Picker::new(pick, Picker::ROWS);
    let outcome = engine::analyze(&mut source, &config, &mut picker);
    let inputs = crate::source::Source::inputs(&source).to_vec();
    let failures = read::failures(source, outcome.failure)?;
    let told = read::tell(&inputs, &failures, &args.input, read::progress(args.quiet));
    let ladder = match picker.finish() {
        Ok(ladder) => ladder,
        // Its packets may be in what could not be read.
        Err(_) if told != 0 => return Ok(told),
        Err(missing) => return Err(not_there(args, missing).into()),
    };
    if !args.quiet {
        tell_others(&ladder);
    }
    let layout = layout(args, &place);
    place.write(|out| (format.write)(&ladder, view(args), &layout, out))?;
    Ok(if told == 0 { judged(&args.input, &ladder) } else { told })
}

/// The files, and which connection: the last word, unless a stream is asked for.
fn wanted(args: &ShowArgs) -> Result<(Vec<PathBuf>, Pick), Usage> {
    let paths = |words: &[String]| words.iter().map(PathBuf::from).collect();
    if let Some(stream) = args.stream {
        return Ok((paths(&args.words), Pick::Stream(stream)));
    }
    let hint =
        "an id is in the first column of `tcpscope read FILE`; also --stream N, or ADDR:PORT-ADDR:PORT";
    match args.words.split_last() {
        Some((word, files)) if !files.is_empty() => match Pick::parse(word) {
            Some(pick) => Ok((paths(files), pick)),
            None => Err(Usage::new(format!("{word:?} is no connection"), hint)),
        },
        _ => Err(Usage::new("which connection?", hint)),
    }
}

fn not_there(args: &ShowArgs, missing: NotThere) -> Usage {
    let what = match (args.stream, args.words.last()) {
        (Some(stream), _) => format!("there is no connection with tcp.stream {stream}"),
        (None, word) => format!("there is no connection {}", word.map_or("", String::as_str)),
    };
    match missing.packet_of {
        Some(id) => Usage::new(what, format!("that packet belongs to connection {id}")),
        None => Usage::new(what, "see the ids in the first column of `tcpscope read FILE --top 0`"),
    }
}

/// The same endpoints may have had several connections.
fn tell_others(ladder: &Ladder) {
    if !ladder.others.is_empty() {
        let ids: Vec<_> = ladder.others.iter().map(u64::to_string).collect();
        say("note", &format!("the same endpoints have other connections: {}", ids.join(", ")));
    }
}

fn layout(args: &ShowArgs, place: &Place) -> Layout {
    let terminal = place.is_terminal().into();
    Layout {
        color: if args.format == LADDERS[0].name {
            screen::color(args.color, terminal)
        } else {
            Color::Never
        },
        width: screen::width(terminal),
        detail: if args.quiet { Detail::Quiet } else { Detail::Normal },
        ..Layout::default()
    }
}

fn view(args: &ShowArgs) -> View {
    View {
        folding: if args.all { Folding::Unfolded } else { Folding::Folded },
        numbers: if args.absolute { Numbers::Absolute } else { Numbers::Relative },
    }
}

/// `--fail-on` means what is shown.
fn judged(args: &InputArgs, ladder: &Ladder) -> u8 {
    let level = args.fail_on.map(Severity::from);
    let bad = level.is_some_and(|level| ladder.findings.iter().any(|f| f.severity >= level));
    if bad { FINDINGS } else { 0 }
}
