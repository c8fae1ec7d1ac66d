//! Every promise has its tests: each number is mapped to the names of test functions, which must exist.
//!
//! What only a run of the release binary under load can show is checked by the scenarios of the load generator on top.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Numbers that wait for tenants, the accept loop, restarts, grammars and long runs.
const LATER: [u8; 12] = [12, 14, 15, 19, 20, 21, 22, 23, 33, 34, 41, 47];

/// Numbers that this version keeps, and their tests.
const TESTS: [(u8, &[&str]); 35] = [
    (
        1,
        &[
            "every_seed_is_safe_live_in_order_and_right",
            "a_pool_equals_its_plain_model",
            "tables_read_what_they_wrote_whoever_shares",
            "blocks_add_up_at_every_scrape",
        ],
    ),
    (2, &["every_seed_is_safe_live_in_order_and_right", "equal_requests_at_once_give_equal_answers"]),
    (
        3,
        &[
            "a_client_that_leaves_frees_its_blocks_before_the_next_step",
            "a_client_that_leaves_the_queue_or_the_first_step_leaves_nothing_behind",
        ],
    ),
    (4, &["a_full_pool_preempts_the_last_and_loses_nobody", "preemption_leaves_every_bit"]),
    (5, &["what_can_never_run_is_refused_at_the_edge", "what_the_pool_can_never_hold_is_refused_with_the_arithmetic"]),
    (6, &["no_answer_holds_anything_of_another", "every_seed_is_safe_live_in_order_and_right"]),
    (7, &["batch_equals_alone_bit_for_bit", "chunks_equal_whole_bit_for_bit", "a_prefix_hit_leaves_every_bit"]),
    (8, &["a_long_prompt_never_stops_a_stream"]),
    (
        9,
        &[
            "a_chat_stream_is_role_then_deltas_then_one_finish_for_each_choice",
            "a_failed_step_ends_a_stream_with_one_error_event_and_no_done",
            "every_seed_is_safe_live_in_order_and_right",
        ],
    ),
    (
        10,
        &["a_refusal_is_a_status_also_with_a_stream", "headers_wait_15_s_at_most_and_silence_is_filled_with_comments"],
    ),
    (11, &["a_client_id_is_echoed_and_never_used", "visible_ascii_is_echoed_up_to_128_characters"]),
    (13, &["a_full_queue_answers_429_at_once_and_says_when_to_come_back", "is_the_time_to_drain_what_is_ahead"]),
    (16, &["small_jobs_do_not_wait_behind_big_ones"]),
    (17, &["probes_and_metrics_answer_while_a_step_hangs"]),
    (18, &["the_caps_add_up"]),
    (24, &["a_panic_in_a_step_costs_its_requests_a_500_and_nothing_else", "a_panic_fails_its_own_job_only"]),
    (
        25,
        &[
            "ready_turns_red_after_10_s_and_health_after_60_s_without_a_step",
            "neither_turns_red_while_idle",
            "a_hanging_step_turns_ready_and_then_health_red",
        ],
    ),
    (
        26,
        &[
            "draining_refuses_new_work_and_lets_accepted_work_finish",
            "the_cut_gives_each_rest_exactly_one_error",
            "is_unready_at_once_and_takes_new_work_until_the_delay_is_over",
            "cuts_at_the_end_of_the_grace",
        ],
    ),
    (27, &["a_second_signal_cuts_within_a_second", "a_signal_while_loading_exits_with_0_within_a_second"]),
    (28, &["after_kill_9_the_port_is_free_at_once"]),
    (29, &["flipped_bytes_never_panic", "broken_json_is_a_400"]),
    (30, &["every_wrong_field_is_a_400_that_names_it", "broken_json_is_a_400", "any_bytes", "mutated_bodies"]),
    (
        31,
        &[
            "every_wrong_field_is_a_400_that_names_it",
            "long_prompts_are_refused_by_tokens_and_before_that_by_bytes",
            "counts_bytes_at_the_edge_and_one_past",
        ],
    ),
    (32, &["integers_beyond_the_type_name_the_bound", "numbers_stay_in_their_ranges"]),
    (35, &["a_prompt_of_any_shape_is_tokenised_in_time", "a_word_beyond_the_cap_is_refused_with_both_numbers"]),
    (
        36,
        &[
            "a_token_half_in_content_is_text",
            "content_never_becomes_a_control_token",
            "what_looks_like_a_control_token_is_text_where_texts_are_read",
        ],
    ),
    (37, &["a_request_brings_no_template_code_path_or_tensor"]),
    (38, &["flipped_bytes_never_panic", "absurd_counts_are_refused_before_anything_is_allocated"]),
    (39, &["every_route_but_the_open_ones_needs_a_key", "a_key_is_asked_for_before_the_body_is_read"]),
    (40, &["a_wrong_key_is_compared_with_every_entry", "a_known_key_passes_in_either_header_and_is_never_echoed"]),
    (42, &["a_request_brings_no_template_code_path_or_tensor"]),
    (43, &["no_prompt_completion_key_header_or_query_is_logged", "debug_shows_no_text"]),
    (44, &["errors_carry_no_path_address_or_version", "the_message_of_a_500_is_a_constant"]),
    (45, &["junk_traffic_adds_no_series"]),
    (46, &["by_default_no_page_may_read_an_answer", "without_keys_the_host_must_be_known", "only_plain_json_is_read"]),
];

#[test]
fn every_promise_is_kept_or_said_to_come_later() {
    let kept: BTreeSet<u8> = TESTS.iter().map(|(number, _)| *number).collect();
    let later = BTreeSet::from(LATER);
    assert!(kept.is_disjoint(&later), "a promise is kept or comes later, not both");
    let all: BTreeSet<u8> = kept.union(&later).copied().collect();
    assert_eq!(all, (1..=47).collect::<BTreeSet<u8>>());
    assert_eq!(kept.len(), TESTS.len(), "each number stands once");
}

#[test]
fn every_promise_that_is_kept_has_tests_that_exist() {
    let existing = test_functions();
    let mut missing = Vec::new();
    for (number, names) in TESTS {
        assert!(!names.is_empty(), "promise {number} has no test");
        missing.extend(names.iter().filter(|name| !existing.contains(**name)).map(|name| format!("{number}: {name}")));
    }
    assert!(missing.is_empty(), "tests that do not exist:\n  {}", missing.join("\n  "));
}

#[test]
fn the_search_finds_test_functions_and_nothing_else() {
    let existing = test_functions();
    assert!(existing.contains("the_search_finds_test_functions_and_nothing_else"));
    assert!(!existing.contains("test_functions") && !existing.contains("no_such_test"));
}

/// Names of all functions that stand under a test attribute.
fn test_functions() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for name in ["server", "engine", "scheduler", "proto", "loadtests"] {
        collect(&root.join(name).join("src"), &mut files);
        collect(&root.join(name).join("tests"), &mut files);
    }
    files.iter().flat_map(|file| tests_in(&fs::read_to_string(file).unwrap())).collect()
}

fn tests_in(text: &str) -> Vec<String> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            if is_test {
                names.push(rest.split('(').next().unwrap().to_owned());
            }
            is_test = false;
        }
    }
    names
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
