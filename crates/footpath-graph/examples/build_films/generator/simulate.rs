//! Users who do not exist, and the films they choose.
//!
//! **Taste.** Each user has [`NUM_FAVOURITES`] favourites: people and series with at least [`MIN_FILMS`] films here.
//! One is drawn with probability in proportion to the square root of its number of films; nine times in ten only among
//! those who share a film with a favourite drawn before (one who likes a director comes to like the director's actors).
//! Each user also leans towards one genre, and every second user towards one decade or country. The taste is hidden: no
//! file tells it.
//!
//! **Choice.** A user chooses one film after another, none twice, film `f` as the next with probability in proportion
//! to
//!
//! ```text
//! exp(β · match(f)) · fame(f)^γ · exp(ρ · recent(f))
//!
//! match(f)  = [some favourite of the user is linked to f] + λ · (number of leanings linked to f)
//! fame(f)   = (1 + number of films that share a person or series with f) · exp(σ · z(f)),
//!             z(f) standard normal, the same for all users
//! recent(f) = share of the user's last three films that share a person or series with f
//! ```
//!
//! So the next film is best guessed through the graph (which person or series joins the films of this user?); fame
//! matters too, but explains little. Every number is a draw of the counter-based generator, and weights are rounded to
//! integers before a draw, so that the last bit of an `exp` that differs between platforms does not move it.

use super::graph::Graph;
use footpath_core::{Purpose, Stream};
use std::collections::BTreeSet;

/// Number of simulated users.
pub(crate) const NUM_USERS: u32 = 480;
/// Favourite people and series of a user.
const NUM_FAVOURITES: usize = 10;
/// Least films of a favourite.
const MIN_FILMS: usize = 4;
/// How often a further favourite must share a film with an earlier one.
const KINSHIP: f64 = 0.9;
/// β: weight of the match with the taste.
const MATCH_WEIGHT: f64 = 5.0;
/// λ: what a leaning counts, a favourite being 1.
const LEANING: f64 = 0.25;
/// γ: weight of fame.
const FAME_POWER: f64 = 0.6;
/// σ: spread of the part of fame that the graph does not explain.
const FAME_NOISE: f64 = 0.7;
/// ρ: weight of the links to the films chosen last.
const RECENT_WEIGHT: f64 = 1.0;
/// How many films count as chosen last.
const RECENT_FILMS: usize = 3;
/// Fewest and most films of a user.
const NUM_CHOICES: (u32, u32) = (25, 60);
/// Fewest and most films of a decade or country that a user can lean towards.
const PLACE_FILMS: (usize, usize) = (5, 150);
/// Weights are multiples of this part of the largest one.
const WEIGHT_UNIT: f64 = 1.0 / (1u64 << 40) as f64;
/// 2020-01-01 00:00:00 UTC in seconds since 1970.
const START: u64 = 1_577_836_800;
const HOUR: u64 = 3600;

/// A user chose a film.
pub(crate) struct Choice {
    /// The user, from 0.
    pub(crate) user: u32,
    /// The film, an index of the graph's entities.
    pub(crate) film: usize,
    /// Seconds since 1970.
    pub(crate) time: u64,
}

/// The choices of all users, each user's in the order of time.
pub(crate) fn simulate(graph: &Graph, seed: u64) -> Vec<Choice> {
    let world = World::new(graph, seed);
    (0..NUM_USERS).flat_map(|user| world.choices(seed, user)).collect()
}

/// What all users share.
struct World {
    /// Films linked to each entity.
    films_of: Vec<BTreeSet<usize>>,
    /// People and series that can be favourites.
    makers: Vec<usize>,
    genres: Vec<usize>,
    /// Decades and countries.
    places: Vec<usize>,
    /// For each film, the films that share a person or series with it.
    neighbours: Vec<BTreeSet<usize>>,
    /// γ · ln fame of each film.
    fame: Vec<f64>,
}

impl World {
    fn new(graph: &Graph, seed: u64) -> Self {
        let mut films_of = vec![BTreeSet::new(); graph.entities.len()];
        for fact in &graph.facts {
            if let Some(films) = films_of.get_mut(fact.tail) {
                films.insert(fact.head);
            }
        }
        let of_kind = |kinds: &[&str], least: usize, most: usize| -> Vec<usize> {
            let entities = graph.entities.iter().zip(&films_of).enumerate();
            let fits = |entity: &str, films: usize| kinds.contains(&entity) && (least..=most).contains(&films);
            entities.filter(|(_, (e, films))| fits(e.kind, films.len())).map(|(number, _)| number).collect()
        };
        let neighbours = neighbours(graph.years.len(), of_kind(&["person", "series"], 2, usize::MAX), &films_of);
        let fame = neighbours.iter().enumerate().map(|(film, near)| fame(seed, film, near.len())).collect();
        Self {
            makers: of_kind(&["person", "series"], MIN_FILMS, usize::MAX),
            genres: of_kind(&["genre"], 1, usize::MAX),
            places: of_kind(&["decade", "country"], PLACE_FILMS.0, PLACE_FILMS.1),
            films_of,
            neighbours,
            fame,
        }
    }

