//! The bundled data set: the committed files are what the generator makes of the facts, they hold together,
//! and the next film of a user can be found through the graph.

#[path = "../examples/build_films/generator/mod.rs"]
mod generator;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/films").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The rows of a committed file, header left out.
fn rows<const N: usize>(name: &str) -> Vec<[String; N]> {
    let text = read(name);
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into();
    text.lines().skip(1).map(|line| fields(line).unwrap_or_else(|f| panic!("{name}: {f:?}"))).collect()
}

#[test]
fn the_committed_files_are_what_the_generator_makes() {
    let files = generator::generate(&read("films.tsv")).expect("the facts are well formed");
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["items.tsv", "entities.tsv", "relations.tsv", "triples.tsv", "interactions.tsv"]);
    for (name, content) in files {
        let at = content.lines().zip(read(name).lines()).position(|(made, found)| made != found);
        assert!(
            content == read(name),
            "{name}: line {at:?} differs (from 0); run `cargo run -p footpath-graph --example build_films`"
        );
    }
}

#[test]
fn names_are_unique_and_every_reference_is_known() {
    let entities = rows::<3>("entities.tsv");
    let types: BTreeMap<_, _> = entities.iter().map(|[id, kind, _]| (id, kind)).collect();
    assert_eq!(types.len(), entities.len(), "an entity id occurs twice");
    assert!(entities.iter().flatten().all(|field| !field.is_empty() && field.trim() == field));
    let tails: BTreeMap<_, _> = rows::<5>("relations.tsv").into_iter().map(|[id, .., tail]| (id, tail)).collect();
    let triples = rows::<3>("triples.tsv");
    assert!(triples.iter().all(|[head, _, _]| types[head] == "film"));
    assert!(triples.iter().all(|[_, relation, tail]| *types[tail] == tails[relation]));
    assert_eq!(triples.iter().collect::<BTreeSet<_>>().len(), triples.len(), "a triple occurs twice");
    let items = rows::<4>("items.tsv");
    assert!(
        items.iter().all(|[_, entity, title, year]| types[entity] == "film" && title.ends_with(&format!("({year})")))
    );
    let items: BTreeSet<_> = items.into_iter().map(|[id, ..]| id).collect();
    assert!(rows::<3>("interactions.tsv").iter().all(|[_, item, _]| items.contains(item)));
}

#[test]
fn the_data_set_is_as_large_as_promised() {
    assert!(rows::<4>("items.tsv").len() >= 250);
    assert!(rows::<3>("triples.tsv").len() >= 3_500);
    let used: BTreeSet<_> = rows::<3>("triples.tsv").into_iter().map(|[_, relation, _]| relation).collect();
    let relations = rows::<5>("relations.tsv");
    assert!(relations.len() >= 10 && relations.iter().all(|[id, ..]| used.contains(id)));
    assert!(relations.iter().flatten().all(|field| !field.is_empty()), "every relation has both readings");
}

/// The films of each user, in the order of time.
fn histories() -> BTreeMap<String, Vec<(u64, String)>> {
    let mut users: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for [user, item, time] in rows::<3>("interactions.tsv") {
        users.entry(user).or_default().push((time.parse().expect("a number"), item));
    }
    users
}

#[test]
fn every_user_has_a_history_in_the_order_of_time() {
    let users = histories();
    assert_eq!(users.len(), generator::simulate::NUM_USERS as usize);
    assert!(users.values().all(|history| (25..=60).contains(&history.len())));
    assert!(users.values().all(|history| history.windows(2).all(|pair| pair[0].0 < pair[1].0)));
    let distinct = |history: &[(u64, String)]| history.iter().map(|(_, film)| film).collect::<BTreeSet<_>>().len();
    assert!(users.values().all(|history| distinct(history) == history.len()), "no film twice");
}

/// Scores of films by id; a film that is absent has score 0.
type Scores = BTreeMap<String, f64>;

