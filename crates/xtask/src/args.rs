//! The command line: which task, with which flags and operands, and the help texts. Knows no task itself.

use std::fmt::Write as _;
use std::process::ExitCode;

/// One thing that `cargo xtask` can do.
pub(crate) struct Task {
    /// The word that starts it.
    pub(crate) name: &'static str,
    /// One line for the help text.
    pub(crate) summary: &'static str,
    /// The name of its operand, of which it needs at least one; `None` where it takes none.
    pub(crate) operand: Option<&'static str>,
    /// The flags that it knows.
    pub(crate) flags: &'static [Flag],
    /// Carries it out; an error is a sentence for the user.
    pub(crate) run: fn(&Args) -> crate::Result<ExitCode>,
}

/// A flag of a task.
#[derive(Clone, Copy)]
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) name: &'static str,
    /// The name of its value; `None` for a switch.
    pub(crate) value: Option<&'static str>,
    /// One line for the help text.
    pub(crate) help: &'static str,
}

impl Flag {
    fn form(&self) -> String {
        match self.value {
            Some(value) => format!("{} {value}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// What the user gave to a task.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    flags: Vec<(&'static str, Option<String>)>,
    operands: Vec<String>,
}

impl Args {
    /// Whether the switch `name` was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(flag, _)| *flag == name)
    }

    /// The words again, flags first, for a program that takes the same ones.
    pub(crate) fn words(&self) -> Vec<&str> {
        let flags = self.flags.iter().flat_map(|(name, value)| [Some(*name), value.as_deref()]);
        flags.flatten().chain(self.operands.iter().map(String::as_str)).collect()
    }
}

/// What a command line asks for.
pub(crate) enum Call {
    /// To print this text.
    Help(String),
    /// To run this task.
    Run(&'static Task, Args),
}

/// Reads the words after `cargo xtask`. An error says what is known instead.
pub(crate) fn parse(tasks: &'static [Task], words: &[String]) -> crate::Result<Call> {
    let Some((first, rest)) = words.split_first() else {
        return Err(format!("no task given\n\n{}", overview(tasks)));
    };
    if is_help(first) || first == "help" {
        return Ok(Call::Help(overview(tasks)));
    }
    let Some(task) = tasks.iter().find(|task| task.name == first) else {
        let known: Vec<&str> = tasks.iter().map(|task| task.name).collect();
        return Err(format!("there is no task `{first}`; the tasks are {}", known.join(", ")));
    };
    if rest.iter().any(|word| is_help(word)) {
        return Ok(Call::Help(usage(task)));
    }
    Ok(Call::Run(task, task_args(task, rest)?))
}

fn is_help(word: &str) -> bool {
    word == "--help" || word == "-h"
}

fn task_args(task: &Task, words: &[String]) -> crate::Result<Args> {
    let mut args = Args::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" {
            if task.operand.is_none() {
                return Err(format!("`{}` takes no `{word}`; {}", task.name, known_flags(task)));
            }
            args.operands.push(word.clone());
            continue;
        }
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let Some(flag) = task.flags.iter().find(|flag| flag.name == name) else {
            return Err(format!("`{}` has no flag `{name}`; {}", task.name, known_flags(task)));
        };
        let value = match (flag.value, inline) {
            (None, Some(_)) => return Err(format!("`{name}` takes no value")),
            (None, None) => None,
            (Some(_), Some(value)) => Some(value),
            (Some(what), None) => match words.next() {
                Some(value) => Some(value.clone()),
                None => return Err(format!("`{name}` needs a value: {name} {what}")),
            },
        };
        args.flags.push((flag.name, value));
    }
    match task.operand {
        Some(operand) if args.operands.is_empty() => {
            Err(format!("`{}` needs at least one {operand}\n\n{}", task.name, usage(task)))
        }
        _ => Ok(args),
    }
}

fn known_flags(task: &Task) -> String {
    if task.flags.is_empty() {
        return "it knows --help alone".to_owned();
    }
    let forms: Vec<String> = task.flags.iter().map(Flag::form).collect();
    format!("it knows {}, --help", forms.join(", "))
}

fn overview(tasks: &[Task]) -> String {
    let mut text = "Project tasks.\n\nUsage: cargo xtask TASK [FLAGS]\n\nTasks:\n".to_owned();
    for task in tasks {
        let _ = writeln!(text, "  {:<12} {}", task.name, task.summary);
    }
    text.push_str("\n`cargo xtask TASK --help` shows the flags of one.\n");
    text
}

fn usage(task: &Task) -> String {
    let mut text = format!("{}: {}\n\nUsage: cargo xtask {}", task.name, task.summary, task.name);
    for flag in task.flags {
        let _ = write!(text, " [{}]", flag.form());
    }
    if let Some(operand) = task.operand {
        let _ = write!(text, " {operand}...");
    }
    text.push('\n');
    for flag in task.flags {
        let _ = write!(text, "\n  {:<16} {}", flag.form(), flag.help);
    }
    if !task.flags.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    static TASKS: &[Task] = &[
        Task { name: "plain", summary: "does it", operand: None, flags: &[], run: |_| Ok(crate::DONE) },
        Task {
            name: "rich",
            summary: "does more",
            operand: Some("PATH"),
            flags: &[
                Flag { name: "--store", value: Some("STORE"), help: "where" },
                Flag { name: "--json", value: None, help: "how" },
            ],
            run: |_| Ok(crate::DONE),
        },
    ];

    fn read(line: &str) -> crate::Result<Call> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(TASKS, &words)
    }

    fn words(line: &str) -> Vec<String> {
        match read(line) {
            Ok(Call::Run(_, args)) => args.words().into_iter().map(str::to_owned).collect(),
            Ok(Call::Help(text)) => panic!("asked for help: {text}"),
            Err(message) => panic!("{message}"),
        }
    }

    fn error(line: &str) -> String {
        read(line).err().expect("the line is wrong")
    }

    #[test]
    fn flags_and_operands_are_passed_on() {
        assert_eq!(
            words("rich a.json --store postgres b.json --json"),
            ["--store", "postgres", "--json", "a.json", "b.json"]
        );
        assert_eq!(words("rich --store=sqlite a.json"), ["--store", "sqlite", "a.json"]);
        assert!(words("plain").is_empty());
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_known_ones() {
        assert_eq!(error("plian"), "there is no task `plian`; the tasks are plain, rich");
        assert_eq!(
            error("rich a --jsn"),
            "`rich` has no flag `--jsn`; it knows --store STORE, --json, --help"
        );
        assert_eq!(error("plain --json"), "`plain` has no flag `--json`; it knows --help alone");
        assert_eq!(error("plain more"), "`plain` takes no `more`; it knows --help alone");
        assert_eq!(error("rich a --store"), "`--store` needs a value: --store STORE");
        assert_eq!(error("rich a --json=1"), "`--json` takes no value");
        assert!(error("rich").starts_with("`rich` needs at least one PATH"));
        assert!(error("").contains("Tasks:"));
    }

    #[test]
    fn help_lists_tasks_and_flags() {
        for line in ["--help", "-h", "help"] {
            let Ok(Call::Help(text)) = read(line) else { panic!("{line} is help") };
            assert!(text.contains("plain        does it") && text.contains("rich"), "{text}");
        }
        let Ok(Call::Help(text)) = read("rich --help") else { panic!("help of one task") };
        assert!(text.contains("cargo xtask rich [--store STORE] [--json] PATH..."), "{text}");
    }
}
