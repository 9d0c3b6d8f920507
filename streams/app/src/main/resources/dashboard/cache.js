// What is shown of a pipeline that keeps a KV cache. Values only ever become text.
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

export function show(cache) {
  tiles(cache);
  tiers(cache.tiers);
  added(cache.continuation);
  heads(cache.continuation);
  texts(cache.continuation);
  sessions(cache.sessions);
  layers(cache.layers);
}

const signed = (value) => (value == null ? "–" : (value < 0 ? "−" : "+") + Math.abs(value).toFixed(4));

function tiles(cache) {
  const pages = cache.tiers.reduce((sum, tier) => sum + tier.pages, 0);
  const bytes = cache.tiers.reduce((sum, tier) => sum + tier.bytes, 0);
  const reading = cache.continuation;
  text("compressed-bits", format.significant(cache.compressedBitsPerValue), cache.compressedBitsPerValue);
  text("cache-bits", format.significant(cache.bitsPerValue), cache.bitsPerValue);
  text("cache-pages", format.count(pages), pages);
  text("cache-bytes", format.bytes(bytes).join(" "));
  text("added-nats", signed(reading?.addedNats), reading?.addedNats ?? "");
  text("exact-nats", format.significant(reading?.exactNats));
  text("compared-tokens", format.count(reading?.tokens), reading?.tokens ?? 0);
  text("cache-sessions", format.count(cache.sessionsSeen), cache.sessionsSeen);
  text("continued", format.count(reading?.continued), reading?.continued ?? 0);
  text("cache-bases", format.count(cache.bases), cache.bases);
  text("basis-versions", format.count(cache.basisVersions));
  const coarse = cache.tiers.find((tier) => tier.tier === "COARSE").pages;
  text("coarse-share", pages > 0 ? (100 * coarse / pages).toFixed(0) : "–", coarse);
}

function tiers(all) {
  const shown = [...all].reverse();
  const theme = colors();
  const bar = (name, color, bits) => ({
    type: "bar", name, barMaxWidth: 15, itemStyle: { color, borderRadius: [0, 4, 4, 0] }, emphasis: { disabled: true },
    data: shown.map(bits), label: { show: true, position: "right", color: theme.text, fontSize: 12, formatter: (one) => (one.value > 0 ? format.significant(one.value) : "") },
  });
  draw("tiers-chart", {
    legend: { top: 0, right: 4, itemWidth: 12, itemHeight: 8, textStyle: { color: theme.muted, fontSize: 12 }, data: ["keys", "values"], selectedMode: false },
    grid: { left: 58, right: 46, top: 26, bottom: 6 },
    xAxis: { type: "value", show: false, min: 0 },
    yAxis: { type: "category", data: shown.map((tier) => tier.tier.toLowerCase()), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: theme.text, fontSize: 12 } },
    series: [bar("values", theme.restored, (tier) => tier.valueBits), bar("keys", theme.signal, (tier) => tier.keyBits)],
  });
  text("tier-codecs", all.filter((tier) => tier.pages > 0).map((tier) => tier.tier.toLowerCase() + ": " + format.count(tier.pages) + " pages by " + tier.codecs.join(", ")).join("  ·  "));
}

function added(reading) {
  const means = reading?.addedNatsBySession ?? [];
  if (means.length === 0) {
    empty("added-chart", "No session continued yet");
    return;
  }
  const theme = colors();
  const first = reading.continued - means.length + 1;
  draw("added-chart", {
    grid: { left: 62, right: 16, top: 14, bottom: 36 },
    xAxis: { type: "value", min: first, max: Math.max(reading.continued, first + 1), minInterval: 1, name: "sessions continued", nameLocation: "middle", nameGap: 22, nameTextStyle: { color: theme.muted, fontSize: 11 }, axisLine: { lineStyle: { color: theme.line } }, axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true }, splitLine: { show: false } },
    yAxis: valueAxis(0, "", (value) => value.toFixed(3), { scale: true }),
    tooltip: tooltip((x) => x + " sessions", (point) => signed(point.value[1]) + " nats a token"),
    series: [line("mean", means.map((mean, i) => [first + i, mean]), theme.signal, {
      showSymbol: means.length < 2, symbol: "circle", symbolSize: 6,
      markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: theme.muted, type: "dashed" }, data: [{ yAxis: 0 }] },
    })],
  });
}

