//! Presets, files of patterns, and what a pattern comes to in a graph.

use super::*;
use std::path::Path;

#[test]
fn presets_fit_any_graph_with_facts() {
    let kg = kg();
    for preset in PRESETS {
        let pattern = preset.pattern(&kg).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
        assert_eq!((pattern.min_hops(), pattern.max_hops()), (3, 3), "{}", preset.name);
        assert_eq!(pattern.source(), preset.text, "canonical as it stands");
        assert!(pattern.collaborative().is_some());
        assert_eq!(pattern.knowledge().is_none(), preset.name == "collaborative");
        assert_eq!(Preset::named(preset.name).expect("known"), preset);
    }
    let Err(Error::Usage { reason, .. }) = Preset::named("pgrp") else { panic!("accepted") };
    assert_eq!(reason, "there is no `pgrp`, but pgpr, cafe, collaborative");
}

fn from_toml(text: &str) -> Result<Mixture> {
    Mixture::from_toml(text, Path::new("patterns.toml"), &kg())
}

#[test]
fn files_of_patterns() {
    let text = r#"
        collaborative_share = 0.25
        [pattern]
        people = "(:user)-->(:item)--(:person)--(:item)"
        unused = "(:user)-[]-(:item)"
        [[mixture]]
        pattern = "people"
        weight = 2
        [[mixture]]
        pattern = "pgpr"
        [[mixture]]
        pattern = "(:user)-->(:item)-->(:item)"
        weight = 1.0
    "#;
    let mixture = from_toml(text).expect("valid");
    let parts: Vec<_> = mixture.parts().iter().map(|part| (part.name.as_str(), part.weight)).collect();
    let expected = [
        ("pgpr (collaborative)", 0.25),
        ("people (knowledge)", 0.375),
        ("pgpr (knowledge)", 0.1875),
        ("(:user)-[]->(:item)-[]->(:item) (knowledge)", 0.1875),
    ];
    assert_eq!(parts, expected);
    let plain = from_toml("[[mixture]]\npattern = 'cafe'\n").expect("valid");
    assert_eq!(plain.union(), &Preset::named("cafe").expect("known").pattern(&kg()).expect("valid"));
}