/// Share of the last tenth of each history among the ten films with the highest score, averaged over users.
fn recall(scores: impl Fn(&[String]) -> Scores) -> f64 {
    let items: Vec<_> = rows::<4>("items.tsv").into_iter().map(|[id, ..]| id).collect();
    let users = histories();
    let of_user = |history: &Vec<(u64, String)>| {
        let films: Vec<_> = history.iter().map(|(_, film)| film.clone()).collect();
        let (seen, hidden) = films.split_at(films.len() * 9 / 10);
        let scores = scores(seen);
        let unseen = items.iter().filter(|item| !seen.contains(item));
        let mut ranked: Vec<_> = unseen.map(|item| (scores.get(item).copied().unwrap_or(0.0), item)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let found = ranked.iter().take(10).filter(|(_, item)| hidden.contains(item)).count();
        found as f64 / hidden.len() as f64
    };
    users.values().map(of_user).sum::<f64>() / users.len() as f64
}

/// How often each film was chosen, the last tenth of each history left out.
fn popularity() -> Scores {
    let mut popularity = Scores::new();
    for history in histories().values() {
        for (_, film) in &history[..history.len() * 9 / 10] {
            *popularity.entry(film.clone()).or_default() += 1.0;
        }
    }
    popularity
}

/// Counts the paths film, entity, film, each hop weighted by 1/degree.
fn count_paths(
    films_of: &BTreeMap<String, Vec<String>>,
    facts_of: &BTreeMap<String, Vec<String>>,
    seen: &[String],
) -> Scores {
    let mut scores = Scores::new();
    for film in seen {
        for entity in &facts_of[film] {
            let weight = 1.0 / (facts_of[film].len() * films_of[entity].len()) as f64;
            for other in &films_of[entity] {
                *scores.entry(other.clone()).or_default() += weight;
            }
        }
    }
    scores
}

#[test]
fn the_next_film_is_found_through_the_graph_better_than_by_popularity() {
    let mut films_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut facts_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for [film, _, tail] in rows::<3>("triples.tsv") {
        films_of.entry(tail.clone()).or_default().push(film.clone());
        facts_of.entry(film).or_default().push(tail);
    }
    let popularity = popularity();
    let by_popularity = recall(|_| popularity.clone());
    let through_graph = recall(|seen| count_paths(&films_of, &facts_of, seen));
    assert!(by_popularity > 0.03, "popularity is part of the model: recall@10 is {by_popularity}");
    assert!(through_graph > 2.0 * by_popularity, "recall@10: graph {through_graph}, popularity {by_popularity}");
}

#[test]
fn slips_of_the_hand_are_found_by_their_line() {
    let header = generator::facts::COLUMNS.join("\t");
    let check = |lines: &str, line: usize, reason: &str| {
        let wrong = generator::generate(&format!("{header}\n{lines}")).expect_err(reason);
        assert_eq!(wrong.line, line, "{wrong}");
        assert!(wrong.reason.contains(reason), "{wrong}");
    };
    let film = |title: &str, year: &str, people: &str, genre: &str, end: &str| {
        format!("{title}\t{year}\t{people}\t\t\t\t\t{genre}\t\t\t{end}\n")
    };
    let good = film("M", "1931", "Fritz Lang", "Crime", "\t\t");
    check("M\t1931\n", 2, "expected 13 columns, got 2");
    check(&film("M", "31", "Fritz Lang", "Crime", "\t\t"), 2, "four digits");
    check(&film("M", "1931", "Fritz Lang;Thea", "Crime", "\t\t"), 2, "directors");
    check(&film("M", "1931", "Fritz Lang ", "Crime", "\t\t"), 2, "without blanks");
    check(&film("M", "1931", "Fritz Lang; Fritz Lang", "Crime", "\t\t"), 2, "given twice");
    check(&film("M", "1931", "Fritz Lang", "Noir", "\t\t"), 2, "`Noir` is not one of");
    check(&format!("{good}{good}"), 3, "sort by year, then title");
    check(&film("M", "1931", "Fritz Lang", "Crime", "\tL (1930)\t"), 2, "no other film `L (1930)`");
    check(&film("M", "1931", "Fritz Lang", "Crime", "\tM (1931)\t"), 2, "no other film `M (1931)`");
    check(&film("M", "1931", "Fritz Lang", "Crime", "\t\tL (1930)"), 2, "no other film `L (1930)`");
    check(&film("M", "1931", "Fritz Lang; Fritz  lang", "Crime", "\t\t"), 2, "have the same id");
    check(&film("M", "1931", "Фриц Ланг", "Crime", "\t\t"), 2, "no ASCII spelling");
    assert_eq!(generator::generate("title\n").err().map(|wrong| wrong.line), Some(1));
    assert!(generator::generate(&format!("{header}\n{good}")).is_ok());
}
