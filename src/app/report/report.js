/* Draws the report's charts from the JSON in #data; colours come from the style sheet, so that both schemes hold. */
(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var charts = [];
  var kinds = {
    best_of: { label: 'Best-of-k', color: '--best', width: 2.6, dash: [], band: true },
    weighted: { label: 'Weighted vote', color: '--weighted', width: 2, dash: [7, 3] },
    majority: { label: 'Maj@k', color: '--majority', width: 2, dash: [], band: true },
    pass: { label: 'Pass@k (some right)', color: '--pass', width: 1.8, dash: [2, 3] }
  };
  var lines = ['--best', '--majority', '--weighted', '--other', '--pass'];
  var marks = ['circle', 'rect', 'triangle', 'rectRot', 'cross'];

  function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function faint(color) { return color + '22'; }
  function percent(v) { return Math.round(v * 100) + ' %'; }
  function byId(id) { return document.getElementById(id); }

  function axis(title, more) {
    return Object.assign({
      title: { display: true, text: title, color: css('--soft'), font: { size: 12 } },
      ticks: { color: css('--soft'), font: { size: 11 } },
      grid: { color: css('--line'), drawBorder: false, tickLength: 4 }
    }, more || {});
  }

  function draw(id, datasets, x, y, percentY) {
    var canvas = byId(id);
    if (!canvas) { return; }
    charts.push(new Chart(canvas, {
      type: 'line',
      data: { datasets: datasets },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: true,
        interaction: { mode: 'nearest', axis: 'x', intersect: false },
        scales: { x: x, y: y },
        plugins: {
          legend: {
            display: datasets.filter(function (d) { return !d.band; }).length > 1,
            position: 'top', align: 'start',
            labels: {
              color: css('--fg'), boxWidth: 22, boxHeight: 1, padding: 12, font: { size: 12 },
              filter: function (item, all) { return !all.datasets[item.datasetIndex].band; }
            }
          },
          tooltip: {
            filter: function (item) { return !item.dataset.band; },
            callbacks: {
              title: function (items) { return items.length ? x.title.text.split(',')[0] + ' ' + items[0].parsed.x : ''; },
              label: function (item) {
                var p = item.raw, v = percentY ? (p.y * 100).toFixed(1) + ' %' : p.y.toPrecision(4);
                if (p.low !== undefined) { v += '  (' + (p.low * 100).toFixed(1) + ' to ' + (p.high * 100).toFixed(1) + ')'; }
                return item.dataset.label + ': ' + v;
              }
            }
          }
        }
      }
    }));
  }

  function line(label, color, points, extra) {
    return Object.assign({
      label: label, data: points, borderColor: color, backgroundColor: color, borderWidth: 2,
      pointRadius: 0, pointHoverRadius: 4, tension: 0
    }, extra || {});
  }

  function band(points, color) {
    var edge = { band: true, borderWidth: 0, pointRadius: 0, pointHoverRadius: 0, backgroundColor: faint(color) };
    return [
      Object.assign({ data: points.map(function (p) { return { x: p.x, y: p.high }; }), fill: '+1' }, edge),
      Object.assign({ data: points.map(function (p) { return { x: p.x, y: p.low }; }), fill: false }, edge)
    ];
  }

  function isPowerOfTwo(v) { return v >= 1 && Number.isInteger(Math.log2(v)); }

  function curves(system, index) {
    var sets = [], bands = [], max = 1;
    Object.keys(kinds).forEach(function (kind) {
      var style = kinds[kind], rows = system.curves[kind];
      if (!rows) { return; }
      var color = css(style.color);
      var points = rows.map(function (r) { return { x: r[0], y: r[1], low: r[2], high: r[3] }; });
      max = Math.max(max, points[points.length - 1].x);
      sets.push(line(style.label, color, points,
        { borderWidth: style.width, borderDash: style.dash, pointRadius: 2, pointHoverRadius: 5 }));
      if (style.band) { bands = bands.concat(band(points, color)); }
    });
    var ticks = [];
    for (var k = 1; k <= max; k *= 2) { ticks.push({ value: k }); }
    var x = axis('k, candidates per problem', {
      type: 'logarithmic', min: 1, max: max,
      afterBuildTicks: function (scale) { scale.ticks = ticks; }
    });
    x.ticks.callback = function (v) { return isPowerOfTwo(v) ? String(v) : ''; };
    x.ticks.autoSkip = false;
    var y = axis('test problems right', { min: data.floor, max: 1 });
    y.ticks.callback = percent;
    draw('curve-' + index, sets.concat(bands), x, y, true);
  }

  function stepAxis() {
    var x = axis('optimiser step', { type: 'linear' });
    x.ticks.maxTicksLimit = 8;
    return x;
  }

  function column(rows, at) {
    return rows.filter(function (r) { return r[at] !== null; }).map(function (r) { return { x: r[0], y: r[at] }; });
  }

  function training() {
    var generators = data.train.filter(function (t) { return !t.pairs; });
    draw('train-generators', generators.map(function (t, i) {
      return line(t.model, css(lines[i % lines.length]), column(t.rows, 1), { borderWidth: 1.8, pointStyle: marks[i % 5] });
    }), stepAxis(), axis('loss, nats per token'));
    var v = data.train.filter(function (t) { return t.pairs; })[0];
    if (!v) { return; }
    var share = axis('pairs ordered right', { min: 0, max: 1 });
    share.ticks.callback = percent;
    draw('train-loss', [line('loss', css('--best'), column(v.rows, 1))], stepAxis(), axis('loss, nats per pair'));
    draw('train-margin', [line('margin', css('--best'), column(v.rows, 2))], stepAxis(), axis('mean reward margin'));
    draw('train-accuracy', [line('accuracy', css('--best'), column(v.rows, 3))], stepAxis(), share, true);
    draw('train-logp', [
      line('right solutions', css('--best'), column(v.rows, 4)),
      line('wrong solutions', css('--majority'), column(v.rows, 5), { borderDash: [6, 3] })
    ], stepAxis(), axis('mean log-prob, nats'));
  }

  function all() {
    charts.forEach(function (c) { c.destroy(); });
    charts = [];
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    data.systems.forEach(curves);
    training();
  }
  all();
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', all);
  window.matchMedia('print').addEventListener('change', all);
  window.addEventListener('beforeprint', function () {
    document.querySelectorAll('details').forEach(function (d) { d.open = true; });
  });
}());
