//! Entities out of the labels of tokens: the schemes BIO and BIOES (or BILOU), and labels without a scheme.

use proto::{Aggregation, Entity};

use crate::{
    labels::likeliest,
    placed_text::PlacedText,
    tokenizer::{CharCount, Place, PlacedToken},
};

/// The label of what is no entity.
const OUTSIDE: &str = "O";

/// A token or a word with its label.
struct Unit<'a> {
    label: &'a str,
    score: f32,
    place: Place,
}

/// Where in an entity a unit stands, as its label says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Begins,
    GoesOn,
    Ends,
    Alone,
}

/// An entity that is being put together.
struct Run<'a> {
    name: &'a str,
    units: usize,
    scores: f32,
    place: Place,
    /// A unit of its name may follow.
    is_open: bool,
}

/// The entities of a text whose tokens have these probabilities of labels.
pub fn entities(
    text: &PlacedText,
    probabilities: &[Vec<f32>],
    labels: &[String],
    aggregation: Aggregation,
) -> Vec<Entity> {
    let units = match aggregation {
        Aggregation::None | Aggregation::Simple => tokens(text, probabilities, labels),
        Aggregation::First | Aggregation::Average | Aggregation::Max => words(text, probabilities, labels, aggregation),
    };
    let mut count = CharCount::of(&text.text);
    let mut entity = |label: &str, score, place: Place| {
        let chars = count.place(place);
        Entity {
            label: label.to_owned(),
            score,
            text: text.text[place.bytes()].into(),
            start: chars.start,
            end: chars.end,
        }
    };
    let units = units.into_iter();
    if aggregation == Aggregation::None {
        let told = units.filter(|unit| unit.label != OUTSIDE);
        return told.map(|unit| entity(unit.label, unit.score, unit.place)).collect();
    }
    let runs = merged(units, labels).into_iter();
    runs.map(|run| entity(run.name, run.scores / run.units as f32, run.place)).collect()
}

fn tokens<'a>(text: &PlacedText, probabilities: &[Vec<f32>], labels: &'a [String]) -> Vec<Unit<'a>> {
    let unit = |(token, row): (&PlacedToken, &Vec<f32>)| {
        let (label, score) = likeliest(row);
        Unit { label: &labels[label], score, place: token.place }
    };
    text.tokens.iter().zip(probabilities).map(unit).collect()
}

fn words<'a>(
    text: &PlacedText,
    probabilities: &[Vec<f32>],
    labels: &'a [String],
    aggregation: Aggregation,
) -> Vec<Unit<'a>> {
    let mut rows = probabilities;
    let word = |tokens: &[PlacedToken]| {
        let (of_word, rest) = rows.split_at(tokens.len());
        rows = rest;
        let (label, score) = match aggregation {
            Aggregation::Average => likeliest(&mean(of_word)),
            Aggregation::Max => {
                let surer = |best: (usize, f32), other: (usize, f32)| if other.1 > best.1 { other } else { best };
                of_word.iter().map(|row| likeliest(row)).reduce(surer).expect("a word has a token")
            }
            _ => likeliest(&of_word[0]),
        };
        Unit { label: &labels[label], score, place: tokens[0].place.to(tokens[tokens.len() - 1].place) }
    };
    text.tokens.chunk_by(|token, next| token.word == next.word).map(word).collect()
}

fn mean(rows: &[Vec<f32>]) -> Vec<f32> {
    let of_label = |label: usize| rows.iter().map(|row| row[label]).sum::<f32>() / rows.len() as f32;
    (0..rows[0].len()).map(of_label).collect()
}

fn merged<'a>(units: impl Iterator<Item = Unit<'a>>, labels: &[String]) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut goes_on = false;
    for unit in units {
        if unit.label == OUTSIDE {
            goes_on = false;
            continue;
        }
        let (mark, name) = parted(unit.label, labels);
        let joins = matches!(mark, Mark::GoesOn | Mark::Ends);
        match runs.last_mut().filter(|run| goes_on && joins && run.is_open && run.name == name) {
            Some(run) => {
                run.units += 1;
                run.scores += unit.score;
                run.place = run.place.to(unit.place);
                run.is_open = mark != Mark::Ends;
            }
            None => runs.push(Run {
                name,
                units: 1,
                scores: unit.score,
                place: unit.place,
                is_open: matches!(mark, Mark::Begins | Mark::GoesOn),
            }),
        }
        goes_on = true;
    }
    runs
}

