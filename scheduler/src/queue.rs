//! Those that wait, by priority class and, in a class, in order of arrival; preempted ones first.
//!
//! A class waits [`LONGEST_WAIT`] at most behind a higher one; then its first competes by arrival.
//! Does not decide whether the next one fits.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::SeqId;
use crate::planted_bug::{Planted, PlantedBug};
use crate::sequence::Sequence;

/// How long a class waits behind a higher one.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// All waiting sequences.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    classes: BTreeMap<i32, VecDeque<Sequence>>,
    len: usize,
    tokens: usize,
    pub(crate) planted: Planted,
}

/// A place in the queue, until it changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    class: i32,
    index: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Prompt tokens of all waiting sequences.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Appends a new sequence to its class.
    pub(crate) fn push(&mut self, sequence: Sequence) {
        self.count(&sequence);
        self.classes.entry(sequence.class).or_default().push_back(sequence);
    }

    /// Puts a preempted sequence to the front of its class, among preempted ones by arrival.
    pub(crate) fn push_front(&mut self, sequence: Sequence) {
        self.count(&sequence);
        let class = self.classes.entry(sequence.class).or_default();
        let index = class.partition_point(|other| other.was_preempted() && other.order(&sequence).is_lt());
        let back = self.planted.is(PlantedBug::PreemptToTheBack);
        class.insert(if back { class.len() } else { index }, sequence);
    }

    /// The next one to admit, those passed over by `skip` left aside.
    pub(crate) fn next(&self, now: Duration, skip: impl Fn(&Sequence) -> bool) -> Option<Place> {
        let heads = self.classes.iter().filter_map(|(&class, sequences)| {
            let index = sequences.iter().position(|sequence| !skip(sequence))?;
            Some((Place { class, index }, &sequences[index]))
        });
        let highest = *self.classes.keys().next()?;
        heads
            .min_by_key(|(place, head)| (self.rank(place.class, head, highest, now), head.arrival))
            .map(|(place, _)| place)
    }

    /// The class in which a head competes.
    fn rank(&self, class: i32, head: &Sequence, highest: i32, now: Duration) -> i32 {
        let waited = now.saturating_sub(head.waiting_since);
        let rises = waited >= LONGEST_WAIT && !self.planted.is(PlantedBug::ClassesNeverRise);
        if rises { highest } else { class }
    }

    /// The sequence at a place.
    pub(crate) fn at_mut(&mut self, place: Place) -> &mut Sequence {
        &mut self.classes.get_mut(&place.class).expect("a place is in the queue")[place.index]
    }

    /// Takes the sequence at a place out.
    pub(crate) fn remove(&mut self, place: Place) -> Sequence {
        let class = self.classes.get_mut(&place.class).expect("a place is in the queue");
        let sequence = class.remove(place.index).expect("a place is in the queue");
        if class.is_empty() {
            self.classes.remove(&place.class);
        }
        self.len -= 1;
        self.tokens -= sequence.stats.prompt_tokens;
        sequence
    }

    /// Where the sequence that stands for `seq` waits.
    pub(crate) fn find(&self, seq: SeqId) -> Option<Place> {
        self.position(|sequence| sequence.answers_as(seq))
    }

    /// The first place whose sequence satisfies `wanted`.
    pub(crate) fn position(&self, wanted: impl Fn(&Sequence) -> bool) -> Option<Place> {
        self.classes
            .iter()
            .find_map(|(&class, sequences)| sequences.iter().position(&wanted).map(|index| Place { class, index }))
    }

    /// Every waiting sequence, class by class.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sequence> {
        self.classes.values().flatten()
    }

    fn count(&mut self, sequence: &Sequence) {
        self.len += 1;
        self.tokens += sequence.stats.prompt_tokens;
    }
}
