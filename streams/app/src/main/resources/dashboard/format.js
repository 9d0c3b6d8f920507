// Numbers as people read them. Every function takes null for "not known".

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value) {
  return value == null ? "–" : whole.format(value);
}

export function short(value) {
  if (value == null) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return significant(value / 1e9) + " G";
  if (size >= 1e6) return significant(value / 1e6) + " M";
  if (size >= 1e4) return significant(value / 1e3) + " k";
  return size >= 100 || Number.isInteger(value) ? whole.format(value) : significant(value);
}

export function significant(value) {
  if (value == null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : size >= 0.01 ? 3 : 4);
}

// Labels of axes: no more digits than the ticks have.
export function tick(value) {
  return Math.abs(value) >= 1e4 ? short(value).replace(/\.0+ /, " ") : String(Number(value.toPrecision(6)));
}

// [number, unit], decimal units
export function bytes(value) {
  if (value == null) return ["–", "B"];
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return [unit === 0 ? whole.format(value) : significant(value), units[unit]];
}

export function duration(seconds) {
  if (seconds == null) return "–";
  const all = Math.floor(seconds);
  const parts = [[Math.floor(all / 86400), "d"], [Math.floor(all / 3600) % 24, "h"], [Math.floor(all / 60) % 60, "min"], [all % 60, "s"]];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).map(([value, unit]) => value + " " + unit).join(" ");
}

// [number, unit] of a time that something took
export function millis(value) {
  if (value == null) return ["–", "ms"];
  if (value < 1000) return [whole.format(value), "ms"];
  return value < 60_000 ? [significant(value / 1000), "s"] : [significant(value / 60_000), "min"];
}

export function ago(value) {
  if (value == null) return "–";
  return value < 1000 ? "just now" : duration(value / 1000) + " ago";
}

const pad = (value, digits) => String(value).padStart(digits, "0");

// Event time, UTC; milliseconds only where the span shown is short.
export function clock(millis, spanMillis) {
  const date = new Date(millis);
  const time = pad(date.getUTCHours(), 2) + ":" + pad(date.getUTCMinutes(), 2) + ":" + pad(date.getUTCSeconds(), 2);
  if (spanMillis < 20_000 && date.getUTCMilliseconds() !== 0) return time + "." + pad(date.getUTCMilliseconds(), 3);
  return spanMillis > 86_400_000 ? date.getUTCFullYear() + "-" + pad(date.getUTCMonth() + 1, 2) + "-" + pad(date.getUTCDate(), 2) + " " + time.slice(0, 5) : time;
}

export function wallClock(millis) {
  const date = new Date(millis);
  return pad(date.getHours(), 2) + ":" + pad(date.getMinutes(), 2) + ":" + pad(date.getSeconds(), 2);
}
