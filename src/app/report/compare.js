/* Draws a comparison's charts from the JSON in #data. */
(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var lines = ['--best', '--majority', '--weighted', '--other', '--pass', '--wrong', '--right', '--fg'];
  var marks = ['circle', 'rect', 'triangle', 'rectRot', 'cross', 'star'];
  var dashes = [[], [7, 3], [2, 3]];

  function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function percent(v) { return Math.round(v * 100) + ' %'; }

  function axis(title, more) {
    return Object.assign({
      title: { display: true, text: title, color: css('--soft'), font: { size: 12 } },
      ticks: { color: css('--soft'), font: { size: 11 } },
      grid: { color: css('--line'), tickLength: 4 }
    }, more || {});
  }

  function dataset(name, points, i) {
    var color = css(lines[i % lines.length]);
    return {
      label: name, data: points.map(function (p) { return { x: p[0], y: p[1] }; }), borderColor: color, backgroundColor: color,
      borderWidth: 2, borderDash: dashes[Math.floor(i / lines.length) % 3], pointStyle: marks[i % 6], pointRadius: 3, tension: 0
    };
  }

  function draw(id, sets, x, y) {
    var canvas = document.getElementById(id);
    if (!sets.length) { canvas.closest('figure').remove(); return; }
    y.ticks.callback = percent;
    new Chart(canvas, {
      type: 'line',
      data: { datasets: sets },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, parsing: false,
        interaction: { mode: 'nearest', intersect: false },
        scales: { x: x, y: y },
        plugins: {
          legend: { position: 'top', align: 'start', labels: { color: css('--fg'), usePointStyle: true, padding: 10, font: { size: 11 } } },
          tooltip: { callbacks: { label: function (i) { return i.dataset.label + ': ' + (i.raw.y * 100).toFixed(1) + ' %'; } } }
        }
      }
    });
  }

  var most = 1, least = 1;
  data.curves.forEach(function (c) { c.points.forEach(function (p) { most = Math.max(most, p[0]); least = Math.min(least, p[1]); }); });
  var k = axis('k, candidates per problem', { type: 'logarithmic', min: 1, max: most });
  k.ticks.callback = function (v) { return Number.isInteger(Math.log2(v)) ? String(v) : ''; };
  k.ticks.autoSkip = false;
  k.afterBuildTicks = function (scale) {
    scale.ticks = [];
    for (var v = 1; v <= most; v *= 2) { scale.ticks.push({ value: v }); }
  };
  draw('best-of', data.curves.map(function (c, i) { return dataset(c.name, c.points, i); }), k,
    axis('test problems right', { min: Math.floor(least * 10) / 10, max: 1 }));

  var rounds = axis('round', { type: 'linear' });
  rounds.ticks.stepSize = 1;
  draw('rounds', data.runs.filter(function (r) { return r.rounds.length > 1; })
    .map(function (r, i) { return dataset(r.name, r.rounds, i); }), rounds, axis('right samples', { max: 1 }));

  var chance = axis('score as a chance', { type: 'linear', min: 0, max: 1 });
  chance.ticks.callback = percent;
  var sets = data.runs.filter(function (r) { return r.bins.length; }).map(function (r, i) { return dataset(r.name, r.bins, i); });
  if (sets.length) {
    sets.push({ label: 'perfect', data: [{ x: 0, y: 0 }, { x: 1, y: 1 }], borderColor: css('--line'), backgroundColor: css('--line'), borderWidth: 1.5,
      pointRadius: 0 });
  }
  draw('reliability', sets, chance, axis('right', { min: 0, max: 1 }));
}());
