// Listens to the server and puts what it says on the page. Values only ever become text.
import * as cache from "./cache.js";
import * as charts from "./charts.js";
import * as federated from "./federated.js";
import * as format from "./format.js";

const SILENCE_MILLIS = 5_000;
const RETRY_MILLIS = 3_000;

const chosen = new URLSearchParams(location.hash.slice(1));
let held = false;
let events = null;
let lastEvent = 0;
let snapshot = null;
let atomsDrawn = "";

const element = (id) => document.getElementById(id);

function text(id, shown, value) {
  const target = element(id);
  if (target.textContent !== shown) target.textContent = shown;
  if (value !== undefined) target.dataset.value = value;
}

function connect() {
  events?.close();
  lastEvent = Date.now();
  events = new EventSource("/api/events?" + new URLSearchParams({ pipeline: chosen.get("pipeline") ?? "", sensor: chosen.get("sensor") ?? "" }));
  events.onmessage = (event) => {
    lastEvent = Date.now();
    status("live");
    snapshot = JSON.parse(event.data);
    show();
  };
  events.onerror = () => status("reconnecting");
}

// The browser reconnects a dropped stream, but not a refused or a silent one.
setInterval(() => {
  if (Date.now() - lastEvent > SILENCE_MILLIS) {
    status("reconnecting");
    if (Date.now() - lastEvent > SILENCE_MILLIS + RETRY_MILLIS) connect();
  }
}, 1_000);

function status(word) {
  text("connection", word);
  element("connection").className = word === "live" ? "live" : "connecting";
}

function choose(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (value == null) chosen.delete(name);
    else chosen.set(name, value);
  }
  history.replaceState(null, "", "#" + chosen);
  hold(false);
  connect();
}

function hold(on) {
  held = on;
  element("hold").setAttribute("aria-pressed", String(on));
}

function show() {
  text("version", snapshot.version);
  text("engine", snapshot.engine);
  text("kernels", snapshot.kernels);
  text("uptime", format.duration(snapshot.uptimeSeconds), snapshot.uptimeSeconds);
  const pipeline = snapshot.pipelines.find((one) => one.name === chosen.get("pipeline")) ?? snapshot.pipelines[0];
  if (!pipeline) return;
  tabs(pipeline);
  const family = familyOf(pipeline);
  document.querySelectorAll("[data-for]").forEach((part) => { part.hidden = part.dataset.for !== family; });
  document.body.classList.toggle("cache-shown", family === "cache");
  document.body.classList.toggle("federated-shown", family === "federated");
  tiles(pipeline);
  charts.flow(pipeline.history);
  if (family !== "dictionary") {
    charts.state(pipeline.history);
    deadLetters(pipeline);
    if (pipeline.cache) cache.show(pipeline.cache);
    if (pipeline.federated) federated.show(pipeline.federated);
    return;
  }
  charts.quality(pipeline.history);
  charts.state(pipeline.history);
  const sensor = pipeline.sensors.find((one) => one.times.length > 0) ?? pipeline.sensors[0];
  sensors(pipeline, sensor);
  if (!held) signal(sensor);
  dictionary(pipeline, sensor);
  deadLetters(pipeline);
}

// A pipeline of another family has nothing but the figures that all have.
function familyOf(pipeline) {
  if (pipeline.cache) return "cache";
  if (pipeline.federated) return "federated";
  return pipeline.family === "dictionary" ? "dictionary" : "plain";
}

function tabs(current) {
  const list = element("pipelines");
  const names = snapshot.pipelines.map((one) => one.name);
  if (list.dataset.names !== JSON.stringify(names)) {
    list.dataset.names = JSON.stringify(names);
    list.replaceChildren(...names.map((name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.role = "tab";
      button.textContent = name;
      button.addEventListener("click", () => choose({ pipeline: name, sensor: null }));
      return button;
    }));
  }
  [...list.children].forEach((button, i) => button.setAttribute("aria-selected", String(names[i] === current.name)));
  text("topics", (familyOf(current) === "dictionary" ? current.family + " learning" : current.family) + "  ·  " + current.inputTopic + " → " + current.outputTopics.join(", "));
}

function tiles(pipeline) {
  text("records-per-second", format.short(pipeline.recordsPerSecond), pipeline.recordsPerSecond);
  text("records-in", format.count(pipeline.recordsIn), pipeline.recordsIn);
  text("records-out", format.count(pipeline.recordsOut), pipeline.recordsOut);
  text("lag", format.count(pipeline.lag), pipeline.lag);
  text("lag-time", pipeline.recordsPerSecond > 0 ? format.significant(pipeline.lag / pipeline.recordsPerSecond) + " s at this rate" : "\u00a0");
  text("compression-ratio", pipeline.compressionRatio > 0 ? format.significant(pipeline.compressionRatio) : "–", pipeline.compressionRatio);
  text("relative-error", pipeline.atomsPerWindow > 0 ? format.significant(pipeline.relativeError * 100) : "–", pipeline.relativeError);
  text("atoms-per-window", format.significant(pipeline.atomsPerWindow), pipeline.atomsPerWindow);
  text("atoms-in-use", format.count(pipeline.atomsInUse), pipeline.atomsInUse);
  text("atom-count", format.count(pipeline.atomCount), pipeline.atomCount);
  text("alarms", format.count(pipeline.alarms), pipeline.alarms);
  text("dead-letters", format.count(pipeline.deadLetters), pipeline.deadLetters);
  text("dead-letter-share", pipeline.recordsIn > 0 ? format.significant(pipeline.deadLetters / pipeline.recordsIn * 100) + " % of records" : "\u00a0");
  text("model-versions", format.count(pipeline.modelVersions), pipeline.modelVersions);
  text("dictionary-count", format.count(pipeline.dictionaries.length), pipeline.dictionaries.length);
  const [size, unit] = format.bytes(pipeline.stateBytes);
  text("state-bytes", size, pipeline.stateBytes);
  text("state-unit", unit);
  text("state-per-key", pipeline.keys > 0 ? ", " + format.bytes(pipeline.stateBytes / pipeline.keys).join(" ") + " each" : "");
  text("keys", format.count(pipeline.keys), pipeline.keys);
  text("restarts", format.count(pipeline.restarts), pipeline.restarts);
  element("restarts").classList.toggle("bad", pipeline.restarts > 0);
  checkpoints(pipeline.checkpoints);
}

