//! The fenced blocks of a document, and what of them is for the shell.

/// A fenced or indented block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The word behind the fence; empty for an indented block.
    pub(super) kind: String,
    /// Its lines, without the fence and its indentation.
    pub(super) lines: Vec<String>,
    /// Line of the document that it begins at, from 1.
    pub(super) line: usize,
}

/// What begins a block that is not run.
pub(super) const NOT_RUN: &str = "# not run by the tests: ";

/// A command, and what the document says that it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) text: String,
    pub(super) prints: Vec<String>,
    pub(super) line: usize,
}

/// The blocks of a document, in order.
pub(super) fn of(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<usize> = None;
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        match (fence, trimmed.strip_prefix("```")) {
            (None, Some(kind)) => {
                fence = Some(indent);
                blocks.push(Block { kind: kind.to_owned(), lines: Vec::new(), line: number + 1 });
            }
            (Some(_), Some(_)) => fence = None,
            (Some(indent), None) => {
                let inside = line.get(indent..).unwrap_or_default().to_owned();
                blocks.last_mut().expect("a block").lines.push(inside);
            }
            (None, None) if line.starts_with("    ") && is_command(trimmed) => {
                if before.is_empty() {
                    blocks.push(Block { kind: String::new(), lines: Vec::new(), line: number + 1 });
                }
                blocks.last_mut().expect("a block").lines.push(trimmed.to_owned());
            }
            (None, None) => {}
        }
        before = trimmed;
    }
    assert!(fence.is_none(), "a fence stays open");
    blocks
}

/// Whether a line could be meant for a shell.
pub(super) fn is_command(line: &str) -> bool {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    ["footpath ", "cargo ", "benches/", "python3 ", "mdbook "].iter().any(|start| line.starts_with(start))
}

impl Block {
    /// Why it is not run, if it is not.
    pub(super) fn excuse(&self) -> Option<&str> {
        self.lines.first()?.strip_prefix(NOT_RUN)
    }

    /// The commands of a block for the shell, each with what it prints.
    pub(super) fn commands(&self) -> Vec<Command> {
        if self.excuse().is_some() {
            return Vec::new();
        }
        match self.kind.as_str() {
            "sh" | "" => self.script(),
            "console" => self.transcript(),
            _ => Vec::new(),
        }
    }

    /// One command for each line, but for those that go on: behind a backslash, or up to the end of what is read in.
    fn script(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        let mut until: Option<String> = None;
        let mut goes_on = false;
        for (line, number) in self.lines.iter().zip(self.line + 1..) {
            if until.is_some() || goes_on {
                let command = commands.last_mut().expect("a command");
                command.text.push('\n');
                command.text.push_str(line);
                if until.as_ref() == Some(line) {
                    until = None;
                }
            } else if !line.trim().is_empty() {
                until =
                    line.split_once("<<'").and_then(|(_, rest)| rest.split_once('\'')).map(|(end, _)| end.to_owned());
                commands.push(Command { text: line.clone(), prints: Vec::new(), line: number });
            }
            goes_on = until.is_none() && line.ends_with('\\');
        }
        commands
    }

    /// Commands behind `$ `, each with the lines up to the next.
    fn transcript(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        for (line, number) in self.lines.iter().zip(self.line + 1..) {
            match line.strip_prefix("$ ") {
                Some(text) => commands.push(Command { text: text.to_owned(), prints: Vec::new(), line: number }),
                None => {
                    let command = commands.last_mut().unwrap_or_else(|| panic!("line {number}: no command before"));
                    command.prints.push(line.clone());
                }
            }
        }
        commands
    }
}

/// Whether lines are as shown: `…` in a line stands for any text, a line with `…` alone for any lines.
pub(super) fn matches(lines: &[&str], shown: &[String]) -> bool {
    let Some((first, rest)) = shown.split_first() else { return lines.is_empty() };
    if first.trim() == "…" {
        return (0..=lines.len()).any(|skipped| matches(&lines[skipped..], rest));
    }
    lines.split_first().is_some_and(|(line, others)| alike(line.trim_end(), first.trim_end()) && matches(others, rest))
}

fn alike(line: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn blocks_are_found_and_taken_apart() {
    let text = "a\n\n```sh\n# not run by the tests: slow\nx\n```\n\n- b\n\n  ```console\n  $ y\n  1\n  \
                $ z\n  ```\n\n    cargo q\n    cargo r\n\n```sh\ncat <<'END'\n1\nEND\nv \\\n  w\n```\n";
    let blocks = of(text);
    let kinds: Vec<&str> = blocks.iter().map(|block| block.kind.as_str()).collect();
    assert_eq!(kinds, ["sh", "console", "", "sh"]);
    assert_eq!((blocks[0].excuse(), blocks[0].commands()), (Some("slow"), Vec::new()));
    let texts = |block: &Block| block.commands().into_iter().map(|command| command.text).collect::<Vec<_>>();
    assert_eq!(texts(&blocks[1]), ["y", "z"]);
    assert_eq!(blocks[1].commands()[0].prints, ["1"]);
    assert_eq!(texts(&blocks[2]), ["cargo q", "cargo r"]);
    assert_eq!(texts(&blocks[3]), ["cat <<'END'\n1\nEND", "v \\\n  w"]);
    assert_eq!(blocks.iter().map(|block| block.line).collect::<Vec<_>>(), [3, 10, 16, 19]);
}

#[test]
fn what_is_left_out_may_be_anything_and_the_rest_may_not() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let lines = ["a", "b 1 c", "d"];
    let alike = ["a\nb 1 c\nd", "…\nd", "a\n…", "…", "a\nb … c\nd", "a\n…\nb 1 c\n…\nd", "…a\nb…\n…"];
    let different = ["a\nb 1 c", "…\nc", "a\nb … d\nd", "a\nd", "", "a\nb 1 c\nd\ne"];
    assert!(alike.iter().all(|text| matches(&lines, &shown(text))));
    assert!(different.iter().all(|text| !matches(&lines, &shown(text))));
}
