//! `footpath reference`: every verb and option as Markdown, for the book. Hidden; `cargo xtask reference` asks for it.

use crate::failure::Failure;
use crate::work::Work;
use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};
use std::fmt::Write as _;

/// Longest line of a document, in characters.
const WIDTH: usize = 120;

const HEAD: &str = "# Verbs and options

<!-- Made by `cargo xtask reference` from what the program says of itself. Do not edit. -->

`footpath VERB --help` says the same. Angle brackets stand for what you give; `…` after an option means that it can be
given several times. Every verb takes

";

/// Prints the reference.
pub(crate) fn run(program: Command, work: &Work) -> Result<(), Failure> {
    let page = page(program);
    work.print(|out| out.write_all(page.as_bytes()))
}

fn page(mut program: Command) -> String {
    program.build();
    let mut page = HEAD.to_owned();
    program
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .for_each(|argument| option(&mut page, argument));
    verbs(&mut page, &program, "footpath");
    page
}

/// A section for each verb of a command, in the order of its help.
fn verbs(page: &mut String, command: &Command, name: &str) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let name = format!("{name} {}", verb.get_name());
        section(page, verb, &name);
        verbs(page, verb, &name);
    }
}

fn section(page: &mut String, verb: &Command, name: &str) {
    let _ = writeln!(page, "\n## `{name}`\n");
    paragraph(page, "", &verb.get_about().map(sentence).unwrap_or_default());
    if verb.has_subcommands() {
        return;
    }
    page.push('\n');
    block(page, &usage(verb));
    let shown = |argument: &&Arg| {
        let named = argument.get_id().as_str();
        !argument.is_hide_set() && !argument.is_global_set() && !["help", "version"].contains(&named)
    };
    let (places, options): (Vec<&Arg>, Vec<&Arg>) =
        verb.get_arguments().filter(shown).partition(|argument| argument.is_positional());
    if !places.is_empty() || !options.is_empty() {
        page.push('\n');
    }
    places.into_iter().chain(options).for_each(|argument| option(page, argument));
    if let Some(after) = verb.get_after_help() {
        page.push('\n');
        block(page, &after.to_string());
    }
}

/// One line of a list: how an option is written, what it is for, its default and what it can be.
fn option(page: &mut String, argument: &Arg) {
    let help = argument.get_help().map(sentence).unwrap_or_default();
    let shows = argument.get_action().takes_values() && !argument.is_hide_default_value_set();
    let defaults: Vec<String> = match shows {
        true => argument.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect(),
        false => Vec::new(),
    };
    let default = if defaults.is_empty() { String::new() } else { format!(" Default: {}.", defaults.join(", ")) };
    paragraph(page, "- ", &format!("`{}`: {help}{default}", written(argument)));
    if let Some(long) = argument.get_long_help().map(StyledStr::to_string).filter(|long| long.contains('\n')) {
        let _ = writeln!(page, "\n  ```text");
        long.lines().flat_map(|line| folded(line, WIDTH - 2)).for_each(|line| indented(page, &line));
        let _ = writeln!(page, "  ```\n");
        return;
    }
    for value in argument.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
        if argument.get_action().takes_values() {
            let help = value.get_help().map(|help| format!(": {}", sentence(help))).unwrap_or_default();
            paragraph(page, "  - ", &format!("`{}`{help}", value.get_name()));
        }
    }
}

/// `-k <K>`, `--out <DIR>`, `<KG>`: as it is typed.
fn written(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let names = names.join(", ");
    if !argument.get_action().takes_values() {
        return names;
    }
    let values: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>")).collect();
    let values = values.join(" ");
    let may_be_left_out = argument.get_num_args().is_some_and(|number| number.min_values() == 0);
    let written = match (names.is_empty(), argument.is_require_equals_set(), may_be_left_out) {
        (true, ..) => values,
        (false, true, true) => format!("{names}[={values}]"),
        (false, true, false) => format!("{names}={values}"),
        (false, false, true) => format!("{names} [{values}]"),
        (false, false, false) => format!("{names} {values}"),
    };
    if matches!(argument.get_action(), ArgAction::Append) { written + " …" } else { written }
}

/// How the verb is called, without the word "Usage".
fn usage(verb: &Command) -> String {
    let usage = verb.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

/// One line with a full stop; a default that help puts into brackets becomes a sentence.
fn sentence(text: &StyledStr) -> String {
    let text = text.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if let Some((text, default)) = text.strip_suffix(']').and_then(|text| text.split_once(" [default: ")) {
        return format!("{text}. Default: {default}.");
    }
    if text.ends_with(['.', '?', '!', ':', '…']) || text.is_empty() { text } else { text + "." }
}

/// Text for reading, as it stands; lines that are too long are folded.
fn block(page: &mut String, text: &str) {
    let _ = writeln!(page, "```text");
    text.lines().flat_map(|line| folded(line, WIDTH)).for_each(|line| {
        let _ = writeln!(page, "{line}");
    });
    let _ = writeln!(page, "```");
}

fn indented(page: &mut String, line: &str) {
    let _ = if line.is_empty() { writeln!(page) } else { writeln!(page, "  {line}") };
}

/// A paragraph behind a mark such as that of a list, wrapped.
fn paragraph(page: &mut String, mark: &str, text: &str) {
    let indent = " ".repeat(mark.chars().count());
    for (number, line) in wrapped(text, WIDTH - indent.len()).into_iter().enumerate() {
        let _ = writeln!(page, "{}{line}", if number == 0 { mark } else { &indent });
    }
}

/// A line as several, each but the first a little further in.
fn folded(line: &str, width: usize) -> Vec<String> {
    if line.chars().count() <= width {
        return vec![line.trim_end().to_owned()];
    }
    let indent = " ".repeat(line.chars().take_while(|c| *c == ' ').count());
    let lines = wrapped(line.trim_start(), width - indent.len() - 4);
    let further = |(number, text): (usize, String)| {
        if number == 0 { format!("{indent}{text}") } else { format!("{indent}    {text}") }
    };
    lines.into_iter().enumerate().map(further).collect()
}

/// Words in lines of at most this many characters, but for words that are longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += more;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Cli;
    use clap::CommandFactory;

    #[test]
    fn lines_are_short_and_no_word_is_lost() {
        let page = page(Cli::command());
        assert!(page.lines().all(|line| line.chars().count() <= WIDTH));
        let text = "a path of three hops between a user and an item";
        for width in 5..60 {
            let lines = wrapped(text, width);
            assert_eq!(lines.join(" "), text);
            assert!(lines.iter().all(|line| line.chars().count() <= width.max(7)), "{width}: {lines:?}");
        }
    }

    #[test]
    fn options_are_written_as_they_are_typed() {
        let program = Cli::command();
        let verb = program.find_subcommand("evaluate").expect("a verb");
        let written = |id: &str| verb.get_arguments().find(|argument| argument.get_id() == id).map(written);
        let cases = [("k", "-k <K>"), ("json", "--json"), ("baselines", "--baselines[=<quick|tuned|NAMES>]")];
        for (id, expected) in cases {
            assert_eq!(written(id).as_deref(), Some(expected), "{id}");
        }
    }
}
