//! Which policy holds, and how it is read: its mistakes are told with file, line and what was meant.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::CheckArgs;
use super::shown;
use crate::check::{Baseline, Policy, PolicyFault, Setting};
use crate::cli::args::{Checksum, InputArgs, Os};
use crate::cli::failure::{Usage, say, show};
use crate::cli::{kernel, read};
use crate::error::Error;
use crate::source::{FileOptions, Files};

/// The policy's file, there or not.
pub struct Home {
    /// The file.
    pub path: PathBuf,
    /// As reports name it.
    pub name: String,
    /// Its folder, from where it names captures.
    pub folder: PathBuf,
    /// What it says, where it is there.
    pub text: Option<String>,
}

impl Home {
    /// `--policy`, else `tcpscope.toml` in the one folder that is given, else here.
    pub fn find(args: &CheckArgs) -> anyhow::Result<Self> {
        let path = match (&args.policy, args.paths.as_slice()) {
            (Some(path), _) => path.clone(),
            (None, [folder]) if folder.is_dir() && (args.init || folder.join(NAME).is_file()) => {
                folder.join(NAME)
            }
            _ => PathBuf::from(NAME),
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && args.policy.is_none() => None,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && args.init => None,
            Err(cause) => {
                let message = format!("cannot read the policy {}: {cause}", path.display());
                return Err(Usage::new(message, "check the path; --init writes a first policy").into());
            }
        };
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { name: shown(&path, &path), path, folder, text })
    }

    /// Whether there is a policy.
    pub fn exists(&self) -> bool {
        self.text.is_some()
    }

    /// The policy; without a file, one that fails on errors.
    pub fn policy(&self) -> anyhow::Result<Policy> {
        let Some(text) = &self.text else { return Ok(Policy::default()) };
        match Policy::parse(text) {
            Ok(policy) => Ok(Policy { name: Some(self.name.clone()), ..policy }),
            Err(faults) => Err(self.refused(faults)),
        }
    }

    /// All mistakes but the last are told here; the last one is the error that ends the program.
    fn refused(&self, mut faults: Vec<PolicyFault>) -> anyhow::Error {
        let last = faults.pop();
        let message = |fault: &PolicyFault| {
            format!("{}:{}:{}: {}", self.name, fault.place.line, fault.place.column, fault.message)
        };
        for fault in &faults {
            say("error", &message(fault));
            show(&fault.shown);
            say("hint", &fault.hint);
        }
        match last {
            Some(fault) => Usage::new(message(&fault), fault.hint.clone()).showing(fault.shown).into(),
            None => Usage::new(format!("{} is no policy", self.name), "").into(),
        }
    }

    /// The known findings, where the policy names a file that is there.
    pub fn baseline(&self, policy: &Policy) -> anyhow::Result<Option<Baseline>> {
        let Some(file) = &policy.baseline else { return Ok(None) };
        let path = self.folder.join(file);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::Unreadable { path, cause }.into()),
        };
        let wrong = |why| Usage::new(format!("{file}: {why}"), "`--update-baseline` writes it anew");
        Ok(Some(Baseline::parse(&text).map_err(wrong)?))
    }
}

/// The flags, and for those not given what the policy says.
pub fn with_settings(input: &InputArgs, policy: &Policy) -> Result<InputArgs, Usage> {
    let mut merged = input.clone();
    for setting in &policy.settings {
        set(&mut merged, input, setting).map_err(|wrong| {
            let name = policy.name.as_deref().unwrap_or("policy");
            let place = format!("{name}:{}:{}", setting.place.line, setting.place.column);
            Usage { message: format!("{place}: {}: {}", setting.flag, wrong.message), ..wrong }
        })?;
    }
    if merged.select.is_empty() {
        merged.select.clone_from(&policy.select);
    }
    Ok(merged)
}

/// Sets one flag unless the command line does; a wrong value is refused here, where its place is known.
fn set(merged: &mut InputArgs, given: &InputArgs, setting: &Setting) -> Result<(), Usage> {
    let value = || Some(setting.value.clone());
    match setting.flag {
        "filter" if given.filter.is_none() => {
            let options = FileOptions { filter: value(), ..FileOptions::default() };
            Files::open(Vec::<PathBuf>::new(), &options).map_err(|e| Usage::new(e.to_string(), e.hint()))?;
            merged.filter = value();
        }
        "msl" if given.msl.is_none() => {
            read::span(&setting.value)?;
            merged.msl = value();
        }
        "os" if given.os.is_none() => merged.os = Some(word::<Os>(&setting.value)?),
        "checksum" if given.checksum.is_none() => merged.checksum = Some(word::<Checksum>(&setting.value)?),
        "ephemeral" if given.ephemeral.is_none() => merged.ephemeral = value(),
        "backlog" if given.backlog.is_empty() => merged.backlog.push(setting.value.clone()),
        "somaxconn" if given.somaxconn.is_none() => {
            let n = setting.value.parse().ok().filter(|n| (1..=u64::from(u32::MAX)).contains(n));
            let wrong = || Usage::new(format!("{:?} is no backlog", setting.value), "write it as 4096");
            merged.somaxconn = Some(n.ok_or_else(wrong)?);
        }
        "local_net" if given.local_net.is_empty() => {
            kernel::networks(std::slice::from_ref(&setting.value))?;
            merged.local_net.push(setting.value.clone());
        }
        // Those of the command line come later and win.
        "threshold" => {
            merged.threshold.insert(merged.threshold.len() - given.threshold.len(), setting.value.clone())
        }
        _ => return Ok(()),
    }
    kernel::thresholds(merged).map(drop)
}

fn word<T: ValueEnum>(text: &str) -> Result<T, Usage> {
    T::from_str(text, true).map_err(|_| {
        let words: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        let words: Vec<_> = words.iter().map(|word| word.get_name()).collect();
        let hint = crate::report::did_you_mean(text, &words, &format!("there are: {}", words.join(", ")));
        Usage::new(format!("{text:?} is not known"), hint)
    })
}

const NAME: &str = "tcpscope.toml";
