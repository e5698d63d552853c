"use strict";
// Draws the charts from the data in the page. Everything here is also in the page's tables.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const charts = [];

  // What a colour of the style sheet is in the present scheme.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };

  const digits = (value) =>
    value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  const scaled = (steps) => (value) => {
    if (value == null) return "";
    const [least, unit] = steps.find(([least]) => Math.abs(value) >= least) ?? steps.at(-1);
    return `${digits(value / least)}${unit}`;
  };
  const latency = scaled([[1e6, "\u00a0s"], [1e3, "\u00a0ms"], [1, "\u00a0µs"]]);
  const bytes = scaled([[1e9, "\u00a0GB"], [1e6, "\u00a0MB"], [1e3, "\u00a0kB"], [1, "\u00a0B"]]);
  const count = scaled([[1e6, "M"], [1e3, "k"], [1, ""]]);
  const plain = (value) => (value == null ? "" : digits(value));
  const seconds = (value) => (value == null ? "" : `${digits(value)}\u00a0s`);

  const LINES = [[], [10, 5], [3, 3], [12, 4, 3, 4], [2, 6]];
  const line = (label, name, show, more = {}) => ({
    label,
    stroke: colour(name),
    tone: colour(name),
    width: 1.75,
    points: { show: false },
    value: (_, value) => show(value),
    ...more,
  });

  const axis = (label, show, more = {}) => ({
    label,
    labelSize: 20,
    labelFont: "12px system-ui, sans-serif",
    font: "12px system-ui, sans-serif",
    stroke: colour("quiet"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1, size: 4 },
    values: (_, values) => values.map((value) => (value == null ? null : show(value))),
    ...more,
  });
  const upwards = (label, show) => axis(label, show, { size: 62, gap: 6 });
  // A logarithmic axis with a line for each power of ten alone.
  const powers = (_, values) => values.map((value) => (Number.isInteger(Math.log10(value)) ? value : null));
  const logarithmic = (label, show) => ({
    ...upwards(label, show),
    filter: powers,
    grid: { stroke: colour("line"), width: 1, filter: powers },
    ticks: { stroke: colour("line"), width: 1, size: 4, filter: powers },
  });
  const sideways = (label, show, more) => axis(label, show, { size: 34, labelSize: 18, ...more });

  // Shades what was done to the server under the lines, and writes its letter above them.
  const on_faults = (draw) => (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const { from_s, to_s, letter } of data.faults) {
      const left = plot.valToPos(from_s, "x", true);
      const width = Math.max(plot.valToPos(to_s, "x", true) - left, 2 * devicePixelRatio);
      draw(ctx, left, bbox.top, width, bbox.height, letter);
    }
    ctx.restore();
  };
  const faults = {
    hooks: {
      drawClear: on_faults((ctx, left, top, width, height) => {
        ctx.fillStyle = colour("fault");
        ctx.fillRect(left, top, width, height);
        ctx.fillStyle = colour("fault-edge");
        ctx.fillRect(left, top, width, 2 * devicePixelRatio);
      }),
      draw: on_faults((ctx, left, top, width, _, letter) => {
        ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
        ctx.textAlign = "center";
        ctx.textBaseline = "top";
        ctx.lineWidth = 4 * devicePixelRatio;
        ctx.lineJoin = "round";
        ctx.strokeStyle = colour("sheet");
        ctx.fillStyle = colour("text");
        ctx.strokeText(letter, left + width / 2, top + 5 * devicePixelRatio);
        ctx.fillText(letter, left + width / 2, top + 5 * devicePixelRatio);
      }),
    },
  };

  // A chart: `describe` gives its options anew for each scheme, `height` is its plot's.
  const chart = (figure, title, note, height, describe) => {
    if (title) {
      const caption = document.createElement("figcaption");
      caption.textContent = title;
      if (note) {
        const small = document.createElement("span");
        small.className = "note";
        small.textContent = ` ${note}`;
        caption.append(small);
      }
      figure.append(caption);
    }
    const place = document.createElement("div");
    figure.append(place);
    const entry = { place, height, describe, plot: null };
    charts.push(entry);
    new ResizeObserver(() => resize(entry)).observe(place);
  };

  // A line as the chart has it, so that lines are told apart without their colours.
  const swatch = (series) => {
    const [svg, line] = ["svg", "line"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
    const set = (element, attributes) =>
      Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    set(svg, { width: 30, height: 8, "aria-hidden": true });
    set(line, {
      x2: 30, y1: 4, y2: 4, stroke: series.tone, "stroke-width": series.width, "stroke-dasharray": (series.dash ?? []).join(" "),
    });
    svg.append(line);
    return svg;
  };

  const draw = (entry) => {
    entry.plot?.destroy();
    const { options, values } = entry.describe(entry.place.clientWidth);
    entry.plot = new uPlot(
      {
        width: entry.place.clientWidth,
        height: entry.height,
        padding: [8, 12, 0, 0],
        legend: { markers: { show: false } },
        cursor: { y: false, points: { size: 6 }, ...(options.cursor ?? {}) },
        ...options,
      },
      values,
      entry.place,
    );
    entry.place.querySelectorAll(".u-legend .u-series th").forEach((name, at) => {
      if (at === 0) return;
      name.prepend(swatch(entry.plot.series[at]));
      // The legend's names switch lines on and off: by keyboard too.
      name.tabIndex = 0;
      name.setAttribute("role", "button");
      name.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          name.click();
        }
      });
    });
    const canvas = entry.place.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${entry.name}. The tables on this page hold the figures.`);
  };
  const resize = (entry) => {
    const width = entry.place.clientWidth;
    if (entry.plot && width > 0 && width !== entry.plot.width) entry.plot.setSize({ width, height: entry.height });
  };
  const redraw = () => charts.forEach(draw);

  // --- latency by percentile

  // As in HdrHistogram's plots: each further nine has the same width.
  const nines = (percentile, count) =>
    Math.log10(1 / Math.max(1 - percentile / 100, 1 / Math.max(count, 10)));
  const percentile = (x) => {
    const value = 100 * (1 - 10 ** -x);
    return `${Number(value.toFixed(Math.max(0, Math.round(x) - 2) + (x % 1 ? 1 : 0)))}\u00a0%`;
  };
  const curves = data.curves.filter((curve) => curve.points.length > 1);
  if (curves.length > 0) {
    const colours = { author: "series-1", followers: "series-2", public: "series-3" };
    const joined = uPlot.join(
      curves.map((curve) => {
        const points = new Map();
        for (const [at, micros] of curve.points) points.set(nines(at, curve.count), Math.max(micros, 1));
        const xs = [...points.keys()].sort((a, b) => a - b);
        return [xs, xs.map((x) => points.get(x))];
      }),
    );
    const most = joined[0].at(-1);
    const figure = document.getElementById("chart-percentiles");
    chart(figure, "", "", 380, (width) => ({
      options: {
        padding: [8, 26, 0, 0],
        scales: { x: { time: false, range: [0, most] }, y: { distr: 3 } },
        series: [
          { label: "percentile", value: (_, x) => (x == null ? "" : percentile(x)) },
          ...curves.map((curve) => {
            const nth = curves.filter((other) => other.tier === curve.tier).indexOf(curve);
            const is_aside = curve.seen_by === "receipt";
            return line(`${curve.tier}: ${curve.seen_by}`, colours[curve.tier] ?? "series-4", latency, {
              dash: LINES[is_aside ? 4 : nth % 4],
              width: is_aside ? 1.25 : 2,
              spanGaps: true,
            });
          }),
        ],
        axes: [
          // Where it is narrow, there is no room for their sign.
          sideways("percentile", (x) => percentile(x).replace(width > 560 ? "" : "\u00a0%", ""), {
            splits: () => {
              const whole = [...Array(Math.floor(most) + 1).keys()];
              return width > 560 ? [0, Math.log10(2), ...whole.slice(1)] : whole;
            },
          }),
          logarithmic("latency", latency),
        ],
      },
      values: joined,
    }));
    charts.at(-1).name = "Latency by percentile and tier";
  }

  // --- over time

  // A value between two seconds without one is no line: it is shown as a point.
  const lonely = (plot, at) => {
    const values = plot.data[at];
    return values.flatMap((value, i) =>
      value != null && values[i - 1] == null && values[i + 1] == null ? [i] : []);
  };
  const points = { show: false, filter: lonely, size: 4 };

  const over_time = (figure, title, note, height, label, show, lines, scale = {}) => {
    if (!figure || lines.length === 0 || data.at_s.length === 0) return;
    chart(figure, title, note, height, () => ({
      options: {
        plugins: [faults],
        cursor: { y: false, sync: { key: "time" } },
        scales: { x: { time: false }, y: scale },
        series: [
          { label: "time", value: (_, value) => seconds(value) },
          ...lines.map(([name, tone, , more]) =>
            line(name, tone, show, { points: { ...points, fill: colour(tone) }, ...more, ...(more?.fill ? { fill: `color-mix(in srgb, ${colour(tone)} 12%, transparent)` } : {}) })),
        ],
        axes: [sideways("time since the begin", seconds), (scale.distr === 3 ? logarithmic : upwards)(label, show)],
      },
      values: [data.at_s, ...lines.map(([, , values]) => values)],
    }));
    charts.at(-1).name = title || label;
  };
  const TONES = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6", "series-7", "series-8"];
  const several = (all, dashed = false) =>
    all.map(({ name, values }, at) => [name, TONES[at % 8], values, { dash: dashed || at >= 8 ? LINES[at % 4] : [] }]);

  const latencies = document.getElementById("charts-latency");
  for (const { title, note, p50, p99, max } of data.latencies) {
    const figure = document.createElement("figure");
    figure.className = "chart";
    latencies.append(figure);
    const positive = (values) => values.map((value) => (value == null ? null : Math.max(value, 1)));
    over_time(figure, title, note, 210, "latency", latency, [
      ["p50", "series-1", positive(p50)],
      ["p99", "series-3", positive(p99), { dash: LINES[1] }],
      ["max", "series-8", positive(max), { dash: LINES[2], width: 1.25 }],
    ], { distr: 3 });
  }

  const from_zero = { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] };
  const throughput = several(data.good).map(([name, ...rest]) => [`${name}, good`, ...rest]);
  if (data.good.length > 1) {
    throughput.unshift(["all, good", "text", data.good_in_all, { width: 2.25 }]);
  }
  throughput.push(["all, bad", "bad", data.bad_in_all, { width: 2, fill: true, dash: LINES[2] }]);
  over_time(document.getElementById("chart-throughput"), "", "", 280, "answers a second", count, throughput, from_zero);

  over_time(document.getElementById("chart-backlog"), "Backlog", "open jobs by tier", 210, "jobs", count, several(data.backlog, true), from_zero);
  over_time(document.getElementById("chart-memory"), "Memory", "resident, by process", 210, "memory", bytes, several(data.memory_bytes, true), from_zero);
  over_time(document.getElementById("chart-processor"), "Processor time", "by process", 210, "processors in use", plain, several(data.processor_s, true),
    { range: (_, __, most) => [0, Math.max(most * 1.1, 0.1)] });

  // What was not measured has no chart, and no heading either.
  document.querySelectorAll(".charts section").forEach((section) => {
    section.hidden = section.querySelector(".chart > div") === null;
  });
  redraw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper is light, and narrow.
  const root = document.documentElement.classList;
  addEventListener("beforeprint", () => {
    root.add("printing");
    redraw();
  });
  addEventListener("afterprint", () => {
    root.remove("printing");
    redraw();
  });
})();
