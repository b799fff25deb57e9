//! What an import says of the whole: files that are right record by record and odd together.
//!
//! A club of eight players and fourteen games; each test changes the one thing that it is about.

use crate::{failure, import, strict};
use footpath_graph::Error;
use footpath_graph::import::{Columns, Finding, Imported, MinInteractions, Options, RatedAgain, Severity, Spelling};
use footpath_graph::split::{Ratios, SplitSpec};
use std::fmt::Write as _;
use std::fs;
use tempfile::TempDir;

const NUM_GAMES: u32 = 14;

/// The tables of the club, as TSV.
#[derive(Clone)]
pub(super) struct Club {
    pub(super) interactions: String,
    pub(super) items: Option<String>,
    pub(super) triples: String,
}

/// Ten games of each of eight players, in the order of time, rated 3 to 5.
fn rows() -> impl Iterator<Item = (u32, u32, u32, u32)> {
    (1..=8).flat_map(|player| {
        (0..10).map(move |n| (player, (player * 3 + n * 5) % NUM_GAMES + 1, 3 + (player + n) % 3, n))
    })
}

pub(super) fn log(header: &str, row: impl Fn(u32, u32, u32, u32) -> String) -> String {
    rows().fold(format!("{header}\n"), |mut text, (player, game, rating, n)| {
        let _ = writeln!(text, "{}", row(player, game, rating, n));
        text
    })
}

pub(super) fn facts(head: &str) -> String {
    (1..=NUM_GAMES).fold("head\trelation\ttail\n".to_owned(), |mut text, n| {
        let _ = writeln!(text, "{head}{n}\tdesigned_by\td{}\n{head}{n}\thas_mechanism\tm{}", n % 4, n % 3);
        text
    })
}

impl Club {
    pub(super) fn new() -> Self {
        let interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, r, n| {
            format!("p{p}\tg{g}\t{r}\t{}", 1_600_000_000 + n * 10_000 + p)
        });
        let items = (1..=NUM_GAMES).map(|n| format!("g{n}\te{n}\tGame {n}\n")).collect::<String>();
        Self { interactions, items: Some(format!("item_id\tentity_id\ttitle\n{items}")), triples: facts("e") }
    }

    pub(super) fn lay_out(&self) -> TempDir {
        let folder = TempDir::new().expect("temporary folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write("interactions.tsv", &self.interactions);
        write("triples.tsv", &self.triples);
        self.items.iter().for_each(|items| write("items.tsv", items));
        folder
    }

    pub(super) fn import(&self, options: &Options) -> Result<Imported, Error> {
        import(self.lay_out().path(), options)
    }

    pub(super) fn report(&self, options: &Options) -> footpath_graph::import::ImportReport {
        self.import(options).unwrap_or_else(|e| panic!("{e}")).report
    }
}

pub(super) fn finding<'f>(findings: &'f [Finding], kind: &str) -> &'f Finding {
    findings.iter().find(|finding| finding.kind == kind).unwrap_or_else(|| panic!("no {kind} in {findings:#?}"))
}

pub(super) fn kinds(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.kind.as_str()).collect()
}

#[test]
fn a_club_in_order_has_no_findings() {
    let report = Club::new().report(&strict());
    assert_eq!(kinds(&report.findings), [""; 0]);
    assert_eq!((report.graph.num_items, report.graph.num_items_outside_kg), (14, 0));
    let meeting = report.meetings.first().expect("items of the log and the list");
    assert_eq!((meeting.num_left, meeting.num_right, meeting.num_both), (14, 14, 14));
}

