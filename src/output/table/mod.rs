//! `--format table`: attacks, what was read and how well, the connections, half-open and TIME_WAIT figures, listeners and clients
//! in trouble, findings, and what to type next. For people: widths and colours follow the layout, and foreign text is escaped.

mod clients;
mod connections;
mod findings;
mod head;
mod listeners;
mod page;

use std::io::{self, Write};

use page::Page;

use super::layout::{Detail, Layout};
use crate::report::Report;

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(report, layout);
    if report.summary.packets == 0 {
        head::inputs(&page, out)?;
        return writeln!(out, "no packets");
    }
    findings::attacks(&page, out)?;
    head::write(&page, out)?;
    connections::write(&page, out)?;
    head::figures(&page, out)?;
    let mut trouble = Vec::new();
    listeners::write(&page, &mut trouble)?;
    clients::write(&page, &mut trouble)?;
    if !trouble.is_empty() {
        out.write_all(&trouble)?;
        writeln!(out)?;
    }
    findings::write(&page, out)?;
    match layout.detail {
        Detail::Quiet => Ok(()),
        Detail::Normal | Detail::Verbose => advice(&page, out),
    }
}

/// The next useful commands: about the worst finding, its connection, and all the rest.
fn advice(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (report, layout) = (page.report, page.layout);
    let worst = report.findings.iter().rev().max_by_key(|f| f.severity);
    let id = worst.and_then(|f| f.connection).or_else(|| report.connections.first().map(|c| c.record.id));
    let notes = report.summary.findings.note;
    let (flags, why) = match layout.detail {
        Detail::Normal if notes > 0 => ("-v", "every note with its frames"),
        _ => ("--json", "every step of every connection"),
    };
    let mut next = Vec::new();
    next.extend(worst.map(|f| (format!("tcpscope explain {}", f.rule), "why it matters, when it is normal")));
    let drawn = layout.show.as_ref().zip(id);
    next.extend(drawn.map(|(show, id)| (format!("{} {id}", super::escape(show)), "its segments and states")));
    let again = layout.command.as_ref().filter(|_| report.summary.connections > 0);
    next.extend(again.map(|command| (format!("{} {flags}", super::escape(command)), why)));
    let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    for (i, (command, why)) in next.iter().enumerate() {
        let (begin, gap) = (if i == 0 { "\nNext:" } else { "     " }, width - command.chars().count());
        write!(out, "{begin} {}", page.bold(command))?;
        // Without room the command alone: a line broken in the middle of a word helps nobody.
        match LEAD + width + why.len() + 4 <= usize::from(layout.width) {
            true => writeln!(out, "{:gap$}  ({why})", "")?,
            false => writeln!(out)?,
        }
    }
    Ok(())
}

/// Characters before a command that is advised.
const LEAD: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Color;
    use crate::report::{Column, sample};

    fn text(report: &Report, layout: &Layout) -> String {
        let mut bytes = Vec::new();
        write(report, layout, &mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn layout() -> Layout {
        let command = |name: &str| Some(format!("tcpscope {name} a.pcap"));
        Layout { command: command("read"), show: command("show"), ..Layout::default() }
    }

    #[test]
    fn two_connections_make_this_page() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/output/table/golden.txt");
        let page = text(&sample::report(), &layout());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &page).expect("the golden file can be written");
        }
        assert_eq!(page, std::fs::read_to_string(path).unwrap_or_default());
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [60, 80, 120, 200] {
            let page = text(&sample::report(), &Layout { width, ..layout() });
            // Advice is a command to copy; it is never broken.
            let wide = page
                .lines()
                .take_while(|l| !l.starts_with("Next:"))
                .find(|l| l.chars().count() > width.into());
            assert_eq!(wide, None, "{width}");
        }
    }

    #[test]
    fn chosen_columns_replace_the_usual_ones() {
        let columns = Column::parse_list("id,rtt").expect("columns");
        let page = text(&sample::report(), &Layout { columns: Some(columns), ..layout() });
        assert!(page.contains("20.0 ms"));
        assert!(!page.contains("Client state"));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let page = text(&sample::report(), &Layout { top: Some(1), ..layout() });
        assert!(page.contains("1 of 2"), "{page}");
        assert!(page.contains("--top 0"), "{page}");
        assert!(!page.contains("2001:db8::1"), "{page}");
    }

    #[test]
    fn without_colour_there_is_no_escape_character() {
        let mut report = sample::report();
        report.inputs[0].path = "evil\x1b[31m.pcap".into();
        report.findings[0].message.push_str("\x1b[2J");
        assert!(!text(&report, &layout()).contains('\x1b'));
        let coloured = text(&report, &Layout { color: Color::Always, ..layout() });
        assert!(coloured.contains('\x1b'));
        assert!(!coloured.contains("\x1b[2J"));
    }

    #[test]
    fn an_attack_is_the_first_thing_on_the_page() {
        let mut report = sample::report();
        let attack = crate::rules::Finding {
            key: Some("10.0.0.2:80".into()),
            connection: None,
            message: "SYN flood on 10.0.0.2:80".into(),
            ..sample::finding("AT001", 3)
        };
        report.findings.push(attack);
        let page = text(&report, &layout());
        assert!(page.starts_with("Attack       AT001: SYN flood on 10.0.0.2:80\n"), "{page}");
        assert_eq!(page.matches("SYN flood on").count(), 1, "{page}");
    }

    #[test]
    fn nothing_read_is_said() {
        assert!(text(&Report::default(), &layout()).ends_with("no packets\n"));
    }

    #[test]
    fn notes_are_summed_up_unless_asked_for() {
        use crate::rules::Severity;
        let mut report = sample::report();
        for frame in 5..12 {
            let note = crate::rules::Finding { severity: Severity::Note, ..sample::finding("TW004", frame) };
            report.findings.push(note);
        }
        let short = text(&report, &layout());
        let long = text(&report, &Layout { detail: Detail::Verbose, ..layout() });
        assert!(short.contains("7 times in 1 connection"), "{short}");
        assert_eq!(short.matches("TW004").count(), 1, "{short}");
        assert_eq!(long.matches("TW004").count(), 7, "{long}");
    }
}
