// What is shown of a pipeline that controls federated rounds. Values only ever become text.
import { colors, draw, empty, line, tooltip, valueAxis } from "./charts.js";
import * as format from "./format.js";

const element = (id) => document.getElementById(id);

function text(id, shown, value) {
  const target = element(id);
  if (target.textContent !== shown) target.textContent = shown;
  if (value !== undefined) target.dataset.value = value;
}

function made(name, className, content) {
  const one = document.createElement(name);
  if (className) one.className = className;
  if (content !== undefined) one.textContent = content;
  return one;
}

const words = (code) => code.toLowerCase().replaceAll("_", " ");
const percent = (share) => (share == null ? "–" : (100 * share).toFixed(1));
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export function show(federated) {
  tiles(federated);
  round(federated.round);
  accuracy(federated);
  updates(federated.versions);
  staleness(federated);
  refusals(federated.refused);
  epsilon(federated);
  clients(federated);
  rejections(federated.rejections);
  lineage(federated);
}

function tiles(federated) {
  const points = federated.evaluation?.points ?? [];
  const newest = points[points.length - 1];
  text("model-version", federated.newest < 0 ? "–" : format.count(federated.newest), federated.newest);
  const aggregator = federated.evaluation?.aggregatorPid;
  text("aggregator-process", aggregator == null ? "" : aggregator > 0 ? "aggregator: process " + aggregator : "aggregator is restarting");
  text("model-name", federated.model || "no model yet");
  text("model-rule", federated.rule || "\u00a0");
  text("accuracy", percent(newest?.accuracy), newest?.accuracy ?? "");
  text("accuracy-reference", percent(federated.evaluation?.reference));
  text("updates-included", format.count(federated.included), federated.included);
  text("updates-refused", format.count(total(federated.refused)), total(federated.refused));
  text("updates-carried", format.count(federated.carried), federated.carried);
  const saved = federated.updateBytes != null && federated.plainBytes > 0 ? 1 - federated.updateBytes / federated.plainBytes : null;
  text("bytes-saved", percent(saved), saved ?? "");
  text("update-bytes", format.bytes(federated.updateBytes).join("\u00a0"));
  text("plain-bytes", format.bytes(federated.plainBytes).join("\u00a0"));
  text("update-codec", federated.codec || "–");
  const noisy = federated.epsilon > 0;
  text("epsilon", noisy ? format.significant(federated.epsilon) : "none", federated.epsilon);
  text("epsilon-detail", noisy ? "at δ " + federated.delta.toExponential(0) + ", " + federated.exhausted + " without budget" : "no noise is added");
}

// How many updates are whole, how many make a version, how many it takes at least.
function round(now) {
  text("round-number", now.number < 0 ? "–" : format.count(now.number), now.number);
  text("round-phase", now.phase ? words(now.phase) : "–");
  element("round-phase").dataset.phase = now.phase;
  text("round-complete", format.count(now.complete), now.complete);
  text("round-target", format.count(now.target), now.target);
  text("round-minimum", format.count(now.minimum), now.minimum);
  text("round-offered", format.count(now.offered));
  const most = Math.max(now.target, now.complete, 1);
  element("quorum-bar").style.width = (100 * now.complete / most).toFixed(1) + "%";
  element("quorum-bar").classList.toggle("enough", now.complete >= now.minimum);
  element("quorum-minimum").style.left = (100 * now.minimum / most).toFixed(1) + "%";
  const left = now.deadline > 0 && now.time > 0 ? (now.deadline - now.time) / 1000 : null;
  text("round-deadline", left == null ? "no deadline" : left > 0 ? format.duration(left) + " left" : "deadline passed");
}

const versionAxis = (theme, low, high) => ({
  type: "value", min: low, max: Math.max(high, low + 1), minInterval: 1, name: "version", nameLocation: "middle", nameGap: 22, nameTextStyle: { color: theme.muted, fontSize: 11 },
  axisLine: { lineStyle: { color: theme.line } }, axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true, formatter: (value) => (Number.isInteger(value) ? String(value) : "") }, splitLine: { show: false },
});

