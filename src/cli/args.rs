//! What can be typed: commands and flags.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::check::CheckArgs;
use super::diff::DiffArgs;
use crate::output::{FORMATS, LADDERS};
use crate::report::{BOTH_ENDS, COLUMNS};
use crate::rules::Severity;

/// What did my TCP connections do, which rule did they break, and where is the proof?
#[derive(Debug, Parser)]
#[command(name = "tcpscope", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyze captures (also: tcpscope -r FILE)
    Read(Box<ReadArgs>),
    /// Analyze what passes an interface (also: tcpscope -i IFACE)
    Live(Box<LiveArgs>),
    /// Draw the ladder diagram of one connection
    Show(Box<ShowArgs>),
    /// List what `live` can capture on (also: tcpscope -D)
    Interfaces(InterfacesArgs),
    /// Check captures against a policy, for continuous integration
    Check(Box<CheckArgs>),
    /// Tell what changed between two captures of the same test
    Diff(Box<DiffArgs>),
    /// List every rule
    Rules(RulesArgs),
    /// Explain a rule: what it reports, why it matters, when it is normal
    Explain(ExplainArgs),
    /// Print the JSON Schema of the JSON output
    Schema {
        /// Of which command
        #[arg(value_enum, default_value_t = SchemaOf::Read)]
        of: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man {
        /// Of this command instead of the program
        command: Option<String>,
    },
}

/// `tcpscope read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Captures (pcap or pcapng, also gz, zst, lz4, xz), or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "also")]
    pub files: Vec<PathBuf>,
    /// The same, as tcpdump and tshark have it
    #[arg(short = 'r', id = "also", value_name = "FILE", hide = true)]
    pub also: Vec<PathBuf>,
    /// What to read of them
    #[command(flatten)]
    pub input: InputArgs,
    /// Which connections to keep
    #[command(flatten)]
    pub keep: KeepArgs,
    /// How to show it
    #[command(flatten)]
    pub output: OutputArgs,
}

impl ReadArgs {
    /// All files, in the order of their kinds: `-r` first.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.also.iter().chain(&self.files).cloned().collect()
    }
}

/// `tcpscope live`.
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Interfaces, as `tcpscope interfaces` lists them; any for all of them
    #[arg(value_name = "IFACE", required_unless_present = "interface")]
    pub interfaces: Vec<String>,
    /// The same, as tcpdump and tshark have it
    #[arg(short = 'i', id = "interface", value_name = "IFACE", hide = true)]
    pub also: Vec<String>,
    /// How to capture
    #[command(flatten)]
    pub capture: CaptureArgs,
    /// What to analyze
    #[command(flatten)]
    pub input: InputArgs,
    /// What to keep of the connections that end
    #[command(flatten)]
    pub keep: KeepArgs,
    /// How to show it
    #[command(flatten)]
    pub output: OutputArgs,
}

impl LiveArgs {
    /// All interfaces, `-i` first.
    pub fn names(&self) -> Vec<String> {
        self.also.iter().chain(&self.interfaces).cloned().collect()
    }
}

/// Flags about capturing.
#[derive(Debug, Args)]
#[command(next_help_heading = "Capture")]
pub struct CaptureArgs {
    /// Bytes kept of each packet: enough for the headers; more for tunnels and for what -w is to keep
    #[arg(short, long, value_name = "BYTES", default_value_t = 128, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: u32,
    /// What the kernel keeps of each interface while nobody reads, in MiB
    #[arg(short = 'B', long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=2047))]
    pub buffer: u32,
    /// Take only what is for this machine
    #[arg(short = 'p', long)]
    pub no_promiscuous: bool,
    /// Stop after this time or number of packets
    #[arg(short = 'a', long, value_name = "duration:60s|packets:N")]
    pub stop: Vec<String>,
    /// Also write the packets that are analyzed, as pcapng
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Write into files by turns, a new one when the last is so old or so large: -b files:10 -b size:100MB
    #[arg(short = 'b', long, value_name = "duration:60s|size:100MB|files:N", requires = "write")]
    pub ring: Vec<String>,
    /// A line for each event in the place of a screen
    #[arg(long)]
    pub plain: bool,
    /// How often to say how things stand [default: 1s; 10s for lines]
    #[arg(long, value_name = "DUR")]
    pub interval: Option<String>,
    /// Answer Prometheus at this address; with a port alone, of this machine only
    #[arg(long, value_name = "[ADDR:]PORT")]
    pub metrics: Option<String>,
    /// Stay who you are: keep user, capabilities and files once the interface is open
    #[arg(long)]
    pub keep_privileges: bool,
}

