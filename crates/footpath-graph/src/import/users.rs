//! Which users are which entities: links as they are read, and what is settled once the log and all facts are there.

use super::collector::Collector;
use super::findings::{Finding, Severity};
use super::gathered::{At, UserLinks, set};
use super::join::example;
use super::meeting::Meeting;
use super::missing;
use super::problems::{Checked, Flaw, Problems};
use super::values::Name;
use crate::dataset::NONE;
use crate::error::show;
use std::collections::HashSet;

/// Users are joined unasked where at least one of so many has the id of an entity.
const JOINED_FROM: usize = 2;

/// Users and the entities of their ids, which are nodes apart so far.
struct Same {
    pairs: Vec<(u32, u32)>,
    /// Whether an id is more than a number, which would be equal by chance.
    tells: bool,
}

impl Collector {
    /// Makes a user of the log and an entity one node; to be called when the log is known. Fields: user, entity.
    pub(super) fn link_user(&mut self, at: At, user: Name<'_>, entity: Name<'_>) -> Checked<()> {
        self.user_links.listed = true;
        let (user_id, entity_id) = (self.spelled(user).into_owned(), self.spelled(entity).into_owned());
        if missing::means_none(&entity_id) {
            return Ok(());
        }
        let Some(user) = self.dataset.users.find(&user_id) else {
            self.user_links.num_strangers += 1;
            self.user_links.first_stranger.get_or_insert((at, user_id));
            return Ok(());
        };
        let Some(entity) = self.dataset.entities.find(&entity_id) else {
            self.user_links.num_dangling += 1;
            self.user_links.first_dangling.get_or_insert((at, entity_id));
            return Ok(());
        };
        self.dataset.user_links.resize(self.dataset.users.len(), NONE);
        let linked = self.dataset.user_links.get(user as usize).copied().unwrap_or(NONE);
        self.owners.resize(self.dataset.entities.len(), NONE);
        let owner = self.owners.get(entity as usize).copied().unwrap_or(NONE);
        if linked == entity {
            self.odd.repeated_rows += 1;
        } else if linked != NONE {
            let (user, other) = (show(user_id.as_bytes()), show(self.dataset.entities.get(linked).as_bytes()));
            let message = format!("user `{user}` is linked to entity `{other}` already");
            return Err(Flaw::new("link_conflict", message).at(1));
        } else if owner != NONE {
            let entity = show(entity_id.as_bytes());
            let message = format!("entity `{entity}` is an item or another user already");
            return Err(Flaw::new("link_conflict", message).at(1));
        } else {
            set(&mut self.dataset.user_links, user, entity);
            set(&mut self.owners, entity, user);
        }
        Ok(())
    }

    /// Settles the links of users, and joins users and entities of the same id that nothing links: because the options
    /// say so, or because there is no list of users and at least half of them are entities by ids that are more than
    /// numbers. What stays apart is told.
    pub(super) fn settle_users(&mut self, asked: bool, problems: &mut Problems) -> Option<Meeting> {
        self.tell_dangling_users(problems);
        let num_users = self.dataset.users.len();
        let Same { pairs, tells } = self.same_users();
        let &(first, _) = pairs.first().filter(|_| asked || tells)?;
        let meeting = Meeting {
            what: "users".to_owned(),
            left: "interactions".to_owned(),
            right: "triples".to_owned(),
            num_left: num_users as u64,
            num_right: self.dataset.entities.len() as u64,
            num_both: pairs.len() as u64,
        };
        let count = pairs.len() as u64;
        let id = show(self.dataset.users.get(first).as_bytes());
        if !asked && (self.user_links.listed || pairs.len() * JOINED_FROM < num_users) {
            self.tell_apart(&pairs, problems);
            return Some(meeting);
        }
        self.dataset.user_links.resize(num_users, NONE);
        for (user, entity) in pairs {
            set(&mut self.dataset.user_links, user, entity);
            self.dataset.joined.insert(entity);
        }
        let message =
            format!("{count} of {num_users} users are one node with the entity of the same id, such as `{id}`");
        let finding = Finding::new("users_joined_by_id", Severity::Note, count, message);
        problems.find(finding.way_out("a list of users with user_id and entity_id says otherwise"));
        Some(meeting)
    }

    /// Users without a link who have the id of an entity that is neither an item nor another user.
    fn same_users(&self) -> Same {
        let dataset = &self.dataset;
        let taken: HashSet<u32> = dataset.links.iter().chain(&dataset.user_links).copied().collect();
        let linked = |user: u32| dataset.user_links.get(user as usize).is_some_and(|&link| link != NONE);
        let entity = |user: u32| dataset.entities.find(dataset.users.get(user)).filter(|e| !taken.contains(e));
        let users = (0..).take(dataset.users.len()).filter(|&user| !linked(user));
        let pairs: Vec<(u32, u32)> = users.filter_map(|user| Some((user, entity(user)?))).collect();
        let is_number = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
        let tells = pairs.iter().any(|(user, _)| !is_number(dataset.users.get(*user)));
        Same { pairs, tells }
    }

    /// Tells of facts about entities that have the ids of users and are nodes apart from them.
    fn tell_apart(&self, pairs: &[(u32, u32)], problems: &mut Problems) {
        let entities: HashSet<u32> = pairs.iter().map(|(_, entity)| *entity).collect();
        let is_same = |entity: &u32| entities.contains(entity);
        let facts = || self.dataset.triples.iter().filter(|t| is_same(&t.head) || is_same(&t.tail));
        let Some(first) = facts().next() else { return };
        let user = if is_same(&first.head) { first.head } else { first.tail };
        let num_facts = facts().count() as u64;
        let message = format!(
            "{num_facts} facts are about {} entities with the ids of users, which are nodes apart from the users",
            pairs.len()
        );
        let example = self.facts.example(first.line, self.dataset.entities.get(user), &self.files);
        let finding = Finding::new("facts_about_users", Severity::Serious, num_facts, message).example(example);
        problems.find(
            finding.way_out("option `join_users_by_id` makes them one node, or list users with user_id and entity_id"),
        );
    }

    /// Tells of links that lead nowhere.
    fn tell_dangling_users(&self, problems: &mut Problems) {
        let linked = self.dataset.user_links.iter().filter(|&&link| link != NONE).count();
        let UserLinks { num_strangers, first_stranger, num_dangling, first_dangling, .. } = &self.user_links;
        let severity = if linked == 0 { Severity::Serious } else { Severity::Note };
        if let Some((at, user)) = first_stranger {
            let message = format!(
                "{num_strangers} of the users linked to entities are not in the log; {linked} users are linked"
            );
            let finding = Finding::new("linked_strangers", severity, *num_strangers, message);
            problems.find(finding.example(example(&self.files, *at, user)));
        }
        if let Some((at, entity)) = first_dangling {
            let message =
                format!("{num_dangling} users are linked to entities without any fact; {linked} users are linked");
            let finding = Finding::new("dangling_user_links", severity, *num_dangling, message);
            problems.find(finding.example(example(&self.files, *at, entity)));
        }
    }
}