/// The mark and the name of a label; one without a mark goes on. Of the marks B and I say that there are marks at all:
/// `E-MAIL` alone is a name.
fn parted<'a>(label: &'a str, labels: &[String]) -> (Mark, &'a str) {
    let is_marked = |name: &str| {
        let marked = |other: &String| other.strip_prefix("B-").or_else(|| other.strip_prefix("I-")) == Some(name);
        labels.iter().any(marked)
    };
    match label.split_once('-').filter(|(_, name)| is_marked(name)) {
        Some(("B", name)) => (Mark::Begins, name),
        Some(("I" | "M", name)) => (Mark::GoesOn, name),
        Some(("E" | "L", name)) => (Mark::Ends, name),
        Some(("S" | "U", name)) => (Mark::Alone, name),
        _ => (Mark::GoesOn, label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::windows;

    /// Each token is a letter of the text; tokens of equal numbers are a word.
    fn told(words: &[usize], rows: &[&[f32]], labels: &[&str], aggregation: Aggregation) -> Vec<(String, String, f32)> {
        let text: String = ('a'..='z').take(words.len()).collect();
        let token =
            |(at, word): (usize, &usize)| PlacedToken { token: 0, place: Place::new(at..at + 1), word: *word as u32 };
        let tokens: Vec<_> = words.iter().enumerate().map(token).collect();
        let text = PlacedText { text, windows: windows(tokens.len(), 100, 0), tokens };
        let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        let rows: Vec<_> = rows.iter().map(|row| row.to_vec()).collect();
        let entities = entities(&text, &rows, &labels, aggregation);
        let parts = entities.into_iter().map(|entity| (entity.label, entity.text.into_string(), entity.score));
        parts.collect()
    }

    fn of_labels(tags: &[&str]) -> Vec<(String, String)> {
        let mut labels: Vec<&str> = tags.to_vec();
        labels.sort_unstable();
        labels.dedup();
        let row = |tag: &&str| labels.iter().map(|label| f32::from(u8::from(label == tag))).collect::<Vec<_>>();
        let rows: Vec<_> = tags.iter().map(row).collect();
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let words: Vec<_> = (0..tags.len()).collect();
        let told = told(&words, &rows, &labels, Aggregation::Simple);
        told.into_iter().map(|(label, text, _)| (label, text)).collect()
    }

    #[test]
    fn neighbours_of_one_name_are_an_entity_unless_the_label_says_otherwise() {
        let case = |tags: &[&str], want: &[(&str, &str)]| {
            let want: Vec<_> = want.iter().map(|(label, text)| ((*label).to_owned(), (*text).to_owned())).collect();
            assert_eq!(of_labels(tags), want, "{tags:?}");
        };
        case(&["O", "B-PER", "I-PER", "O", "I-LOC"], &[("PER", "bc"), ("LOC", "e")]);
        case(&["B-PER", "B-PER", "I-LOC", "I-LOC"], &[("PER", "a"), ("PER", "b"), ("LOC", "cd")]);
        case(
            &["B-PER", "I-PER", "E-PER", "I-PER", "S-PER", "I-PER"],
            &[("PER", "abc"), ("PER", "d"), ("PER", "e"), ("PER", "f")],
        );
        case(&["U-LOC", "B-LOC", "L-LOC"], &[("LOC", "a"), ("LOC", "bc")]);
        case(&["city", "city", "O", "well-known"], &[("city", "ab"), ("well-known", "d")]);
        case(&["E-MAIL", "E-MAIL", "O", "S-CODE"], &[("E-MAIL", "ab"), ("S-CODE", "d")]);
        case(&["O", "O"], &[]);
    }

    #[test]
    fn tokens_and_words_have_the_labels_that_the_aggregation_says() {
        let labels = ["O", "B-A", "I-A", "B-B"];
        let rows: [&[f32]; 3] = [&[0.1, 0.5, 0.1, 0.3], &[0.0, 0.0, 0.2, 0.8], &[0.3, 0.1, 0.6, 0.0]];
        let case = |aggregation, want: &[(&str, &str, f32)]| {
            let told = told(&[0, 0, 1], &rows, &labels, aggregation);
            assert_eq!(told.len(), want.len(), "{told:?}");
            for ((label, text, score), want) in told.iter().zip(want) {
                assert!(
                    (label.as_str(), text.as_str()) == (want.0, want.1) && (score - want.2).abs() < 1e-6,
                    "{told:?}"
                );
            }
        };
        case(Aggregation::None, &[("B-A", "a", 0.5), ("B-B", "b", 0.8), ("I-A", "c", 0.6)]);
        case(Aggregation::Simple, &[("A", "a", 0.5), ("B", "b", 0.8), ("A", "c", 0.6)]);
        case(Aggregation::First, &[("A", "abc", 0.55)]);
        case(Aggregation::Average, &[("B", "ab", 0.55), ("A", "c", 0.6)]);
        case(Aggregation::Max, &[("B", "ab", 0.8), ("A", "c", 0.6)]);
    }
}