// Null on an engine that takes none: then there is nothing to show.
function checkpoints(taken) {
  element("tiles").classList.toggle("wide", taken !== null);
  document.querySelectorAll(".tile.checkpoint").forEach((tile) => { tile.hidden = taken === null; });
  if (taken === null) return;
  const newest = taken.completed > 0 ? taken : {};
  const [duration, unit] = format.millis(newest.durationMillis);
  text("checkpoints", format.count(taken.completed), taken.completed);
  text("checkpoint-age", format.ago(newest.ageMillis), taken.ageMillis);
  text("checkpoints-failed", format.count(taken.failed), taken.failed);
  element("checkpoints-failed").classList.toggle("bad", taken.failed > 0);
  text("checkpoint-duration", duration, taken.durationMillis);
  text("checkpoint-duration-unit", unit);
  text("checkpoint-bytes", format.bytes(newest.writtenBytes).join("\u00a0"), taken.writtenBytes);
  text("checkpoint-state-bytes", format.bytes(newest.stateBytes).join("\u00a0"), taken.stateBytes);
}

function options(id, names, current) {
  const select = element(id);
  if (select.dataset.names !== JSON.stringify(names)) {
    select.dataset.names = JSON.stringify(names);
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  if (document.activeElement !== select) select.value = current;
}

function sensors(pipeline, sensor) {
  options("sensor", pipeline.sensors.map((one) => one.sensor), sensor?.sensor ?? "");
  const channels = sensor?.channels ?? 1;
  element("channel-label").hidden = channels < 2;
  options("channel", Array.from({ length: channels }, (_, i) => String(i)), String(channel(sensor)));
}

function channel(sensor) {
  const wanted = Number(chosen.get("channel") ?? 0);
  return sensor && wanted >= 0 && wanted < sensor.channels ? wanted : 0;
}

function signal(sensor) {
  if (!sensor || sensor.times.length < 2) charts.empty("signal-chart", "No readings yet");
  else charts.signal(sensor, channel(sensor), Number(element("stretch").value));
}

function dictionary(pipeline, sensor) {
  const current = pipeline.dictionaries.find((one) => one.atoms.length > 0);
  if (!current) {
    text("dictionary-facts", sensor ? "no version seen yet" : "");
    charts.empty("atoms-chart", "No dictionary yet");
    charts.empty("versions-chart", "No version yet");
    atomsDrawn = "";
    return;
  }
  const facts = [current.id, "version " + current.version, current.learner, current.channels > 1 ? current.length + " steps × " + current.channels + " channels" : current.length + " steps", current.atomsInUse + " of " + current.atomCount + " atoms in use", format.count(current.windowsLearned) + " windows learned"];
  text("dictionary-facts", facts.join("  ·  "));
  const drawn = JSON.stringify([pipeline.name, current.id, current.version, current.atomCount]);
  element("atoms-chart").dataset.atoms = current.atoms.length;
  if (drawn !== atomsDrawn) {
    atomsDrawn = drawn;
    charts.atoms(current);
  }
  charts.versions(current);
}

function deadLetters(pipeline) {
  charts.reasons(pipeline.deadLetterReasons);
  element("no-dead-letters").hidden = pipeline.recentDeadLetters.length > 0;
  element("dead-letter-table").hidden = pipeline.recentDeadLetters.length === 0;
  const body = element("dead-letter-rows");
  const newest = JSON.stringify(pipeline.recentDeadLetters);
  if (body.newest === newest) return;
  body.newest = newest;
  body.replaceChildren(...pipeline.recentDeadLetters.map((letter) => {
    const row = document.createElement("tr");
    const cells = [format.wallClock(letter.time), letter.reason, letter.message, letter.topic, letter.partition, letter.offset, letter.key, letter.valueBytes < 0 ? "null" : format.count(letter.valueBytes)];
    cells.forEach((cell, i) => {
      const made = document.createElement("td");
      made.textContent = cell;
      if (i === 4 || i === 5 || i === 7) made.className = "number";
      row.append(made);
    });
    return row;
  }));
}

element("sensor").addEventListener("change", (event) => {
  event.target.blur();
  choose({ sensor: event.target.value });
});
element("channel").addEventListener("change", (event) => {
  event.target.blur();
  chosen.set("channel", event.target.value);
  if (snapshot) show();
});
element("stretch").addEventListener("change", () => {
  hold(false);
  if (snapshot) show();
});
element("hold").addEventListener("click", () => hold(!held));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  charts.rereadTheme();
  atomsDrawn = "";
  if (snapshot) show();
});

connect();