/// Each way of spelling, on the side of the log: it is told of, and the option that it names joins the two.
#[test]
fn ids_that_do_not_meet_are_told_of_with_the_option_that_joins_them() {
    type Spell = fn(u32) -> [String; 2];
    let cases: [(Spelling, Spell); 6] = [
        (Spelling::Number, |g| [format!("{g}.0"), g.to_string()]),
        (Spelling::Zeros, |g| [format!("{g:05}"), g.to_string()]),
        (Spelling::Case, |g| [format!("Game-{g}"), format!("GAME-{g}")]),
        (Spelling::Accents, |g| [format!("caf\u{e9}-{g}"), format!("cafe\u{301}-{g}")]),
        (Spelling::Local, |g| [format!("http://example.org/game#{g}"), g.to_string()]),
        (Spelling::Quotes, |g| [format!("\"x{g}\""), format!("x{g}")]),
    ];
    for (spelling, spell) in cases {
        let mut club = Club::new();
        club.interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, r, n| {
            format!("p{p}\t{}\t{r}\t{}", spell(g)[0], 1_600_000_000 + n)
        });
        let items = (1..=NUM_GAMES).map(|g| format!("{}\te{g}\tGame {g}\n", spell(g)[1])).collect::<String>();
        club.items = Some(format!("item_id\tentity_id\ttitle\n{items}"));
        let report = club.report(&strict());
        let found = finding(&report.findings, "ids_do_not_meet");
        assert_eq!((found.severity, found.count), (Severity::Serious, 14), "{found}");
        assert!(found.way_out.contains(&format!("option `same_ids` = {}", spelling.name())), "{found}");
        let places: Vec<_> = found.examples.iter().map(|e| (e.file.as_str(), e.line)).collect();
        assert!(matches!(places[..], [("interactions.tsv", 2..), ("items.tsv", 2..)]), "{places:?}");
        assert_eq!(report.graph.num_items, 28);
        let joined = club.report(&Options { same_ids: vec![spelling], ..strict() });
        assert_eq!((joined.graph.num_items, joined.graph.num_items_outside_kg), (14, 0), "{spelling:?}");
        assert_eq!(kinds(&joined.findings), [""; 0], "{spelling:?}");
    }
}

#[test]
fn ids_without_anything_in_common_are_told_of_as_well() {
    let mut club = Club::new();
    club.interactions = club.interactions.replace("\tg", "\tx");
    let report = club.report(&strict());
    let found = finding(&report.findings, "ids_do_not_meet");
    assert!(found.message.contains("14 of 14 items of the log are not listed"), "{found}");
}

#[test]
fn facts_by_item_id_without_a_list_of_items_join_where_all_agree_and_are_told_of_where_some_do() {
    let club = Club { items: None, triples: facts("g"), ..Club::new() };
    let report = club.report(&strict());
    assert_eq!((report.graph.num_items, report.graph.num_items_outside_kg), (14, 0));
    assert_eq!(finding(&report.findings, "joined_by_id").severity, Severity::Note);
    // A game that nobody says anything of.
    let some = Club { interactions: format!("{}p1\tother\t5\t1700000000\n", club.interactions), ..club };
    let report = some.report(&strict());
    let found = finding(&report.findings, "items_without_facts");
    assert_eq!((found.severity, report.graph.num_items_outside_kg), (Severity::Serious, 15));
    assert!(found.way_out.contains("option `join_by_id`"), "{found}");
    let joined = some.report(&Options { join_by_id: true, ..strict() });
    assert_eq!(joined.graph.num_items_outside_kg, 1);
    // Nor do items lose their facts where some interactions are dropped.
    let rated = some.report(&Options { join_by_id: true, min_rating: Some(4.0), ..strict() });
    assert!(rated.log.num_filtered > 0);
    assert_eq!(rated.graph.num_items_outside_kg, 1);
}

#[test]
fn links_to_entities_without_facts_leave_their_items_outside_and_are_counted() {
    let mut club = Club::new();
    let without = |line: &&str| !line.starts_with("e1\t") && !line.starts_with("e2\t");
    club.triples = club.triples.lines().filter(without).map(|line| format!("{line}\n")).collect();
    let report = club.report(&strict());
    let found = finding(&report.findings, "dangling_links");
    assert_eq!((found.count, report.graph.num_items, report.graph.num_items_outside_kg), (2, 14, 2));
    assert_eq!((found.examples[0].file.as_str(), found.examples[0].line), ("items.tsv", 2));
    // That nothing meets is another thing.
    club.triples = facts("x");
    let failure = failure(club.import(&strict()), "no link meets");
    assert_eq!(failure.diagnostics[0].kind, "dangling_link");
}

#[test]
fn items_of_one_entity_all_have_its_facts() {
    let mut club = Club::new();
    club.items = club.items.map(|items| items.replace("g14\te14\t", "g14\te1\t"));
    let imported = club.import(&strict()).expect("good");
    let kg = imported.built.train_kg().expect("a graph");
    let tails = |item: &str| {
        let arcs = kg.arcs(kg.item(item).expect("an item"));
        let facts = arcs.iter().filter(|(relation, _)| relation.0 > 1).map(|(r, tail)| (r, kg.node_name(tail)));
        facts.collect::<Vec<_>>()
    };
    assert_eq!(tails("g1"), tails("g14"));
    assert_eq!(tails("g1").len(), 2);
    assert_eq!(finding(&imported.report.findings, "shared_entities").count, 1);
    assert_eq!(imported.report.graph.num_items_outside_kg, 0);
}

