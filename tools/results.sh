#!/usr/bin/env bash
# The demo over several seeds, and its one-iteration twin at the same budget of samples: the tables of docs/RESULTS.md.
#   tools/results.sh [DIR] [SEEDS]     default build/results "1 2 3 4 5"; finished runs are kept, so it resumes
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build/results} seeds=${2:-1 2 3 4 5}
mkdir -p "$dir"
for seed in $seeds; do
    build/vstar demo --out "$dir/three-$seed" --set seed="$seed" >"$dir/three-$seed.txt"
    build/vstar demo --out "$dir/one-$seed" --set seed="$seed" --set rounds=1 --set sample.k=48 --set gen_data.cap=6 \
        >"$dir/one-$seed.txt"
done

# One row per system, curve and k: mean, sd over seeds, and each seed's value.
table()
{
    local kind=$1 where=$2 seed sql=""
    for seed in $seeds; do
        sql+="ATTACH '$dir/$kind-$seed/run.db' AS s$seed;"
    done
    sql+="CREATE TEMP TABLE t AS "
    for seed in $seeds; do
        sql+="SELECT $seed AS seed, system, curve, k, 100 * value AS v, 100 * low AS low FROM s$seed.metrics UNION ALL "
    done
    sql=${sql% UNION ALL };
    sql+="; SELECT '| ' || system || ' | ' || curve || ' | ' || k || ' | ' || printf('%.1f', avg(v)) || ' | ' ||
        printf('%.1f', sqrt(max(0, (sum(v * v) - sum(v) * sum(v) / count(*)) / (count(*) - 1)))) || ' | ' ||
        group_concat(printf('%.1f', v), ' ') || ' |' || CASE WHEN curve = 'difference' THEN
        ' ' || sum(low > 0) || ' of ' || count(*) || ' |' ELSE '' END
        FROM (SELECT * FROM t ORDER BY seed) WHERE $where GROUP BY system, curve, k ORDER BY curve = 'difference', system, curve, k;"
    sqlite3 :memory: "$sql"
}
echo "## three rounds"
table three "k IN (1, 2, 4, 8, 16, 32, 64)"
echo "## one iteration"
table one "k IN (1, 4, 16, 64)"
echo "## rounds: set, share right, problems solved"
for seed in $seeds; do
    sqlite3 "$dir/three-$seed/run.db" "SELECT '| $seed | ' || t.name || ' | ' || printf('%.1f', 100 * avg(l.verdict = 1)) || ' | ' ||
        count(DISTINCT CASE WHEN l.verdict = 1 THEN s.problem_id END) || ' of ' || count(DISTINCT s.problem_id) || ' |'
        FROM samples s JOIN sets t ON t.id = s.set_id JOIN labels l ON l.sample_id = s.id GROUP BY t.id"
done
