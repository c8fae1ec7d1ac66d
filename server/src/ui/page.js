// Shows /openapi.json and sends requests to try. Text is inserted as text, the key is kept in memory only.
"use strict";

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child || child === 0));
  return made;
}

function headers(more = {}) {
  const key = byId("key").value.trim();
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

let api;

async function load() {
  const trouble = byId("trouble");
  trouble.hidden = true;
  for (const id of ["contents", "routes", "schemas"]) byId(id).replaceChildren();
  try {
    const answer = await fetch("/openapi.json", { headers: headers() });
    const body = await answer.json();
    if (!answer.ok) throw new Error(answer.status === 401 ? "This server asks for an API key: type it above and load again." : body.error.message);
    api = body;
    show();
  } catch (error) {
    byId("about").textContent = "";
    trouble.textContent = error.message;
    trouble.hidden = false;
    byId("key").focus();
  }
}

function show() {
  byId("about").replaceChildren(`Version ${api.info.version}. `, ...ticked(api.info.description));
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })));
  byId("routes").append(...operations.map(route));
  const schemas = Object.entries(api.components.schemas).sort(([a], [b]) => a.localeCompare(b));
  byId("schemas").append(...schemas.map(([name, schema]) => card(`schema-${name}`,
    [element("span", { class: "path" }, name), element("span", { class: "summary" }, schema.description ?? "")],
    () => [members(schema)])));
  byId("contents").append(
    element("h2", {}, "Routes"),
    list(operations.map(({ path, operation }) => link(`#${operation.operationId}`, path))),
    element("h2", {}, "Schemas"),
    list(schemas.map(([name]) => link(`#schema-${name}`, name))));
  reveal();
}

const list = (items) => element("ul", {}, items.map((item) => element("li", {}, item)));
const link = (target, text) => element("a", { href: target }, text);

/** Something that opens; its inside is made when it does. */
function card(id, summary, inside) {
  const body = element("div", { class: "inside" });
  const made = element("details", { class: "card", id }, element("summary", {}, summary), body);
  made.addEventListener("toggle", () => {
    if (made.open && !body.hasChildNodes()) body.append(...inside().filter(Boolean));
  });
  return made;
}

function reveal() {
  const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
  }
}

function route({ path, method, operation }) {
  const summary = [
    element("span", { class: `method ${method}` }, method.toUpperCase()),
    element("span", { class: "path" }, path),
    element("span", { class: "summary" }, operation.summary ?? ""),
  ];
  return card(operation.operationId, summary, () => {
    const body = operation.requestBody?.content["application/json"];
    return [
      parameters(operation.parameters ?? []),
      body && element("h3", {}, "Body"),
      body && element("p", {}, kind(body.schema)),
      body && members(resolved(body.schema)),
      element("h3", {}, "Answers"),
      answers(operation.responses),
      trial(path, method, operation, body),
    ];
  });
}

function parameters(all) {
  if (!all.length) return undefined;
  const items = all.map((parameter) => member(parameter.name, { ...parameter.schema, description: parameter.description }, parameter.required, parameter.in));
  return element("div", {}, element("h3", {}, "Parameters"), element("ul", { class: "members" }, items));
}

function answers(responses) {
  const items = Object.entries(responses).map(([status, response]) => {
    const code = element("span", { class: `status ${status < 400 ? "good" : "bad"}` }, status);
    const contents = Object.entries(response.content ?? {}).map(([type, content]) => element("div", {},
      element("p", { class: "kind" }, type),
      content["x-event"] && element("p", {}, "Each event: ", kind(content["x-event"])),
      content.schema && !content["x-event"] && members(content.schema)));
    const example = Object.values(Object.values(response.content ?? {})[0]?.examples ?? {})[0];
    return element("details", {},
      element("summary", {}, code, " ", ticked(response.description)),
      contents,
      example && element("pre", {}, JSON.stringify(example.value, null, 2)));
  });
  return element("div", { class: "answers" }, items);
}

/** Text with `code` in it. */
const ticked = (text) => text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));

const nameOf = (schema) => schema.$ref?.split("/").pop();

const resolved = (schema) => (schema.$ref ? api.components.schemas[nameOf(schema)] : schema);

/** What a value is, in a few words. */
function kind(schema) {
  if (schema.$ref) return link(`#schema-${nameOf(schema)}`, nameOf(schema));
  return element("span", {}, words(schema));
}