/// What is serious is an error where that is asked for, with every finding and its way out; what is not stays one.
#[test]
fn what_is_serious_is_refused_when_asked_for() {
    let options = Options { strict: true, ..strict() };
    Club::new().import(&options).unwrap_or_else(|e| panic!("{e}"));
    let mut club = Club::new();
    club.triples += "e1\tpublished_by\tnan\ne2\tpublished_by\tnan\np1\tlives_in\tt1\n";
    let found = club.report(&strict());
    let serious = found.findings.iter().filter(|finding| finding.severity == Severity::Serious);
    let failed = failure(club.import(&options), "serious findings");
    let told: Vec<&str> = failed.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(told, serious.map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!((told.len(), failed.diagnostics[0].kind), (2, "serious"), "{told:?}");
}

#[test]
fn missing_values_are_told_of_and_can_be_left_out() {
    let mut club = Club::new();
    for (game, value) in [(1, "nan"), (2, "NULL"), (3, "\\N"), (4, "None"), (5, "nan")] {
        let _ = writeln!(club.triples, "e{game}\tpublished_by\t{value}");
    }
    let report = club.report(&strict());
    let found = finding(&report.findings, "missing_values");
    assert_eq!((found.severity, found.count, found.examples.len()), (Severity::Serious, 5, 4));
    assert!(found.way_out.contains("option `skip_missing`"));
    let skipped = club.report(&Options { skip_missing: true, ..strict() });
    assert_eq!(skipped.graph.num_triples, 28);
    assert_eq!(finding(&skipped.findings, "missing_values_skipped").count, 5);
    // An item whose entity is missing is an item outside the graph.
    let mut club = Club::new();
    club.items = club.items.map(|items| items.replace("g14\te14\t", "g14\tnan\t"));
    let report = club.report(&strict());
    assert_eq!((finding(&report.findings, "missing_links").count, report.graph.num_items_outside_kg), (1, 1));
}

#[test]
fn relations_that_state_the_same_facts_turned_round_are_told_of_and_can_be_merged() {
    let turned = facts("e").lines().skip(1).fold(String::new(), |mut text, line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let name = if fields[1] == "designed_by" { "designer_of" } else { "mechanism_in" };
        let _ = writeln!(text, "{}\t{name}\t{}", fields[2], fields[0]);
        text
    });
    let club = Club { triples: facts("e") + &turned, ..Club::new() };
    let report = club.report(&strict());
    let found = finding(&report.findings, "inverse_relations");
    assert_eq!((found.severity, found.count), (Severity::Serious, 28));
    assert!(found.message.contains("2 pairs") && found.way_out.contains("option `merge_inverses`"), "{found}");
    let merged = club.report(&Options { merge_inverses: true, ..strict() });
    let plain = Club::new().report(&strict());
    assert_eq!(merged.graph, plain.graph);
    assert!(!kinds(&merged.findings).contains(&"inverse_relations"));
}

#[test]
fn columns_of_known_names_in_other_letters_are_named_and_can_be_given() {
    let mut club = Club::new();
    club.interactions = club.interactions.replacen("rating\ttimestamp", "Rating\tTimestamp", 1);
    let report = club.report(&strict());
    let ignored: Vec<_> = report.findings.iter().filter(|f| f.kind == "ignored_column").map(|f| &*f.way_out).collect();
    assert_eq!(ignored, ["give option `columns` = rating=Rating", "give option `columns` = timestamp=Timestamp"]);
    assert!(matches!(report.split, SplitSpec::Random { .. }) && report.cut.why.contains("neither parts nor times"));
    let columns: Columns = "rating=Rating,timestamp=Timestamp".parse().expect("pairs");
    let given = club.report(&Options { columns, ..strict() });
    assert_eq!(kinds(&given.findings), [""; 0]);
    assert!(matches!(given.split, SplitSpec::Temporal { .. }) && given.ratings.is_some());
    // A required one is refused with the way out.
    club.interactions = club.interactions.replacen("user_id\titem_id", "userId\tmovieId", 1);
    let failure = failure(club.import(&strict()), "no user_id");
    assert!(failure.to_string().contains("option `columns` = user_id=userId"), "{failure}");
    let columns: Columns = "user_id=userId,item_id=movieId".parse().expect("pairs");
    assert!(club.import(&Options { columns, ..strict() }).is_ok());
    let columns: Columns = "rating=Stars".parse().expect("a pair");
    assert!(Club::new().import(&Options { columns, ..strict() }).is_err(), "a column that is not there");
}

