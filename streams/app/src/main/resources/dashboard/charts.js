// Every chart of the page: a function from what there is to see to an ECharts option.
// Tooltips are drawn on the canvas (richText): no value ever becomes HTML.
import * as format from "./format.js";

const FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif";
const charts = new Map();
const resized = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const chart = charts.get(entry.target.id);
    const { width, height } = entry.contentRect;
    if (chart && width > 0 && (width !== chart.getWidth() || height !== chart.getHeight())) {
      chart.resize({ width, height });
      chart.onResize?.();
    }
  }
});

let theme = readTheme();

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const names = ["panel", "line", "text", "muted", "grid", "signal", "restored", "third", "fourth", "bad", "drift", "good", "bad-area", "drift-area"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
}

export function rereadTheme() {
  theme = readTheme();
}

export const colors = () => theme;

function chart(id) {
  if (!charts.has(id)) {
    const element = document.getElementById(id);
    const made = echarts.init(element, null, { width: element.clientWidth, height: element.clientHeight });
    charts.set(id, made);
    resized.observe(element);
  }
  return charts.get(id);
}

export function draw(id, option) {
  chart(id).setOption({ animation: false, textStyle: { fontFamily: FONT, color: theme.muted }, ...option }, { notMerge: true, lazyUpdate: true });
}

export function tooltip(header, value) {
  return {
    trigger: "axis", renderMode: "richText", confine: true, transitionDuration: 0,
    backgroundColor: theme.panel, borderColor: theme.line, textStyle: { color: theme.text, fontSize: 12 },
    axisPointer: { type: "line", lineStyle: { color: theme.muted, type: "dashed" } },
    formatter: (points) => [header(points[0].value[0]), ...points.filter((point) => point.value[1] != null).map((point) => plain(point.seriesName) + "  " + value(point))].join("\n"),
  };
}

// Braces are markup in ECharts' rich text.
function plain(text) {
  return String(text).replace(/[{}|]/g, " ");
}

export const valueAxis = (index, name, formatter, more) => ({
  type: "value", gridIndex: index, name, nameLocation: "end", nameGap: 9, splitNumber: 3,
  nameTextStyle: { color: theme.muted, align: "left", fontSize: 11, padding: [0, 0, 0, -34] },
  axisLabel: { color: theme.muted, fontSize: 11, formatter }, splitLine: { lineStyle: { color: theme.grid } }, ...more,
});

const timeAxis = (index, label, more) => ({
  type: "time", gridIndex: index, axisLine: { lineStyle: { color: theme.line } }, axisTick: { show: false },
  axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true, formatter: label }, splitLine: { show: false }, ...more,
});

export const line = (name, data, color, more) => ({
  type: "line", name, data, showSymbol: false, symbol: "none", lineStyle: { color, width: 1.6 }, itemStyle: { color }, emphasis: { disabled: true }, ...more,
});

const zip = (times, values) => times.map((time, i) => [time, values[i]]);

// Two quantities over the run, one above the other: never two scales on one axis.
function pair(id, history, upper, lower) {
  const label = (value) => format.wallClock(value);
  draw(id, {
    grid: [{ left: 46, right: 26, top: 28, height: 50 }, { left: 46, right: 26, top: 118, height: 50 }],
    xAxis: [timeAxis(0, label, { axisLabel: { show: false } }), timeAxis(1, label)],
    yAxis: [valueAxis(0, upper.name, format.tick, { min: 0, splitNumber: 2 }), valueAxis(1, lower.name, format.tick, { min: 0, splitNumber: 2 })],
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip(label, (point) => (point.seriesIndex === 0 ? upper : lower).format(point.value[1])),
    series: [
      line(upper.name, zip(history.times, upper.values), theme.signal, { connectNulls: true, areaStyle: { color: theme.signal, opacity: 0.1 } }),
      line(lower.name, zip(history.times, lower.values), theme.restored, { xAxisIndex: 1, yAxisIndex: 1, connectNulls: true, areaStyle: { color: theme.restored, opacity: 0.1 } }),
    ],
  });
}

export function flow(history) {
  pair("flow-chart", history, { name: "records/s", values: history.recordsPerSecond, format: format.short }, { name: "lag, records", values: history.lag, format: format.short });
}

export function quality(history) {
  const percent = history.relativeError.map((value) => (value == null ? null : value * 100));
  pair("quality-chart", history, { name: "reconstruction error, %", values: percent, format: format.significant }, { name: "atoms per window", values: history.atomsPerWindow, format: format.significant });
}

export function state(history) {
  const label = (value) => format.wallClock(value);
  const size = (value) => format.bytes(value).join(" ");
  draw("state-chart", {
    grid: { left: 62, right: 26, top: 14, bottom: 26 },
    xAxis: timeAxis(0, label), yAxis: valueAxis(0, "", size, { min: 0 }),
    tooltip: tooltip(label, (point) => size(point.value[1])),
    series: [line("state", zip(history.times, history.stateBytes), theme.third, { areaStyle: { color: theme.third, opacity: 0.12 } })],
  });
}