function words(schema) {
  if (schema.$ref) return nameOf(schema);
  const forms = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (forms) return forms.map(words).join(schema.allOf ? " & " : " | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const types = [schema.type ?? "any"].flat().join(" | ").replace("array", schema.items ? `list of ${words(schema.items)}` : "list");
  const [least, most] = [schema.minimum ?? schema.minLength ?? schema.minItems, schema.maximum ?? schema.maxLength ?? schema.maxItems ?? schema.maxProperties];
  const unit = schema.maxLength || schema.minLength ? " characters" : schema.maxItems || schema.minItems ? " items" : "";
  const range = least === undefined && most === undefined ? "" : `, ${least ?? ""}…${most ?? ""}${unit}`;
  return types + range + (schema.pattern ? `, ${schema.pattern}` : "");
}

/** The members of an object, the forms of a union, or a word. */
function members(schema) {
  if (schema.properties) {
    const needed = new Set(schema.required ?? []);
    const items = Object.entries(schema.properties).map(([name, inner]) => member(name, inner, needed.has(name)));
    return element("ul", { class: "members" }, items);
  }
  const forms = schema.oneOf ?? schema.allOf;
  if (forms) {
    const says = schema.allOf ? "All of" : "One of";
    const of = (form) => element("li", {}, form.properties || form.oneOf ? members(form) : kind(form));
    return element("div", {}, element("p", { class: "says" }, says), element("ol", { class: "forms" }, forms.map(of)));
  }
  return element("p", { class: "kind" }, kind(schema));
}

function member(name, schema, needed, place) {
  const inner = schema.properties ?? schema.items?.properties ? members(schema.properties ? schema : schema.items) : undefined;
  return element("li", {},
    element("span", { class: "name" }, name),
    element("span", { class: "kind" }, kindIn(schema), place ? ` in ${place}` : ""),
    needed && element("span", { class: "must" }, "required"),
    schema.description && element("span", { class: "says" }, schema.description),
    inner);
}

/** As `kind`, with a link to each component that is named. */
function kindIn(schema) {
  const forms = schema.oneOf ?? schema.anyOf;
  if (schema.$ref) return [kind(schema)];
  if (forms) return forms.flatMap((form, index) => [index ? " | " : "", ...kindIn(form)]);
  if (schema.items?.$ref) return ["list of ", kind(schema.items), schema.type.includes?.("null") && Array.isArray(schema.type) ? " | null" : ""];
  return [words(schema)];
}

/** A form that sends a request and shows the answer as it comes. */
function trial(path, method, operation, body) {
  const id = operation.operationId;
  const examples = Object.entries(body?.examples ?? {});
  const parts = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
  const inputs = parts.map((part) => {
    const [first] = api.components.schemas[nameOf(part.schema)]?.enum ?? [""];
    return element("input", { id: `${id}-${part.name}`, value: first });
  });
  const text = body && element("textarea", { id: `${id}-body`, spellcheck: "false", "aria-label": "Body of the request" });
  const fill = (index) => { text.value = JSON.stringify(examples[index][1].value, null, 2); };
  const choice = examples.length > 1 && element("select", { id: `${id}-example`, onchange: (event) => fill(event.target.value) },
    examples.map(([name], index) => element("option", { value: index }, name)));
  if (examples.length) fill(0);
  const status = element("p", { role: "status" });
  const output = element("pre", { hidden: true, tabindex: "0", "aria-label": "Answer" });
  const send = element("button", { type: "button" }, "Send");
  const stop = element("button", { type: "button", class: "quiet", disabled: true }, "Stop");
  send.addEventListener("click", async () => {
    const filled = parts.reduce((whole, part, index) => whole.replace(`{${part.name}}`, encodeURIComponent(inputs[index].value)), path);
    const abort = new AbortController();
    stop.onclick = () => abort.abort();
    [send.disabled, stop.disabled, output.hidden, output.textContent] = [true, false, true, ""];
    status.textContent = "Sent…";
    try {
      await exchange({ filled, method, body: text?.value, signal: abort.signal, status, output });
    } catch (error) {
      status.textContent = abort.signal.aborted ? `${status.textContent} Stopped.` : `No answer: ${error.message}`;
    }
    [send.disabled, stop.disabled] = [false, true];
  });
  return element("div", { class: "try" },
    element("h3", {}, "Try it"),
    inputs.map((input, index) => element("p", { class: "row" }, element("label", { for: input.id }, parts[index].name), input)),
    choice && element("p", { class: "row" }, element("label", { for: `${id}-example` }, "Example"), choice),
    text,
    element("p", { class: "row" }, send, stop), status, output);
}

async function exchange({ filled, method, body, signal, status, output }) {
  const started = performance.now();
  const sent = body === undefined ? {} : { body, headers: headers({ "content-type": "application/json" }) };
  const answer = await fetch(filled, { method: method.toUpperCase(), headers: headers(), signal, ...sent });
  const head = `${answer.status} ${answer.statusText}`.trim();
  const type = answer.headers.get("content-type") ?? "";
  output.hidden = false;
  if (answer.body && !type.startsWith("application/json")) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    status.textContent = head;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) output.append(piece.value);
  } else {
    output.textContent = JSON.stringify(await answer.json(), null, 2);
  }
  status.textContent = `${head}, ${Math.round(performance.now() - started)} ms, ${answer.headers.get("x-request-id")}`;
}

byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
addEventListener("hashchange", reveal);
load();