#[test]
fn csv_with_other_delimiters_is_named_as_such() {
    for (delimiter, found) in [(";", "';'"), ("\t", "'\\t'"), ("|", "'|'")] {
        let folder = TempDir::new().expect("temporary folder");
        let club = Club::new();
        for (name, text) in [("interactions.csv", &club.interactions), ("triples.csv", &club.triples)] {
            fs::write(folder.path().join(name), text.replace('\t', delimiter)).expect("written");
        }
        let failure = failure(import(folder.path(), &strict()), "not parted by commas");
        let first = failure.diagnostics[0].to_string();
        assert!(first.contains("columns: ") && first.contains(&format!("found {found}")), "{first}");
    }
}

#[test]
fn times_in_any_usual_form_give_the_same_split() {
    let seconds = |n: u32, p: u32| 1_600_000_000 + u64::from(n) * 10_000 + u64::from(p);
    let plain = Club::new().import(&strict()).expect("good").built;
    let parts = |built: &footpath_graph::build::Built| {
        let of = |log: &[footpath_graph::Interaction]| log.iter().map(|i| (i.user, i.item)).collect::<Vec<_>>();
        (of(&built.valid), of(&built.test))
    };
    type Write = fn(u64) -> String;
    let forms: [Write; 6] = [
        |s| format!("{s}000"),
        |s| format!("{s}.0"),
        |s| format!("{:.9e}", s as f64),
        |s| format!("{s}.{}", s % 7 + 1),
        |s| {
            format!(
                "2020-{:02}-{:02} {:02}:{:02}:{:02}",
                9 + (s - 1_600_000_000) / 2_000_000,
                1 + s / 86_400 % 28,
                s / 3600 % 24,
                s / 60 % 60,
                s % 60
            )
        },
        |s| {
            format!(
                "2020-09-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                1 + s / 86_400 % 28,
                s / 3600 % 24,
                s / 60 % 60,
                s % 60,
                s % 1000
            )
        },
    ];
    for form in forms {
        let mut club = Club::new();
        club.interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, r, n| {
            format!("p{p}\tg{g}\t{r}\t{}", form(seconds(n, p)))
        });
        let built = club.import(&strict()).unwrap_or_else(|e| panic!("{e}")).built;
        assert_eq!(parts(&built), parts(&plain), "{}", form(seconds(0, 1)));
    }
    for (bad, word) in [("13/09/2020", "month"), ("yesterday", "no time"), ("2020-02-30", "no date")] {
        let mut club = Club::new();
        club.interactions = club.interactions.replacen("1600000001", bad, 1);
        let failure = failure(club.import(&strict()), bad);
        let first = &failure.diagnostics[0];
        assert!(first.kind == "time" && first.line == 2 && first.message.contains(word), "{first}");
    }
    // What a spreadsheet leaves of a time is told of.
    let mut club = Club::new();
    club.interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, r, _| format!("p{p}\tg{g}\t{r}\t1.6E+09"));
    let report = club.report(&strict());
    assert_eq!(finding(&report.findings, "rounded_times").count, 80);
    assert_eq!(finding(&report.findings, "ties_at_a_cut").count, 8);
}

#[test]
fn columns_that_are_empty_throughout_count_as_absent() {
    let mut club = Club::new();
    club.interactions = log("user_id\titem_id\trating\ttimestamp\tsplit", |p, g, _, _| format!("p{p}\tg{g}\t\t\t"));
    let report = club.report(&strict());
    let empty = report.findings.iter().filter(|finding| finding.kind == "empty_column").count();
    assert_eq!((empty, report.graph.num_train + report.num_valid + report.num_test), (3, 80));
    assert!(matches!(report.split, SplitSpec::Random { .. }) && report.ratings.is_none());
    // One value makes it a column again.
    let mut last = club.clone();
    last.interactions.push_str("p1\tother\t5\t\t\n");
    let failure = failure(last.import(&strict()), "ratings are missing");
    assert_eq!((failure.diagnostics[0].kind, failure.total), ("rating", 80));
}