// Windows that follow each other are one anomaly to the eye.
function joined(anomalies) {
  const areas = [];
  for (const one of [...anomalies].sort((a, b) => a.start - b.start)) {
    const last = areas.findLast((area) => area.kind === one.kind);
    if (last && one.start <= last.end + (last.end - last.start) * 0.1) last.end = Math.max(last.end, one.end);
    else areas.push({ kind: one.kind, start: one.start, end: one.end });
  }
  return areas;
}

// A line must not join readings that do not follow each other.
function gaps(times) {
  const steps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  const usual = steps.length === 0 ? Infinity : steps[Math.floor(steps.length / 2)];
  return (i) => i > 0 && times[i] - times[i - 1] > 8 * usual;
}

function broken(times, values, isGap) {
  const points = [];
  times.forEach((time, i) => {
    if (isGap(i)) points.push([time, null]);
    points.push([time, values[i]]);
  });
  return points;
}

export function signal(sensor, channel, stretch) {
  const first = Math.max(0, Math.floor(sensor.times.length * (1 - stretch)));
  const times = sensor.times.slice(first);
  const isGap = gaps(times);
  const values = sensor.signal[channel].slice(first);
  const restored = sensor.reconstruction[channel].slice(first);
  const begin = times[0], end = times[times.length - 1], span = end - begin;
  const label = (value) => format.clock(value, span);
  const scores = zip(sensor.scoreTimes, sensor.scores).filter(([time]) => time >= begin);
  const seen = sensor.anomalies.filter((one) => one.end >= begin && one.start <= end);
  const areas = joined(seen).map((one) => [
    { xAxis: Math.max(begin, one.start), itemStyle: { color: one.kind === "DRIFT" ? theme["drift-area"] : theme["bad-area"] } }, { xAxis: Math.min(end, one.end) }]);
  const peaks = seen.filter((one) => one.channel === channel && one.kind !== "DRIFT").map((one) => [one.peak, values[nearest(times, one.peak)]]);
  const threshold = sensor.anomalies.length ? sensor.anomalies[sensor.anomalies.length - 1].threshold : null;
  const height = chart("signal-chart").getHeight();
  draw("signal-chart", {
    legend: { top: 2, right: 8, itemWidth: 18, itemHeight: 8, textStyle: { color: theme.muted, fontSize: 12 }, data: ["signal", "reconstruction", "anomaly"], selectedMode: false },
    grid: [{ left: 52, right: 14, top: 34, height: height - 34 - 138 }, { left: 52, right: 14, top: height - 88, height: 60 }],
    xAxis: [timeAxis(0, label, { axisLabel: { show: false }, min: begin, max: end }), timeAxis(1, label, { min: begin, max: end, splitNumber: Math.max(2, Math.floor(chart("signal-chart").getWidth() / 150)) })],
    yAxis: [valueAxis(0, "", format.tick, { scale: true, splitNumber: 5 }), valueAxis(1, "anomaly score per window", format.tick, { min: 0, splitNumber: 2, nameTextStyle: { color: theme.muted, align: "left", fontSize: 11, padding: [0, 0, 0, -40] } })],
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: tooltip(label, (point) => format.significant(point.value[1])),
    series: [
      line("signal", broken(times, values, isGap), theme.signal, { sampling: "lttb", lineStyle: { color: theme.signal, width: 2.2 }, markArea: { silent: true, data: areas } }),
      line("reconstruction", broken(times, restored, isGap), theme.restored, { lineStyle: { color: theme.restored, width: 1.3 } }),
      { type: "scatter", name: "anomaly", data: peaks, symbol: "circle", symbolSize: 8, itemStyle: { color: "transparent", borderColor: theme.bad, borderWidth: 1.6 }, emphasis: { disabled: true } },
      line("anomaly score", scores, theme.muted, {
        xAxisIndex: 1, yAxisIndex: 1, step: "end", lineStyle: { color: theme.muted, width: 1.3 },
        markLine: threshold == null ? undefined : { silent: true, symbol: "none", lineStyle: { color: theme.bad, type: "dashed" }, label: { formatter: "alarm", position: "insideEndTop", color: theme.bad, fontSize: 11 }, data: [{ yAxis: threshold }] },
      }),
    ],
  });
}