    fn films(&self, entity: usize) -> impl Iterator<Item = usize> + '_ {
        self.films_of.get(entity).into_iter().flatten().copied()
    }

    fn choices(&self, seed: u64, user: u32) -> Vec<Choice> {
        let mut stream = Stream::new(seed, Purpose::Simulate, user, 0);
        let attraction = self.attraction(&mut stream);
        let span = f64::from(NUM_CHOICES.1 - NUM_CHOICES.0 + 1);
        let extra = (span * stream.unit().powi(2)) as usize;
        let mut time = START + stream.below(2 * 365 * 24 * HOUR);
        let mut chosen: Vec<usize> = Vec::new();
        let mut choices = Vec::new();
        while choices.len() < NUM_CHOICES.0 as usize + extra {
            let Some(film) = self.next(&mut stream, &attraction, &chosen) else { break };
            chosen.push(film);
            choices.push(Choice { user, film, time });
            time += 6 * HOUR + stream.below(6 * 24 * HOUR);
        }
        choices
    }

    /// β · match + γ · ln fame of every film, for a user with a taste drawn here.
    fn attraction(&self, stream: &mut Stream) -> Vec<f64> {
        let favourites = self.favourites(stream);
        let liked: BTreeSet<usize> = favourites.iter().flat_map(|&maker| self.films(maker)).collect();
        let mut leanings = vec![pick_one(stream, &self.genres)];
        if stream.unit() < 0.5 {
            leanings.push(pick_one(stream, &self.places));
        }
        let mut attraction = self.fame.clone();
        for (film, value) in attraction.iter_mut().enumerate() {
            let leaning =
                leanings.iter().flatten().filter(|&&l| self.films_of.get(l).is_some_and(|f| f.contains(&film)));
            *value += MATCH_WEIGHT * (f64::from(u8::from(liked.contains(&film))) + LEANING * leaning.count() as f64);
        }
        attraction
    }

    fn favourites(&self, stream: &mut Stream) -> Vec<usize> {
        let mut favourites: Vec<usize> = Vec::new();
        let mut liked: BTreeSet<usize> = BTreeSet::new();
        while favourites.len() < NUM_FAVOURITES.min(self.makers.len()) {
            let kin = stream.unit() < KINSHIP;
            let weight = |kin: bool, maker: usize| -> f64 {
                let barred = favourites.contains(&maker) || (kin && !self.films(maker).any(|f| liked.contains(&f)));
                if barred { 0.0 } else { (self.films(maker).count() as f64).sqrt() }
            };
            let weights = |kin| -> Vec<f64> { self.makers.iter().map(|&maker| weight(kin, maker)).collect() };
            // The first favourite has no kin, and a small circle may be used up.
            let drawn = kin.then(|| pick(stream, &weights(true))).flatten();
            let drawn = drawn.or_else(|| pick(stream, &weights(false)));
            let Some(&maker) = drawn.and_then(|index| self.makers.get(index)) else { break };
            liked.extend(self.films(maker));
            favourites.push(maker);
        }
        favourites
    }

    fn next(&self, stream: &mut Stream, attraction: &[f64], chosen: &[usize]) -> Option<usize> {
        let mut exponents = attraction.to_vec();
        for &film in chosen.iter().rev().take(RECENT_FILMS) {
            for &near in self.neighbours.get(film).into_iter().flatten() {
                if let Some(value) = exponents.get_mut(near) {
                    *value += RECENT_WEIGHT / RECENT_FILMS as f64;
                }
            }
        }
        let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = exponents.iter().map(|x| (x - largest).exp()).collect();
        for &film in chosen {
            if let Some(weight) = weights.get_mut(film) {
                *weight = 0.0;
            }
        }
        pick(stream, &weights)
    }
}

/// For each film, the others that share one of the makers with it.
fn neighbours(num_films: usize, makers: Vec<usize>, films_of: &[BTreeSet<usize>]) -> Vec<BTreeSet<usize>> {
    let mut neighbours = vec![BTreeSet::new(); num_films];
    for films in makers.into_iter().filter_map(|maker| films_of.get(maker)) {
        for &film in films {
            if let Some(near) = neighbours.get_mut(film) {
                near.extend(films.iter().copied().filter(|&other| other != film));
            }
        }
    }
    neighbours
}

fn fame(seed: u64, film: usize, num_neighbours: usize) -> f64 {
    let noise = Stream::new(seed, Purpose::Simulate, u32::MAX, film as u64).normal();
    FAME_POWER * ((1.0 + num_neighbours as f64).ln() + FAME_NOISE * noise)
}

fn pick_one(stream: &mut Stream, choices: &[usize]) -> Option<usize> {
    if choices.is_empty() { None } else { choices.get(stream.index(choices.len())).copied() }
}

/// An index with probability in proportion to its weight (0 to about 100), or `None` when all weights are 0.
fn pick(stream: &mut Stream, weights: &[f64]) -> Option<usize> {
    let parts: Vec<u64> = weights.iter().map(|weight| (weight / WEIGHT_UNIT).round() as u64).collect();
    let total = parts.iter().sum();
    let mut left = if total == 0 { return None } else { stream.below(total) };
    parts.iter().position(|&part| {
        let here = left < part;
        left = left.saturating_sub(part);
        here
    })
}