#[test]
fn the_latest_rating_counts_before_low_ones_are_dropped() {
    let again = |rating: u32| {
        let mut club = Club::new();
        club.interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, _, n| format!("p{p}\tg{g}\t5\t{n}"));
        for (player, game, ..) in rows().filter(|(player, ..)| *player <= 2) {
            let _ = writeln!(club.interactions, "p{player}\tg{game}\t{rating}\t{}", 1000 + game);
        }
        club
    };
    let options = |rated_again| Options { min_rating: Some(3.0), rated_again, split: SplitSpec::None, ..strict() };
    for (rule, kept) in [(RatedAgain::Last, 60), (RatedAgain::First, 80), (RatedAgain::Max, 80)] {
        let report = again(1).report(&options(rule));
        assert_eq!(report.graph.num_train, kept, "{rule:?}");
        assert_eq!(report.ratings.as_ref().map(|r| r.num_rated_again), Some(20));
        assert_eq!(finding(&report.findings, "rated_again").count, 20);
    }
    let failure = failure(again(1).import(&options(RatedAgain::Refuse)), "rated again");
    assert_eq!((failure.diagnostics[0].kind, failure.total), ("rated_again", 20));
    assert_eq!(again(5).report(&options(RatedAgain::Refuse)).graph.num_train, 80, "the same again is no other rating");
}

#[test]
fn labels_of_zero_are_no_choices() {
    let mut club = Club::new();
    club.interactions =
        log("user_id\titem_id\tlabel\ttimestamp", |p, g, r, n| format!("p{p}\tg{g}\t{}\t{n}", u32::from(r > 3)));
    let zeros = rows().filter(|(_, _, rating, _)| *rating == 3).count() as u64;
    let report = club.report(&strict());
    assert_eq!((finding(&report.findings, "label").count, report.log.num_filtered), (zeros, zeros));
    let all = club.report(&Options { columns: "label=".parse().expect("a pair"), ..strict() });
    assert_eq!(all.log.num_filtered, 0);
    // The same as ratings is told of.
    club.interactions = club.interactions.replacen("label", "rating", 1);
    let found = club.report(&strict());
    let found = finding(&found.findings, "dislikes");
    assert!(found.count == zeros && found.way_out.contains("option `min_rating` = 1"), "{found}");
}

#[test]
fn a_log_of_which_half_is_below_the_middle_is_told_of() {
    let mut club = Club::new();
    club.interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, _, n| {
        format!("p{p}\tg{g}\t{}\t{n}", if n < 6 { 1 + n % 2 } else { 4 + n % 2 })
    });
    let report = club.report(&strict());
    let found = finding(&report.findings, "dislikes");
    assert!(found.count == 48 && found.way_out.contains("option `min_rating` = 4"), "{found}");
    let bars: Vec<_> = report.ratings.expect("ratings").histogram.iter().map(|b| (b.rating, b.count)).collect();
    assert_eq!(bars, [(1.0, 24), (2.0, 24), (4.0, 16), (5.0, 16)]);
}

#[test]
fn nothing_held_out_is_told_of_with_a_way_out_that_works() {
    let mut club = Club::new();
    club.interactions =
        rows().filter(|(.., n)| *n < 9).fold("user_id\titem_id\ttimestamp\n".to_owned(), |mut text, (p, g, _, n)| {
            let _ = writeln!(text, "p{p}\tg{g}\t{n}");
            text
        });
    let report = club.report(&strict());
    let found = finding(&report.findings, "nothing_held_out");
    assert!(found.severity == Severity::Serious && found.way_out.contains("option `split` = leave-one-out"), "{found}");
    assert_eq!((report.cut.num_users_held_out, report.cut.num_users_too_short), (0, 8));
    let ratios = Ratios::default();
    for options in [
        Options { split: SplitSpec::LeaveOneOut { seed: 1 }, ..strict() },
        Options { min_history: 5, ..strict() },
        Options { split: SplitSpec::Date { ratios }, ..strict() },
    ] {
        let report = club.report(&options);
        assert!(report.num_test > 0 && !kinds(&report.findings).contains(&"nothing_held_out"), "{options:?}");
        assert!(report.cut.min_held_out >= 1 && report.cut.median_held_out >= report.cut.min_held_out);
    }
    assert!(
        !kinds(&club.report(&Options { split: SplitSpec::None, ..strict() }).findings).contains(&"nothing_held_out")
    );
}