/// `tcpscope interfaces`.
#[derive(Debug, Args)]
pub struct InterfacesArgs {
    /// As a JSON document
    #[arg(long)]
    pub json: bool,
}

/// `tcpscope show`.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcpscope show [OPTIONS] FILE... ID\n       tcpscope show [OPTIONS] --stream N FILE..."
)]
pub struct ShowArgs {
    /// Captures, or - for standard input; and last the connection: its id, or ADDR:PORT-ADDR:PORT
    #[arg(value_name = "FILE... ID", required = true)]
    pub words: Vec<String>,
    /// The connection with this stream number of Wireshark's, in the place of an id
    #[arg(long, value_name = "N")]
    pub stream: Option<u32>,
    /// What to read
    #[command(flatten)]
    pub input: InputArgs,
    /// How to draw it
    #[arg(long, value_name = "FORMAT", default_value = LADDERS[0].name, value_parser = ladders(), help_heading = "Output")]
    pub format: String,
    /// Every segment; without it, long runs of data and acknowledgments are one line
    #[arg(long, help_heading = "Output")]
    pub all: bool,
    /// Sequence numbers as in the header, not less the ISN
    #[arg(long, help_heading = "Output")]
    pub absolute: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto, help_heading = "Output")]
    pub color: When,
    /// No progress, warnings, legend or advice
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// `tcpscope rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// As a JSON document
    #[arg(long)]
    pub json: bool,
}

/// `tcpscope explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Its id (HS002) or name (synack-bad-ack); a family (HS) or nothing lists rules
    pub rule: Option<String>,
}

/// Flags about what is read, and how it is understood.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// Capture filter in libpcap's syntax, such as 'tcp port 443'
    #[arg(short, long, value_name = "BPF")]
    pub filter: Option<String>,
    /// Stop after N packets
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Maximum segment lifetime, such as 30s or 2m; TIME_WAIT lasts twice that [default: as --os says]
    #[arg(long, value_name = "DUR")]
    pub msl: Option<String>,
    /// Whose TIME_WAIT and client ports to expect [default: linux]
    #[arg(long, value_name = "OS", value_enum)]
    pub os: Option<Os>,
    /// Client port range, such as 1024-65535 [default: as --os says; 32768-60999 on Linux]
    #[arg(long, value_name = "LO-HI")]
    pub ephemeral: Option<String>,
    /// Backlog that listen(2) was given, of all listeners or of one; half-open counts are judged against it
    #[arg(long, value_name = "N|IP:PORT=N", value_delimiter = ',')]
    pub backlog: Vec<String>,
    /// The kernel's bound on every backlog [default: 4096]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4_294_967_295))]
    pub somaxconn: Option<u64>,
    /// Networks whose hosts may scan: your own monitoring and inventory
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub trusted: Vec<String>,
    /// A network of the capture, such as 192.0.2.0/24: its broadcast address is no host. May be given more than once
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub local_net: Vec<String>,
    /// From where on a rule speaks, such as idle=30m or churn=50; a wrong name lists them all
    #[arg(long, value_name = "NAME=VALUE")]
    pub threshold: Vec<String>,
    /// What a wrong TCP checksum does: nothing, because network cards fill it in later, or the segment is dropped
    /// [default: ignore]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub checksum: Option<Checksum>,
    /// Look inside tunnels
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Switch::On)]
    pub decap: Switch,
    /// Threads; 0 for all the machine has. The output is the same for any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// Only these rules, by id, prefix or name, such as TW002 or HS; see `tcpscope rules`
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// A capture that is cut or corrupt is an error
    #[arg(long)]
    pub strict: bool,
    /// Exit with 1 when there is a finding at or above this level
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub fail_on: Option<Level>,
}

/// Which connections are kept, for every command that looks at many.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct KeepArgs {
    /// Keep connections for which this holds, such as 'state == TIME_WAIT && port == 443'
    #[arg(short = 'Y', long = "where", id = "where", value_name = "EXPR", long_help = where_help())]
    pub condition: Option<String>,
}

