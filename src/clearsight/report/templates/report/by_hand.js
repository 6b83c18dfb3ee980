// The section "By hand": every number is computed here from the network's own weights and values.
(() => {
  const source = document.getElementById("hands-on");
  if (!source) return;
  const numbers = JSON.parse(source.textContent);
  const minus = (text) => text.replace("-", "\u2212");
  const signed = (value) => minus(value.toFixed(4));
  const MARK = "#e0702a";

  const reveal = (root) => root.querySelectorAll(".scripted").forEach((each) => { each.hidden = false; });

  // Draws cells of (red, green, blue) or null, and a frame around some of them.
  function drawMap(canvas, rows, columns, color, frame) {
    const scale = Math.max(Math.floor(320 / Math.max(rows, columns)), 2);
    canvas.width = columns * scale;
    canvas.height = rows * scale;
    const context = canvas.getContext("2d");
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const found = color(row, column);
        if (!found) continue;
        context.fillStyle = `rgb(${found.join(" ")})`;
        context.fillRect(column * scale, row * scale, scale, scale);
      }
    }
    context.strokeStyle = MARK;
    context.lineWidth = Math.max(3, scale / 4);
    context.strokeRect(frame.column * scale, frame.row * scale, frame.columns * scale, frame.rows * scale);
  }

  const greyscale = (values) => {
    const known = values.filter((value) => value !== null);
    const low = Math.min(...known), span = Math.max(...known) - low || 1;
    return (value) => (value === null ? null : Math.round(255 * (value - low) / span));
  };

  // A window that slides over part of a layer's input. `layer` computes one value of the output,
  // and `explain` fills the table and returns the sentence below it.
  function sliding(root, data, word, layer, explain) {
    reveal(root);
    const [rows, columns, channels] = data.shape;
    const control = (name) => root.querySelector(`[data-control="${name}"]`);
    const axes = ["row", "column"];
    const reach = data.size.map((size, axis) => (size - 1) * data.dilation[axis] + 1);
    axes.forEach((name, axis) => {
      Object.assign(control(name), { min: data.first[axis], max: data.first[axis] + data.count[axis] - 1, step: 1 });
      control(name).value = data.start[axis];
    });
    data.channels.forEach((channel) => {
      control("channel").append(new Option(channel, channel, false, channel === data.channel));
    });
    const at = (row, column, channel) => data.values[(row * columns + column) * channels + channel];
    const outputs = data.channels.map(() => null);
    const grey = greyscale(data.values);

    function show() {
      const position = axes.map((name) => Number(control(name).value));
      const number = control("channel").selectedIndex;
      const [row, column] = position.map((value, axis) => (value - data.first[axis]) * data.stride[axis]);
      axes.forEach((name, axis) => { root.querySelector(`[data-value="${name}"]`).textContent = position[axis]; });
      outputs[number] ??= Array.from({ length: data.count[0] * data.count[1] }, (_, index) => layer(
        at, Math.floor(index / data.count[1]) * data.stride[0], (index % data.count[1]) * data.stride[1], number));
      const ofOutput = greyscale(outputs[number]);
      const layers = channels < 3 || word === "channel" ? [word === "channel" ? number : 0] : [0, 1, 2];
      drawMap(root.querySelector('[data-map="input"]'), rows, columns, (each, other) => {
        const shades = layers.map((layer) => grey(at(each, other, layer)));
        return shades[0] === null ? null : [shades[0], shades.at(1) ?? shades[0], shades.at(2) ?? shades[0]];
      }, { row, column, rows: reach[0], columns: reach[1] });
      drawMap(root.querySelector('[data-map="output"]'), data.count[0], data.count[1], (each, other) => {
        const shade = ofOutput(outputs[number][each * data.count[1] + other]);
        return [shade, shade, shade];
      }, { row: position[0] - data.first[0], column: position[1] - data.first[1], rows: 1, columns: 1 });
      root.querySelector("[data-where]").textContent =
        `${word} ${data.channels[number]}, row ${position[0]}, column ${position[1]}${word === "filter" ? ": input value \u00d7 weight" : ""}`;
      const body = root.querySelector(".products tbody");
      body.replaceChildren();
      root.querySelector("[data-result]").textContent = explain(at, row, column, number, (cells) => {
        const line = body.insertRow();
        cells.forEach(([text, name]) => {
          const cell = line.insertCell();
          cell.textContent = text;
          if (name) cell.className = name;
        });
      });
    }

    const move = (wanted) => {
      wanted.forEach((value, axis) => { control(axes[axis]).value = Math.round(value); });
      show();
    };
    const pressed = (canvas, choose) => {
      const take = (event) => {
        if (event.type === "pointermove" && event.buttons !== 1) return;
        const box = canvas.getBoundingClientRect();
        choose((event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width);
      };
      canvas.addEventListener("pointerdown", take);
      canvas.addEventListener("pointermove", take);
    };
    pressed(root.querySelector('[data-map="input"]'), (down, right) => move(
      [down * rows, right * columns].map((cell, axis) => data.first[axis] + (cell - reach[axis] / 2) / data.stride[axis])));
    pressed(root.querySelector('[data-map="output"]'), (down, right) => move(
      [down * data.count[0] - 0.5, right * data.count[1] - 0.5].map((cell, axis) => data.first[axis] + cell)));
    root.querySelectorAll("[data-control]").forEach((each) => each.addEventListener("input", show));
    show();
  }

  function convolution(data) {
    const channels = data.shape[2];
    const weight = (number, row, column, channel) => data.kernels[number][(row * data.size[1] + column) * channels + channel];
    const total = (at, top, left, number) => {
      let sum = 0;
      for (let row = 0; row < data.size[0]; row++) {
        for (let column = 0; column < data.size[1]; column++) {
          for (let channel = 0; channel < channels; channel++) {
            sum += at(top + row * data.dilation[0], left + column * data.dilation[1], channel) * weight(number, row, column, channel);
          }
        }
      }
      return sum;
    };
    const isRelu = data.activation === "relu";
    const layer = (at, top, left, number) => {
      const value = total(at, top, left, number) + data.biases[number];
      return isRelu ? Math.max(value, 0) : value;
    };
    sliding(document.getElementById("hands-convolution"), data, "filter", layer, (at, top, left, number, addRow) => {
      for (let channel = 0; channel < channels; channel++) {
        for (let row = 0; row < data.size[0]; row++) {
          const title = channels > 1 ? [[row === 0 ? `channel ${channel}` : "", "faint"]] : [];
          addRow(title.concat(Array.from({ length: data.size[1] }, (_, column) => [
            `${minus(at(top + row * data.dilation[0], left + column * data.dilation[1], channel).toFixed(3))} \u00d7 ${signed(weight(number, row, column, channel))}`,
          ])));
        }
      }
      const sum = total(at, top, left, number), value = sum + data.biases[number];
      const start = `The ${data.size[0] * data.size[1] * channels} products sum to ${signed(sum)}; adding the bias ${signed(data.biases[number])} gives ${signed(value)}`;
      if (isRelu) return `${start}, and relu gives ${signed(Math.max(value, 0))}.`;
      return data.activation === "linear" ? `${start}.` : `${start}, before ${data.activation}.`;
    });
  }

  function pooling(data) {
    const under = (at, top, left, number) => Array.from({ length: data.size[0] }, (_, row) => Array.from(
      { length: data.size[1] }, (_, column) => at(top + row, left + column, number)));
    const known = (rows) => rows.flat().filter((value) => value !== null);
    const statistic = (values) => (data.isMax ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0) / values.length);
    const layer = (at, top, left, number) => statistic(known(under(at, top, left, number)));
    sliding(document.getElementById("hands-pooling"), data, "channel", layer, (at, top, left, number, addRow) => {
      const rows = under(at, top, left, number), values = known(rows), result = statistic(values);
      rows.forEach((row) => addRow(row.map((value) => [
        value === null ? "padding" : signed(value), data.isMax && value === result ? "chosen" : ""])));
      return `The ${data.isMax ? "maximum" : "mean"} of ${values.map(signed).join(", ")} is ${signed(result)}.`;
    });
  }

  function softmax(data) {
    const root = document.getElementById("hands-softmax");
    reveal(root);
    const rows = [...root.querySelectorAll("tbody tr")];
    const low = Math.floor(Math.min(...data.rows.map((row) => row.logit))) - 2;
    const high = Math.ceil(data.highest) + 2;
    const sliders = data.rows.map((row, index) => {
      const slider = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step: "any" });
      slider.value = row.logit;
      slider.setAttribute("aria-label", `logit of ${row.name}`);
      const cell = rows[index].querySelector("[data-logit]"), number = document.createElement("span");
      cell.replaceChildren(number, slider);
      slider.addEventListener("input", show);
      slider.addEventListener("keydown", (event) => {
        const step = { ArrowUp: 0.1, ArrowRight: 0.1, ArrowDown: -0.1, ArrowLeft: -0.1 }[event.key];
        if (!step) return;
        event.preventDefault();
        slider.value = Number(slider.value) + step;
        show();
      });
      return slider;
    });
    // A slider's value is text with all digits, so the network's own logits stay exact.
    function show() {
      const logits = sliders.map((slider) => Number(slider.value));
      const highest = Math.max(...logits);
      const exponentials = logits.map((logit) => Math.exp(logit - highest));
      const others = data.others * Math.exp(data.highest - highest);
      const total = exponentials.reduce((sum, value) => sum + value, others);
      logits.forEach((logit, index) => {
        const row = rows[index], probability = exponentials[index] / total, bar = row.querySelector("[data-bar]");
        row.querySelector("[data-logit] span").textContent = signed(logit);
        row.querySelector("[data-exponential]").textContent = exponentials[index].toFixed(4);
        bar.textContent = probability.toFixed(4);
        bar.style.setProperty("--fraction", `${100 * probability}%`);
      });
      if (data.numOthers) {
        root.querySelector("[data-others]").textContent = others.toFixed(4);
        root.querySelector("[data-others-probability]").textContent = (others / total).toFixed(4);
      }
      root.querySelector("[data-result]").textContent = `All exp sum to ${total.toFixed(4)}.`;
    }
    root.querySelector("[data-reset]").addEventListener("click", () => {
      data.rows.forEach((row, index) => { sliders[index].value = row.logit; });
      show();
    });
    show();
  }

  const introduction = document.getElementById("by-hand").closest("section").querySelector("p .scripted");
  if (introduction) introduction.hidden = !(numbers.convolution || numbers.pooling);
  if (numbers.convolution) convolution(numbers.convolution);
  if (numbers.pooling) pooling(numbers.pooling);
  if (numbers.softmax) softmax(numbers.softmax);
})();
