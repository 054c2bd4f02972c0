// A month as an interactive chart. Times are those of the service point's zone, DST included;
// values stay text until they become pixels, and are shown again as the text they were.
"use strict";

(() => {
  const LOCALE = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const NUMBERS = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 12 });
  const SPANS = { week: 7 * 86400, day: 86400 };

  /** Days as columns: start of each interval, what it shows, and how it came about. */
  function columns(month, units) {
    const at = [], actual = [], estimated = [], texts = [], marks = [], lengths = [];
    let unit = "", end = 0;
    for (const day of month.days) {
      const start = Date.parse(day.start) / 1000;
      const [name, places] = units[day.unit] ?? [day.unit, 0];
      unit = name;
      // A day without a block, or the step to another period, is a hole too.
      if (end && start > end) push(end, null, null, null, "missing", start - end);
      day.values.forEach((value, place) => {
        const text = value === null ? null : moved(value, places);
        const mark = day.quality[place];
        const plain = mark === "actual" || mark === "power_failure";
        const number = text === null ? null : Number(text);
        push(start + place * day.period_s, plain ? number : null, plain ? null : number, text, mark, day.period_s);
      });
      end = start + day.values.length * day.period_s;
    }
    function push(time, metered, guessed, text, mark, length) {
      at.push(time); actual.push(metered); estimated.push(guessed); texts.push(text); marks.push(mark); lengths.push(length);
    }
    // The last step needs an end to be drawn to.
    if (at.length) { at.push(end); actual.push(null); estimated.push(null); }
    return { data: [at, actual, estimated], texts, marks, lengths, unit };
  }

  /** A decimal text with its point moved to the left, exactly. */
  function moved(text, places) {
    if (!places) return text;
    const [, sign, whole, part] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
    const digits = whole.padStart(places + 1, "0");
    return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}${part ?? ""}`;
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  /** Steps over an interval each, with breaks where there is no value. */
  function steps(fill) {
    return (u, series, from, to) => {
      const stroke = new Path2D(), area = new Path2D();
      const [times, values] = [u.data[0], u.data[series]];
      const x = (time) => Math.round(u.valToPos(time, "x", true));
      const y = (value) => u.valToPos(value, "y", true);
      const floor = y(Math.max(0, u.scales.y.min));
      let previous = null;
      for (let i = Math.max(0, from - 1); i <= to; i += 1) {
        const value = values[i];
        if (value === null || value === undefined || i + 1 >= times.length) { previous = null; continue; }
        const [left, right, top] = [x(times[i]), x(times[i + 1]), y(value)];
        if (previous === null) stroke.moveTo(left, top); else stroke.lineTo(left, top);
        stroke.lineTo(right, top);
        area.rect(left, Math.min(top, floor), right - left, Math.abs(floor - top));
        previous = value;
      }
      return { stroke, fill: fill ? area : null, clip: null, band: null, gaps: null, flags: 1 };
    };
  }

  class MonthChart {
    constructor(box, month) {
      this.box = box;
      this.zone = box.dataset.zone;
      this.wording = JSON.parse(box.dataset.texts);
      this.plot = box.querySelector(".plot");
      this.readout = box.querySelector(".readout");
      Object.assign(this, columns(month, JSON.parse(box.dataset.units)));
      this.gaps = month.gaps.map((gap) => [Date.parse(gap.start) / 1000, Date.parse(gap.end) / 1000]);
      this.full = [Date.parse(month.start) / 1000, Date.parse(month.end) / 1000];
      this.place = null;
      const format = (options) => new Intl.DateTimeFormat(LOCALE, { timeZone: this.zone, ...options });
      this.dayName = format({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
      this.time = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
      this.offset = format({ timeZoneName: "longOffset" });
      this.tickDay = format({ day: "numeric", month: "short" });
      this.tickHour = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
      box.querySelector(".drawing").hidden = true;
      for (const part of [this.plot, this.readout, box.querySelector(".chart-tools")]) part.hidden = false;
      this.plot.tabIndex = 0;
      this.plot.setAttribute("role", "application");
      this.plot.setAttribute("aria-label", this.wording.keys);
      this.draw();
      this.listen();
      this.rest();
    }

    draw() {
      const shown = this.u ? [this.u.scales.x.min, this.u.scales.x.max] : this.full;
      this.u?.destroy();
      const [ink, line] = [colour("--soft"), colour("--line")];
      const font = `12px ${colour("--font")}`;
      const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
      this.u = new uPlot({
        width: this.plot.clientWidth,
        height: this.plot.clientHeight,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.zone),
        legend: { show: false },
        padding: [8, 22, 0, 0],
        cursor: { y: false, drag: { x: true, y: false, setScale: true }, points: { show: false }, bind: { dblclick: (u) => () => { this.zoom(this.full); return null; } } },
        scales: {
          x: { time: true, min: shown[0], max: shown[1], range: (u, min, max) => this.within(min, max) },
          y: { range: (u, min, max) => [Math.min(0, min ?? 0), max > 0 ? max * 1.06 : 1] },
        },
        axes: [
          { ...axis, size: 34, space: 64, values: (u, splits, place, space, step) => splits.map((split) => this.tick(split, step)) },
          { ...axis, size: 58, label: this.wording.axis.replace("{unit}", this.unit), values: (u, splits) => splits.map((split) => NUMBERS.format(split)), labelFont: font, labelSize: 18, labelGap: 0 },
        ],
        series: [
          {},
          { stroke: colour("--actual"), fill: colour("--actual-fill"), width: 1.4, paths: steps(true), points: { show: false } },
          { stroke: colour("--estimated"), fill: colour("--estimated-fill"), width: 1.4, dash: [4, 2], paths: steps(true), points: { show: false } },
        ],
        hooks: {
          draw: [(u) => this.hatch(u)],
          setCursor: [(u) => this.hover(u)],
          setScale: [(u, key) => key === "x" && this.press()],
        },
      }, this.data, this.plot);
    }

    within(min, max) {
      const [first, last] = this.full;
      if (min === null || max === null) return this.full;
      const span = Math.min(Math.max(max - min, 3600), last - first);
      const start = Math.min(Math.max(min, first), last - span);
      return [start, start + span];
    }

    tick(split, step) {
      const when = new Date(split * 1000);
      const midnight = this.tickHour.format(when) === "00:00";
      return midnight || step >= 86400 ? this.tickDay.format(when) : this.tickHour.format(when);
    }

    /** Where there is no value, a hatched band over the whole height. */
    hatch(u) {
      const { ctx, bbox } = u;
      const ratio = window.devicePixelRatio || 1;
      ctx.save();
      ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
      for (const [start, end] of this.runs((mark) => mark === "missing")) {
        const left = u.valToPos(start, "x", true);
        const width = Math.max(u.valToPos(end, "x", true) - left, 2 * ratio);
        if (left > bbox.left + bbox.width || left + width < bbox.left) continue;
        ctx.fillStyle = colour("--gap");
        ctx.fillRect(left, bbox.top, width, bbox.height);
        ctx.save();
        ctx.beginPath(); ctx.rect(left, bbox.top, width, bbox.height); ctx.clip();
        ctx.strokeStyle = colour("--gap-line"); ctx.lineWidth = ratio; ctx.beginPath();
        for (let x = left - bbox.height; x < left + width; x += 7 * ratio) {
          ctx.moveTo(x, bbox.top + bbox.height); ctx.lineTo(x + bbox.height, bbox.top);
        }
        ctx.stroke(); ctx.restore();
      }
      // A quarter of an hour is thinner than a pixel in a month: a bar below says where to look.
      ctx.fillStyle = colour("--estimated");
      for (const [start, end] of this.runs((mark) => mark !== "actual" && mark !== "power_failure" && mark !== "missing")) {
        const left = u.valToPos(start, "x", true);
        const width = Math.max(u.valToPos(end, "x", true) - left, 4 * ratio);
        ctx.fillRect(left, bbox.top + bbox.height - 4 * ratio, width, 4 * ratio);
      }
      ctx.restore();
    }

    runs(wanted) {
      const found = [];
      this.marks.forEach((mark, place) => {
        if (!wanted(mark)) return;
        const start = this.data[0][place], end = start + this.lengths[place], last = found.at(-1);
        if (last && last[1] === start) last[1] = end; else found.push([start, end]);
      });
      return found;
    }

    hover(u) {
      const left = u.cursor.left;
      if (left === null || left === undefined || left < 0) { if (document.activeElement !== this.plot) this.rest(); return; }
      this.show(this.at(u.posToVal(left, "x")));
    }

    /** The interval that holds an instant. */
    at(seconds) {
      const times = this.data[0];
      let [low, high] = [0, this.texts.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (times[middle] <= seconds) low = middle; else high = middle - 1;
      }
      return low;
    }

    show(place) {
      this.place = place;
      const start = this.data[0][place], length = this.lengths[place];
      const [from, to] = [new Date(start * 1000), new Date((start + length) * 1000)];
      const offset = (when) => this.offset.formatToParts(when).find((part) => part.type === "timeZoneName").value.replace("GMT", "UTC");
      const value = document.createElement("strong");
      const text = this.texts[place];
      value.textContent = text === null ? "" : ` ${text.replace(".", this.wording.decimal)} ${this.unit}`;
      const word = this.wording.qualities[this.marks[place]] ?? this.marks[place];
      const how = document.createElement("span");
      how.className = this.marks[place] === "missing" ? "none" : "est";
      how.textContent = word ? ` ${word}` : "";
      this.readout.replaceChildren(
        `${this.dayName.format(from)}, ${this.time.format(from)}–${this.time.format(to)} ${offset(from)}`, value, how,
      );
    }

    rest() {
      this.place = null;
      this.readout.textContent = this.wording.rest;
    }

    zoom([min, max]) { this.u.setScale("x", { min, max }); }

    spanTo(name) {
      if (!SPANS[name]) { this.zoom(this.full); return; }
      const { min, max } = this.u.scales.x;
      const middle = this.place === null ? min : this.data[0][this.place];
      const whole = max - min >= this.full[1] - this.full[0] - 1;
      const start = this.place === null && whole ? this.full[0] : Math.max(this.full[0], this.place === null ? min : middle - SPANS[name] / 2);
      this.zoom([start, start + SPANS[name]]);
    }

    pan(direction) {
      const { min, max } = this.u.scales.x;
      const step = (max - min) * direction;
      this.zoom(this.within(min + step, max + step));
    }

    press() {
      const { min, max } = this.u.scales.x;
      const span = max - min;
      const name = span >= this.full[1] - this.full[0] - 1 ? "month" : Object.keys(SPANS).find((key) => Math.abs(SPANS[key] - span) < 1);
      for (const button of this.box.querySelectorAll("[data-zoom]")) button.setAttribute("aria-pressed", String(button.dataset.zoom === name));
    }

    /** Put the cursor on an interval, moving the view when it lies outside. */
    moveTo(place) {
      const bound = Math.min(Math.max(place, 0), this.texts.length - 1);
      const time = this.data[0][bound] + this.lengths[bound] / 2;
      const { min, max } = this.u.scales.x;
      if (time < min || time > max) this.zoom(this.within(time - (max - min) / 2, time + (max - min) / 2));
      this.u.setCursor({ left: this.u.valToPos(time, "x"), top: this.u.bbox.height / 4 }, false);
      this.show(bound);
    }

    listen() {
      this.box.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button?.dataset.zoom) this.spanTo(button.dataset.zoom);
        if (button?.dataset.pan) this.pan(Number(button.dataset.pan));
      });
      this.plot.addEventListener("keydown", (event) => {
        const perDay = Math.round(86400 / (this.lengths[this.place ?? 0] || 900));
        const from = this.place ?? this.at(this.u.scales.x.min) - 1;
        const { min, max } = this.u.scales.x;
        const middle = this.place === null ? (min + max) / 2 : this.data[0][this.place];
        const scale = (factor) => this.zoom(this.within(middle - (max - min) * factor / 2, middle + (max - min) * factor / 2));
        const keys = {
          ArrowLeft: () => this.moveTo(from - (event.shiftKey ? perDay : 1)),
          ArrowRight: () => this.moveTo(from + (event.shiftKey ? perDay : 1)),
          Home: () => this.moveTo(0), End: () => this.moveTo(this.texts.length - 1),
          "+": () => scale(0.5), "=": () => scale(0.5), "-": () => scale(2), 0: () => this.zoom(this.full), Escape: () => this.zoom(this.full),
        };
        if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
      });
      new ResizeObserver(() => {
        const [width, height] = [this.plot.clientWidth, this.plot.clientHeight];
        if (width && (width !== this.u.width || height !== this.u.height)) this.u.setSize({ width, height });
      }).observe(this.plot);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    }
  }

  async function open(box) {
    const status = document.getElementById("status");
    try {
      const answer = await fetch(box.dataset.chart, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(status.dataset.answered.replace("{code}", answer.status));
      box.chart = new MonthChart(box, await answer.json());
      box.dataset.ready = "true";
    } catch (error) {
      // The drawing stays: it shows the days without any script.
      status.textContent = `${JSON.parse(box.dataset.texts).failed} ${error.message}`;
    }
  }

  for (const box of document.querySelectorAll("[data-chart]")) open(box);
})();
