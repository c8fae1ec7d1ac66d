//! Which continuations of a request's beams live on, and which are kept as finished: the rules of transformers' `generate`.
//!
//! Among all continuations of all beams, in order of their sums, the first `width` may finish, and the first `width` that
//! go on live on. Knows tokens and scores only: nothing of blocks, steps and events.

use std::sync::Arc;

use crate::{BeamParams, Candidate, FinishReason, Sample, SamplingParams, Token, TokenLogprobs};

/// One beam. The tokens it has generated are in its sequence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beam {
    /// Of the log-probabilities of its tokens.
    pub(crate) sum: f32,
    /// Of each token it has generated, if they are reported. Beams share what they begin with.
    pub(crate) logprobs: Vec<Arc<TokenLogprobs>>,
    /// What may follow it, from when its last token is computed until those of all beams are.
    pub(crate) drawn: Option<Sample>,
}

/// A beam, longer by one token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extension {
    /// Index of the beam.
    pub(crate) parent: usize,
    pub(crate) candidate: Candidate,
    /// Of the log-probabilities of all its tokens.
    pub(crate) sum: f32,
}

/// A text that has ended.
#[derive(Debug)]
pub(crate) struct Hypothesis {
    score: f32,
    /// An ending one included.
    pub(crate) tokens: Vec<Token>,
    pub(crate) logprobs: Vec<Arc<TokenLogprobs>>,
    pub(crate) reason: FinishReason,
}

/// The search of one request.
#[derive(Debug)]
pub(crate) struct BeamSearch {
    params: Arc<SamplingParams>,
    beams: BeamParams,
    /// At most `width`, best first.
    finished: Vec<Hypothesis>,
}

impl Beam {
    /// Becomes longer by one token.
    pub(crate) fn extend(&mut self, extension: &Extension) {
        self.sum = extension.sum;
        let drawn = self.drawn.take().expect("a beam is extended by what it drew");
        self.logprobs.extend(logprobs(&drawn, &extension.candidate));
    }

    /// What may follow it.
    fn candidates(&self) -> &[Candidate] {
        self.drawn.as_ref().map_or(&[], |drawn| &drawn.candidates)
    }
}

impl Hypothesis {
    /// The tokens that are told: all but one that ends.
    pub(crate) fn text(&self) -> &[Token] {
        let ending = usize::from(matches!(self.reason, FinishReason::Stop(_)));
        &self.tokens[..self.tokens.len() - ending]
    }
}

impl BeamSearch {
    pub(crate) fn new(params: Arc<SamplingParams>, beams: BeamParams) -> Self {
        Self { params, beams, finished: Vec::new() }
    }

    /// Whether its texts are bound to a form.
    pub(crate) fn is_bound(&self) -> bool {
        self.params.constraint.is_some()
    }

    /// Hypotheses that have ended, best first.
    pub(crate) fn finished(&self) -> &[Hypothesis] {
        &self.finished
    }

    /// Takes in what may follow each beam, given with the tokens it has generated; all have equally many. Returns the
    /// beams that live on, best first: none when the search is over.
    pub(crate) fn advance(&mut self, parents: &[(&[Token], &Beam)]) -> Vec<Extension> {
        let length = parents[0].0.len() + 1;
        let all = extensions(parents);
        for extension in all.iter().take(self.beams.width) {
            if let Some(reason) = self.end(extension, length) {
                let (tokens, beam) = parents[extension.parent];
                self.finish(tokens, beam, extension, reason);
            }
        }
        let goes_on = |extension: &Extension| self.end(extension, length).is_none();
        let living: Vec<_> = all.into_iter().filter(goes_on).take(self.beams.width).collect();
        if self.is_over(&living, length) { Vec::new() } else { living }
    }

    /// Why a text of so many tokens ends with its last one, if it does.
    fn end(&self, extension: &Extension, length: usize) -> Option<FinishReason> {
        let token = extension.candidate.token;
        if length > self.params.min_new && self.params.stop_ids.contains(&token) {
            return Some(FinishReason::Stop(token));
        }
        (length >= self.params.max_new).then_some(FinishReason::Length)
    }

    /// Keeps a text that has ended, if it is among the best.
    fn finish(&mut self, tokens: &[Token], beam: &Beam, extension: &Extension, reason: FinishReason) {
        let tokens = [tokens, &[extension.candidate.token]].concat();
        let drawn = beam.drawn.as_ref().expect("it has drawn");
        let last = logprobs(drawn, &extension.candidate);
        let logprobs = beam.logprobs.iter().cloned().chain(last).collect();
        let score = self.score(extension.sum, tokens.len());
        let place = self.finished.partition_point(|other| other.score >= score);
        self.finished.insert(place, Hypothesis { score, tokens, logprobs, reason });
        self.finished.truncate(self.beams.width);
    }

    /// Whether nothing can come that would be told.
    fn is_over(&self, living: &[Extension], length: usize) -> bool {
        let Some(best) = living.first() else { return true };
        let Some(worst) = self.finished.get(self.beams.width - 1) else { return false };
        self.beams.early_stopping || self.score(best.sum, length) <= worst.score
    }