#[test]
fn bad_files_of_patterns_are_refused_with_their_line() {
    let cases: &[(&str, u64, &str)] = &[
        ("", 1, "no [[mixture]]"),
        ("\n[pattern]\na = '(:user)--(:item)'\n", 1, "no [[mixture]]"),
        ("\n[[mixture]]\npattern = 'cafe\n", 3, ""),
        ("[[mixture]]\npattern = 'cafe'\nwieght = 2\n", 3, "unknown field `wieght`"),
        ("[[mixture]]\nweight = 2\n", 1, "missing field `pattern`"),
        ("share = 1\n[[mixture]]\npattern = 'cafe'\n", 1, "unknown field `share`"),
        ("[[mixture]]\npattern = 'cafe'\nweight = 'much'\n", 3, "invalid type"),
        ("[[mixture]]\npattern = 'cafe'\n\nweight = 0\n", 4, "a weight is a number over 0, got 0"),
        ("[[mixture]]\npattern = 'cafe'\nweight = nan\n", 3, "a weight is a number over 0, got NaN"),
        ("[[mixture]]\npattern = 'cafe'\nweight = -inf\n", 3, "a weight is a number over 0, got -inf"),
        ("[[mixture]]\npattern = 'people'\n", 2, "neither a pattern nor one of the names pgpr, cafe, collaborative"),
        ("[[mixture]]\npattern = ''\n", 2, "neither a pattern"),
        ("[[mixture]]\npattern = '(:user)--(:itme)'\n", 2, "no node type `itme`"),
        ("[[mixture]]\npattern = 'cafe'\n[[mixture]]\npattern = 'cafe'\n", 4, "`cafe` is in the mixture twice"),
        ("[[mixture]]\npattern = 'cafe'\n[pattern]\na = '(:user)--'\n", 4, "a node after the edge"),
        ("[[mixture]]\npattern = 'a'\n[pattern]\na = '(:user)--(:item)'\na = '(:user)--(:item)'\n", 5, "duplicate key"),
        ("[[mixture]]\npattern = 'a'\n[pattern]\ncafe = '(:user)--(:item)'\n", 4, "the name of a preset"),
        ("collaborative_share = 2\n[[mixture]]\npattern = 'cafe'\n", 1, "must be 0 to 1, got 2"),
        (
            "\n\ncollaborative_share = 0.5\n[[mixture]]\npattern = 'collaborative'\n",
            3,
            "no pattern has knowledge paths",
        ),
    ];
    for (text, at, message) in cases {
        match from_toml(text) {
            Err(Error::Config { line, reason, .. }) => {
                assert!(line == *at && reason.contains(message), "{text}: line {line}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let bounds = (1..=16).flat_map(|min| (min..=16).map(move |max| (min, max))).take(65);
    let many = bounds.map(|(min, max)| format!("[[mixture]]\npattern = '(:user)-[]-{{{min},{max}}}(:item)'\n"));
    let many: String = many.collect();
    let Err(Error::Config { line: 130, reason, .. }) = from_toml(&many) else { panic!("accepted") };
    assert_eq!(reason, "a mixture has 1 to 64 parts, got 65");
}

#[test]
fn hops_are_those_the_graph_has_facts_for() {
    let kg = kg();
    let facts = Facts::of(&kg);
    let hops = |text: &str| Pattern::parse(text, &kg).expect(text).hops_in(&facts, kg.schema());
    let words = |hop: &Hop| {
        let types = |set| kinds_in_words(set, kg.schema());
        (types(&hop.from), relations_in_words(&hop.relations, kg.schema()), types(&hop.to), hop.may_end)
    };
    let spelled: Vec<_> =
        hops("(:user)-[]-(:item)(-[]-()-[]-(:item)){,2}").expect("possible").iter().map(words).collect();
    let row = |from: &str, relations: &str, to: &str, end| (from.to_owned(), relations.to_owned(), to.to_owned(), end);
    let back = "~based-on, interacted, ~made_by, ~starring";
    let away = "~interacted, based-on, made_by, starring";
    assert_eq!(spelled.len(), 5);
    assert_eq!(spelled[0], row("user", "interacted", "item", true));
    for (index, hop) in spelled.iter().enumerate().skip(1) {
        let expected = if index % 2 == 1 {
            row("item", away, "any node but item", false)
        } else {
            row("any node but item", back, "item", true)
        };
        let sorted = |text: &str| -> BTreeSet<String> { text.split(", ").map(str::to_owned).collect() };
        assert_eq!((&hop.0, &hop.2, hop.3), (&expected.0, &expected.2, expected.3));
        assert_eq!(sorted(&hop.1), sorted(&expected.1));
    }
    let impossible: &[(&str, &str, &str, &str)] = &[
        (
            "(:user)-[:starring]->(:item)",
            "-[:starring]->",
            "no such edge leads on from user",
            "from there lead on: interacted",
        ),
        ("(:user)-[]->(:person)-[]-(:item)", "(:person)", "no path gets to such a node here", "what gets here is item"),
        (
            "(:user)-[]->(:item)-[:made_by]->(:entity)-[:starring]-(:item)",
            "-[:starring]-",
            "no such edge leads on from company",
            "from there lead on: ~made_by",
        ),
        (
            "(:user)-[]->(:item)-[:starring]->(:company)--(:item)",
            "(:company)",
            "no path gets to",
            "what gets here is person",
        ),
    ];
    for (text, marked, message, help) in impossible {
        let Err(Error::Pattern(failure)) = hops(text) else { panic!("{text}: possible") };
        let source = &failure.pattern;
        assert_eq!(source.get(failure.offset..failure.offset + failure.len), Some(*marked), "{failure}");
        assert!(failure.message.contains(message) && failure.help.contains(help), "{failure}");
    }
}

#[test]
fn drawings_have_every_state_and_quote_labels() {
    let kg = kg();
    let pattern = Pattern::parse("(:user)-[:interacted]->(:item)(-[:!interacted]-()-[]-(:item))?", &kg).expect("valid");
    let dot = pattern.automaton().to_dot(kg.schema());
    let expected = "digraph pattern {\n  rankdir = LR;\n  node [shape = circle];\n  1 [shape = doublecircle];\n  \
                    3 [shape = doublecircle];\n  0 -> 1 [label = \"interacted\\nitem\"];\n  \
                    1 -> 2 [label = \"any relation but interacted, ~interacted\\nany node\"];\n  \
                    2 -> 3 [label = \"any relation\\nitem\"];\n}\n";
    assert_eq!(dot, expected);
}
