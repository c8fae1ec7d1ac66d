//! Models that share the room of their grammars.

use std::sync::Arc;

use serde_json::json;

use super::draw::{compile, grammars_in, shown};
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

#[test]
fn what_one_model_has_in_use_no_other_can_have() {
    let room = GrammarRoom::default();
    let (one, two) = (grammars_in(&room), grammars_in(&room));
    let form = || Form::Schema(json!({"type": "integer"}));
    let (of_one, of_two) = (compile(&one, form()).unwrap(), compile(&two, form()).unwrap());
    let others = room.place();
    let most = others.in_use().left();
    let in_use = others.in_use().take(most - of_one.bytes().max(of_two.bytes())).unwrap();
    let running = one.session(Some(&*of_one), None, 1, shown()).unwrap();
    let refused = two.session(Some(&*of_two), None, 1, shown()).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (503, "overloaded"));
    assert!(two.session(None, None, 1, shown()).is_ok(), "who is bound by no grammar takes nothing");
    drop(running);
    let running = two.session(Some(&*of_two), None, 1, shown()).unwrap();
    drop((running, in_use));
    assert_eq!(others.in_use().left(), most, "all of it was given back");
}
