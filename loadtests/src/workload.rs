//! Which requests a run sends: everything about request N follows from the seed and N.

use bytes::Bytes;
use rand::Rng;
use serde_json::json;

use crate::{
    endpoint::Endpoint,
    length::Lengths,
    prompt::{generator, prompt, shared_prefix, spelled_number},
    shape::Shape,
};

/// Numbers from here on are warm-up requests: never the prompts that are measured.
pub const WARMUP: u64 = 1 << 40;

/// Words of the text that others are ranked by.
const QUERY: usize = 8;

/// One request, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The route's path.
    pub path: &'static str,
    /// The JSON body.
    pub body: Bytes,
    /// The tokens asked for.
    pub asked: usize,
    /// How many texts it has read, if it continues none.
    pub texts: Option<usize>,
    /// After how many pieces of text the client leaves, if it does.
    pub leave_after: Option<usize>,
}

/// Makes the requests of one run.
#[derive(Debug)]
pub struct Workload {
    shape: Shape,
    model: String,
    seed: u64,
    prefix: Vec<&'static str>,
}

impl Workload {
    /// The requests of this shape to this model.
    pub fn new(shape: Shape, model: String, seed: u64) -> Self {
        let prefix = shared_prefix(seed, shape.shared_prefix);
        Self { shape, model, seed, prefix }
    }

    /// The seed the requests follow from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The shape the requests have.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Request `number`.
    pub fn call(&self, number: u64) -> Call {
        self.shaped(number, &self.shape)
    }

    /// Words in the prompts of the first `requests` requests, on average.
    pub fn mean_words(&self, requests: usize) -> f64 {
        let drawn = (0..requests as u64).map(|number| self.shape.input.draw(&mut generator(self.seed, number)));
        drawn.sum::<usize>() as f64 / requests as f64
    }

    /// Request `number` with other lengths, greedy and never left early.
    pub fn greedy(&self, number: u64, input: Lengths, output: Lengths) -> Call {
        let shape = Shape { input, output, temperature: 0.0, leave_share: 0.0, ..self.shape.clone() };
        self.shaped(number, &shape)
    }

    fn shaped(&self, number: u64, shape: &Shape) -> Call {
        if !shape.endpoint.generates() {
            return self.about_texts(number, shape);
        }
        let mut rng = generator(self.seed, number);
        let words = shape.input.draw(&mut rng);
        let asked = shape.output.draw(&mut rng);
        let leaves = rng.random::<f64>() < shape.leave_share;
        let leave_at = rng.random_range(1..=asked.div_ceil(2));
        let text = prompt(&mut rng, words, &self.prefix, spelled_number(self.seed, number));
        Call {
            path: shape.endpoint.path(),
            body: self.body(shape, &text, asked),
            asked,
            texts: None,
            leave_after: leaves.then_some(leave_at),
        }
    }

    fn about_texts(&self, number: u64, shape: &Shape) -> Call {
        let mut rng = generator(self.seed, number);
        let first = spelled_number(self.seed, number).wrapping_mul(shape.texts as u64);
        let text = |index| {
            let words = shape.input.draw(&mut rng);
            prompt(&mut rng, words, &self.prefix, first.wrapping_add(index))
        };
        let texts: Vec<String> = (0..shape.texts as u64).map(text).collect();
        let mut body = json!({"model": self.model});
        let member = if shape.endpoint == Endpoint::Rerank { "documents" } else { "input" };
        body[member] = json!(texts);
        match shape.endpoint {
            Endpoint::Embeddings => body["encoding_format"] = json!("base64"),
            Endpoint::Rerank => body["query"] = json!(prompt(&mut rng, QUERY, &[], first)),
            Endpoint::Ner | Endpoint::Completions | Endpoint::Chat => {}
        }
        let body = Bytes::from(body.to_string());
        Call { path: shape.endpoint.path(), body, asked: 0, texts: Some(shape.texts), leave_after: None }
    }