    fn score(&self, sum: f32, length: usize) -> f32 {
        sum / (length as f32).powf(self.beams.length_penalty)
    }
}

/// All continuations of all beams, best first, in order of beams and tokens on a tie.
fn extensions(parents: &[(&[Token], &Beam)]) -> Vec<Extension> {
    let beams = parents.iter().enumerate();
    let mut all: Vec<_> = beams
        .flat_map(|(parent, (_, beam))| {
            beam.candidates().iter().map(move |&candidate| Extension {
                parent,
                candidate,
                sum: beam.sum + candidate.score,
            })
        })
        .collect();
    all.sort_by(|a, b| {
        let key = |extension: &Extension| (extension.parent, extension.candidate.token);
        b.sum.total_cmp(&a.sum).then_with(|| key(a).cmp(&key(b)))
    });
    all
}

/// What is reported of a candidate, if anything.
fn logprobs(drawn: &Sample, candidate: &Candidate) -> Option<Arc<TokenLogprobs>> {
    let reported = drawn.logprobs.as_ref()?;
    Some(Arc::new(TokenLogprobs { logprob: candidate.logprob, top: reported.top.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeqId;

    const END: Token = 9;

    fn search(width: usize, length_penalty: f32, early_stopping: bool) -> BeamSearch {
        let params = SamplingParams { max_new: 3, stop_ids: vec![END], ..SamplingParams::default() };
        BeamSearch::new(Arc::new(params), BeamParams { width, returned: width, length_penalty, early_stopping })
    }

    fn beam(sum: f32, candidates: &[(Token, f32)]) -> Beam {
        let candidate = |&(token, score)| Candidate { token, score, logprob: score };
        let candidates = candidates.iter().map(candidate).collect();
        Beam { sum, drawn: Some(Sample { candidates, ..Sample::new(SeqId(0), Ok(0)) }), ..Beam::default() }
    }

    fn living(extensions: &[Extension]) -> Vec<(usize, Token, f32)> {
        extensions.iter().map(|it| (it.parent, it.candidate.token, it.sum)).collect()
    }

    #[test]
    fn the_best_of_all_beams_live_on() {
        let (a, b) = (beam(-1.0, &[(1, -0.5), (2, -3.0)]), beam(-1.25, &[(3, -0.5), (1, -0.75)]));
        let mut search = search(2, 1.0, false);
        assert_eq!(living(&search.advance(&[(&[4], &a), (&[5], &b)])), [(0, 1, -1.5), (1, 3, -1.75)]);
        assert!(search.finished().is_empty());
    }

    #[test]
    fn a_tie_goes_to_the_earlier_beam_and_the_lower_token() {
        let (a, b) = (beam(-1.0, &[(8, -1.0), (2, -1.0)]), beam(-1.0, &[(1, -1.0)]));
        assert_eq!(living(&search(2, 1.0, false).advance(&[(&[4], &a), (&[5], &b)])), [(0, 2, -2.0), (0, 8, -2.0)]);
    }

    #[test]
    fn who_ends_among_the_first_is_finished_and_the_next_takes_its_place() {
        let a = beam(-1.0, &[(END, -0.1), (1, -0.5), (2, -0.7), (3, -0.9)]);
        let mut search = search(2, 1.0, false);
        assert_eq!(living(&search.advance(&[(&[4], &a)])), [(0, 1, -1.5), (0, 2, -1.7)]);
        let finished = &search.finished()[0];
        assert_eq!((finished.text(), finished.reason), (&[4][..], FinishReason::Stop(END)));
        assert!((finished.score + 0.55).abs() < 1e-6, "by its two tokens");
    }

    #[test]
    fn who_ends_behind_the_first_is_forgotten() {
        let a = beam(-1.0, &[(1, -0.1), (2, -0.2), (END, -0.3)]);
        let mut search = search(2, 1.0, false);
        search.advance(&[(&[4], &a)]);
        assert!(search.finished().is_empty());
    }

    #[test]
    fn it_is_over_when_no_beam_can_do_better_or_enough_are_finished() {
        let two = |early| {
            let mut search = search(1, 0.0, early);
            let over = search.advance(&[(&[4], &beam(-1.0, &[(END, -0.5), (1, -0.6)]))]).is_empty();
            (over, search.finished().len())
        };
        assert_eq!(two(false), (true, 1), "sums only fall");
        let mut patient = search(1, 4.0, false);
        assert!(!patient.advance(&[(&[4], &beam(-1.0, &[(END, -0.5), (1, -0.4)]))]).is_empty());
        assert_eq!(two(true), (true, 1));
    }

    #[test]
    fn at_the_most_tokens_all_end() {
        let a = beam(-1.0, &[(1, -0.1), (2, -0.2), (3, -0.3)]);
        let mut search = search(2, 1.0, false);
        assert!(search.advance(&[(&[4, 4], &a)]).is_empty());
        assert_eq!(search.finished().iter().map(|it| it.tokens[2]).collect::<Vec<_>>(), [1, 2]);
        assert!(search.finished().iter().all(|it| it.reason == FinishReason::Length && it.text().len() == 3));
    }
}