#[test]
fn one_date_for_everybody_leaves_no_later_choice_in_train() {
    let mut club = Club::new();
    club.interactions = log("user_id\titem_id\trating\ttimestamp", |p, g, r, n| {
        format!("p{p}\tg{g}\t{r}\t{}", if p % 2 == 0 { 1000 + n * 7 + p } else { 2000 + n * 7 + p })
    });
    let imported =
        club.import(&Options { split: SplitSpec::Date { ratios: Ratios::default() }, ..strict() }).expect("good");
    let [valid, test] = imported.report.cut.dates.expect("two dates");
    assert!(imported.built.arrays.times.iter().all(|&time| time < valid));
    assert!(imported.built.valid.iter().all(|i| (valid..test).contains(&i.time)));
    assert!(imported.built.test.iter().all(|i| i.time >= test));
    assert_eq!((imported.report.num_valid, imported.report.num_test), (8, 8));
}

#[test]
fn users_and_items_with_few_interactions_go_until_none_is_left() {
    let mut club = Club::new();
    // A chain: the item goes with its only user, and then another user has too few.
    club.interactions.push_str("q1\tg1\t5\t1\nq1\tg2\t5\t2\nq1\trare\t5\t3\n");
    let min = MinInteractions { user: 3, item: 2 };
    let report = club.report(&Options { min_interactions: min, ..strict() });
    assert_eq!((report.log.num_rare, report.graph.num_users, report.graph.num_items), (3, 8, 14));
    let none = club.import(&Options { min_interactions: MinInteractions { user: 50, item: 0 }, ..strict() });
    assert_eq!(failure(none, "nobody is left").diagnostics[0].kind, "empty");
}

#[test]
fn titles_that_several_items_share_are_told_of() {
    let mut club = Club::new();
    club.items = club.items.map(|items| items.replace("Game 2\n", "Game 1\n").replace("Game 3\n", "Game 1\n"));
    let report = club.report(&strict());
    let found = finding(&report.findings, "same_titles");
    assert!(found.count == 2 && found.message.contains("`Game 1` of `g1` and `g2`"), "{found}");
}

/// Whatever names there are, the report of a manifest is far below the limit of one.
#[test]
fn reports_for_manifests_are_bounded() {
    for (num, length) in [(15_000, 6), (300, 3_990)] {
        let mut club = Club::new();
        for n in 0..num {
            let _ = writeln!(club.triples, "e1\tr{n:0length$}\td0");
        }
        let report = club.report(&strict());
        let bounded = report.bounded(256 << 10);
        assert!(serde_json::to_vec_pretty(&bounded).expect("JSON").len() < 512 << 10);
        let left_out = report.graph.relations.len() - bounded.graph.relations.len();
        assert_eq!((bounded.num_names_left_out, left_out > 0), (left_out as u64, true));
        assert_eq!(Club::new().report(&strict()).bounded(256 << 10), Club::new().report(&strict()));
    }
}

#[test]
fn items_that_would_be_entities_if_they_were_spelled_like_them_are_told_of() {
    let club = Club { items: None, triples: facts("G"), ..Club::new() };
    let report = club.report(&strict());
    let found = finding(&report.findings, "ids_do_not_meet");
    assert_eq!((found.severity, found.count, report.graph.num_items_outside_kg), (Severity::Serious, 14, 14));
    let places: Vec<_> = found.examples.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert!(matches!(places[..], [("interactions.tsv", 2..), ("triples.tsv", 2..)]), "{places:?}");
    assert!(found.way_out.contains("option `same_ids` = case and option `join_by_id`"), "{found}");
    let joined = club.report(&Options { same_ids: vec![Spelling::Case], join_by_id: true, ..strict() });
    assert_eq!(joined.graph.num_items_outside_kg, 0);
}