function heads(reading) {
  if (!reading || reading.tokens === 0) {
    empty("heads-chart", "No session continued yet");
    return;
  }
  const theme = colors();
  const errors = reading.headErrors;
  const cells = errors.flatMap((row, layer) => row.map((error, head) => [head, layer, error * 100]));
  const most = cells.reduce((largest, cell) => Math.max(largest, cell[2]), 1e-9);
  draw("heads-chart", {
    grid: { left: 58, right: 12, top: 8, bottom: 26 },
    xAxis: { type: "category", data: errors[0].map((_, head) => "head " + head), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: theme.muted, fontSize: 11 } },
    yAxis: { type: "category", inverse: true, data: errors.map((_, layer) => "layer " + layer), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: theme.muted, fontSize: 11 } },
    visualMap: { show: false, min: 0, max: 2 * most, dimension: 2, inRange: { color: [theme.grid, theme.signal] } },
    series: [{ type: "heatmap", data: cells, itemStyle: { borderColor: theme.panel, borderWidth: 2 }, emphasis: { disabled: true }, label: { show: true, color: theme.text, fontSize: 12, formatter: (cell) => format.significant(cell.value[2]) } }],
  });
}

function texts(reading) {
  const all = reading?.texts ?? [];
  element("no-texts").hidden = all.length > 0;
  const list = element("continued-texts");
  const drawn = JSON.stringify(all);
  if (list.drawn !== drawn) {
    list.drawn = drawn;
    list.replaceChildren(...all.slice(0, 3).map(pair));
  }
  element("writing-texts").replaceChildren(...(reading?.writing ?? []).map((one) => {
    const row = made("div", "writing");
    const words = made("div", "prose");
    words.append(made("span", "", one.text.replace(/\s+/g, " ")));
    row.append(made("span", "muted", one.session + " · " + one.tokens), words);
    return row;
  }));
}

function pair(one) {
  const row = made("div", "pair");
  const head = made("header");
  head.append(made("b", "", one.session), made("span", "muted", signed(one.addedNats) + " nats a token"), made("span", "muted", one.agreed === one.exact.length ? "the same text" : "the same for " + one.agreed + " characters"));
  row.append(head, made("p", "prose before", "… " + one.before));
  row.append(side("Exact cache", one.exact, one.agreed), side("Pages alone", one.pages, one.agreed));
  return row;
}

function side(title, written, agreed) {
  const part = made("div");
  const words = made("p", "prose", written.slice(0, agreed));
  if (agreed < written.length) words.append(made("mark", "", written.slice(agreed)));
  part.append(made("h3", "", title), words);
  return part;
}

function sessions(all) {
  const most = all.reduce((largest, one) => Math.max(largest, one.exactPages + one.finePages + one.coarsePages), 1);
  element("session-rows").replaceChildren(...all.map((one) => {
    const row = made("tr");
    const marks = made("span", "marks");
    [["exact", one.exactPages], ["fine", one.finePages], ["coarse", one.coarsePages]].forEach(([kind, count]) => {
      const bar = made("i", kind);
      bar.style.width = (110 * count / most).toFixed(1) + "px";
      if (count > 0) marks.append(bar);
    });
    marks.append(made("span", "muted", [one.exactPages, one.finePages, one.coarsePages].join(", ")));
    const cell = made("td");
    cell.append(marks);
    row.append(made("td", "", one.name), made("td", "number", format.count(one.tokens)), made("td", "number", format.count(one.windowTokens)), cell, made("td", "number", format.bytes(one.bytes).join(" ")), made("td", "muted", one.ended ? "ended" : ""));
    return row;
  }));
}

function layers(all) {
  const percent = (value) => (value == null ? "–" : format.significant(value * 100));
  element("layer-rows").replaceChildren(...all.map((one) => {
    const row = made("tr");
    row.append(made("td", "", String(one.layer)), ...[one.keysFine, one.keysCoarse, one.valuesFine, one.valuesCoarse].map((value) => made("td", "number", percent(value))));
    return row;
  }));
}
