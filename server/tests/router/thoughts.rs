//! Thoughts: split off what the model says, and never in the way of what an answer is bound to.

use serde_json::{Value, json};

use crate::support::{Setup, TestServer, client::Answer, vocabulary::spell};

/// A model that opens its thoughts itself, with markers of one token for each byte.
const THINKS: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n\
                      {% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n{% endif %}\
                      {{ message.content }}<|im_end|>\n{% endfor %}\
                      {% if reasoning_effort %}effort {{ reasoning_effort }}\n{% endif %}\
                      {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// One whose prompts open them.
const OPENED: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}\
                      {% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\
                      {% if enable_thinking is defined and not enable_thinking %}\n</think>\n\n{% endif %}{% endif %}";

/// One whose markers are one token each.
const SPECIAL: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}\
                       {# [THINK] and [/THINK] #}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

fn start(template: &'static str) -> TestServer {
    TestServer::with(setup(template))
}

fn setup(template: &'static str) -> Setup {
    let mut setup = Setup { template, ..Setup::default() };
    setup.limits.max_model_len = 4096;
    setup.limits.num_blocks = 2048;
    setup
}

/// The first choice of an answer, and its tokens in thought.
async fn choice(server: &TestServer, members: Value) -> (Value, usize) {
    let answer = server.chat(members).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let thought = json["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    (json["choices"][0].clone(), usize::try_from(thought).unwrap())
}

/// Thought and content of a message.
fn parts(message: &Value) -> (Option<&str>, Option<&str>) {
    (message["reasoning_content"].as_str(), message["content"].as_str())
}

/// What the chunks of a stream add up to.
fn joined(answer: &Answer) -> Value {
    let (mut thought, mut content) = (String::new(), String::new());
    for chunk in answer.chunks() {
        let delta = &chunk["choices"][0]["delta"];
        let (more_thought, more) = parts(delta);
        assert!(more_thought.is_none() || content.is_empty(), "the thought comes before the content: {chunk}");
        thought += more_thought.unwrap_or_default();
        content += more.unwrap_or_default();
    }
    if thought.is_empty() {
        json!({"content": content})
    } else {
        json!({"content": content, "reasoning_content": thought})
    }
}

#[tokio::test]
async fn a_thought_is_split_off_and_counted() {
    let cases = [
        (THINKS, "<think>\nUp or down?\n</think>\n\n", "Up we go."),
        (OPENED, "Up or 산 down? </think>", "Up we go."),
        (SPECIAL, "[THINK]Up or down?[/THINK]", "Up [/THINK] we go."),
        (THINKS, "<think></think>", "Up we go."),
        (THINKS, "", "Up <think>we go</think>."),
        (OPENED, "Nothing but thoughts", ""),
    ];
    for (template, thought, content) in cases {
        let server = start(template);
        server.controls.say(&(thought.to_owned() + content));
        let (whole, counted) = choice(&server, json!({})).await;
        let expected = thought.trim().trim_start_matches("<think>").trim_start_matches("[THINK]");
        let expected = expected.trim_end_matches("</think>").trim_end_matches("[/THINK]").trim();
        let expected = (!expected.is_empty()).then_some(expected);
        assert_eq!(parts(&whole["message"]), (expected, Some(content)), "{thought:?}");
        assert_eq!((counted, &whole["finish_reason"]), (spell(thought).len(), &json!("stop")));
        for interval in [1, 7, 64] {
            let streamed = server.chat(json!({"stream": true, "stream_interval": interval})).await;
            let streamed = joined(&streamed);
            assert_eq!(parts(&streamed), parts(&whole["message"]), "{thought:?}");
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn a_template_without_markers_leaves_the_text_alone() {
    let server = TestServer::start();
    let said = "<think>\nUp?</think>\n\nUp.";
    server.controls.say(said);
    let (whole, counted) = choice(&server, json!({"include_reasoning": false, "thinking_token_budget": 1})).await;
    assert_eq!((parts(&whole["message"]), counted), ((None, Some(said)), 0));
    let answer = server.chat(json!({"thinking_token_budget": 1})).await;
    assert_eq!(answer.header("x-gondola-ignored"), "thinking_token_budget");
}

#[tokio::test]
async fn a_parser_may_be_named() {
    let with = |template, parser: &str| {
        let mut setup = setup(template);
        setup.flags.reasoning_parser = Some(parser.to_owned());
        TestServer::with(setup)
    };
    let said = async |server: TestServer, text: &str| {
        server.controls.say(text);
        choice(&server, json!({})).await.0["message"].clone()
    };
    let none = said(with(THINKS, "none"), "<think>a</think>b").await;
    assert_eq!(parts(&none), (None, Some("<think>a</think>b")));
    let always = said(with(THINKS, "deepseek_r1"), "a</think>b").await;
    assert_eq!(parts(&always), (Some("a"), Some("b")));
    let other = said(with(SPECIAL, "seed_oss"), "<seed:think>a</seed:think>b").await;
    assert_eq!(parts(&other), (Some("a"), Some("b")));
}

#[tokio::test]
async fn a_template_may_be_told_not_to_think() {
    let server = start(OPENED);
    server.controls.say("Up.");
    let (whole, counted) = choice(&server, json!({"chat_template_kwargs": {"enable_thinking": false}})).await;
    assert_eq!((parts(&whole["message"]), counted), ((None, Some("Up.")), 0));
    let messages = json!([{"role": "user", "content": "up?"}, {"role": "assistant", "content": "<think>Say"}]);
    server.controls.say(" up</think>Up.");
    let (whole, _) = choice(&server, json!({"messages": messages, "continue_final_message": true})).await;
    assert_eq!(parts(&whole["message"]), (Some("up"), Some("Up.")), "it goes on in the client's thought");
}

#[tokio::test]
async fn a_thought_may_stay_in_the_content_or_out_of_the_answer() {
    let server = start(THINKS);
    let said = "<think>\nUp?</think>\n\nUp.";
    server.controls.say(said);
    for (members, expected) in [
        (json!({"separate_reasoning": false, "stop": ["?"]}), (None, Some(said))),
        (json!({"include_reasoning": false}), (None, Some("Up."))),
        (json!({"include_reasoning": false, "separate_reasoning": false}), (None, Some("Up."))),
        (json!({"include_reasoning": true, "separate_reasoning": true}), (Some("Up?"), Some("Up."))),
    ] {
        let (whole, counted) = choice(&server, members.clone()).await;
        assert_eq!((parts(&whole["message"]), counted), (expected, said.len() - 3), "{members}");
        let mut streamed = members;
        streamed["stream"] = json!(true);
        assert_eq!(parts(&joined(&server.chat(streamed).await)), expected);
    }
}

#[tokio::test]
async fn what_ends_an_answer_ends_what_follows_the_thought() {
    let server = start(THINKS);
    server.controls.say("<think>up we go</think>so up we go now");
    let (whole, counted) = choice(&server, json!({"stop": [" we", "think", "</"], "logprobs": true})).await;
    assert_eq!(parts(&whole["message"]), (Some("up we go"), Some("so up")));
    assert_eq!(whole["stop_reason"], " we");
    let tokens = whole["logprobs"]["content"].as_array().unwrap();
    let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!((text.as_str(), counted), ("so up we", "<think>up we go</think>".len()), "of the content alone");

    let (cut, counted) = choice(&server, json!({"max_tokens": 12})).await;
    assert_eq!((parts(&cut["message"]), &cut["finish_reason"]), ((Some("up we"), Some("")), &json!("length")));
    assert_eq!(counted, 12);
}

fn format() -> Value {
    let schema =
        json!({"type": "object", "required": ["up"], "properties": {"up": {"type": "integer", "maximum": 99}}});
    json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
}

#[tokio::test]
async fn a_form_binds_what_follows_the_thought() {
    let cases = [
        (OPENED, "Is {} up? </think>\n\n", Some("Is {} up?")),
        (SPECIAL, "[THINK]Is {} up?[/THINK]\n", Some("Is {} up?")),
        (SPECIAL, "Up.", None),
        (THINKS, "<think>", None),
    ];
    for (template, said, thought) in cases {
        let server = start(template);
        server.controls.say(said);
        for seed in 0..8 {
            let members = json!({"response_format": format(), "seed": seed, "temperature": 1, "max_tokens": 3000});
            let (whole, _) = choice(&server, members.clone()).await;
            assert_eq!(whole["finish_reason"], "stop", "{said:?}: {whole}");
            let content: Value = serde_json::from_str(whole["message"]["content"].as_str().unwrap()).unwrap();
            assert!(content["up"].as_i64().unwrap() <= 99);
            if thought.is_some() {
                assert_eq!(whole["message"]["reasoning_content"].as_str(), thought);
            }
            let mut streamed = members;
            streamed["stream"] = json!(true);
            assert_eq!(parts(&joined(&server.chat(streamed).await)), parts(&whole["message"]));
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn calls_follow_the_thought() {
    let tools = json!([{"type": "function", "function": {"name": "ring", "parameters": {
        "type": "object", "required": ["times"], "properties": {"times": {"type": "integer", "maximum": 9}}}}}]);
    for parser in ["hermes", "llama3_json", "pythonic", "functiongemma"] {
        for (template, open) in [(OPENED, ""), (SPECIAL, "[THINK]"), (THINKS, "<think>")] {
            let mut setup = setup(template);
            setup.flags.tool_call_parser = Some(parser.to_owned());
            let server = TestServer::with(setup);
            let close = if template == SPECIAL { "[/THINK]" } else { "</think>" };
            let call = match parser {
                "hermes" => "<tool_call>",
                "functiongemma" => "<start_function_call>",
                "pythonic" => "[ring(",
                _ => "{\"name\": \"",
            };
            let thought = format!("{open}Ring <tool_call> or not?{close}\n\n");
            for (choice_of_tool, say) in [("auto", format!("{thought}{call}")), ("required", thought.clone())] {
                if choice_of_tool == "required" && template == THINKS {
                    continue; // A marker of several tokens cannot come before what is bound from its first.
                }
                server.controls.say(&say);
                let members = json!({"tools": tools, "tool_choice": choice_of_tool, "max_tokens": 3000});
                let (whole, _) = choice(&server, members).await;
                let message = &whole["message"];
                assert_eq!(parts(message), (Some("Ring <tool_call> or not?"), None), "{parser} {say:?}: {whole}");
                let call = &message["tool_calls"][0]["function"];
                let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
                // Far below zero it is no i64.
                assert!(call["name"] == "ring" && arguments["times"].as_f64().unwrap() <= 9.0);
                assert_eq!(whole["finish_reason"], "tool_calls");
            }
            server.controls.say(&format!("{thought}No {{}}."));
            let (whole, _) = choice(&server, json!({"tools": tools})).await;
            assert_eq!(parts(&whole["message"]), (Some("Ring <tool_call> or not?"), Some("No {}.")));
            server.assert_whole().await;
        }
    }
}

#[tokio::test]
async fn a_budget_closes_the_thought() {
    for (template, open, close) in
        [(THINKS, "<think>", "</think>"), (OPENED, "", "</think>"), (SPECIAL, "[THINK]", "[/THINK]")]
    {
        let server = start(template);
        let thought = "OnAndOnItGoes</thiAndOnItGoes";
        for budget in [0, 1, 18, 1000] {
            // What is said goes on where it is after the thought was closed.
            server.controls.say(&format!("{open}{thought}{close}Up."));
            let (whole, counted) = choice(&server, json!({"thinking_token_budget": budget})).await;
            let told = thought[..budget.min(thought.len())].trim();
            let expected = (!told.is_empty()).then_some(told);
            let (got, content) = parts(&whole["message"]);
            assert_eq!(got, expected, "{budget}: {whole}");
            let markers = spell(open).len() + spell(close).len();
            let content = content.unwrap();
            assert_eq!(counted, markers + budget.min(thought.len()), "{budget}: {content:?}");
            assert!(content.ends_with("Up."), "{content:?}");

            let members = json!({"thinking_token_budget": budget, "response_format": format(), "max_tokens": 900});
            let (whole, _) = choice(&server, members).await;
            assert_eq!(whole["finish_reason"], "stop");
            assert!(serde_json::from_str::<Value>(whole["message"]["content"].as_str().unwrap()).is_ok());
        }
        server.assert_whole().await;
    }
}

#[tokio::test]
async fn earlier_thoughts_and_the_effort_reach_the_template() {
    let server = start(THINKS);
    let messages = |member: &str| {
        json!([{"role": "user", "content": "up?"},
               {"role": "assistant", "content": "Up.", member: "<|im_end|>Why not"},
               {"role": "user", "content": "and now?"}])
    };
    for member in ["reasoning_content", "reasoning"] {
        let members = json!({"messages": messages(member), "reasoning_effort": "low", "return_token_ids": true});
        let answer = server.chat(members).await;
        assert!(!answer.headers.contains_key("x-gondola-ignored"));
        let tokens = answer.json()["prompt_token_ids"].clone();
        let id = |token: &Value| u32::try_from(token.as_u64().unwrap()).unwrap();
        let tokens: Vec<u32> = tokens.as_array().unwrap().iter().map(id).collect();
        let mut expected = spell("<|im_start|>user\nup?<|im_end|>\n<|im_start|>assistant\n<think>\n");
        expected.extend("<|im_end|>Why not".bytes().map(u32::from));
        expected.extend(spell("\n</think>\n\nUp.<|im_end|>\n<|im_start|>user\nand now?<|im_end|>\neffort low\n"));
        expected.extend(spell("<|im_start|>assistant\n"));
        assert_eq!(tokens, expected, "{member}");
    }
    let plain = TestServer::start();
    let answer = plain.chat(json!({"reasoning_effort": "low"})).await;
    assert_eq!(answer.header("x-gondola-ignored"), "reasoning_effort");
    let both = json!({"reasoning_effort": "low", "chat_template_kwargs": {"reasoning_effort": "high"}});
    assert_eq!(server.chat(both).await.error(), (400, "invalid_value".to_owned()));
    let mut two = messages("reasoning");
    two[1]["reasoning_content"] = json!("Because");
    assert_eq!(server.chat(json!({"messages": two})).await.error(), (400, "invalid_value".to_owned()));
}