/// The knowledge says who chose what: as soon as most facts of a relation do, it is told of.
#[test]
fn facts_that_restate_the_log_are_told_of() {
    let restating = |num: usize| {
        let mut club = Club::new();
        for (player, game, ..) in rows().take(num) {
            let _ = writeln!(club.triples, "e{game}\tplayed_by\tp{player}");
        }
        // As many facts with somebody who is no player of the game.
        for n in 0..20 {
            let _ = writeln!(club.triples, "e{}\tplayed_by\tx{n}", n % NUM_GAMES + 1);
        }
        club.report(&strict())
    };
    let report = restating(30);
    let found = finding(&report.findings, "restates_the_log");
    assert_eq!((found.severity, found.count), (Severity::Serious, 30));
    assert_eq!(found.examples.first().map(|e| (e.text.as_str(), e.file.as_str())), Some(("played_by", "triples.tsv")));
    assert!(!kinds(&restating(10).findings).contains(&"restates_the_log"), "ten of thirty");
    assert!(!kinds(&Club::new().report(&strict()).findings).contains(&"restates_the_log"));
}

#[test]
fn interactions_outside_of_a_time_are_dropped() {
    let club = Club::new();
    let outside = |since: Option<&str>, until: Option<&str>| {
        let [since, until] = [since, until].map(|text| text.map(str::to_owned));
        club.import(&Options { since, until, ..strict() }).map(|imported| imported.report.log.num_outside)
    };
    let time = |n: u32| (1_600_000_000 + n * 10_000).to_string();
    // Of each of eight players ten games, one each ten thousand seconds.
    assert_eq!(outside(None, None).ok(), Some(0));
    assert_eq!(outside(Some(&time(2)), None).ok(), Some(16));
    assert_eq!(outside(None, Some(&time(9))).ok(), Some(8), "a time is the first that is left out");
    assert_eq!(outside(Some(&format!("{}.5", time(2))), Some(&time(9))).ok(), Some(24));
    for bad in ["2020-01-01", "yesterday"] {
        assert!(matches!(outside(Some(bad), None), Err(Error::Usage { option: "since", .. })), "{bad}");
    }
    let dates = Club {
        interactions: log("user_id\titem_id\ttimestamp", |p, g, _, n| format!("p{p}\tg{g}\t2024-01-{:02}", n + 1)),
        ..Club::new()
    };
    let report = dates.report(&Options { since: Some("2024-01-06T00:00:00Z".to_owned()), ..strict() });
    assert_eq!(report.log.num_outside, 40);
    let timeless = Club { interactions: log("user_id\titem_id", |p, g, _, _| format!("p{p}\tg{g}")), ..Club::new() };
    let options = Options { until: Some("5".to_owned()), ..strict() };
    assert!(matches!(timeless.import(&options), Err(Error::Usage { option: "until", .. })));
}

#[test]
fn entities_may_be_called_items_where_they_are_items() {
    let mut club = Club::new();
    let types = (1..=NUM_GAMES).map(|n| format!("e{n}\titem\n")).collect::<String>();
    let others = (0..4).map(|n| format!("d{n}\tperson\n")).chain((0..3).map(|n| format!("m{n}\trule\n")));
    let entities = format!("entity_id\ttype\n{types}{}", others.collect::<String>());
    let import_with = |club: &Club, entities: &str| {
        let folder = club.lay_out();
        fs::write(folder.path().join("entities.tsv"), entities).expect("written");
        import(folder.path(), &strict())
    };
    let report = import_with(&club, &entities).unwrap_or_else(|e| panic!("{e}")).report;
    assert_eq!((report.graph.num_items, report.graph.num_items_outside_kg), (14, 0));
    assert_eq!(report.graph.entities.iter().map(|kind| kind.name.as_str()).collect::<Vec<_>>(), ["person", "rule"]);
    // Three that no item is linked to are one message.
    club.items = club.items.map(|items| items.replace("\te1\t", "\t\t").replace("\te2\t", "\t\t"));
    let wrong = failure(import_with(&club, &entities.replace("d3\tperson", "d3\tuser")), "reserved");
    assert_eq!((wrong.total, wrong.diagnostics[0].kind, wrong.diagnostics[0].line), (1, "reserved_type", 2));
    assert!(wrong.diagnostics[0].message.starts_with("3 entities, `e1` first"), "{}", wrong.diagnostics[0].message);
}

#[test]
fn columns_may_be_named_in_toml() {
    let given = Columns::from_toml("user_id = \"userId\"\nrating = \"\"\n").expect("two columns");
    assert_eq!(given, "user_id=userId,rating=".parse().expect("the same"));
    for (bad, words) in [("user_id = 3", "user_id"), ("sex = \"s\"", "`sex` is none of"), ("user_id", "line 1")] {
        let error = Columns::from_toml(bad).expect_err("bad").to_string();
        assert!(error.contains(words), "{error}");
    }
}
