//! Corpora in other forms: whatever the paths, each form read back is the corpus, and its bytes do not depend on the
//! threads.

use footpath_core::{ArtefactKind, Context, Corpus, CorpusWriter, NodeId, Path, Replace, Threads, TokenId, Vocabulary};
use footpath_graph::build::build;
use footpath_graph::{Dataset, TrainKg, export};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Ids that need care in one form or another.
const ODD_IDS: [&str; 8] =
    ["a\"b", "back\\slash", "tab\tin", "line\nfeed", "Ünïcødé 東京", "'", "null", "\u{1}\u{7f}\u{2028}"];

/// A graph with odd ids, several types of entities, an item without facts and a user without choices.
fn kg() -> TrainKg {
    let mut d = Dataset::default();
    for (number, odd) in ODD_IDS.iter().enumerate() {
        d.link(&format!("i{odd}"), &format!("film{odd}"));
        d.fact(&format!("film{odd}"), "starring", &format!("actor{}", number % 3));
        d.fact(&format!("film{odd}"), "tagged\twith", odd);
        d.fact(&format!("actor{}", number % 3), "born in", "東京");
        for step in 0..3 {
            d.interact(&format!("u{odd}"), &format!("i{}", ODD_IDS[(number + step) % ODD_IDS.len()]));
        }
        d.interact(&format!("u{odd}"), "bare");
    }
    build(d).expect("built").train_kg().expect("valid")
}

/// Paths of 1 to `max_hops` hops over arcs of the graph, from any user to any node.
fn paths(max_hops: usize) -> impl Strategy<Value = Vec<Vec<u32>>> {
    let path = proptest::collection::vec(any::<u32>(), 2..=max_hops + 1);
    proptest::collection::vec(path, 0..60)
}

/// A path from numbers that say which user, and which arc at each node.
fn path(kg: &TrainKg, choices: &[u32]) -> Path {
    let mut choices = choices.iter().map(|&c| c as usize);
    let user = choices.next().expect("a choice") % kg.users().len();
    let mut path = Path { nodes: vec![NodeId(kg.users().start + user as u32)], relations: vec![] };
    for choice in choices {
        let arcs = kg.arcs(path.nodes[path.nodes.len() - 1]);
        let (relation, tail) = arcs.iter().nth(choice % arcs.len()).expect("an arc");
        path.nodes.push(tail);
        path.relations.push(relation);
    }
    path
}

/// A corpus of these paths, padded to the same width.
fn corpus(kg: &TrainKg, paths: &[Path], max_hops: usize, directory: &std::path::Path) -> Corpus {
    let width = 2 * max_hops + 1;
    let mut writer = CorpusWriter::create(directory, width, Replace::Yes).expect("created");
    for path in paths {
        let mut row: Vec<u32> = kg.vocabulary().encode(path).iter().map(|t| t.0).collect();
        row.resize(width, Vocabulary::PADDING.0);
        writer.append(&row).expect("appended");
    }
    writer.publish(String::new(), kg.vocabulary(), serde_json::json!({})).expect("published");
    Corpus::open(directory, &Context::default()).expect("opens")
}

fn threads(number: usize) -> Context {
    Context::default().with_threads(Threads::new(number).expect("few"))
}

/// What a form writes, the same from 1, 2 and 4 threads, and from a thread of the pool that formats.
fn written(form: impl Fn(&Context, &mut dyn Write) -> footpath_graph::Result<u64> + Sync, num_paths: usize) -> Vec<u8> {
    let outputs = [(1, false), (1, true), (2, false), (4, true)].map(|(number, inside)| {
        let (context, mut out) = (threads(number), Vec::new());
        let written = match inside {
            true => context.run(|| form(&context, &mut out)).expect("threads"),
            false => form(&context, &mut out),
        };
        assert_eq!(written.expect("written"), num_paths as u64);
        out
    });
    assert!(outputs.iter().all(|out| *out == outputs[0]));
    outputs.into_iter().next().expect("one of four")
}

