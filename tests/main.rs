//! The end-to-end tests: the program as its users meet it, through the command line alone.
//!
//! - `cli`: every verb, its JSON, its exit status, its manners towards files and pipes
//! - `pattern`: patterns in words, as presets, as files, and how bad ones are refused
//! - `generate`: modes, scores, guests and forms of recommendations, and the verbs that read them back
//! - `formats`: data of others: a knowledge graph alone through every verb, explanations, standard input, mappings
//! - `objectives`: what a model can learn, from a file or options, in one stage or two, and what each can be asked
//!   afterwards
//! - `hugging_face`: models in the form of transformers and back, with logits that transformers computed, and the verbs
//!   about models
//! - `house`: the crates lean on each other in one direction
//! - `faithful`: every fact of every recommended path stands in the data at the file and line it names
//! - `audit`: a corpus of 100,000 paths against the raw files, and the verb that finds a single false hop
//! - `evaluation`: anybody's lists, two results side by side, the card, the page, and that the test part is looked at
//!   by the judge alone
//! - `corpora`: every form of a corpus, its description, and a disk that fills up meanwhile
//! - `concat`: corpora and lists whose parts were made apart
//! - `threads`: the same bytes from 1, 2 and 4 threads
//! - `robust`: on data of every kind the whole is no worse than its parts
//! - `planted`: a graph with one right answer for each user, which must be learned and found
//! - `production`: training again with the settings of an earlier model, on all of the log
//! - `reasons`: which items may be recommended, what becomes of them without their reasons, figures by groups
//! - `next`: models compared on what users did next, against lists looked up one by one
//! - `tune`: the same table whatever happens meanwhile, and nothing of the test part in it
//! - `serve`: the server over real connections: every route, rules, events that survive a kill, reloads, overload, page
//! - `signals`: every verb, told to end at random moments
//! - `weights`: graphs whose arcs have weights, and the laws that ask for them
//! - `limits`: what import accepts at its limits, every verb opens
//! - `artefacts`: damaged, mixed, foreign and forged artefacts are refused
//! - `budget`: training that is to end by a time
//! - `crash`: killed and interrupted at any moment, nothing is half-written and going on gives the same bytes
//! - `faults`: each call to the disk fails once: the old output or the new one is there, and nothing beside it
//! - `documents`: what README, ARCHITECTURE and the book say is so: commands, output, links, lists
//!
//! `support` runs the program and reads the data independently of it.

#![expect(
    clippy::type_complexity,
    clippy::useless_vec,
    reason = "tables of cases are plain tuples here, and argument lists are written one way everywhere"
)]

mod artefacts;
mod audit;
mod budget;
mod cli;
mod concat;
mod corpora;
mod crash;
mod demo;
mod documents;
mod evaluation;
mod experts;
mod faithful;
mod faults;
mod formats;
mod generate;
mod growing;
mod house;
mod hugging_face;
mod limits;
mod next;
mod objectives;
mod pattern;
mod planted;
mod production;
mod reasons;
mod robust;
mod sampled_users;
mod serve;
mod signals;
mod support;
mod threads;
mod tune;
mod weights;