function nearest(times, wanted) {
  let low = 0, high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function empty(id, text) {
  draw(id, { title: { text, left: "center", top: "middle", textStyle: { color: theme.muted, fontSize: 13, fontWeight: 400 } } });
}

// As many small waveforms as fit, most used first; each on its own scale, around its own zero line.
export function atoms(dictionary) {
  const made = chart("atoms-chart");
  made.onResize = () => atoms(dictionary);
  const width = made.getWidth(), height = made.getHeight();
  const columns = width < 560 ? 4 : 8;
  const rows = Math.max(1, Math.min(Math.ceil(dictionary.atoms.length / columns), Math.floor(height / 52)));
  const shown = dictionary.atoms.slice(0, columns * rows);
  const cellWidth = width / columns, cellHeight = Math.min(height / rows, 110);
  const colors = [theme.signal, theme.third, theme.fourth, theme.restored];
  const option = { grid: [], xAxis: [], yAxis: [], title: [], series: [] };
  shown.forEach((atom, i) => {
    const left = (i % columns) * cellWidth + 5, top = Math.floor(i / columns) * cellHeight;
    const largest = atom.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6) * 1.05;
    option.grid.push({ left, top: top + 17, width: cellWidth - 10, height: cellHeight - 24 });
    option.xAxis.push({ type: "value", gridIndex: i, min: 0, max: dictionary.length - 1, axisLabel: { show: false }, axisTick: { show: false }, splitLine: { show: false }, axisLine: { onZero: true, lineStyle: { color: theme.line, width: 1 } } });
    option.yAxis.push({ type: "value", gridIndex: i, min: -largest, max: largest, show: false });
    option.title.push({ text: share(atom.usage), left, top: top + 2, padding: 0, textStyle: { fontSize: 10.5, fontWeight: 500, color: theme.muted } });
    for (let channel = Math.min(dictionary.channels, colors.length) - 1; channel >= 0; channel--) {
      const part = atom.values.slice(channel * dictionary.length, (channel + 1) * dictionary.length);
      option.series.push(line("", part.map((value, step) => [step, value]), colors[channel], { xAxisIndex: i, yAxisIndex: i, silent: true, lineStyle: { color: colors[channel], width: 1.4, opacity: atom.usage > 0 ? 1 : 0.4 } }));
    }
  });
  draw("atoms-chart", option);
}

const share = (usage) => (usage > 0 && usage < 0.001 ? "< 0.1" : (usage * 100).toFixed(usage >= 0.0995 ? 0 : 1)) + " %";

export function versions(dictionary) {
  const causes = [
    { cause: "INITIAL", name: "initial", symbol: "diamond", color: theme.muted, size: 9 },
    { cause: "ROUND", name: "round", symbol: "circle", color: theme.signal, size: 5 },
    { cause: "DRIFT", name: "drift", symbol: "triangle", color: theme.bad, size: 11 },
  ];
  // Version 0 was made by no round: it stands on the axis.
  const points = dictionary.versions.map((one) => ({ one, at: [one.windows, one.relativeError * 100] }));
  const byWindows = new Map(points.map(({ one }) => [one.windows, one]));
  draw("versions-chart", {
    legend: { top: 0, left: 0, itemWidth: 10, itemHeight: 10, textStyle: { color: theme.muted, fontSize: 12 }, data: causes.map((cause) => ({ name: cause.name })), selectedMode: false },
    grid: { left: 44, right: 28, top: 46, bottom: 42 },
    xAxis: { type: "value", min: 0, name: "windows learned", nameLocation: "middle", nameGap: 26, nameTextStyle: { color: theme.muted, fontSize: 11 }, axisLine: { lineStyle: { color: theme.line } }, axisLabel: { color: theme.muted, fontSize: 11, formatter: format.tick, hideOverlap: true }, splitLine: { show: false } },
    yAxis: valueAxis(0, "error, %", format.tick, { min: 0 }),
    tooltip: {
      ...tooltip(() => "", () => ""),
      formatter: (hits) => {
        const one = byWindows.get(hits[0].value[0]);
        return one == null ? "" : ["version " + one.version + ", " + plain(one.cause).toLowerCase(), format.count(one.windows) + " windows", one.version === 0 ? "before any learning" : "error " + format.significant(one.relativeError * 100) + " %", one.replacedAtoms + " atoms replaced"].join("\n");
      },
    },
    series: [
      line("error", points.filter(({ one }) => one.version > 0).map(({ at }) => at), theme.signal, {
        lineStyle: { color: theme.signal, width: 1.3, opacity: 0.6 },
        markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: theme.bad, type: "dotted", opacity: 0.7 }, data: points.filter(({ one }) => one.cause === "DRIFT").map(({ one }) => ({ xAxis: one.windows })) },
      }),
      ...causes.map((cause) => ({ type: "scatter", name: cause.name, symbol: cause.symbol, symbolSize: cause.size, itemStyle: { color: cause.color }, emphasis: { disabled: true }, data: points.filter(({ one }) => one.cause === cause.cause).map(({ at }) => at) })),
    ],
  });
}

export function reasons(counts) {
  const sorted = Object.entries(counts).sort((a, b) => a[1] - b[1]).slice(-10);
  if (sorted.length === 0) {
    empty("reasons-chart", "None");
    return;
  }
  draw("reasons-chart", {
    grid: { left: 124, right: 56, top: 8, bottom: 8 },
    xAxis: { type: "value", show: false }, yAxis: { type: "category", data: sorted.map(([reason]) => reason.toLowerCase().replaceAll("_", " ")), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: theme.text, fontSize: 12, width: 112, overflow: "truncate" } },
    series: [{ type: "bar", data: sorted.map(([, count]) => count), barMaxWidth: 16, itemStyle: { color: theme.bad, borderRadius: [0, 4, 4, 0] }, emphasis: { disabled: true }, label: { show: true, position: "right", color: theme.text, fontSize: 12, formatter: (bar) => format.count(bar.value) } }],
  });
}