    fn body(&self, shape: &Shape, text: &str, asked: usize) -> Bytes {
        let mut body = json!({
            "model": self.model,
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": asked,
            "temperature": shape.temperature,
        });
        if shape.endpoint == Endpoint::Chat {
            body["messages"] = json!([{"role": "user", "content": text}]);
        } else {
            body["prompt"] = json!(text);
        }
        if shape.ignore_eos {
            body["ignore_eos"] = json!(true);
            body["min_tokens"] = json!(asked);
        }
        if let Some(form) = &shape.structured_outputs {
            body["structured_outputs"] = form.clone();
        }
        Bytes::from(body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn workload(seed: u64) -> Workload {
        let shape = Shape {
            input: "32-64".parse().unwrap(),
            output: "4-9".parse().unwrap(),
            leave_share: 0.3,
            ..Shape::default()
        };
        Workload::new(shape, "m".into(), seed)
    }

    #[test]
    fn the_same_seed_gives_the_same_requests() {
        for number in [0, 1, 77, WARMUP] {
            assert_eq!(workload(4).call(number), workload(4).call(number));
            assert_ne!(workload(4).call(number), workload(5).call(number));
        }
    }

    #[test]
    fn bodies_ask_for_what_the_shape_says() {
        let call = workload(1).call(3);
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body["max_tokens"], json!(call.asked));
        assert_eq!(body["min_tokens"], body["max_tokens"]);
        let words = body["prompt"].as_str().unwrap().split_whitespace().count();
        assert!((32..=64).contains(&words) && (4..=9).contains(&call.asked));
        assert_eq!((body["stream"].clone(), body["model"].clone()), (json!(true), json!("m")));
        assert_eq!(body.get("structured_outputs"), None);
    }

    #[test]
    fn each_text_has_words_of_its_own() {
        let call = |endpoint, number| {
            let shape = Shape { endpoint, texts: 5, input: "4-9".parse().unwrap(), ..Shape::default() };
            let call = Workload::new(shape, "m".into(), 3).call(number);
            assert_eq!((call.path, call.texts, call.asked), (endpoint.path(), Some(5), 0));
            serde_json::from_slice::<Value>(&call.body).unwrap()
        };
        let texts = |body: &Value, member: &str| serde_json::from_value::<Vec<String>>(body[member].clone()).unwrap();
        let bodies: Vec<Value> = (0..8).map(|number| call(Endpoint::Embeddings, number)).collect();
        let all: Vec<String> = bodies.iter().flat_map(|body| texts(body, "input")).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 8 * 5);
        let lengths: BTreeSet<usize> = all.iter().map(|text| text.split_whitespace().count()).collect();
        assert_eq!(lengths, (4..=9).collect(), "mixed within a request");
        assert_eq!((&bodies[0]["encoding_format"], bodies[0].get("stream")), (&json!("base64"), None));
        assert_eq!(texts(&call(Endpoint::Ner, 0), "input"), texts(&bodies[0], "input"));
        let ranked = call(Endpoint::Rerank, 0);
        assert_eq!(texts(&ranked, "documents"), texts(&bodies[0], "input"));
        assert_eq!(ranked["query"].as_str().unwrap().split_whitespace().count(), QUERY);
    }

    #[test]
    fn a_form_travels_as_it_is() {
        let form = json!({"json": {"type": "array"}});
        let shape = Shape { structured_outputs: Some(form.clone()), ..Shape::default() };
        let body: Value = serde_json::from_slice(&Workload::new(shape, "m".into(), 1).call(0).body).unwrap();
        assert_eq!(body["structured_outputs"], form);
    }

    #[test]
    fn about_the_share_asked_for_leaves_and_before_the_end() {
        let calls: Vec<Call> = (0..400).map(|number| workload(9).call(number)).collect();
        let left = calls.iter().filter(|call| call.leave_after.is_some()).count();
        assert!((80..160).contains(&left), "{left}");
        assert!(calls.iter().all(|call| call.leave_after.is_none_or(|after| after < call.asked)));
    }

    #[test]
    fn the_mean_is_that_of_the_prompts_sent_with_and_without_extra_tokens() {
        for extra in [0, 7] {
            let workload = Workload::new(workload(5).shape().clone().less_words(extra), "m".into(), 5);
            let words = |number| {
                let body: Value = serde_json::from_slice(&workload.call(number).body).unwrap();
                body["prompt"].as_str().unwrap().split_whitespace().count()
            };
            assert_eq!(workload.mean_words(20), (0..20).map(words).sum::<usize>() as f64 / 20.0);
        }
    }

    #[test]
    fn greedy_requests_never_leave() {
        let call = workload(2).greedy(0, Lengths::exactly(8), Lengths::exactly(4));
        assert_eq!((call.asked, call.leave_after), (4, None));
    }
}
