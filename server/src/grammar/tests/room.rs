//! Models that share the room of their grammars.

use std::sync::Arc;

use serde_json::json;

use super::draw::{compile, grammars_in};
use crate::grammar::{Form, GrammarRoom};

#[test]
fn each_model_keeps_its_own_grammars_as_long_as_it_is_there() {
    let room = GrammarRoom::default();
    let (one, two) = (grammars_in(&room), grammars_in(&room));
    let form = || Form::Schema(json!({"type": "integer"}));
    let (of_one, of_two) = (compile(&one, form()).unwrap(), compile(&two, form()).unwrap());
    assert!(!Arc::ptr_eq(&of_one, &of_two), "their tokens need not be the same");
    for (grammars, grammar) in [(&one, &of_one), (&two, &of_two)] {
        assert!(Arc::ptr_eq(&compile(grammars, form()).unwrap(), grammar), "it was kept");
        assert_eq!(Arc::strong_count(grammar), 2);
    }
    drop(one);
    assert_eq!(Arc::strong_count(&of_one), 1, "what is kept goes with its model");
    assert_eq!(Arc::strong_count(&of_two), 2);
}