/// The tokens of `U1 R0 I5 …` by reading letters and numbers.
fn read_text(kg: &TrainKg, line: &str) -> Path {
    let mut path = Path::default();
    for token in line.split(' ') {
        let number: u32 = token[1..].parse().expect("a number");
        match &token[..1] {
            "U" => path.nodes.push(NodeId(kg.users().start + number)),
            "I" => path.nodes.push(NodeId(kg.items().start + number)),
            "E" => path.nodes.push(NodeId(kg.items().end + number)),
            "R" => path.relations.push(footpath_core::RelationId(number as u16)),
            other => panic!("{other}"),
        }
    }
    path
}

/// A path from the names of its nodes and relations.
fn read_names(kg: &TrainKg, nodes: &[String], relations: &[String]) -> Path {
    Path {
        nodes: nodes.iter().map(|name| kg.node(name).expect("a node")).collect(),
        relations: relations.iter().map(|name| kg.relation(name).expect("a relation")).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn text_and_json_read_back_are_the_corpus(choices in paths(4)) {
        let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
        let paths: Vec<Path> = choices.iter().map(|choices| path(&kg, choices)).collect();
        let corpus = corpus(&kg, &paths, 4, &root.path().join("corpus"));
        let text = written(|context, out| export::write_text(&corpus, &kg, context, out), paths.len());
        let text = String::from_utf8(text).expect("UTF-8");
        prop_assert_eq!(&text.lines().map(|line| read_text(&kg, line)).collect::<Vec<_>>(), &paths);
        let json = written(|context, out| export::write_jsonl(&corpus, &kg, context, out), paths.len());
        let json = String::from_utf8(json).expect("UTF-8");
        let lines: Vec<BTreeMap<String, Vec<String>>> =
            json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let read: Vec<Path> = lines.iter().map(|l| read_names(&kg, &l["nodes"], &l["relations"])).collect();
        prop_assert_eq!(&read, &paths);
    }
}

#[cfg(feature = "parquet")]
mod tables {
    use super::*;
    use footpath_core::RelationId;
    use footpath_graph::export::Ids;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    /// The names of the columns and the rows of a table, as the library reads them.
    fn read(table: &[u8]) -> (Vec<String>, Vec<Vec<Field>>) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(table).expect("written");
        let reader = SerializedFileReader::new(file).expect("a table");
        let columns = reader.metadata().file_metadata().schema_descr().columns().iter();
        let columns = columns.map(|column| column.name().to_owned()).collect();
        let row = |row: parquet::record::Row| row.get_column_iter().map(|(_, field)| field.clone()).collect();
        (columns, reader.get_row_iter(None).expect("rows").map(|r| row(r.expect("a row"))).collect())
    }

    /// What the numbers of a corpus stand for: nodes and relations.
    fn names(kg: &TrainKg) -> [Vec<String>; 2] {
        let mut table = Vec::new();
        export::write_parquet_names(kg, &Context::default(), &mut table).expect("written");
        let (columns, rows) = read(&table);
        assert_eq!(columns, ["kind", "number", "name", "type", "label"]);
        ["node", "relation"].map(|kind| {
            let of_kind = rows.iter().filter(|row| row[0] == Field::Str(kind.to_owned()));
            let names = of_kind.enumerate().map(|(number, row)| {
                assert_eq!(row[1], Field::UInt(number as u32));
                assert_eq!(row[3] == Field::Null, kind == "relation");
                let Field::Str(name) = &row[2] else { panic!("{row:?}") };
                name.clone()
            });
            names.collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn tables_read_back_are_the_corpus(choices in paths(4)) {
            let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
            let paths: Vec<Path> = choices.iter().map(|choices| path(&kg, choices)).collect();
            let corpus = corpus(&kg, &paths, 4, &root.path().join("corpus"));
            let [nodes, relations] = names(&kg);
            for ids in [Ids::Number, Ids::Name] {
                let table = written(|context, out| export::write_parquet(&corpus, &kg, ids, context, out), paths.len());
                let (columns, rows) = read(&table);
                let expected = ["node_0", "relation_1", "node_1", "relation_2", "node_2", "relation_3", "node_3", "relation_4", "node_4"];
                prop_assert_eq!(&columns, &expected);
                prop_assert_eq!(rows.len(), paths.len());
                for (row, path) in rows.iter().zip(&paths) {
                    let there: Vec<&Field> = row.iter().take_while(|field| **field != Field::Null).collect();
                    prop_assert!(row[there.len()..].iter().all(|field| *field == Field::Null));
                    let name = |position: usize, names: &[String]| match there[position] {
                        Field::UInt(number) => names[*number as usize].clone(),
                        Field::Str(name) => name.clone(),
                        other => panic!("{other:?}"),
                    };
                    let node_names: Vec<String> = (0..there.len()).step_by(2).map(|p| name(p, &nodes)).collect();
                    let relation_names: Vec<String> = (1..there.len()).step_by(2).map(|p| name(p, &relations)).collect();
                    prop_assert_eq!(&read_names(&kg, &node_names, &relation_names), path);
                }
            }
        }
    }

    #[test]
    fn a_table_of_many_row_groups_holds_every_row() {
        let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
        let row = |seed: u32| path(&kg, &[seed, seed / 7, seed / 3]);
        let paths: Vec<Path> = (0..300_000).map(row).collect();
        let corpus = corpus(&kg, &paths, 2, &root.path().join("corpus"));
        let table = written(|context, out| export::write_parquet(&corpus, &kg, Ids::Number, context, out), paths.len());
        let (_, rows) = read(&table);
        assert_eq!(rows.len(), paths.len());
        let number = |field: &Field| if let Field::UInt(number) = field { *number } else { panic!("{field:?}") };
        for (row, path) in rows.iter().zip(&paths) {
            let nodes: Vec<NodeId> = row.iter().step_by(2).map(|field| NodeId(number(field))).collect();
            let relations: Vec<_> =
                row.iter().skip(1).step_by(2).map(|field| RelationId(number(field) as u16)).collect();
            assert_eq!((&nodes, &relations), (&path.nodes, &path.relations));
        }
    }
}

mod hopwise {
    use super::*;
    use footpath_core::{Artefact, ArtefactWriter};
    use footpath_graph::audit::HeldOutItems;

    /// The rows of a tab-separated file with a header, which must be this.
    fn rows(folder: &Artefact, suffix: &str, header: &[&str]) -> Vec<Vec<String>> {
        let text = folder.read_text(&format!("films.{suffix}")).expect("a file");
        let mut rows = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(rows.next().expect("a header"), header.iter().map(|h| format!("{h}:token")).collect::<Vec<_>>());
        rows.collect()
    }

    /// What hopwise does to tokens: 0 is padding, the rest by first appearance.
    fn factorize(tokens: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut order = vec!["[PAD]".to_owned()];
        for token in tokens {
            if !order.contains(&token) {
                order.push(token);
            }
        }
        order
    }

    fn column(rows: &[Vec<String>], index: usize) -> Vec<String> {
        rows.iter().map(|row| row[index].clone()).collect()
    }

    /// Checks that every token has the number in its name.
    fn check(letter: char, order: &[String], first: usize) {
        for (number, token) in order.iter().enumerate().skip(first) {
            assert_eq!(*token, format!("{letter}{number}"));
        }
    }

    #[test]
    fn every_token_gets_the_number_it_has_in_the_paths() {
        let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
        let paths: Vec<Path> = (0..200u32).map(|seed| path(&kg, &[seed, seed / 2, seed / 3, seed / 5])).collect();
        let corpus = corpus(&kg, &paths, 3, &root.path().join("corpus"));
        let (user, items) = (kg.user("u'").expect("a user"), ["bare", "i'"].map(|id| kg.item(id)));
        let held_out = HeldOutItems::from([(user, items.into_iter().filter_map(Result::ok).collect())]);
        let directory = root.path().join("films");
        let mut folder = ArtefactWriter::create(&directory, ArtefactKind::Hopwise, Replace::No).expect("created");
        let none = HeldOutItems::new();
        export::write_hopwise(&corpus, &kg, [&held_out, &none], &threads(2), "films", &mut folder).expect("written");
        folder.publish(BTreeMap::new(), serde_json::json!({})).expect("published");
        let folder = Artefact::open(&directory, ArtefactKind::Hopwise, &Context::default()).expect("opens");

        let inter: Vec<_> = ["train.inter", "valid.inter", "test.inter"]
            .iter()
            .flat_map(|suffix| rows(&folder, suffix, &["user_id", "item_id"]))
            .collect();
        assert_eq!(inter.len(), kg.num_train() + 2);
        let users = factorize([column(&inter, 0), column(&rows(&folder, "user", &["user_id"]), 0)].concat());
        assert_eq!(users.len(), kg.users().len() + 1);
        check('U', &users, 1);
        // Items: those that are linked come after those that are not, otherwise as they were.
        let met = factorize([column(&inter, 1), column(&rows(&folder, "item", &["item_id"]), 0)].concat());
        let links = rows(&folder, "link", &["item_id", "entity_id"]);
        let is_linked = |token: &&String| links.iter().any(|link| link[0] == **token);
        let items: Vec<String> =
            met.iter().filter(|t| !is_linked(t)).chain(met.iter().filter(is_linked)).cloned().collect();
        assert_eq!((items.len(), links.len()), (kg.items().len() + 1, ODD_IDS.len()));
        check('I', &items, 1);
        let facts = rows(&folder, "kg", &["head_id", "relation_id", "tail_id"]);
        let met = factorize([column(&facts, 0), column(&facts, 2)].concat());
        assert!(links.iter().all(|link| met.contains(&link[1])), "hopwise takes every link to be in a fact");
        let others = met.iter().skip(1).filter(|token| !links.iter().any(|link| link[1] == **token)).cloned();
        check('E', &items.iter().cloned().chain(others).collect::<Vec<_>>(), items.len());
        let relations = factorize(column(&facts, 1));
        check('R', &relations, 1);

        // The paths, with every token replaced by what it stands for.
        let tokens = folder.read_text("films.tokens.jsonl").expect("a file");
        let names: BTreeMap<String, String> = tokens
            .lines()
            .map(|line| serde_json::from_str::<BTreeMap<String, String>>(line).expect("JSON"))
            .map(|line| (line["token"].clone(), line["name"].clone()))
            .collect();
        assert_eq!(names[&format!("R{}", relations.len())], "interacted");
        let text = folder.read_text("films.paths").expect("a file");
        assert_eq!(text.lines().count(), paths.len());
        for (line, path) in text.lines().zip(&paths) {
            let words: Vec<&String> = line.split(' ').map(|token| &names[token]).collect();
            let nodes: Vec<_> = path.nodes.iter().map(|&node| kg.node_name(node)).collect();
            // hopwise has one number for a relation and its inverse.
            let relations = path.relations.iter().map(|&r| kg.relation_name(r).trim_start_matches('~').to_owned());
            assert_eq!(words.iter().step_by(2).copied().cloned().collect::<Vec<_>>(), nodes);
            assert_eq!(
                words.iter().skip(1).step_by(2).copied().cloned().collect::<Vec<_>>(),
                relations.collect::<Vec<_>>()
            );
        }
    }
}

mod statistics {
    use super::*;
    use footpath_core::TypeId;
    use footpath_graph::stats::{MAX_PATTERNS, corpus_stats, count_duplicates};
    use std::collections::BTreeSet;

    /// How often each thing is there.
    fn counted<K: Ord>(things: impl IntoIterator<Item = K>) -> BTreeMap<K, u64> {
        things.into_iter().fold(BTreeMap::new(), |mut counts, thing| {
            *counts.entry(thing).or_default() += 1;
            counts
        })
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    /// Relations and types of nodes.
    fn metapath(kg: &TrainKg, path: &Path) -> (Vec<u16>, Vec<TypeId>) {
        (path.relations.iter().map(|r| r.0).collect(), path.nodes.iter().map(|&n| kg.type_of(n)).collect())
    }

    /// Mean difference between two items, over twice the mean: the definition of the coefficient.
    fn gini(counts: &[f64]) -> f64 {
        let (n, sum) = (counts.len() as f64, counts.iter().sum::<f64>());
        let differences: f64 = counts.iter().flat_map(|a| counts.iter().map(move |b| (a - b).abs())).sum();
        if sum == 0.0 { 0.0 } else { differences / (2.0 * n * sum) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn figures_are_those_of_counting_one_by_one(choices in paths(4)) {
            let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
            // Few distinct choices make duplicates.
            let paths: Vec<Path> = choices.iter().map(|c| path(&kg, &c.iter().map(|c| c % 4).collect::<Vec<_>>())).collect();
            let corpus = corpus(&kg, &paths, 4, &root.path().join("corpus"));
            let all = [1, 2, 4].map(|number| {
                let context = threads(number);
                context.run(|| corpus_stats(&corpus, &kg, &context)).expect("threads").expect("described")
            });
            prop_assert!(all.iter().all(|stats| *stats == all[0]));
            let [stats, ..] = all;
            let total = paths.len() as u64;
            let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };

            prop_assert_eq!(stats.paths, total);
            prop_assert_eq!(stats.tokens, paths.iter().map(|p| (p.nodes.len() + p.relations.len()) as u64).sum::<u64>());
            let users = counted(paths.iter().map(|p| p.nodes[0]));
            let mut per_user: Vec<u64> = users.values().copied().collect();
            per_user.sort_unstable();
            prop_assert_eq!((stats.users, stats.users_with_paths), (kg.users().len() as u64, users.len() as u64));
            if let (Some(min), Some(max)) = (per_user.first(), per_user.last()) {
                let median = per_user[(per_user.len() - 1) / 2];
                prop_assert_eq!((stats.paths_per_user.min, stats.paths_per_user.median, stats.paths_per_user.max), (*min, median, *max));
                prop_assert!(close(stats.paths_per_user.mean, total as f64 / users.len() as f64));
            }
            let lengths = counted(paths.iter().map(Path::num_hops));
            prop_assert_eq!(stats.lengths.iter().map(|l| (l.hops, l.paths)).collect::<BTreeMap<_, _>>(), lengths);
            let patterns = counted(paths.iter().map(|p| metapath(&kg, p)));
            prop_assert_eq!(stats.num_patterns, patterns.len() as u64);
            let mut counts: Vec<u64> = patterns.values().copied().collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            let rest: u64 = counts.iter().skip(MAX_PATTERNS).sum();
            counts.truncate(MAX_PATTERNS);
            prop_assert_eq!(stats.patterns.iter().map(|p| p.count).collect::<Vec<_>>(), counts);
            prop_assert_eq!(stats.other_patterns, rest);
            let distinct: BTreeSet<_> = stats.patterns.iter().map(|p| &p.name).collect();
            prop_assert_eq!(distinct.len(), stats.patterns.len());
            let relations = counted(paths.iter().flat_map(|p| &p.relations).map(|&r| kg.relation_name(r)));
            prop_assert_eq!(stats.relations.iter().map(|r| (r.name.clone(), r.count)).collect::<BTreeMap<_, _>>(), relations);

            let ends = counted(paths.iter().map(|p| p.nodes[p.nodes.len() - 1]).filter(|&n| kg.is_item(n)));
            let at = |item: u32| ends.get(&NodeId(item)).copied().unwrap_or(0);
            let ended: u64 = ends.values().sum();
            prop_assert_eq!((stats.ends.items, stats.ends.covered, stats.ends.paths), (kg.items().len() as u64, ends.len() as u64, ended));
            prop_assert!(close(stats.ends.gini, gini(&kg.items().map(|i| at(i) as f64).collect::<Vec<_>>())));
            let most = ends.values().copied().max().unwrap_or(0);
            prop_assert!(close(stats.ends.top_1_percent, share(most, ended)) && close(stats.ends.top_10_percent, share(most, ended)), "one item of nine");
            let mut by_popularity: Vec<u32> = kg.items().collect();
            by_popularity.sort_by_key(|&i| (usize::MAX - kg.popularity(NodeId(i)), i));
            for (number, decile) in stats.ends.deciles.iter().enumerate() {
                let n = by_popularity.len();
                let items = &by_popularity[n * number / 10..n * (number + 1) / 10];
                prop_assert_eq!(decile.items, items.len() as u64);
                prop_assert!(close(decile.share_of_ends, share(items.iter().map(|&i| at(i)).sum(), ended)));
                let train = items.iter().map(|&i| kg.popularity(NodeId(i)) as u64).sum();
                prop_assert!(close(decile.share_of_train, share(train, kg.num_train() as u64)));
            }

            let is_entity = |node: &&NodeId| kg.type_of(**node).0 > TypeId::ITEM.0;
            let first: Vec<NodeId> = paths.iter().filter_map(|p| p.nodes.iter().find(is_entity)).copied().collect();
            let mut entities: Vec<NodeId> = (kg.items().end..kg.num_nodes() as u32).map(NodeId).collect();
            entities.sort_by_key(|&e| (usize::MAX - kg.degree(e), e));
            let through = first.iter().filter(|e| **e == entities[0]).count() as u64;
            prop_assert_eq!((stats.hubs.paths_with_entity, stats.hubs.degree), (first.len() as u64, kg.degree(entities[0]) as u64));
            prop_assert!(close(stats.hubs.top_1_percent, share(through, first.len() as u64)), "one entity of some dozen");

            let distinct = paths.iter().collect::<BTreeSet<_>>().len() as u64;
            prop_assert_eq!(stats.duplicates, total - distinct);
            // Bounded memory only takes more passes.
            let count = |hashes| count_duplicates(&corpus, hashes, &Context::default()).expect("counted");
            prop_assert_eq!([1, 3, 7].map(count), [total - distinct; 3]);
        }
    }
}

/// A writer that refuses after so many bytes, as a full disk does.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Paths enough for many blocks.
fn large(kg: &TrainKg, directory: &std::path::Path) -> Corpus {
    let rows = |seed: u32| path(kg, &[seed, seed / 7, seed / 3, seed.wrapping_mul(2_654_435_761) >> 8]);
    corpus(kg, &(0..200_000).map(rows).collect::<Vec<_>>(), 4, directory)
}

#[test]
fn blocks_are_written_in_order() {
    let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
    let corpus = large(&kg, &root.path().join("corpus"));
    let text = written(|context, out| export::write_text(&corpus, &kg, context, out), corpus.len());
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(text.lines().zip(corpus.paths()).all(|(line, path)| read_text(&kg, line) == path.expect("a path")));
    assert_eq!(text.lines().count(), 200_000);
}

#[test]
fn a_disk_that_fills_up_ends_every_form() {
    let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
    let corpus = large(&kg, &root.path().join("corpus"));
    for room in [0, 1 << 20] {
        let refused = [
            export::write_text(&corpus, &kg, &threads(2), &mut Full(room)),
            export::write_jsonl(&corpus, &kg, &threads(2), &mut Full(room)),
            #[cfg(feature = "parquet")]
            export::write_parquet(&corpus, &kg, export::Ids::Name, &threads(2), &mut Full(room / 64)),
        ];
        for result in refused {
            let error = result.expect_err("no room");
            assert!(matches!(error, footpath_graph::Error::Core(footpath_core::Error::Io { .. })), "{error}");
        }
    }
}

#[test]
fn a_row_that_is_no_path_is_named_whatever_the_threads() {
    let (kg, root) = (kg(), tempfile::tempdir().expect("a directory"));
    let directory = root.path().join("corpus");
    let good: Vec<u32> = kg.vocabulary().encode(&path(&kg, &[1, 2])).iter().map(|t| t.0).collect();
    let node = good[0];
    let past = TokenId(kg.vocabulary().len() as u32).0;
    for bad in [[node, node, node], [past, 8, node], [node, 8, past], [0, 0, 0], [8, 8, node], [node, 7, node]] {
        let mut writer = CorpusWriter::create(&directory, 3, Replace::Yes).expect("created");
        (0..90_000).for_each(|_| writer.append(&good).expect("appended"));
        writer.append(&bad).expect("appended");
        (0..9_000).for_each(|_| writer.append(&bad).expect("appended"));
        writer.publish(String::new(), kg.vocabulary(), serde_json::json!({})).expect("published");
        let corpus = Corpus::open(&directory, &Context::default()).expect("opens");
        for context in [1, 3].map(threads) {
            let results = [
                export::write_text(&corpus, &kg, &context, &mut io::sink()),
                export::write_jsonl(&corpus, &kg, &context, &mut io::sink()),
                #[cfg(feature = "parquet")]
                export::write_parquet(&corpus, &kg, export::Ids::Number, &context, &mut io::sink()),
            ];
            for result in results {
                let message = result.expect_err("no path").to_string();
                assert!(message.contains("row 90000"), "{bad:?}: {message}");
            }
        }
    }
}
