//! The README's commands: each `tcpscope ...` line of its `sh` blocks runs, and exits as it says (`# exit N`, else 0).

use crate::support::known::no_complaints;
use crate::support::program::{root, run};

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("the project has a README.md");
    let commands = commands(&text);
    assert!(!commands.is_empty(), "README.md shows no command");
    let mut wrong = Vec::new();
    for Command { line, words, exit } in &commands {
        if NOT_RUN.contains(&words.first().map_or("", String::as_str)) {
            continue;
        }
        let ran = run(words);
        if ran.code != Some(*exit) {
            wrong.push(format!("`{line}` exits with {:?}, not {exit}: {}", ran.code, ran.stderr.trim()));
        }
    }
    no_complaints("README.md", &wrong);
}

#[test]
fn only_commands_of_shell_blocks_are_run() {
    let text = "```text\ntcpscope no\n```\n```sh\n$ tcpscope read 'a b.pcap' | head -3  # exit 2\nls\n```\n";
    let commands = commands(text);
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].words, ["read", "a b.pcap"]);
    assert_eq!(commands[0].exit, 2);
}

struct Command {
    line: String,
    words: Vec<String>,
    exit: i32,
}

/// The commands of all `sh` blocks; of a pipe the part before it.
fn commands(text: &str) -> Vec<Command> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(language) = line.strip_prefix("```") {
            inside = !inside && matches!(language.trim(), "sh" | "console" | "shell");
        } else if let Some(rest) =
            line.strip_prefix("$ ").unwrap_or(line).strip_prefix("tcpscope ").filter(|_| inside)
        {
            let (command, comment) = rest.split_once(" #").unwrap_or((rest, ""));
            let exit =
                comment.trim().strip_prefix("exit ").and_then(|n| n.split_whitespace().next()?.parse().ok());
            commands.push(Command { line: line.into(), words: words(command), exit: exit.unwrap_or(0) });
        }
    }
    commands
}

/// Words as a shell splits them, up to a pipe or a redirection; single and double quotes only group.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in command.chars() {
        match (quote, c) {
            (None, '|' | '>' | '<' | ';' | '&') => break,
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (Some(q), _) if q == c => quote = None,
            (None, _) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            _ => {
                word.push(c);
                begun = true;
            }
        }
    }
    words.extend(begun.then_some(word));
    words
}

/// They need an interface or write files.
const NOT_RUN: [&str; 2] = ["live", "-i"];