function accuracy(federated) {
  const measured = federated.evaluation;
  const points = measured?.points ?? federated.versions.filter((one) => one.accuracy != null);
  text("accuracy-task", measured ? measured.task + ", " + format.count(measured.images) + " images that no client has" : "mean of what clients say of themselves");
  if (points.length === 0) {
    empty("accuracy-chart", "No version measured yet");
    return;
  }
  const theme = colors();
  const first = points[0].version, last = points[points.length - 1].version;
  const mark = (name, value, color, position) => ({ yAxis: 100 * value, lineStyle: { color, type: "dashed" }, label: { formatter: name + " " + (100 * value).toFixed(1), position, color, fontSize: 11 } });
  draw("accuracy-chart", {
    grid: { left: 46, right: 22, top: 30, bottom: 40 },
    xAxis: versionAxis(theme, first, last),
    yAxis: valueAxis(0, "accuracy, %", format.tick, { min: 0, max: 100, splitNumber: 5 }),
    tooltip: tooltip((x) => "version " + x, (point) => point.value[1].toFixed(2) + " %"),
    series: [line("accuracy", points.map((point) => [point.version, 100 * point.accuracy]), theme.signal, {
      lineStyle: { color: theme.signal, width: 2.2 }, areaStyle: { color: theme.signal, opacity: 0.08 }, showSymbol: points.length < 40, symbol: "circle", symbolSize: 5,
      markLine: measured && { silent: true, symbol: "none", data: [mark("trained in one place", measured.reference, theme.muted, "insideStartTop"), mark("goal", measured.goal, theme.good, "insideStartBottom")] },
    })],
  });
}

function updates(versions) {
  const made = versions.filter((one) => one.updates + one.rejected > 0);
  if (made.length === 0) {
    empty("updates-chart", "No version yet");
    return;
  }
  const theme = colors();
  const bar = (name, color, value) => ({ type: "bar", stack: "updates", name, barMaxWidth: 14, itemStyle: { color }, emphasis: { disabled: true }, data: made.slice(-40).map((one) => [String(one.version), value(one)]) });
  draw("updates-chart", {
    legend: { top: 0, right: 4, itemWidth: 12, itemHeight: 8, textStyle: { color: theme.muted, fontSize: 12 }, selectedMode: false },
    grid: { left: 36, right: 12, top: 28, bottom: 24 },
    xAxis: { type: "category", data: made.slice(-40).map((one) => String(one.version)), axisLine: { lineStyle: { color: theme.line } }, axisTick: { show: false }, axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true } },
    yAxis: valueAxis(0, "", format.tick, { min: 0, minInterval: 1 }),
    tooltip: tooltip((x) => "version " + x, (point) => String(point.value[1])),
    series: [bar("in the version", theme.signal, (one) => one.updates), bar("refused", theme.bad, (one) => one.rejected)],
  });
}

function staleness(federated) {
  if (federated.included === 0) {
    empty("staleness-chart", "No update included yet");
    return;
  }
  const theme = colors();
  const last = federated.staleness.length - 1;
  draw("staleness-chart", {
    grid: { left: 12, right: 12, top: 24, bottom: 38 },
    xAxis: { type: "category", name: "versions between base and use", nameLocation: "middle", nameGap: 22, nameTextStyle: { color: theme.muted, fontSize: 11 }, data: federated.staleness.map((_, i) => (i === last ? i + "+" : String(i))), axisLine: { lineStyle: { color: theme.line } }, axisTick: { show: false }, axisLabel: { color: theme.muted, fontSize: 11 } },
    yAxis: { type: "value", show: false, min: 0 },
    series: [{ type: "bar", data: federated.staleness, barMaxWidth: 30, itemStyle: { color: theme.restored, borderRadius: [4, 4, 0, 0] }, emphasis: { disabled: true }, label: { show: true, position: "top", color: theme.text, fontSize: 11, formatter: (bar) => (bar.value > 0 ? format.count(bar.value) : "") } }],
  });
}

function refusals(refused) {
  const sorted = Object.entries(refused).sort((a, b) => a[1] - b[1]).slice(-8);
  if (sorted.length === 0) {
    empty("refusals-chart", "None");
    return;
  }
  const theme = colors();
  draw("refusals-chart", {
    grid: { left: 104, right: 50, top: 8, bottom: 8 },
    xAxis: { type: "value", show: false }, yAxis: { type: "category", data: sorted.map(([reason]) => words(reason)), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: theme.text, fontSize: 12, width: 92, overflow: "truncate" } },
    series: [{ type: "bar", data: sorted.map(([, count]) => count), barMaxWidth: 16, itemStyle: { color: theme.bad, borderRadius: [0, 4, 4, 0] }, emphasis: { disabled: true }, label: { show: true, position: "right", color: theme.text, fontSize: 12, formatter: (bar) => format.count(bar.value) } }],
  });
}