/// Flags about what is shown, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = FORMATS[0].name, value_parser = formats())]
    pub format: String,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Order of connections: a column, with :desc for largest first
    #[arg(long, value_name = "KEY[:desc]")]
    pub sort: Option<String>,
    /// Connections shown at most; 0 for all [default: 20 in the table, else all]
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Columns of table, csv, tsv and markdown
    #[arg(long, value_name = "A,B", long_help = fields_help())]
    pub fields: Option<String>,
    /// How times are written; JSON always has UTC
    #[arg(long, value_name = "STYLE", value_enum, default_value_t = Time::Utc)]
    pub time: Time,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// No progress, warnings, legend or advice
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Every finding on its own
    #[arg(short, long)]
    pub verbose: bool,
}

impl OutputArgs {
    /// The format's name.
    pub fn format(&self) -> &str {
        if self.json { "json" } else { &self.format }
    }
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Note => Self::Note,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}

/// Whose JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SchemaOf {
    /// tcpscope read --json
    Read,
    /// tcpscope check --report json
    Check,
    /// tcpscope diff --json
    Diff,
}

/// Whose TIME_WAIT and client ports to expect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Os {
    /// 60 s
    Linux,
    /// 60 s
    Freebsd,
    /// 30 s
    Macos,
    /// 120 s
    Windows,
    /// 60 s
    Solaris,
    /// 240 s, as RFC 9293 has it
    Rfc,
}

/// What a wrong checksum does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Checksum {
    /// It is counted
    Ignore,
    /// It is counted and the segment is dropped
    Verify,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// A severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Level {
    /// Any finding
    Note,
    /// A warning or an error
    Warning,
    /// An error
    Error,
}

/// How times are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Time {
    /// RFC 3339 in UTC
    Utc,
    /// RFC 3339 in the local zone
    Local,
    /// Seconds since 1970
    Epoch,
    /// Seconds since the first packet
    Rel,
}

/// Colours or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum When {
    /// On a terminal; NO_COLOR and CLICOLOR_FORCE are obeyed
    Auto,
    /// Yes
    Always,
    /// No
    Never,
}

fn formats() -> PossibleValuesParser {
    FORMATS.iter().map(|f| clap::builder::PossibleValue::new(f.name).help(f.doc)).collect::<Vec<_>>().into()
}

fn ladders() -> PossibleValuesParser {
    LADDERS.iter().map(|f| clap::builder::PossibleValue::new(f.name).help(f.doc)).collect::<Vec<_>>().into()
}

fn fields_help() -> String {
    let width = COLUMNS.iter().map(|c| c.name.len()).max().unwrap_or_default();
    let rows: Vec<_> = COLUMNS.iter().map(|c| format!("  {:width$}  {}", c.name, c.doc)).collect();
    format!("Columns of table, csv, tsv and markdown, which --sort takes too:\n\n{}", rows.join("\n"))
}

fn where_help() -> String {
    let names: Vec<_> = BOTH_ENDS.iter().map(|b| format!("{} ({})", b.name, b.columns.join(", "))).collect();
    format!(
        "Keep connections for which this holds, such as\n\n  \
         state == TIME_WAIT && time_wait > 30s && port == 443 && ip in 10.0.0.0/8 && rule == HS002\n\n\
         Any column of --fields, compared by == != < <= > >=, or `in` with a network or {{a b c}}; && || ! and \
         parentheses. `none` is an absent value, which is neither more nor less than anything. Names for both ends \
         hold when one of them does: {}. Findings about connections left out are left out too; figures of listeners, \
         clients and the whole input stay.",
        names.join(", ")
    )
}

const AFTER_HELP: &str = "\
Examples:
  tcpscope read capture.pcap
  tcpscope show capture.pcap 12
  tcpscope explain HS002
  sudo tcpscope live eth0
  tcpscope read capture.pcap.gz -f 'port 443' --sort duration:desc --top 10
  tcpdump -w - -c 1000 | tcpscope read - --json
  tcpscope read capture.pcap -Y 'state == TIME_WAIT && duration > 1s'
  tcpscope check captures/ --report junit=report.xml
  tcpscope diff before.pcap after.pcap
  tcpscope read *.pcap --format csv --fields id,client,server,duration,findings -o connections.csv";