function epsilon(federated) {
  const points = federated.versions.filter((one) => one.epsilon > 0).map((one) => [one.version, one.epsilon]);
  if (points.length === 0) {
    empty("epsilon-chart", "No noise: nothing is accounted");
    return;
  }
  const theme = colors();
  draw("epsilon-chart", {
    grid: { left: 46, right: 16, top: 14, bottom: 38 },
    xAxis: versionAxis(theme, points[0][0], points[points.length - 1][0]),
    yAxis: valueAxis(0, "", format.tick, { min: 0 }),
    tooltip: tooltip((x) => "version " + x, (point) => "ε " + format.significant(point.value[1])),
    series: [line("epsilon", points, theme.fourth, { areaStyle: { color: theme.fourth, opacity: 0.12 } })],
  });
}

function clients(federated) {
  const processes = new Map((federated.evaluation?.processes ?? []).map((one) => [one.client, one]));
  const known = new Map(federated.clients.map((one) => [one.client, one]));
  const names = [...new Set([...processes.keys(), ...known.keys()])].sort();
  // weights have a unit of their own, finer where stale updates count for less
  const weights = federated.clients.reduce((sum, one) => sum + one.weight, 0);
  element("no-clients").hidden = names.length > 0;
  element("client-rows").replaceChildren(...names.map((name) => {
    const one = known.get(name);
    const process = processes.get(name);
    const row = made("tr");
    const conduct = made("td", process?.misconduct ? "bad" : "muted", process ? process.misconduct || "honest" : "");
    const cell = made("td", one && one.outcome !== "INCLUDED" && one.outcome !== "CARRIED" && one.outcome ? "bad" : "", one?.outcome ? words(one.outcome) : "–");
    cell.title = one?.message ?? "";
    row.append(
      made("td", "", name),
      made("td", "number", process ? (process.pid > 0 ? String(process.pid) : "restarting") : ""),
      made("td", "number", process ? String(process.starts) : ""),
      conduct,
      made("td", "number", format.count(one?.included)), made("td", "number", format.count(one?.refused)), cell,
      made("td", "number", one ? format.count(one.staleness) : "–"),
      made("td", "number", one && weights > 0 ? percent(one.weight / weights) + "\u00a0%" : "–"),
      made("td", one?.exhausted ? "number bad" : "number", one?.epsilon == null ? "–" : format.significant(one.epsilon)));
    return row;
  }));
}

function rejections(all) {
  element("no-rejections").hidden = all.length > 0;
  element("rejection-table").hidden = all.length === 0;
  element("rejection-rows").replaceChildren(...all.map((one) => {
    const row = made("tr");
    row.append(made("td", "", one.time > 0 ? format.wallClock(one.time) : "–"), made("td", "number", format.count(one.round)), made("td", "", one.client), made("td", "bad", words(one.reason)), made("td", "sentence", one.message));
    return row;
  }));
}

// Newest above; a version that was not made from the one before it is a roll-back.
function lineage(federated) {
  element("no-lineage").hidden = federated.lineage.length > 0;
  element("lineage-rows").replaceChildren(...federated.lineage.map((one) => {
    const row = made("li");
    const back = one.parent >= 0 && one.parent !== one.version - 1;
    row.className = one.version === federated.pointer ? "current" : "";
    const head = made("div");
    head.append(
      made("b", "", "version " + one.version),
      made("code", "", one.lineage),
      made("span", back ? "bad" : "muted", one.parent < 0 ? "as it was published" : "from version " + one.parent + (back ? ", rolled back" : "")));
    if (one.time > 0) head.append(made("span", "muted", format.wallClock(one.time)));
    const people = made("div", "muted", one.clients.length === 0 ? "" : one.clients.join(", ") + (one.rejected > 0 ? "; " + one.rejected + " refused" : ""));
    row.append(head, people);
    return row;
  }));
}
